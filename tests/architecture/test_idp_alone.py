"""`idp` works with recovery uninstalled (invariant 10): its own tests pass, and recovery is never imported."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(*command):
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "DJANGO_SETTINGS"))
    }
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_tests_of_idp_pass_without_recovery():
    tests = run("-m", "pytest", "tests/idp", "-q", "-x", "--ds=tests.settings_idp_alone", "-p", "no:cacheprovider")
    assert tests.returncode == 0, tests.stdout[-4000:]


def test_nothing_of_recovery_is_loaded_without_its_settings():
    loaded = run(
        "-c",
        "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings_idp_alone';"
        "import sys, django; django.setup(); import config.urls, idp.tasks;"
        "sys.exit(any(name.split('.')[0] == 'recovery' for name in sys.modules))",
    )
    assert loaded.returncode == 0, loaded.stderr[-2000:]

"""`idp` works with recovery uninstalled (invariant 10): recovery is never imported.

That its own tests pass then is a stage of `make test` (tests/run.py), for they take longer than one test may.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_nothing_of_recovery_is_loaded_without_its_settings():
    program = (
        "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings_idp_alone';"
        "import sys, django; django.setup(); import config.urls, idp.tasks;"
        "sys.exit(any(name.split('.')[0] == 'recovery' for name in sys.modules))"
    )
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "DJANGO_SETTINGS"))
    }
    loaded = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert loaded.returncode == 0, loaded.stderr[-2000:]

"""A process of the tests that crashes: one test has failed, and every other is run."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CRASHING = """
import os
def test_before(): pass
def test_that_crashes(): os._exit(1)
def test_the_last(): pass
"""
QUIET = "import time\n" + "".join(f"def test_{number}(): time.sleep(0.2)\n" for number in range(4))


def test_a_crash_is_one_failure_and_not_the_end(tmp_path):
    (tmp_path / "test_first.py").write_text(CRASHING)
    for name in ("second", "third"):
        (tmp_path / f"test_{name}.py").write_text(QUIET)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    spread = ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder", "-p", "tests.surviving")
    # What our own tests are run with is nothing to these.
    apart = ("-p", "no:django", "-p", "no:cacheprovider", "-c", "pytest.ini", "-q")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "DJANGO"))}
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *spread, *apart],
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "crashed while running 'test_first.py::test_that_crashes'" in run.stdout
    assert "1 failed, 10 passed" in run.stdout

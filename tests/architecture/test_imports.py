"""The house of docs/architecture.md as import contracts. A new file must be given its place before this passes."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def test_imports_go_down_the_page():
    linter = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run(
        [linter, "--config", HERE / "contracts.ini", "--no-cache"],
        cwd=HERE.parent.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:]

"""Make .venv from requirements-dev.txt, or leave it alone if it is already made from exactly this file.

Runs on any Python from 3.11 on with nothing installed: `make run` and `make test` begin here on a fresh
machine. Only wheels are taken, and only those whose hash the file names, so nothing is compiled or run while
installing.
"""

# ruff: noqa: INP001, S603 -- a script beside the package; it starts this Python and pip with words of our own

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "made-from"
REQUIREMENTS = ROOT / "requirements-dev.txt"
VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"


def main() -> int:
    wanted = f"{VERSION} {hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()}"
    if made_from() == wanted:
        return 0
    say("Making the environment in .venv. The first time this takes a minute.")
    if not has_python_of_this_version() and not made_anew():
        return 1
    STAMP.unlink(missing_ok=True)
    if not installed():
        return 1
    STAMP.write_text(wanted, encoding="utf-8")
    return 0


def made_from() -> str:
    """What the environment was made from, or nothing if it is missing, half made or no longer runs."""
    if not STAMP.is_file() or not has_python_of_this_version():
        return ""
    return STAMP.read_text(encoding="utf-8")


def has_python_of_this_version() -> bool:
    """Whether .venv has a Python that starts, finds itself here and is of the version that is running us."""
    question = "import sys; print(*sys.version_info[:2], sep='.'); print(sys.prefix)"
    try:
        answer = subprocess.run([PYTHON, "-c", question], check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return answer.stdout.splitlines() == [VERSION, str(VENV)]


def made_anew() -> bool:
    shutil.rmtree(VENV, ignore_errors=True)
    made = subprocess.run([sys.executable, "-m", "venv", VENV], check=False, capture_output=True, text=True)
    if made.returncode == 0:
        return True
    shutil.rmtree(VENV, ignore_errors=True)
    say("This Python cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv")
    say((made.stdout + made.stderr).strip())
    return False


def installed() -> bool:
    strictly = ["--require-hashes", "--only-binary", ":all:", "--disable-pip-version-check", "--quiet"]
    pip = [PYTHON, "-m", "pip", "install", *strictly, "--requirement", REQUIREMENTS]
    if subprocess.run(pip, check=False).returncode == 0:
        return True
    say("The packages of requirements-dev.txt could not be installed; pip says why above.")
    return False


def say(line: str) -> None:
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())

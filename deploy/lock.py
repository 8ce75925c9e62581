"""Pin what pyproject.toml asks for: `make lock`, or `make lock UPGRADE=1` to move to the newest releases.

Writes requirements.txt (what runs in production), requirements-tracing.txt and requirements-hsm.txt (the same, and what
sends traces or speaks to tokens), requirements-dev.txt (the same pins, and what develops and tests it), and
tests/interop/requirements.txt (other people's clients, which live apart from ours). Every file of every release is
named by its hash, so that an installation gets these bytes or nothing. The files name no index and no path: where
packages come from is the business of the machine that installs them.
"""

# ruff: noqa: INP001, S603 -- a script beside the package; it starts the resolver with words of our own

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FIRST = ("authlib", "django", "django-otp", "celery", "redis", "pytest-django")
EXTRAS = ("tracing", "hsm")
INTEROP = ROOT / "tests" / "interop"
HEADER = "# Made by `make lock` from {source}. Edit that, not this.\n"


def main() -> int:
    upgrade = ["--upgrade"] if os.environ.get("UPGRADE") else []
    lock(ROOT / "requirements.txt", upgrade)
    of_ours = []
    for extra in EXTRAS:
        lock(ROOT / f"requirements-{extra}.txt", [*upgrade, "--extra", extra, "--constraint", "requirements.txt"])
        of_ours += ["--extra", extra, "--constraint", f"requirements-{extra}.txt"]
    lock(ROOT / "requirements-dev.txt", [*upgrade, "--group", "dev", *of_ours])
    lock(INTEROP / "requirements.txt", upgrade, source=INTEROP / "requirements.in")
    return 0


def lock(target: Path, options: list[str], source: Path = ROOT / "pyproject.toml") -> None:
    """Resolve for every platform and Python from 3.11 on; pins already in the file stay unless upgraded."""
    compile_pins = [sys.executable, "-m", "uv", "pip", "compile", str(source.relative_to(ROOT)), *options]
    resolve = "--quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header"
    discreet = "--no-emit-index-url --no-emit-find-links"
    subprocess.run(
        [*compile_pins, *resolve.split(), *discreet.split(), "--output-file", str(target.relative_to(ROOT))],
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    pins = in_reading_order(target.read_text(encoding="utf-8"))
    target.write_text(HEADER.format(source=source.name) + "".join(pins), encoding="utf-8")


def in_reading_order(text: str) -> list[str]:
    """The six packages this project is built on come first, the others follow by name."""
    blocks = [block for block in re.split(r"(?m)^(?=[a-z0-9])", text) if not block.startswith("#")]

    def place(block: str) -> tuple[int, str]:
        name = re.split(r"[=\[ ;]", block, maxsplit=1)[0]
        return (FIRST.index(name) if name in FIRST else len(FIRST), name)

    return sorted((block for block in blocks if block.strip()), key=place)


if __name__ == "__main__":
    sys.exit(main())

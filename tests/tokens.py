"""Tokens of PKCS#11, as SoftHSM has them: real ones, but for the box around them.

The library reads where its tokens are when a process first uses it. So there is one place for each process of tests,
and as many tokens in it as tests ask for.
"""

import os
import secrets
import shutil
import subprocess
import tempfile
from atexit import register
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pkcs11

from tests.servers import Missing

PIN = "98765432"
_LIBRARIES = (
    "/usr/lib/softhsm/libsofthsm2.so",  # Debian, Ubuntu
    "/usr/lib64/pkcs11/libsofthsm2.so",  # Fedora and its relatives
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",  # macOS
    "/usr/local/lib/softhsm/libsofthsm2.so",
)


@dataclass(frozen=True)
class SoftToken:
    """One token."""

    label: str
    module: str
    folder: Path
    pin_file: Path

    @property
    def uri(self) -> str:
        return f"pkcs11:token={self.label}?module-path={self.module}&pin-source=file:{self.pin_file}"

    @contextmanager
    def away(self) -> Iterator[None]:
        """Every token of this process cannot be reached, until the end of the block."""
        (self.folder / "tokens").rename(self.folder / "away")
        try:
            yield
        finally:
            (self.folder / "away").rename(self.folder / "tokens")

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs besides, to find this machine's tokens."""
        return {"SOFTHSM2_CONF": str(self.folder / "softhsm2.conf")}


def soft_token() -> SoftToken:
    """A new token, empty and ready. Raises Missing."""
    label = f"regain-{secrets.token_hex(4)}"
    folder, module = _place()
    pin_file = folder / f"{label}.pin"
    pin_file.write_text(f"{PIN}\n", encoding="utf-8")
    subprocess.run(
        ["softhsm2-util", "--init-token", "--free", "--label", label, "--so-pin", PIN, "--pin", PIN],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    # What the library has seen of its tokens it has seen.
    pkcs11.lib(module).finalize()
    return SoftToken(label=label, module=module, folder=folder, pin_file=pin_file)


@cache
def _place() -> tuple[Path, str]:
    found = [path for path in _LIBRARIES if Path(path).is_file()]
    if not found or shutil.which("softhsm2-util") is None:
        raise Missing("no SoftHSM (Debian: softhsm2)")
    folder = Path(tempfile.mkdtemp(prefix="regain-tokens-"))
    register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}/tokens\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")
    return folder, found[0]

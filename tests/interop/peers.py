"""The applications of others: what each needs from this machine, how it is registered, and how it is started.

Their libraries come from npm and PyPI by the hashes of package-lock.json and requirements.txt, into places of their
own: nothing of theirs mixes with ours. They are fetched again only when those files have changed. mod_auth_openidc
comes from the system. `Missing` says what this machine lacks.
"""

import fcntl
import hashlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.processes import ROOT, Program, Regain, inherited, register
from tests.servers import Missing, answers, end, free_port, unprivileged_owner, wait_until

HERE = Path(__file__).resolve().parent
CLIENTS = HERE / "clients"
NODE_MODULES = HERE / "node_modules"
PYTHON = ROOT / "build" / "interop" / "bin" / "python"
#: What express-openid-connect asks for.
OLDEST_NODE = (20, 19)
#: Where Debian, and others, keep what Apache can load.
APACHE_MODULES = ("/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/usr/lib/httpd/modules")
OFFLINE = "openid profile email offline_access"


@dataclass(frozen=True, kw_only=True)
class Peer:
    """An application made with somebody else's library."""

    name: str
    command: Callable[[], list[str]]
    #: Registered beside what all have in common.
    metadata: dict[str, Any] = field(default_factory=dict)
    #: What it is told besides where it belongs.
    environment: dict[str, str] = field(default_factory=dict)
    sign_in: str = "/sign-in"
    callback: str = "/callback"
    sign_out: str = "/sign-out"
    signed_out: str = "/signed-out"


@dataclass(frozen=True, kw_only=True)
class Running:
    """Such an application, up and registered."""

    peer: Peer
    here: str
    client_id: str
    log: Path

    def url(self, path: str) -> str:
        return self.here + path


def node(script: str) -> Callable[[], list[str]]:
    def command() -> list[str]:
        tools = node_tools()
        fetched(NODE_MODULES / ".fetched", HERE / "package-lock.json", lambda: fetch_from_npm(tools))
        return [str(tools / "node"), str(CLIENTS / script)]

    return command


def node_tools() -> Path:
    """The folder with a node that is new enough, and its npm: the machine's, or else the ones PyPI has."""
    own = shutil.which("node")
    if own and shutil.which("npm", path=str(Path(own).parent)):
        said = subprocess.run([own, "--version"], capture_output=True, text=True, check=False).stdout
        version = tuple(int(part) for part in said.strip().lstrip("v").split(".") if part.isdigit())
        if version >= OLDEST_NODE:
            return Path(own).parent
    fetched(PYTHON.parent.parent / ".fetched", HERE / "requirements.txt", fetch_from_pypi)
    return PYTHON.parent


def python(script: str) -> Callable[[], list[str]]:
    def command() -> list[str]:
        fetched(PYTHON.parent.parent / ".fetched", HERE / "requirements.txt", fetch_from_pypi)
        return [str(PYTHON), str(CLIENTS / script)]

    return command


def fetched(stamp: Path, lock: Path, fetch: Callable[[], list[list[str]]]) -> None:
    """Run what fetches, unless it ran for exactly this lock before. One process at a time."""
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    turn = ROOT / "build" / "interop.lock"
    turn.parent.mkdir(exist_ok=True)
    with turn.open("w") as mine:
        fcntl.flock(mine, fcntl.LOCK_EX)
        if stamp.is_file() and stamp.read_text() == wanted:
            return
        for command in fetch():
            done = subprocess.run(command, cwd=HERE, check=False, capture_output=True, text=True, timeout=300)
            if done.returncode:
                said = (done.stderr or done.stdout).strip()
                raise Missing(f"{lock.name} cannot be installed: {said[-300:]}")
        stamp.write_text(wanted)


def fetch_from_npm(tools: Path) -> list[list[str]]:
    # No scripts: nothing of what is fetched runs before a test asks for it.
    return [[str(tools / "npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]]


def fetch_from_pypi() -> list[list[str]]:
    place = PYTHON.parent.parent
    uv = [sys.executable, "-m", "uv", "--quiet"]
    strictly = ["--require-hashes", "--only-binary", ":all:"]
    return [
        [*uv, "venv", "--clear", "--python", sys.executable, str(place)],
        [*uv, "pip", "install", "--python", str(PYTHON), *strictly, "--requirement", "requirements.txt"],
    ]


@contextmanager
def running(peer: Peer, regain: Regain) -> Iterator[Running]:
    """It answers until the end of the block."""
    command = peer.command()
    port = free_port()
    here = f"http://127.0.0.1:{port}"
    client = register(regain, metadata(peer, here))
    told = {
        "ISSUER": regain.issuer,
        "CLIENT_ID": client["client_id"],
        "CLIENT_SECRET": client.get("client_secret", ""),
        "PORT": str(port),
        "DATABASE": str(regain.folder / f"{peer.name}.sqlite3"),
    }
    program = Program(command, inherited() | told | peer.environment, regain.folder / f"{peer.name}.log")
    program.start()
    try:
        wait_until(lambda: listens(program, port), f"{peer.name}", seconds=30)
        yield Running(peer=peer, here=here, client_id=client["client_id"], log=program.log)
    finally:
        program.stop()


def metadata(peer: Peer, here: str) -> dict[str, Any]:
    common = {
        "client_name": peer.name,
        "redirect_uris": [here + peer.callback],
        "post_logout_redirect_uris": [here + peer.signed_out],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "client_secret_basic",
        "scope": OFFLINE,
    }
    return common | {name: filled_in(value, here) for name, value in peer.metadata.items()}


def filled_in(value: Any, here: str) -> Any:
    return value.replace("${HERE}", here) if isinstance(value, str) else value


def listens(program: Program, port: int) -> bool:
    if not program.running:
        raise RuntimeError(f"It ended: {program.log.read_text(errors='replace')[-2000:]}")
    return answers(port)


@contextmanager
def apache(peer: Peer, regain: Regain) -> Iterator[Running]:
    """An Apache of its own, in the foreground, as nobody in particular."""
    program = next(filter(None, map(shutil.which, ("apache2", "httpd", "/usr/sbin/apache2"))), None)
    modules = next((Path(each) for each in APACHE_MODULES if Path(each, "mod_auth_openidc.so").exists()), None)
    if program is None or modules is None:
        raise Missing("no Apache with mod_auth_openidc")
    port = free_port()
    here = f"http://127.0.0.1:{port}"
    client = register(regain, metadata(peer, here))
    owner = unprivileged_owner()
    with tempfile.TemporaryDirectory(prefix="regain-apache-") as name:
        folder = Path(name)
        pages = folder / "pages"
        (pages / "protected").mkdir(parents=True)
        (pages / "protected" / "index.json").write_text('{"behind": true}\n')
        (pages / "signed-out.json").write_text('{"signed_out": true}\n')
        (folder / "mime.types").write_text("application/json json\n")
        # Its own copy: nobody in particular may not read everywhere.
        configuration = Path(shutil.copy(CLIENTS / "mod_auth_openidc" / "httpd.conf", folder))
        if owner:
            for path in (folder, pages, pages / "protected", configuration):
                shutil.chown(path, owner["user"], owner["group"])
        told = {
            "ISSUER": regain.issuer,
            "CLIENT_ID": client["client_id"],
            "CLIENT_SECRET": client["client_secret"],
            "PORT": str(port),
            "HERE": here,
            "FOLDER": name,
            "MODULES": str(modules),
            "PASSPHRASE": secrets.token_urlsafe(32),
        }
        with (folder / "output").open("wb") as out:
            process = subprocess.Popen(
                [program, "-f", str(configuration), "-DFOREGROUND"],
                cwd=folder,
                env={"PATH": os.environ.get("PATH", os.defpath)} | told,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                **owner,
            )
        try:
            wait_until(lambda: answers(port), f"Apache {(folder / 'output').read_text()}", process)
            yield Running(peer=peer, here=here, client_id=client["client_id"], log=folder / "error.log")
        finally:
            end(process, signal.SIGTERM)

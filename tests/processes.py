"""One whole Regain for tests: web, worker, beat, Redis, mail and an application, each a process of its own.

The programs are those of the Procfile, on free ports of this machine, with a directory, a database and a Redis
of their own. People and applications come in by the commands operators use. What the programs print is kept
in files; whatever was started here is stopped here, and nothing else.
"""

import json
import os
import secrets
import shlex
import signal
import sqlite3
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import requests
from argon2 import PasswordHasher

from tests.servers import RedisServer, SmtpSink, free_port, wait_until

ROOT = Path(__file__).resolve().parent.parent
PASSWORD = "correct horse battery staple"
#: Everybody who lives here, each with the same password; `somebody` hands them out one by one.
PEOPLE = """
    Jane Amara Bruno Chen Dalia Emil Farid Greta Hugo Ines Jonas Kofi Lena Mira Nils Olga Pavel Rosa Sven Tara
    Uma Vera Wim Xenia Yara Zoe
    Alba Boris Carla Demir Edda Finn Gita Henk Ivana Jiro Kaja Lars Mona Nadia Omar Paula Quentin Rafael Sana Tomas
    Ulla Viggo Wanda Ximena Yusuf Zita
"""
#: An application that exists on paper only: tests take its part at the token endpoint.
PAPER = "http://127.0.0.1:9/callback"
METRICS_TOKEN = "a token for tests, shown to whoever reads numbers"
PATIENCE = 60


class Program:
    """A process that can be started again; it prints into one file all along."""

    def __init__(self, command: list[str], environment: dict[str, str], log: Path) -> None:
        self.log = log
        #: How often it was started.
        self.starts = 0
        self._command = command
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.starts += 1
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # so that it and its children can be ended together
            )

    def stop(self) -> None:
        """Ask it to end, wait, and insist: with it go its children."""
        if self._process is None:
            return
        try:
            if self._process.poll() is None:
                self._process.terminate()
                self._process.wait(20)
        except subprocess.TimeoutExpired:
            pass
        finally:
            with_children(self._process, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def kill(self) -> None:
        """End it and its children without asking, as a machine does that has no memory left."""
        assert self._process is not None
        with_children(self._process, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def freeze(self) -> None:
        """Stop it and its children in the middle of whatever they do, until `thaw`."""
        assert self._process is not None
        with_children(self._process, signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        with_children(self._process, signal.SIGCONT)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None


def with_children(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return


@dataclass(frozen=True)
class Inhabitant:
    """Somebody with an account here."""

    username: str
    name: str
    email: str


@dataclass
class Regain:
    """A running one. Its parts may be stopped and started again, if whoever does it puts them back."""

    folder: Path
    issuer: str
    #: Payroll, examples/relying_party, in a browser's words: another site.
    application: str
    database_url: str
    redis: RedisServer
    mail: SmtpSink
    environment: dict[str, str]
    programs: dict[str, Program] = field(default_factory=dict)
    #: The metadata of the application on paper, with its secret.
    paper: dict[str, Any] = field(default_factory=dict)
    _left: list[Inhabitant] = field(default_factory=list)

    def somebody(self) -> Inhabitant:
        """Somebody who has done nothing yet."""
        return self._left.pop(0)

    @contextmanager
    def without(self, name: str) -> Iterator[None]:
        """One of the programs is stopped for the length of the block."""
        self.programs[name].stop()
        try:
            yield
        finally:
            self.programs[name].start()

    def manage(self, *command: str) -> str:
        """What `manage.py` prints."""
        return self._printed(command[0], "manage.py", *command)

    def several(self, *commands: tuple[str, ...]) -> list[str]:
        """What each of these commands prints; one process runs them in turn."""
        answers: list[str] = json.loads(self._printed("several", "-c", SEVERAL, *map(json.dumps, commands)))
        return answers

    def _printed(self, what: str, *python: str) -> str:
        answer = subprocess.run(
            [sys.executable, *python],
            cwd=ROOT,
            env=self.environment,
            check=False,
            capture_output=True,
            text=True,
        )
        assert answer.returncode == 0, f"{what}: {answer.stderr or answer.stdout}"
        return answer.stdout

    def rows(self, sql: str, *values: str) -> list[tuple[Any, ...]]:
        """What the database has to say; `%s` stands for a value."""
        with connection(self.database_url) as database:
            if isinstance(database, sqlite3.Connection):
                sql = sql.replace("%s", "?")
            return database.execute(sql, values).fetchall()

    def change(self, sql: str, *values: str) -> int:
        """Write into the database behind the provider's back; gives the number of rows."""
        with connection(self.database_url) as database:
            if isinstance(database, sqlite3.Connection):
                sql = sql.replace("%s", "?")
            return database.execute(sql, values).rowcount

    def logs(self) -> dict[str, bytes]:
        """All that the programs printed so far, Redis included."""
        return {path.name: path.read_bytes() for path in sorted(self.folder.glob("*.log"))}

    @property
    def database_files(self) -> list[Path]:
        """The SQLite file with what lies beside it; none on PostgreSQL."""
        return sorted(self.folder.glob("regain.sqlite3*"))


@contextmanager
def connection(url: str) -> Iterator[Any]:
    """A connection of our own: its changes are committed if nothing goes wrong, and it is closed."""
    parts = urlsplit(url)
    opened: Any = sqlite3.connect(parts.path[1:], timeout=10) if parts.scheme == "sqlite" else psycopg.connect(url)
    try:
        with opened:
            yield opened
    finally:
        opened.close()


#: The smallest Regain: one worker serves every queue. A large one has some of its own in its place.
SMALL = ("web", "worker", "beat")
LARGE = ("web", "worker-otp", "worker-notice", "worker-logout", "beat")


@contextmanager
def running(
    folder: Path,
    *,
    programs: tuple[str, ...] = SMALL,
    redis: RedisServer | None = None,
    mail: SmtpSink | None = None,
    **variables: str,
) -> Iterator[Regain]:
    """A Regain that answers, until the end of the block. Raises `Missing` where this machine has no Redis.

    `programs` are those of the Procfile. `variables` are environment variables of the operator's besides those
    that must be there.
    """
    redis, mail = redis or RedisServer(folder), mail or SmtpSink()
    regain: Regain | None = None
    with database(folder) as url:
        try:
            redis.start()
            mail.start()
            regain = settle(folder, url, redis, mail, programs, variables)
            yield regain
        finally:
            for program in regain.programs.values() if regain else ():
                program.stop()
            mail.stop()
            redis.stop()


@contextmanager
def database(folder: Path) -> Iterator[str]:
    """The address of an empty database: a file, or one of the PostgreSQL that REGAIN_TEST_DATABASE_URL names."""
    server = os.environ.get("REGAIN_TEST_DATABASE_URL", "")
    if not server.startswith("postgres"):
        yield f"sqlite:////{folder / 'regain.sqlite3'}"
        return
    name = f"regain_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as owner:
        owner.execute(f'CREATE DATABASE "{name}"')
    try:
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
    finally:
        # A connection of its own: the server may have been stopped meanwhile.
        with psycopg.connect(server, autocommit=True) as owner:
            owner.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def settle(
    folder: Path,
    url: str,
    redis: RedisServer,
    mail: SmtpSink,
    programs: tuple[str, ...],
    variables: dict[str, str],
) -> Regain:
    """Migrate, bring in people and applications, start every program, and wait until they answer."""
    port, application_port = free_port(), free_port()
    regain = Regain(
        folder=folder,
        issuer=f"http://localhost:{port}",
        application=f"http://127.0.0.1:{application_port}",
        database_url=url,
        redis=redis,
        mail=mail,
        environment=environment(port=port, database=url, redis=redis.url, mail=mail.url)
        | {"METRICS_DIR": str(folder / "metrics"), "METRICS_TOKEN": METRICS_TOKEN}
        | variables,
    )
    regain._left = inhabitants(PEOPLE.split())
    payroll, regain.paper = found(regain, regain._left, demo_metadata(application_port), paper_metadata())
    commands = {name: command for name, command in provider().items() if name in programs}
    commands |= {"payroll": [sys.executable, "-m", "examples.relying_party"]}
    belonging = {
        "ISSUER": regain.issuer,
        "CLIENT_ID": payroll["client_id"],
        "CLIENT_SECRET": payroll["client_secret"],
        "PORT": str(application_port),
    }
    for name, command in commands.items():
        mine = {**inherited(), **belonging} if name == "payroll" else regain.environment
        regain.programs[name] = Program(in_folder(command, folder), mine, folder / f"{name}.log")
    try:
        for program in regain.programs.values():
            program.start()
        wait_until(lambda: answers_well(regain), f"Regain in {folder}", seconds=PATIENCE)
    except BaseException:
        for program in regain.programs.values():
            program.stop()
        raise
    return regain


def environment(*, port: int, database: str, redis: str, mail: str) -> dict[str, str]:
    """The operator's contract, and nothing that an operator's shell may hold; a policy that lets people pass."""
    return inherited() | {
        "DJANGO_SETTINGS_MODULE": "tests.settings_processes",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "REGAIN_ROOT_KEYS": "t1:" + b64encode(secrets.token_bytes(32)).decode(),
        "REGAIN_ISSUER": f"http://localhost:{port}",
        "DATABASE_URL": database,
        "REDIS_URL": redis,
        "EMAIL_URL": mail,
        "TENANT_NAME": "Contoso",
        "PORT": str(port),
        "WEB_CONCURRENCY": "1",
    }


def inherited() -> dict[str, str]:
    """What every program needs of this machine."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "LC_ALL", "TMPDIR", "USER") if name in os.environ}
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    return kept | {"PATH": path, "PYTHONUNBUFFERED": "1"}


def provider() -> dict[str, list[str]]:
    """The Procfile's programs, kept on this machine."""
    programs = {}
    for line in (ROOT / "Procfile").read_text(encoding="utf-8").splitlines():
        name, _colon, command = line.partition(":")
        # The shell fills in ${PORT} as it does in production, and then makes way for the program.
        programs[name] = ["sh", "-c", f"exec {command.strip()}".replace("0.0.0.0", "127.0.0.1")]
    return programs


def in_folder(command: list[str], folder: Path) -> list[str]:
    return [word.replace(" var/", f" {shlex.quote(str(folder))}/") for word in command]


#: Operators' commands one after another, in one process: starting costs more than most of them do.
SEVERAL = """
import json, sys
from io import StringIO
import django
from django.core.management import call_command
django.setup()
said = [StringIO() for command in sys.argv[1:]]
for words, out in zip(sys.argv[1:], said):
    call_command(*json.loads(words), stdout=out)
print(json.dumps([out.getvalue() for out in said]))
"""


def found(regain: Regain, people: list[Inhabitant], *applications: dict[str, Any]) -> list[dict[str, Any]]:
    """Migrate, and bring in people and applications; gives what the applications were told."""
    files = [people_file(regain, people), *(written(regain, metadata) for metadata in applications)]
    commands = [("import_users", str(files[0])), *(("register_client", str(file)) for file in files[1:])]
    _migrated, _imported, *registered = regain.several(("migrate", "--verbosity", "0"), *commands)
    for file in files:
        file.unlink()
    return [json.loads(answer) for answer in registered]


def import_people(regain: Regain, names: Iterable[str]) -> list[Inhabitant]:
    people = inhabitants(names)
    file = people_file(regain, people)
    regain.manage("import_users", str(file))
    file.unlink()
    return people


def inhabitants(names: Iterable[str]) -> list[Inhabitant]:
    return [
        Inhabitant(username=name.lower(), name=f"{name} Doe", email=f"{name.lower()}@contoso.example") for name in names
    ]


def people_file(regain: Regain, people: list[Inhabitant]) -> Path:
    password_hash = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1).hash(PASSWORD)
    lines = [
        {
            "preferred_username": person.username,
            "name": person.name,
            "email": person.email,
            "email_verified": True,
            "password_hash": password_hash,
        }
        for person in people
    ]
    file = regain.folder / "people.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return file


def register(regain: Regain, metadata: dict[str, Any]) -> dict[str, Any]:
    file = written(regain, metadata)
    registered: dict[str, Any] = json.loads(regain.manage("register_client", str(file)))
    file.unlink()
    return registered


def written(regain: Regain, metadata: dict[str, Any]) -> Path:
    file = regain.folder / f"client-{secrets.token_hex(4)}.json"
    file.write_text(json.dumps(metadata), encoding="utf-8")
    return file


def demo_metadata(port: int) -> dict[str, Any]:
    """Payroll's, moved to another port."""
    text = (ROOT / "examples" / "demo" / "relying_party.json").read_text(encoding="utf-8")
    metadata: dict[str, Any] = json.loads(text.replace("127.0.0.1:8001", f"127.0.0.1:{port}"))
    return metadata


def paper_metadata() -> dict[str, Any]:
    return {
        "client_name": "Paper",
        "redirect_uris": [PAPER],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "client_secret_basic",
        "scope": "openid profile email offline_access",
    }


def answers_well(regain: Regain) -> bool:
    """Everything answers. An error that shows what a program said if one has ended."""
    for name, program in regain.programs.items():
        if not program.running:
            raise RuntimeError(f"{name} ended: {program.log.read_text(errors='replace')[-2000:]}")
    try:
        pages = [requests.get(url, timeout=5) for url in (f"{regain.issuer}/readyz", regain.application)]
    except requests.RequestException:
        return False
    return all(page.ok for page in pages)

"""The providers that are measured, each started as its documentation says, with one process and a store of its own."""

import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from bench.flows import CALLBACK, Application, Provider
from tests import processes
from tests.processes import PASSWORD, PEOPLE, ROOT, Program, inherited
from tests.servers import Missing, RedisServer, answers, free_port, wait_until

PEERS = Path(__file__).parent / "peers"
DOT = PEERS / "django_oauth_toolkit"
NODE = PEERS / "node_oidc_provider"
PLACE = ROOT / "build" / "bench"
#: One process with four threads, for everybody who runs on it.
GRANIAN = ["--interface", "wsgi", "--host", "127.0.0.1", "--workers", "1", "--blocking-threads", "4"]
#: What the machine's own application asks tokens for.
RESOURCE = "https://api.contoso.example"


@dataclass(frozen=True, kw_only=True)
class Running:
    """A provider that answers, and the processes whose CPU is counted."""

    provider: Provider
    own: tuple[int, ...]
    store: tuple[int, ...]


def people() -> tuple[str, ...]:
    return tuple(name.lower() for name in PEOPLE.split())


@contextmanager
def baseline(folder: Path) -> Iterator[tuple[str, int]]:
    """A fixed answer from the same kind of server: its address and its process."""
    port = free_port()
    command = [sys.executable, "-m", "granian", *GRANIAN, "--port", str(port), "bench.baseline:application"]
    with program(command, inherited(), folder / "baseline.log", port) as process:
        yield f"http://127.0.0.1:{port}", process


@contextmanager
def regain(folder: Path, postgres: str, postgres_process: int) -> Iterator[Running]:
    """Regain with everything that belongs to it: worker, beat, Redis, mail."""
    os.environ["REGAIN_TEST_DATABASE_URL"] = postgres
    with processes.running(folder) as one:
        web = registered(one, grant_types=["authorization_code"])
        offline = registered(
            one,
            grant_types=["authorization_code", "refresh_token"],
            scope="openid profile offline_access",
        )
        machine = registered(one, grant_types=["client_credentials"], resources=[RESOURCE])
        yield Running(
            own=(pid(one.programs["web"]),),
            store=(postgres_process,),
            provider=Provider(
                name="Regain (PostgreSQL)",
                base=one.issuer,
                web=web,
                offline=offline,
                machine=machine,
                discovery="/.well-known/openid-configuration",
                authorize="/authorize",
                token="/token",
                userinfo="/userinfo",
                introspect="/introspect",
                offline_scope="openid profile offline_access",
                people=tuple((name, PASSWORD) for name in people()),
            ),
        )


@contextmanager
def django_oauth_toolkit(folder: Path, postgres: str, postgres_process: int) -> Iterator[Running]:
    python = PLACE / "django_oauth_toolkit" / "bin" / "python"
    if not python.exists():
        made = python.parent.parent
        subprocess.run([sys.executable, "-m", "uv", "venv", "--quiet", "--python", sys.executable, made], check=True)
        wanted = ["--require-hashes", "--requirement", DOT / "requirements.txt"]
        subprocess.run(
            [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", python, *wanted], check=True
        )
    port, secret = free_port(), secrets.token_urlsafe(32)
    server = urlsplit(postgres)
    with psycopg.connect(postgres, autocommit=True) as owner:
        owner.execute("CREATE DATABASE bench_dot")
    environment = inherited() | {
        "SECRET": secret,
        "STATE": str(folder),
        "CALLBACK": CALLBACK,
        "PASSWORD": PASSWORD,
        "PEOPLE": " ".join(people()),
        "DATABASE_NAME": "bench_dot",
        "DATABASE_USER": server.username or "",
        "DATABASE_PASSWORD": server.password or "",
        "DATABASE_PORT": str(server.port),
        "OAUTHLIB_INSECURE_TRANSPORT": "1",
    }
    subprocess.run([python, "peer.py"], cwd=DOT, env=environment, check=True)
    command = [str(python), "-m", "granian", *GRANIAN, "--port", str(port), "peer:application"]
    with program(command, environment, folder / "dot.log", port, cwd=DOT) as process:
        yield Running(
            own=(process,),
            store=(postgres_process,),
            provider=Provider(
                name="django-oauth-toolkit (PostgreSQL)",
                base=f"http://localhost:{port}",
                web=Application(client_id="web", client_secret=secret),
                offline=Application(client_id="offline", client_secret=secret),
                machine=Application(client_id="machine", client_secret=secret),
                discovery="/o/.well-known/openid-configuration",
                authorize="/o/authorize/",
                token="/o/token/",
                userinfo="/o/userinfo/",
                introspect="/o/introspect/",
                people=tuple((name, PASSWORD) for name in people()),
            ),
        )


@contextmanager
def node_oidc_provider(folder: Path) -> Iterator[Running]:
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        raise Missing("node and npm are not here")
    if not (NODE / "node_modules").exists():
        subprocess.run([npm, "ci", "--no-audit", "--no-fund", "--silent"], cwd=NODE, check=True)
    port, secret = free_port(), secrets.token_urlsafe(32)
    place = folder / "redis"
    place.mkdir()
    redis = RedisServer(place)
    redis.start()
    environment = inherited() | {
        "PORT": str(port),
        "REDIS_URL": redis.url,
        "SECRET": secret,
        "CALLBACK": CALLBACK,
        "NODE_ENV": "production",
    }
    try:
        with program([node, "app.mjs"], environment, folder / "node.log", port, cwd=NODE) as process:
            assert redis._process is not None  # noqa: SLF001 -- its CPU is counted
            yield Running(
                own=(process,),
                store=(redis._process.pid,),  # noqa: SLF001 -- as above
                provider=Provider(
                    name="node oidc-provider (Redis)",
                    base=f"http://localhost:{port}",
                    web=Application(client_id="web", client_secret=secret),
                    offline=Application(client_id="offline", client_secret=secret),
                    machine=Application(client_id="machine", client_secret=secret),
                    discovery="/.well-known/openid-configuration",
                    authorize="/auth",
                    token="/token",
                    userinfo="/me",
                    introspect="/token/introspection",
                    people=tuple((name, PASSWORD) for name in people()),
                ),
            )
    finally:
        redis.stop()


@contextmanager
def program(
    command: list[str],
    environment: dict[str, str],
    log: Path,
    port: int,
    *,
    cwd: Path = ROOT,
) -> Iterator[int]:
    """A process that answers at `port`, stopped at the end."""
    with log.open("wb") as said:
        process = subprocess.Popen(command, cwd=cwd, env=environment, stdout=said, stderr=said, start_new_session=True)
    try:
        wait_until(lambda: answers(port), f"{command[0]}, see {log}", process)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def registered(one: processes.Regain, **changes: Any) -> Application:
    metadata: dict[str, Any] = {
        "client_name": "Bench",
        "token_endpoint_auth_method": "client_secret_basic",
        "skip_consent": True,
        **changes,
    }
    if "authorization_code" in metadata["grant_types"]:
        metadata = {"redirect_uris": [CALLBACK], "scope": "openid profile", **metadata}
    known = json.loads(json.dumps(processes.register(one, metadata)))
    return Application(client_id=known["client_id"], client_secret=known["client_secret"])


def pid(running: Program) -> int:
    assert running._process is not None  # noqa: SLF001 -- its CPU is counted
    return running._process.pid  # noqa: SLF001 -- as above

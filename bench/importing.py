"""`python -m bench.importing`: new accounts by the million, and an import that is killed and run again.

    python -m bench.importing [--lines 1000000] [--kill-at 0.3] [--database sqlite|postgresql] [--verify]

The command runs as operators run it, on a database of its own. Once the given part of the accounts is there it is
killed (SIGKILL) and started anew on the same file. Told are rows a second, the memory of the process at each tenth,
and whether each line became one account; with `--verify`, what `verify_audit` says of all of it.
"""

import argparse
import json
import os
import platform
import secrets
import sqlite3
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import psycopg
from argon2 import PasswordHasher

from bench.load import cpu
from tests.processes import ROOT
from tests.servers import postgres_server

_EVERY = 1.0
#: What each line of the file leaves in the audit: the account, its password, its address.
_ENTRIES = 3
Ask = Callable[[str], int]


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.importing", description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--kill-at", type=float, default=0.3)
    parser.add_argument("--database", choices=("postgresql", "sqlite"), default="postgresql")
    parser.add_argument("--verify", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="regain-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        sqlite = folder / "bench.sqlite3"
        url = stack.enter_context(postgres_server()) if asked.database == "postgresql" else f"sqlite:///{sqlite}"
        ask = _on_postgresql(url) if asked.database == "postgresql" else _on_sqlite(sqlite)
        _write(folder / "people.jsonl", asked.lines)
        environment = _environment(url)
        _run(["migrate", "--verbosity", "0"], environment).wait()
        command = ["import_users", str(folder / "people.jsonl")]
        killed = _measure(_run(command, environment), ask, lines=asked.lines, stop_at=int(asked.lines * asked.kill_at))
        resumed = _measure(_run(command, environment), ask, lines=asked.lines)
        accounts = ask("SELECT count(*) FROM idp_user")
        held = ask("SELECT sequence FROM idp_audithead") == _ENTRIES * accounts
        verified = not asked.verify or _run(["verify_audit"], environment).wait() == 0
    print(f"{platform.machine()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}, {platform.python_version()}")
    for what, measured in (("until it was killed", killed), ("run again", resumed)):
        print(f"{what}: {json.dumps(measured)}")
    print(f"{accounts} accounts of {asked.lines} lines{'' if held else ', and another number of entries than theirs'}")
    return 0 if accounts == asked.lines and held and verified else 1


def _write(file: Path, lines: int) -> None:
    encoded = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1).hash(secrets.token_urlsafe(16))
    with file.open("w", encoding="utf-8") as out:
        for number in range(lines):
            person = {
                "preferred_username": f"person{number:07}",
                "email": f"person{number:07}@contoso.example",
                "email_verified": True,
                "name": f"Person {number:07}",
                "password_hash": encoded,
            }
            out.write(f"{json.dumps(person)}\n")


def _environment(url: str) -> dict[str, str]:
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": url,
        "REGAIN_ISSUER": "https://id.contoso.example",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "REGAIN_ROOT_KEYS": f"b1:{b64encode(secrets.token_bytes(32)).decode()}",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "EMAIL_URL": "smtp://127.0.0.1:1",
        "LOG_LEVEL": "WARNING",
    }


def _run(command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "manage.py", *command], cwd=ROOT, env=environment)


def _measure(process: subprocess.Popen[bytes], ask: Ask, *, lines: int, stop_at: int | None = None) -> dict[str, Any]:
    """Watch one run until its end, or until `stop_at` accounts are there: then it is killed."""
    before, began = _made(ask), time.monotonic()
    first, used = None, 0.0
    memory: dict[str, int] = {}
    while process.poll() is None:
        time.sleep(_EVERY)
        made = _made(ask)
        if made > before and first is None:
            first = time.monotonic() - began
        if held := _memory(process.pid):
            memory[f"{made * 10 // lines}/10"] = held
        used = max(used, cpu([process.pid]))
        if stop_at is not None and made >= stop_at:
            process.kill()
    process.wait()
    took, made = time.monotonic() - began, _made(ask) - before
    return {
        "accounts": made,
        "seconds": round(took, 1),
        "seconds to the first": round(first or took, 1),
        "accounts a second": round(made / took, 1),
        "ms of CPU each": round(1000 * used / max(made, 1), 2),
        "MB at each tenth": memory,
    }


def _memory(pid: int) -> int:
    """What it holds now, in megabytes; nothing once it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0
    return sum(int(line.split()[1]) // 1000 for line in status.splitlines() if line.startswith("VmRSS:"))


def _made(ask: Ask) -> int:
    """How many accounts there are, by the head of the audit: counting a million of them would be part of the figure."""
    return ask("SELECT sequence FROM idp_audithead") // _ENTRIES


def _on_postgresql(url: str) -> Ask:
    def ask(question: str) -> int:
        with psycopg.connect(url) as connection:
            row = connection.execute(question.encode()).fetchone()
        assert row is not None
        return int(row[0])

    return ask


def _on_sqlite(file: Path) -> Ask:
    def ask(question: str) -> int:
        with closing(sqlite3.connect(file)) as connection:
            return int(connection.execute(question).fetchone()[0])

    return ask


if __name__ == "__main__":
    sys.exit(main())

"""`python -m bench.importing`: new accounts by the million, and an import that is killed and run again.

    python -m bench.importing [--lines 1000000] [--kill-at 0.3]

The command runs as operators run it, on a PostgreSQL of its own. Once the given part of the accounts is there it is
killed (SIGKILL) and started anew on the same file. Told are rows a second, the memory of the process early and late in
the second run, and whether each line became one account.
"""

import argparse
import json
import os
import platform
import secrets
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from pathlib import Path

import psycopg
from argon2 import PasswordHasher

from bench.load import cpu
from tests.processes import ROOT
from tests.servers import postgres_server

_EVERY = 1.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.importing", description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--kill-at", type=float, default=0.3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="regain-bench-") as name, postgres_server() as url:
        file = Path(name) / "people.jsonl"
        _write(file, asked.lines)
        environment = _environment(url)
        _run(["migrate", "--verbosity", "0"], environment).wait()
        stop_at = int(asked.lines * asked.kill_at)
        killed = _measure(_run(["import_users", str(file)], environment), url, stop_at=stop_at)
        resumed = _measure(_run(["import_users", str(file)], environment), url)
        accounts = _accounts(url)
    print(f"{platform.machine()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}, {platform.python_version()}")
    for what, measured in (("until it was killed", killed), ("run again", resumed)):
        print(f"{what}: {json.dumps(measured)}")
    print(f"{accounts} accounts of {asked.lines} lines")
    return 0 if accounts == asked.lines else 1


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


def _measure(process: subprocess.Popen[bytes], url: str, *, stop_at: int | None = None) -> dict[str, float]:
    """Watch one run until its end, or until `stop_at` accounts are there: then it is killed."""
    before, began = _accounts(url), time.monotonic()
    memory: list[float] = []
    used = 0.0
    while process.poll() is None:
        time.sleep(_EVERY)
        memory += _memory(process.pid)
        used = max(used, cpu([process.pid]))
        if stop_at is not None and _accounts(url) >= stop_at:
            process.kill()
    process.wait()
    took, made = time.monotonic() - began, _accounts(url) - before
    early, late = memory[min(10, len(memory) - 1)], memory[-1]
    return {
        "accounts": made,
        "seconds": round(took, 1),
        "accounts a second": round(made / took, 1),
        "ms of CPU each": round(1000 * used / max(made, 1), 2),
        "MB early": round(early, 1),
        "MB late": round(late, 1),
        "MB at most": round(max(memory), 1),
    }


def _memory(pid: int) -> list[float]:
    """What it holds now, in megabytes; nothing once it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return []
    return [int(line.split()[1]) / 1000 for line in status.splitlines() if line.startswith("VmRSS:")]


def _accounts(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM idp_user").fetchone()
    assert row is not None
    return int(row[0])


if __name__ == "__main__":
    sys.exit(main())

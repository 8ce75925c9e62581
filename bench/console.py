"""`python -m bench.console`: what the administrators' lists cost where there are a million accounts.

    python -m bench.console [--accounts 1000000] [--database sqlite|postgresql] [--requests 30]

Accounts and history are written by SQL, so that it takes a minute and not an afternoon; then each page is asked for,
through all of Django and without a network. CPU is of the program, and of PostgreSQL beside it.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import django

from bench.__main__ import listening_at
from tests.processes import ROOT
from tests.servers import postgres_server

REPORT = ROOT / "build" / "bench-console.json"


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.console", description=__doc__)
    parser.add_argument("--accounts", type=int, default=1_000_000)
    parser.add_argument("--database", choices=("postgresql", "sqlite"), default="postgresql")
    parser.add_argument("--requests", type=int, default=30)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="regain-bench-") as name, ExitStack() as stack:
        on_postgresql = asked.database == "postgresql"
        url = stack.enter_context(postgres_server()) if on_postgresql else f"sqlite:///{Path(name) / 'bench.sqlite3'}"
        os.environ |= {"REGAIN_TEST_DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.settings"}
        django.setup()
        from bench import console_pages  # noqa: PLC0415 -- it needs Django to be set up

        store = [listening_at(url)] if on_postgresql else []
        found = console_pages.measured(asked.accounts, asked.requests, store)
    print(f"{platform.machine()}, {os.cpu_count()} CPUs, {platform.python_version()}, {asked.database}")
    for page, each in found.items():
        print(f"{page:28} {each['own_ms']:7.1f} ms of CPU, {each['store_ms']:7.1f} ms of the database's")
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m bench.recovery`: whole recoveries a second, from "who are you?" to the new password, and what one costs.

    python -m bench.recovery [--recoveries 200] [--callers 6] [--processes 2]

Over HTTP against so many web processes, one worker and a mail server, on PostgreSQL: each has an account and a network
of its own, reads the code in its letter, and sets a password. CPU is of web and worker, and of the database beside it.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from http import HTTPStatus
from itertools import count
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from bench.__main__ import listening_at
from bench.load import cpu
from tests.browser.visitor import CODE, Visitor
from tests.faults.soak import NO_CAP, Tally
from tests.processes import ROOT, Inhabitant, Regain, import_people, running
from tests.servers import postgres_server, wait_until

REPORT = ROOT / "build" / "bench-recovery.json"
NEW_PASSWORD = "quiet harbour lantern 7"
WARM_UP = 20


class Letters(Tally):
    """Notes which code came to whom, and takes every other letter as well."""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 -- aiosmtpd names it
        if CODE.search(envelope.original_content.decode("utf-8", "replace")) is None:
            return "250 taken"
        return await super().handle_DATA(server, session, envelope)


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.recovery", description=__doc__)
    parser.add_argument("--recoveries", type=int, default=200)
    parser.add_argument("--callers", type=int, default=6)
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="regain-bench-") as name, ExitStack() as stack:
        postgres = stack.enter_context(postgres_server())
        os.environ["REGAIN_TEST_DATABASE_URL"] = postgres
        tally = Letters()
        variables = {
            "WEB_CONCURRENCY": str(asked.processes),
            "LOG_LEVEL": "WARNING",
            "EMAIL_HOURLY_CAP": NO_CAP,
            # So that everybody can come from a network of their own.
            "TRUSTED_PROXIES": "1",
        }
        regain = stack.enter_context(running(Path(name), mail=tally, **variables))
        people = iter(import_people(regain, [f"person-{number}" for number in range(asked.recoveries + WARM_UP)]))
        walk(regain, tally, [next(people) for _one in range(WARM_UP)], asked.callers)
        own = [regain.programs[each].pid for each in ("web", "worker")]
        store = [listening_at(postgres)]
        before, began = (cpu(own), cpu(store)), time.monotonic()
        took = walk(regain, tally, list(people), asked.callers)
        seconds = time.monotonic() - began
        spent = cpu(own) - before[0], cpu(store) - before[1]
    each = {
        "per_second": asked.recoveries / seconds,
        "own_ms": 1000 * spent[0] / asked.recoveries,
        "store_ms": 1000 * spent[1] / asked.recoveries,
        "half_within": sorted(took)[len(took) // 2],
        "most_within": sorted(took)[len(took) * 95 // 100],
    }
    print(f"{platform.machine()}, {os.cpu_count()} CPUs, {platform.python_version()}, {asked.processes} processes")
    print(
        f"{each['per_second']:.1f} recoveries/s; {each['own_ms']:.0f} ms of CPU each and {each['store_ms']:.0f} ms of "
        f"PostgreSQL's; half within {each['half_within']:.2f} s, 95 % within {each['most_within']:.2f} s"
    )
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(each, indent=1), encoding="utf-8")
    return 0


def walk(regain: Regain, tally: Tally, people: list[Inhabitant], callers: int) -> list[float]:
    """Let everybody recover, so many at a time; how long each took. The first that goes wrong is raised."""
    waiting, took, wrong, lock = iter(people), [], [], Lock()
    networks = count(1)

    def take_turns() -> None:
        while not wrong:
            with lock:
                person, network = next(waiting, None), next(networks)
            if person is None:
                return
            began = time.monotonic()
            try:
                recover(regain, tally, person, f"10.{network // 250}.{network % 250}.7")
            except Exception as error:  # noqa: BLE001 -- raised below, in the thread that waits
                wrong.append(error)
            took.append(time.monotonic() - began)

    threads = [Thread(target=take_turns) for _caller in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if wrong:
        raise wrong[0]
    return took


def recover(regain: Regain, tally: Tally, person: Inhabitant, address: str) -> None:
    visitor = Visitor(regain)
    visitor.http.headers["X-Forwarded-For"] = address
    visitor.open("/recovery/")
    visitor.submit(identifier=person.username)
    visitor.submit(problem="forgot")
    visitor.submit(method="email")
    visitor.submit(address=person.email)
    wait_until(lambda: next(codes_to(tally, person), None), f"the letter to {person.username}", seconds=60)
    visitor.submit(code=next(codes_to(tally, person)))
    visitor.submit(new_password=NEW_PASSWORD)
    while visitor.status == HTTPStatus.SERVICE_UNAVAILABLE:
        # Too many hash at once, and the page says so: they come again.
        time.sleep(0.2)
        visitor.open("/recovery/password/")
        visitor.submit(new_password=NEW_PASSWORD)
    if visitor.name != "recovery-done":
        raise RuntimeError(f"{person.username} is at {visitor.url}: {visitor.page.text[:300]}")


def codes_to(tally: Tally, person: Inhabitant) -> Iterator[str]:
    return (code for to, code, _at in tuple(tally.came) if to == person.email)


if __name__ == "__main__":
    sys.exit(main())

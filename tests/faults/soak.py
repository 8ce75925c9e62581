"""`make soak`: many codes are asked for while workers are killed and Redis is restarted; each comes, and is one code.

    python -m tests.faults.soak [--requests 20000] [--seconds 600] [--kill-every 20] [--redis-restarts 2]

On a PostgreSQL of its own if this machine has one, else on SQLite. Ends with status 1 and in words if a code did not
come within its life, or if a request had two different ones.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path
from threading import Event, Thread
from typing import Any

from tests.browser.visitor import code_in
from tests.processes import ROOT, Program, Regain, import_people, in_folder, provider, running
from tests.servers import Missing, SmtpSink, postgres_server, wait_until

#: A code is good for ten minutes after its provider has it, and waits ten at the most.
LIFE = 600
#: How often one person asks: fewer times than one address may be written to in an hour.
EACH = 4
#: The tenant's own budget for letters is not what is tried here.
NO_CAP = "1000000"
#: After the last request: a lease, the sweeper's turn, and a little for a machine that is busy.
PATIENCE = 120


@dataclass(frozen=True, kw_only=True)
class Report:
    """What came of it. `faults` is empty if all is well."""

    asked: int
    seconds: float
    letters: int
    kills: int
    restarts: int
    half_within: float
    most_within: float
    longest: float
    faults: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{self.asked} codes asked for in {self.seconds:.0f} s, {self.kills} workers killed, Redis restarted "
            f"{self.restarts} times: {self.letters} letters, half within {self.half_within:.2f} s, 99 % within "
            f"{self.most_within:.1f} s, the last within {self.longest:.1f} s. "
            + ("; ".join(self.faults) or "Each code came, and was one code.")
        )


class Tally(SmtpSink):
    """Notes to whom which code came and when, and keeps no letter."""

    def __init__(self) -> None:
        super().__init__()
        self.came: list[tuple[str, str, float]] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 -- aiosmtpd names it
        letter = message_from_bytes(envelope.original_content, policy=policy.default)
        self.came.append((str(letter["To"]), code_in(letter).replace(" ", ""), time.time()))
        return "250 noted"


def soak(folder: Path, *, requests: int, seconds: float, kill_every: float, redis_restarts: int) -> Report:
    """Raises Missing where this machine has no Redis."""
    with ExitStack() as stack:
        try:
            os.environ["REGAIN_TEST_DATABASE_URL"] = stack.enter_context(postgres_server())
            stack.callback(os.environ.pop, "REGAIN_TEST_DATABASE_URL")
        except Missing:
            os.environ.pop("REGAIN_TEST_DATABASE_URL", None)
        tally = Tally()
        programs = ("web", "worker-otp", "beat")
        regain = stack.enter_context(running(folder, programs=programs, mail=tally, EMAIL_HOURLY_CAP=NO_CAP))
        import_people(regain, crowd(requests))
        second = Program(in_folder(provider()["worker-otp"], folder), regain.environment, folder / "second.log")
        second.start()
        stack.callback(second.stop)
        over = Event()
        workers = [regain.programs["worker-otp"], second]
        killing = Disturbance(over, kill_every, lambda number: kill(workers[number % 2]))
        restarting = Disturbance(over, seconds / (redis_restarts + 1), lambda _number: restart(regain), redis_restarts)
        began = time.monotonic()
        try:
            asked = ask(regain, requests, seconds, (killing, restarting))
        finally:
            over.set()
            for each in (killing, restarting):
                each.end()
        took = time.monotonic() - began
        faults = [] if settled(regain) else [f"{PATIENCE} s later some are still on their way"]
        faults += [f"{count} messages ended as {state}" for state, count in ends(regain).items() if state != "sent"]
        return judged(asked, tally, took, killing.times, restarting.times, faults)


class Disturbance(Thread):
    """Does something every so many seconds until it is over."""

    def __init__(self, over: Event, every: float, act: Any, most: int = sys.maxsize) -> None:
        super().__init__(daemon=True)
        self.times = 0
        self._over, self._every, self._act, self._most = over, every, act, most

    def run(self) -> None:
        while self.times < self._most and not self._over.wait(self._every):
            self._act(self.times)
            self.times += 1

    def end(self) -> None:
        """Wait until its last act is over, if it has begun."""
        if self.is_alive():
            self.join()


def somebody(number: int) -> str:
    """The name of whoever asks with this request."""
    return f"person-{number // EACH}"


def crowd(requests: int) -> list[str]:
    """Everybody whom so many requests need."""
    return [somebody(number) for number in range(0, requests, EACH)]


def kill(worker: Program) -> None:
    worker.kill()
    worker.start()


def restart(regain: Regain) -> None:
    regain.redis.stop()
    time.sleep(1)
    regain.redis.start()


def ask(regain: Regain, requests: int, seconds: float, meanwhile: tuple[Thread, ...]) -> list[dict[str, Any]]:
    file = regain.folder / "asked.jsonl"
    command = [sys.executable, "-m", "tests.faults.asking", str(requests), str(seconds), str(file)]
    environment = regain.environment | {"DJANGO_SETTINGS_MODULE": "config.settings"}
    with (regain.folder / "asking.log").open("wb") as log:
        asking = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            wait_until(lambda: file.exists() and file.stat().st_size > 0, "the first code", asking, seconds=60)
            for each in meanwhile:
                each.start()
            status = asking.wait(seconds * 4 + 60)
        finally:
            asking.kill()
            asking.wait()
    if status:
        raise RuntimeError(f"asking ended with {status}: {(regain.folder / 'asking.log').read_text()[-2000:]}")
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def settled(regain: Regain) -> bool:
    """Whether everything has ended, in time."""
    try:
        wait_until(lambda: not {"waiting", "sending"} & ends(regain).keys(), "the last code", seconds=PATIENCE)
    except RuntimeError:
        return False
    return True


def ends(regain: Regain) -> dict[str, int]:
    return dict(regain.rows("SELECT state, COUNT(*) FROM idp_message GROUP BY state"))


def judged(
    asked: list[dict[str, Any]], tally: Tally, took: float, kills: int, restarts: int, faults: list[str]
) -> Report:
    first: dict[tuple[str, str], float] = {}
    for address, code, at in tally.came:
        first.setdefault((address, code), at)
    promised = {(each["to"], each["code"]): each["at"] for each in asked}
    waits = sorted(first[key] - at for key, at in promised.items() if key in first)
    missing = len(promised) - len(waits)
    strange = Counter(address for address, code in first if (address, code) not in promised)
    late = sum(wait > LIFE for wait in waits)
    for count, what in (
        (missing, "codes never came"),
        (late, "codes came after their life"),
        (sum(strange.values()), "letters carried a code that no request had"),
        (len(asked) - len(promised), "requests shared a code"),
    ):
        faults += [f"{count} {what}"] if count else []
    return Report(
        asked=len(asked),
        seconds=took,
        letters=len(tally.came),
        kills=kills,
        restarts=restarts,
        half_within=waits[len(waits) // 2] if waits else 0,
        most_within=waits[len(waits) * 99 // 100] if waits else 0,
        longest=waits[-1] if waits else 0,
        faults=tuple(faults),
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="soak", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--requests", type=int, default=20000)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--kill-every", type=float, default=20)
    parser.add_argument("--redis-restarts", type=int, default=2)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="regain-soak-") as folder:
        report = soak(Path(folder), **vars(asked))
    sys.stdout.write(f"{report}\n")
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m bench.delivery`: from asking for a code until the mail server has it, beside the least it can cost.

    python -m bench.delivery [--letters 300] [--per-second 20] [--burst 1000] [--concurrency 2]

The least is a Celery task without a database that speaks to the same mail server, in the same run: what is above it
is ours (the row, the claim, the derived code, the words in two forms). Letters a second and CPU are of one worker
with so many children; memory is its proportional share (PSS), children included.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.load import cpu
from tests.faults.soak import EACH, NO_CAP, Tally, crowd
from tests.processes import ROOT, Program, Regain, import_people, in_folder, provider, running
from tests.servers import postgres_server, wait_until

REPORT = ROOT / "build" / "bench-delivery.json"
PATIENCE = 600


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Of one way to carry letters. Times in milliseconds, memory in megabytes."""

    half_within: float
    most_within: float
    per_second: float
    cpu_each: float
    memory: float


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.delivery", description=__doc__)
    parser.add_argument("--letters", type=int, default=300)
    parser.add_argument("--per-second", type=float, default=20)
    parser.add_argument("--burst", type=int, default=1000)
    parser.add_argument("--concurrency", type=int, default=2)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="regain-bench-") as name, ExitStack() as stack:
        os.environ["REGAIN_TEST_DATABASE_URL"] = stack.enter_context(postgres_server())
        tally = Tally()
        variables = {"WORKER_CONCURRENCY": str(asked.concurrency), "LOG_LEVEL": "WARNING", "EMAIL_HOURLY_CAP": NO_CAP}
        regain = stack.enter_context(running(Path(name), programs=("web", "beat"), mail=tally, **variables))
        import_people(regain, crowd(asked.letters + EACH + asked.burst))
        table = {"least": least(regain, tally, asked), "Regain": ours(regain, tally, asked)}
    print(f"{platform.machine()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}, {platform.python_version()}")
    for name, one in table.items():
        print(
            f"{name:8} p50 {one.half_within:7.1f} ms  p99 {one.most_within:7.1f} ms  burst {one.per_second:6.1f}/s  "
            f"{one.cpu_each:5.2f} ms of CPU each  {one.memory:5.1f} MB",
        )
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps({name: asdict(one) for name, one in table.items()}, indent=1), encoding="utf-8")
    return 0


def least(regain: Regain, tally: Tally, asked: argparse.Namespace) -> Measured:
    os.environ |= {"REDIS_URL": regain.redis.url, "SMTP_PORT": str(tally.port)}
    from bench import raw_worker  # noqa: PLC0415 -- it reads the environment

    environment = regain.environment | {"SMTP_PORT": str(tally.port)}
    quiet = ["--without-gossip", "--without-mingle", "--loglevel", "warning"]
    command = ["celery", "-A", "bench.raw_worker", "worker", "-Q", "raw", "-c", str(asked.concurrency), *quiet]
    worker = Program(command, environment, regain.folder / "raw.log")
    posted: dict[str, float] = {}

    def post(number: int) -> None:
        posted[f"{number:08d}"] = time.time()
        raw_worker.letter.delay(number)

    with at_work(worker):
        raw_worker.letter.delay(0)
        wait_until(lambda: len(tally.came) == 1, "the first letter", seconds=30)
        for number in range(1, asked.letters + 1):
            post(number)
            time.sleep(1 / asked.per_second)
        wait_until(lambda: len(tally.came) > asked.letters, "the last letter", seconds=PATIENCE)
        waits = sorted(at - posted[code] for _to, code, at in tally.came[1:])
        memory = share(worker)
    tally.came.clear()
    for number in range(asked.burst):
        post(10_000 + number)
    return burst(worker, tally, asked.burst, waits, memory)


def ours(regain: Regain, tally: Tally, asked: argparse.Namespace) -> Measured:
    worker = Program(
        in_folder(provider()["worker-otp"], regain.folder), regain.environment, regain.folder / "measured.log"
    )
    tally.came.clear()
    with at_work(worker):
        requests = ask(regain, asked.letters, asked.letters / asked.per_second)
        wait_until(lambda: len(tally.came) == asked.letters, "the last letter", seconds=PATIENCE)
        posted = dict(requests)
        # The first letter of each process pays for what is loaded late.
        waits = sorted(at - posted[code] for _to, code, at in tally.came[10:])
        memory = share(worker)
    tally.came.clear()
    ask(regain, asked.burst, 0, first=asked.letters + EACH)
    return burst(worker, tally, asked.burst, waits, memory)


def burst(worker: Program, tally: Tally, count: int, waits: list[float], memory: float) -> Measured:
    """So many letters wait; the worker begins. From the first to the last, and what it cost."""
    with at_work(worker):
        wait_until(lambda: len(tally.came) >= count // 10, "the first letters", seconds=PATIENCE)
        began, before, used = tally.came[-1][2], len(tally.came), cpu([worker.pid])
        wait_until(lambda: len(tally.came) >= count, "the last letter", seconds=PATIENCE)
        spent = cpu([worker.pid]) - used
    letters = count - before
    return Measured(
        half_within=1000 * waits[len(waits) // 2],
        most_within=1000 * waits[len(waits) * 99 // 100],
        per_second=letters / (tally.came[count - 1][2] - began),
        cpu_each=1000 * spent / letters,
        memory=memory,
    )


def ask(regain: Regain, count: int, seconds: float, *, first: int = 0) -> list[tuple[str, float]]:
    """Ask for codes, from this request on; which, and when the message was about to be written."""
    file = regain.folder / "asked.jsonl"
    command = [sys.executable, "-m", "tests.faults.asking", str(count), str(seconds), str(file), str(first)]
    environment = regain.environment | {"DJANGO_SETTINGS_MODULE": "config.settings"}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, stderr=subprocess.DEVNULL)
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [(row["code"], row["posting_at"]) for row in rows]


@contextmanager
def at_work(worker: Program) -> Iterator[None]:
    worker.start()
    try:
        yield
    finally:
        worker.stop()


def share(worker: Program) -> float:
    """Megabytes of the worker and its children; what they share counts once."""
    children = Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()
    kilobytes = 0
    for pid in (str(worker.pid), *children):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                kilobytes += int(line.split()[1])
    return kilobytes / 1024


if __name__ == "__main__":
    sys.exit(main())

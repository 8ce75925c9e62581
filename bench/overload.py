"""`python -m bench.overload`: ten times the sign-ins that can be hashed, and what applications feel of it.

First the hashing capacity is measured: sign-ins a second when as many people sign in at a time as have a place. Then a
refresh chain and userinfo run, paced, by themselves ("idle"); and the same again while ten times the capacity of
sign-ins arrives, at a fixed rate whatever the answers are ("loaded"). The storm comes from another process of this
machine, so that the latencies are not those of its own threads.

    python -m bench.overload [--seconds 30] [--times 10] [--rounds 3]

The run fails if refresh or userinfo answered anything but what they should. The numbers of several rounds are medians.
"""

import argparse
import json
import multiprocessing
import os
import socket
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path
from threading import Barrier, Event, Thread, Timer
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlencode, urlsplit

from bench.browser import _FIELD, Browser, WrongError
from bench.flows import CALLBACK, Application, Provider, Turn, _request, refresh, userinfo
from bench.providers import people, registered
from tests import processes
from tests.processes import PASSWORD, ROOT
from tests.servers import postgres_server

REPORT = ROOT / "build" / "bench-overload.json"
#: Requests a second of each of the two that are watched.
PACE = 20
#: Connections over which the storm comes.
CONNECTIONS = 48
WARM_UP = 3.0


@dataclass(frozen=True, kw_only=True)
class Latencies:
    """Of one kind of request, in milliseconds."""

    count: int
    p50: float
    p95: float
    p99: float
    errors: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Storm:
    """Sign-ins that were sent, and how they were answered."""

    seconds: float
    wanted_per_second: float
    sent_per_second: float
    answers: dict[int, int]
    #: Milliseconds until somebody was let in, and until somebody was refused.
    let_in_p95: float
    refused_p95: float


@dataclass(frozen=True, kw_only=True)
class Round:
    capacity: float
    idle: dict[str, Latencies]
    loaded: dict[str, Latencies]
    storm: Storm

    def ratio(self, name: str) -> float:
        return self.loaded[name].p95 / self.idle[name].p95


def main() -> int:
    asked = arguments()
    with (
        tempfile.TemporaryDirectory(prefix="regain-bench-") as name,
        postgres_server() as postgres,
    ):
        os.environ["REGAIN_TEST_DATABASE_URL"] = postgres
        variables = {"WEB_CONCURRENCY": str(asked.processes), "LOG_LEVEL": "WARNING"}
        with processes.running(Path(name), **variables) as one:
            provider = provider_of(one)
            rounds = [measured(provider, asked) for _round in range(asked.rounds)]
    say(rounds, asked)
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps([asdict(each) for each in rounds], indent=1), encoding="utf-8")
    wrong = [each for one in rounds for part in (one.idle, one.loaded) for each in part.values() if each.errors]
    for each in wrong:
        print(each.errors[:3], file=sys.stderr)
    return 1 if wrong else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.overload", description=__doc__)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--times", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--processes", type=int, default=2, help="WEB_CONCURRENCY, 2 as in the Procfile")
    return parser.parse_args()


def provider_of(one: processes.Regain) -> Provider:
    scope = "openid profile offline_access"
    web = registered(one, grant_types=["authorization_code", "refresh_token"], scope=scope)
    return Provider(
        name="Regain",
        base=one.issuer,
        web=web,
        offline=web,
        machine=Application(client_id="", client_secret=""),
        discovery="/.well-known/openid-configuration",
        authorize="/authorize",
        token="/token",
        userinfo="/userinfo",
        introspect="/introspect",
        offline_scope=scope,
        people=tuple((name, PASSWORD) for name in people()),
    )


def measured(provider: Provider, asked: argparse.Namespace) -> Round:
    capacity = hashing_capacity(provider)
    print(f"hashing capacity: {capacity:.1f} sign-ins a second", flush=True)
    watching: dict[str, Turn] = {"refresh": refresh(provider, 0), "userinfo": userinfo(provider, 1)}
    idle = watched(watching, asked.seconds)
    with storm(provider, asked.times * capacity) as blown:
        loaded = watched(watching, asked.seconds)
    one = Round(capacity=capacity, idle=idle, loaded=loaded, storm=blown[0])
    for name in idle:
        print(
            f"{name}: idle p50 {idle[name].p50:.1f} p95 {idle[name].p95:.1f} ms, loaded p50 {loaded[name].p50:.1f} "
            f"p95 {loaded[name].p95:.1f} ms, {one.ratio(name):.2f} times, {len(loaded[name].errors)} errors",
            flush=True,
        )
    print(one.storm, flush=True)
    return one


# --- What applications feel -------------------------------------------------------------------------------


def watched(turns: dict[str, Turn], seconds: float) -> dict[str, Latencies]:
    """All of them at the same time, each at its pace."""
    found: dict[str, Latencies] = {}

    def watch(name: str) -> None:
        found[name] = paced(turns[name], seconds)

    threads = [Thread(target=watch, args=(name,)) for name in turns]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def paced(turn: Turn, seconds: float) -> Latencies:
    took: list[float] = []
    errors: list[str] = []
    for _warm in range(3):
        turn()
    began = monotonic()
    for number in range(int(seconds * PACE)):
        sleep(max(0.0, began + number / PACE - monotonic()))
        if monotonic() > began + seconds:
            break  # they take longer than their pace
        start = monotonic()
        try:
            turn()
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is what is looked for
            errors.append(f"{type(error).__name__}: {error}"[:300])
            break
        took.append(1000 * (monotonic() - start))
    return Latencies(
        count=len(took),
        p50=percentile(took, 50),
        p95=percentile(took, 95),
        p99=percentile(took, 99),
        errors=tuple(errors),
    )


def percentile(values: list[float], share: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[share - 1] if len(values) > 1 else 0.0


# --- The storm --------------------------------------------------------------------------------------------


def hashing_capacity(provider: Provider, seconds: float = 8) -> float:
    """Sign-ins a second, from as many people at a time as have a place or can wait for one."""
    stop = Event()
    timer = Timer(seconds, stop.set)
    timer.start()
    blown = blow(provider, float("inf"), stop=stop, began=Event(), connections=4)
    return blown.answers.get(HTTPStatus.SEE_OTHER, 0) / blown.seconds


@contextmanager
def storm(provider: Provider, per_second: float) -> Iterator[list[Storm]]:
    """It blows for all of the block; what it was stands in the list afterwards."""
    context = multiprocessing.get_context("spawn")
    stop, began, said = context.Event(), context.Event(), context.Queue()
    other = context.Process(target=blow_and_tell, args=(provider, per_second, stop, began, said))
    other.start()
    blown: list[Storm] = []
    try:
        if not began.wait(120):
            raise WrongError("the storm did not begin")
        sleep(WARM_UP)
        yield blown
        if not other.is_alive():
            raise WrongError("the storm was over too early")
    finally:
        stop.set()
        blown.append(said.get(timeout=120))
        other.join(60)


def blow_and_tell(provider: Provider, per_second: float, stop: Any, began: Any, said: Any) -> None:
    said.put(blow(provider, per_second, stop=stop, began=began))


def blow(provider: Provider, per_second: float, *, stop: Any, began: Any, connections: int = CONNECTIONS) -> Storm:
    """Post passwords at this rate until told to stop, and read nothing of the answers but their status."""
    interval = connections / per_second
    answers: Counter[int] = Counter()
    took: dict[int, list[float]] = {}
    senders = [Sender(provider, number) for number in range(connections)]
    ready = Barrier(connections + 1)

    def send(number: int) -> None:
        ready.wait()
        due = monotonic() + interval * number / connections
        while not stop.is_set():
            sleep(max(0.0, due - monotonic()))
            start = monotonic()
            status = senders[number].post()
            took.setdefault(status, []).append(1000 * (monotonic() - start))
            answers[status] += 1
            if status == HTTPStatus.SERVICE_UNAVAILABLE and not interval:
                sleep(0.02)  # the line is full: whoever hashes is not to be kept from it by asking
            # What could not be sent in time is sent late, but no more than a second late: a crowd does not pile up.
            due = max(due + interval, monotonic() - 1)

    threads = [Thread(target=send, args=(number,), daemon=True) for number in range(connections)]
    for thread in threads:
        thread.start()
    ready.wait()
    start = monotonic()
    began.set()
    for thread in threads:
        thread.join()
    lasted = monotonic() - start
    return Storm(
        seconds=lasted,
        wanted_per_second=per_second,
        sent_per_second=sum(answers.values()) / lasted,
        answers=dict(answers),
        let_in_p95=percentile(took.get(HTTPStatus.SEE_OTHER, []), 95),
        refused_p95=percentile(took.get(HTTPStatus.SERVICE_UNAVAILABLE, []), 95),
    )


class Sender:
    """Somebody who has the sign-in page of an application open, and sends it again and again."""

    def __init__(self, provider: Provider, number: int) -> None:
        username, password = provider.people[number % len(provider.people)]
        browser = Browser(provider.base)
        page = browser.follow(browser.get(_request(provider, provider.web, "openid")), until=CALLBACK)
        hidden = next(field for field in _FIELD.findall(page.text) if "csrfmiddlewaretoken" in field)
        token = hidden.partition('value="')[2].partition('"')[0]
        fields = {"csrfmiddlewaretoken": token, "username": username, "password": password}
        place = urlsplit(page.url)
        body = urlencode(fields).encode()
        cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        self._place = (place.hostname, place.port)
        self._request = (
            f"POST {place.path}?{place.query} HTTP/1.1\r\nHost: {place.netloc}\r\nCookie: {cookies}\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body
        self._socket: Any = None

    def post(self) -> int:
        if self._socket is None:
            self._socket = socket.create_connection(self._place, 60)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(self._request)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self._received()
        head, _blank, body = answer.lower().partition(b"\r\n\r\n")
        _before, _name, length = head.partition(b"content-length:")
        if length:
            while len(body) < int(length.partition(b"\r\n")[0]):
                body += self._received()
        else:  # in chunks, of which the last is empty
            while not body.endswith(b"0\r\n\r\n"):
                body += self._received()
        return int(head.split(b" ", 2)[1])

    def _received(self) -> bytes:
        some: bytes = self._socket.recv(65536)
        if not some:
            raise WrongError("the connection was closed")
        return some


# --- What came of it --------------------------------------------------------------------------------------


def say(rounds: list[Round], asked: argparse.Namespace) -> None:
    print(f"\nmedians of {len(rounds)} rounds of {asked.seconds:.0f} s; {os.cpu_count()} CPUs")
    for name in rounds[0].idle:
        figures = [
            (one.idle[name].p50, one.idle[name].p95, one.loaded[name].p50, one.loaded[name].p95, one.ratio(name))
            for one in rounds
        ]
        idle50, idle95, loaded50, loaded95, ratio = (statistics.median(column) for column in zip(*figures, strict=True))
        print(
            f"{name}: idle p50 {idle50:.1f} p95 {idle95:.1f} ms; loaded p50 {loaded50:.1f} p95 {loaded95:.1f} ms; "
            f"ratio of p95 {ratio:.2f}; errors {sum(len(one.loaded[name].errors) for one in rounds)}"
        )
    print(f"capacity {statistics.median(one.capacity for one in rounds):.1f}/s")
    print(f"sent {statistics.median(one.storm.sent_per_second for one in rounds):.0f}/s")


if __name__ == "__main__":
    sys.exit(main())

"""What is counted and timed, for Prometheus. Numbers only: no account, address or message is in a label.

Processes of one machine (web, workers and their children) each write their own files into one directory, and
whoever is asked adds them up. What a process counted outlives it; that it has a fuse out does not.
"""

# ruff: noqa: E402 -- prometheus-client decides when it is imported whether it counts for one process or for many

import fcntl
import hmac
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from django.conf import settings

os.environ["PROMETHEUS_MULTIPROC_DIR"] = settings.METRICS_DIR
_DIRECTORY = Path(settings.METRICS_DIR)
_DIRECTORY.mkdir(parents=True, exist_ok=True)

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BEARER = "Bearer "
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)

#: heard: a worker will come; unheard: Redis did not answer; saved: it was not asked, having just not answered.
BELLS = Counter("regain_bells", "Messages a worker was rung for.", ["queue", "outcome"])
ATTEMPTS = Counter(
    "regain_deliveries", "Attempts to hand a message over, by what came of it.", ["queue", "provider", "outcome"]
)
ATTEMPT_SECONDS = Histogram(
    "regain_delivery_attempt_seconds",
    "How long the provider took for one attempt.",
    ["queue", "provider"],
    buckets=_SECONDS,
)
WAIT_SECONDS = Histogram(
    "regain_delivery_wait_seconds", "From the promise of a message until a worker took it.", ["queue"], buckets=_SECONDS
)
LATENCY_SECONDS = Histogram(
    "regain_delivery_latency_seconds",
    "From the promise of a message until its provider had it.",
    ["queue"],
    buckets=_SECONDS,
)
FUSES = Gauge(
    "regain_breaker_open",
    "1 if some process does not ask it any more for a while.",
    ["asked"],
    multiprocess_mode="livemax",
)

#: What is known to the moment and asked for only when somebody reads: added by those who know.
Source = Callable[[], Iterable[Metric]]
sources: list[Source] = []

_asked: ContextVar[str] = ContextVar("asked", default="")


def asked(provider: str) -> None:
    """Note which provider an attempt asks. A channel with several says so before each; the last one counts."""
    _asked.set(provider)


def provider(otherwise: str) -> str:
    """The provider that was asked in this attempt, and forget it."""
    name = _asked.get() or otherwise
    _asked.set("")
    return name


def may_read(authorization: str) -> bool:
    """Whether a header `Authorization` carries the operator's token. Never without one: numbers tell of people."""
    token = authorization.removeprefix(_BEARER)
    return (
        bool(settings.METRICS_TOKEN)
        and authorization != token
        and hmac.compare_digest(token.encode(), settings.METRICS_TOKEN.encode())
    )


def gauge(name: str, what: str, labels: tuple[str, ...], rows: Iterable[tuple[tuple[str, ...], float]]) -> Metric:
    """Numbers of one kind, as a source gives them."""
    family = GaugeMetricFamily(name, what, labels=labels)
    for values, number in rows:
        family.add_metric(values, number)
    return family


def exposition(*, with_sources: bool) -> bytes:
    """Everything that the processes of this machine have counted; and what the sources say at this moment."""
    registry = CollectorRegistry()
    with _alone():
        _fold()
        MultiProcessCollector(registry)
        counted = generate_latest(registry)
    now = CollectorRegistry()
    for source in sources if with_sources else ():
        now.register(_Now(source))
    return counted + generate_latest(now)


class _Now(Collector):
    """Numbers that are asked for when somebody reads them."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def collect(self) -> Iterable[Metric]:
        return self._source()


def _fold() -> None:
    """Add what dead processes counted to one file, so that restarts neither lose it nor pile up files."""
    for file in _DIRECTORY.glob("*_*.db"):
        kind, _underscore, pid = file.stem.rpartition("_")
        if not pid.isdecimal() or _is_alive(int(pid)):
            continue
        if not kind.startswith("gauge"):
            folded = MmapedDict(str(_DIRECTORY / f"{kind}_folded.db"))
            for key, value, _timestamp, _position in MmapedDict.read_all_values_from_file(str(file)):
                folded.write_value(key, folded.read_value(key)[0] + value, 0)
            folded.close()
        file.unlink()


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def _alone() -> Iterator[None]:
    with (_DIRECTORY / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

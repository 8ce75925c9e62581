"""How delivery is doing, in numbers: for the probe, for metrics, for those who look after it. It changes nothing."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Count, Min, Q
from django.db.models.functions import TruncHour
from django.db.models.sql.compiler import SQLCompiler
from django.utils import timezone

from idp import metrics
from idp.metrics import Metric
from idp.models import Handover, Message
from idp.outbox import QUEUES

State = Message.State

#: A message that nobody has taken for so long is late (FT-23), and so is what delivers it.
LATE = timedelta(minutes=1)
#: People wait for these before a page; that one provider refuses one of them must not pass for an outage.
_AWAITED = "otp"
_UNSENT = Q(state__in=[State.WAITING, State.SENDING])
#: How many of the last messages a typical time is taken from.
_SAMPLE = 1000
_HOUR, _DAY = timedelta(hours=1), timedelta(hours=24)


@dataclass(frozen=True, kw_only=True)
class Queue:
    """The messages of one queue that have not ended, and how quickly the last ones did."""

    name: str
    waiting: int = 0
    sending: int = 0
    #: How long ago the oldest of them was promised, and for how long one has been due without anybody taking it.
    oldest: timedelta = timedelta(0)
    overdue: timedelta = timedelta(0)
    #: From promise to provider, of the last hour's: so many, half of them within, nineteen of twenty within.
    sent: int = 0
    half_within: timedelta | None = None
    most_within: timedelta | None = None


@dataclass(frozen=True, kw_only=True)
class Fates:
    """So many messages, by what has become of them. What nobody was to get counts like the rest."""

    sent: int
    refused: int
    expired: int
    unsent: int

    @property
    def lost(self) -> int:
        """How many ended without reaching a provider."""
        return self.refused + self.expired

    @property
    def total(self) -> int:
        return self.sent + self.lost + self.unsent


@dataclass(frozen=True, kw_only=True)
class Hour(Fates):
    """What was promised in one hour on one queue."""

    begins: datetime
    queue: str


@dataclass(frozen=True, kw_only=True)
class Kind(Fates):
    """What was promised of one kind, by one channel."""

    name: str
    queue: str
    channel: str


@dataclass(frozen=True, kw_only=True)
class Provider:
    """What a provider took of which it told a name, and what its receipts said of it so far."""

    name: str
    took: int
    delivered: int
    bounced: int
    failed: int
    complained: int


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Why messages of a queue are late; as a string, in words for an operator."""

    queue: str
    #: For how long one has been due that no worker took. None: workers take them, and no provider does.
    overdue: timedelta | None

    def __str__(self) -> str:
        if self.overdue is None:
            return f"no provider has taken a message of the queue {self.queue} for a minute, and some wait"
        return f"nobody takes messages of the queue {self.queue}: one has been due for {_seconds(self.overdue)} s"


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """All of it, as it is at `at`; hours, kinds and providers of the 24 hours before."""

    at: datetime
    queues: tuple[Queue, ...]
    hours: tuple[Hour, ...]
    kinds: tuple[Kind, ...]
    providers: tuple[Provider, ...]
    #: Empty is good.
    faults: tuple[Fault, ...]


def traffic(now: datetime) -> Traffic:
    """Everything that a page about delivery shows. Nine queries or fewer, over the messages of a day."""
    stands = standing(now)
    times = _times(now)
    counts = _counts(now)
    return Traffic(
        at=now,
        queues=tuple(Queue(**(vars(queue) | times.get(queue.name, {}))) for queue in stands),
        hours=tuple(_hours(counts)),
        kinds=tuple(_kinds(counts)),
        providers=tuple(_providers(now)),
        faults=tuple(_faults({queue.name: queue.overdue for queue in stands}, now)),
    )


def standing(now: datetime) -> list[Queue]:
    """What has not ended, queue by queue. One query."""
    rows = (
        Message.objects.filter(_UNSENT)
        .values("queue")
        .annotate(
            waiting=Count("pk", filter=Q(state=State.WAITING)),
            sending=Count("pk", filter=Q(state=State.SENDING)),
            oldest=Min("created_at"),
            due=Min("due_at"),
        )
    )
    found = {
        row["queue"]: Queue(
            name=row["queue"],
            waiting=row["waiting"],
            sending=row["sending"],
            oldest=_positive(now - row["oldest"]),
            overdue=_positive(now - row["due"]),
        )
        for row in rows
    }
    return [found.get(name, Queue(name=name)) for name in QUEUES]


def faults(now: datetime) -> list[Fault]:
    """Why messages are late; empty is good. Quick, however many there are."""
    overdue = {}
    for queue in QUEUES:
        # State by state: each is the first entry of an index, be it one of a hundred thousand.
        waiting = Message.objects.filter(queue=queue)
        dues = [
            waiting.filter(state=state).order_by("due_at").values_list("due_at", flat=True).first()
            for state in (State.WAITING, State.SENDING)
        ]
        overdue[queue] = now - min((due for due in dues if due), default=now)
    return _faults(overdue, now)


def _faults(overdue: Mapping[str, timedelta], now: datetime) -> list[Fault]:
    found = [Fault(queue=queue, overdue=age) for queue, age in overdue.items() if age > LATE]
    awaited = Message.objects.filter(queue=_AWAITED)
    late = awaited.filter(_UNSENT, created_at__lt=now - LATE).exists()
    # A message keeps the end of its lease, which is after the moment it was sent.
    if late and not found and not awaited.filter(state=State.SENT, due_at__gt=now, sent_at__gt=now - LATE).exists():
        found.append(Fault(queue=_AWAITED, overdue=None))
    return found


def _outbox() -> Iterable[Metric]:
    """For whoever reads metrics."""
    queues = standing(timezone.now())
    unsent = [((queue.name, "waiting"), queue.waiting) for queue in queues]
    unsent += [((queue.name, "sending"), queue.sending) for queue in queues]
    yield metrics.gauge("regain_outbox_messages", "Messages that have not ended.", ("queue", "state"), unsent)
    for name, what, age in (
        ("regain_outbox_oldest_seconds", "Age of the oldest message that has not ended.", "oldest"),
        ("regain_outbox_overdue_seconds", "For how long a message has been due that nobody took.", "overdue"),
    ):
        yield metrics.gauge(name, what, ("queue",), [((q.name,), getattr(q, age).total_seconds()) for q in queues])


metrics.sources.append(_outbox)


def _times(now: datetime) -> dict[str, dict[str, Any]]:
    """How quickly the messages of the last hour went out, for each queue that sent any."""
    # As in `_faults`: the index knows when they were due.
    lately = Message.objects.filter(state=State.SENT, due_at__gt=now - _HOUR, sent_at__gt=now - _HOUR)
    counted = lately.filter(queue__in=QUEUES).values_list("queue").annotate(count=Count("pk"))
    found = {}
    for queue, sent in counted:
        last = lately.filter(queue=queue).order_by("-due_at").values_list("created_at", "sent_at")[:_SAMPLE]
        took = sorted(sent_at - created_at for created_at, sent_at in last if sent_at)
        if took:  # they may go with their account between the two questions
            half, most = took[len(took) // 2], took[len(took) * 19 // 20]
            found[queue] = {"sent": sent, "half_within": half, "most_within": most}
    return found


class _Hour(TruncHour):
    """The hour, in UTC. SQLite keeps times as text and would call Python for each row: of a million, for seconds."""

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_context: Any) -> tuple[str, Any]:
        del connection
        text, values = compiler.compile(self.lhs)
        return f"substr({text}, 1, 13) || ':00:00'", values


#: Hour, queue, channel, kind, state.
_Counts = Counter[tuple[datetime, str, str, str, str]]


def _counts(now: datetime) -> _Counts:
    """The messages of the last 24 hours, in one query over a range of the index by queue.

    A message is due when it is promised, or later, so those are among what was due since.
    """
    since = now - _DAY
    rows = (
        Message.objects.filter(state__in=list(State), queue__in=QUEUES, due_at__gt=since, created_at__gt=since)
        .annotate(hour=_Hour("created_at", tzinfo=UTC))
        .values_list("hour", "queue", "channel", "kind", "state")
        .annotate(count=Count("pk"))
    )
    return Counter({(hour, queue, channel, kind, state): count for hour, queue, channel, kind, state, count in rows})


def _hours(counts: _Counts) -> Iterable[Hour]:
    """Oldest first; hours in which nothing was promised are left out."""
    found: dict[tuple[datetime, str], Counter[str]] = {}
    for (hour, queue, _channel, _kind, state), count in counts.items():
        found.setdefault((hour, queue), Counter())[state] += count
    for (hour, queue), states in sorted(found.items()):
        yield Hour(begins=hour, queue=queue, **_fates(states))


def _kinds(counts: _Counts) -> Iterable[Kind]:
    """Queue by queue, in each the most frequent first."""
    found: dict[tuple[str, str, str], Counter[str]] = {}
    for (_hour, queue, channel, kind, state), count in counts.items():
        found.setdefault((queue, channel, kind), Counter())[state] += count
    order = sorted(found.items(), key=lambda each: (QUEUES.index(each[0][0]), -each[1].total(), each[0]))
    for (queue, channel, kind), states in order:
        yield Kind(name=kind, queue=queue, channel=channel, **_fates(states))


def _fates(states: Counter[str]) -> dict[str, int]:
    return {
        "sent": states[State.SENT],
        "refused": states[State.FAILED],
        "expired": states[State.EXPIRED],
        "unsent": states[State.WAITING] + states[State.SENDING],
    }


def _providers(now: datetime) -> Iterable[Provider]:
    """By name; of what was handed over in the last 24 hours."""
    found: dict[str, Counter[str]] = {}
    rows = Handover.objects.filter(handed_at__gt=now - _DAY).values_list("provider", "outcome")
    for provider, outcome, count in rows.annotate(count=Count("pk")):
        found.setdefault(provider, Counter())[outcome] += count
    for provider, outcomes in sorted(found.items()):
        told = {outcome.value: outcomes[outcome] for outcome in Handover.Outcome}
        yield Provider(name=provider, took=outcomes.total(), **told)


def _positive(age: timedelta) -> timedelta:
    return max(age, timedelta(0))


def _seconds(age: timedelta) -> int:
    return int(age.total_seconds())

"""How delivery is doing, in numbers: for the probe, for metrics, for those who look after it. It changes nothing."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Count, Min, Q
from django.db.models.functions import TruncHour
from django.utils import timezone

from idp import metrics
from idp.metrics import Metric
from idp.models import Message
from idp.outbox import QUEUES

State = Message.State

#: A message that nobody has taken for so long is late (FT-23), and so is what delivers it.
LATE = timedelta(minutes=1)
#: People wait for these before a page; that one provider refuses one of them must not pass for an outage.
_AWAITED = "otp"
_UNSENT = Q(state__in=[State.WAITING, State.SENDING])
#: How many of the last messages a typical time is taken from.
_SAMPLE = 1000


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
class Hour:
    """What was promised in one hour on one queue, by what has become of it."""

    begins: datetime
    queue: str
    sent: int
    refused: int
    expired: int
    unsent: int


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """All of it, as it is at `at`."""

    at: datetime
    queues: tuple[Queue, ...]
    hours: tuple[Hour, ...]
    #: In words; empty is good.
    faults: tuple[str, ...]


def traffic(now: datetime) -> Traffic:
    """Everything that a page about delivery shows. A handful of queries, over the messages of a day."""
    queues = tuple(_with_times(queue, now) for queue in standing(now))
    return Traffic(at=now, queues=queues, hours=tuple(_hours(now)), faults=tuple(faults(now)))


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


def faults(now: datetime) -> list[str]:
    """Why messages are late, in words for an operator; empty is good. Quick, however many there are."""
    found = []
    for queue in QUEUES:
        # State by state: each is the first entry of an index, be it one of a hundred thousand.
        waiting = Message.objects.filter(queue=queue)
        dues = [
            waiting.filter(state=state).order_by("due_at").values_list("due_at", flat=True).first()
            for state in (State.WAITING, State.SENDING)
        ]
        overdue = now - min((due for due in dues if due), default=now)
        if overdue > LATE:
            found.append(f"nobody takes messages of the queue {queue}: one has been due for {_seconds(overdue)} s")
    awaited = Message.objects.filter(queue=_AWAITED)
    late = awaited.filter(_UNSENT, created_at__lt=now - LATE).exists()
    # A message keeps the end of its lease, which is after the moment it was sent.
    if late and not found and not awaited.filter(state=State.SENT, due_at__gt=now, sent_at__gt=now - LATE).exists():
        found.append(f"no provider has taken a message of the queue {_AWAITED} for a minute, and some wait")
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


def _with_times(queue: Queue, now: datetime) -> Queue:
    times = Message.objects.filter(state=State.SENT, queue=queue.name, sent_at__gt=now - timedelta(hours=1))
    last = times.order_by("-due_at").values_list("created_at", "sent_at")[:_SAMPLE]
    took = sorted(sent - posted for posted, sent in last)
    if not took:
        return queue
    values = {"sent": times.count(), "half_within": took[len(took) // 2], "most_within": took[len(took) * 19 // 20]}
    return Queue(**{**vars(queue), **values})


def _hours(now: datetime) -> Iterable[Hour]:
    """The last 24 hours, oldest first; hours in which nothing was promised are left out."""
    counts: dict[tuple[datetime, str], Counter[str]] = {}
    rows = (
        Message.objects.filter(created_at__gt=now - timedelta(hours=24))
        .annotate(hour=TruncHour("created_at", tzinfo=UTC))
        .values_list("hour", "queue", "state")
        .annotate(count=Count("pk"))
    )
    for hour, queue, state, count in rows:
        counts.setdefault((hour, queue), Counter())[state] += count
    for (hour, queue), states in sorted(counts.items()):
        yield Hour(
            begins=hour,
            queue=queue,
            sent=states[State.SENT],
            refused=states[State.FAILED],
            expired=states[State.EXPIRED],
            unsent=states[State.WAITING] + states[State.SENDING],
        )


def _positive(age: timedelta) -> timedelta:
    return max(age, timedelta(0))


def _seconds(age: timedelta) -> int:
    return int(age.total_seconds())

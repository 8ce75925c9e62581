"""A message to send is a row first; the bell rings after commit; a sweeper finds the forgotten.

The row is written in the transaction of what caused it, so nothing is promised that could be lost, and nothing
is sent for what was rolled back. Redis only carries the row's id. A worker claims a row by one UPDATE and holds
it for a lease: if it dies, the row is claimed again, and because codes are derived, says the same thing again.

Clocks of machines differ. So nothing that is promised hangs on two of them agreeing: a new message may be claimed
whatever the time, and what two clocks are compared for (a lease, a pause) is at worst too long or too short.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.dispatch import Signal
from django.utils import timezone

from idp import metrics
from idp.models import Message

log = structlog.get_logger(__name__)

State = Message.State
#: Sent after commit with `message_id` and `queue`. Somebody who can ring a worker listens (idp.tasks), and answers
#: whether it was heard.
posted = Signal()

#: Codes, sign-outs for applications, notices: the order in which people miss them.
QUEUES = ("otp", "logout", "notice")
#: How many bells may lie in a queue before the sweeper adds none: they would be for what is already on its way.
ENOUGH_BELLS = 500
#: How long one attempt may take before somebody else tries; longer than the task's time limit.
LEASE = timedelta(seconds=30)
#: How often the same bell may claim a message at once: what ends its worker each time must not do so in a circle.
_SAME_BELL = 3
_FIRST_RETRY = timedelta(seconds=2)
LONGEST_RETRY = timedelta(seconds=60)
_MOST_DOUBLINGS = 16


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What a message is about. `user` and `address` are None for a decoy, which is handed to nobody."""

    kind: str
    queue: str
    #: By what it goes; nobody's too.
    channel: str = "email"
    user: UUID | None
    address: UUID | None
    reference: UUID
    number: int = 1
    facts: dict[str, Any]
    #: A message older than this is of no use and is dropped.
    not_after: datetime

    def __post_init__(self) -> None:
        if self.queue not in QUEUES:
            raise ValueError(f"Nobody serves the queue {self.queue!r}.")


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """How far a message has come, for the page that waits for it."""

    number: int
    state: str
    posted_at: datetime
    sent_at: datetime | None


def post(*drafts: Draft, now: datetime) -> None:
    """Write messages down, in the caller's transaction, and ring once it has committed."""
    messages = Message.objects.bulk_create(
        Message(
            kind=draft.kind,
            queue=draft.queue,
            channel=draft.channel,
            user_id=draft.user,
            address_id=draft.address,
            reference=draft.reference,
            number=draft.number,
            facts=draft.facts,
            created_at=now,
            due_at=now,
            not_after=draft.not_after,
        )
        for draft in drafts
    )
    for message in messages:
        transaction.on_commit(partial(_announce, message), robust=True)


def deliveries(reference: UUID) -> list[Delivery]:
    """The messages about `reference`, oldest first; one query."""
    rows = Message.objects.filter(reference=reference).order_by("number")
    return [
        Delivery(number=number, state=state, posted_at=created_at, sent_at=sent_at)
        for number, state, created_at, sent_at in rows.values_list("number", "state", "created_at", "sent_at")
    ]


def claim(message_id: UUID, *, now: datetime, bell: UUID | None = None) -> Message | None:
    """Take a message for one attempt. None if it is sent, dropped, or in somebody else's hands.

    `bell` is what brought the worker. A bell that is heard a second time was given back for a dead worker, so what
    it had claimed is free: its lease need not be waited for.
    """
    known = Message.objects.filter(_unsent(), pk=message_id).values_list("not_after", flat=True).first()
    if known is None:
        return None  # most often: sent already, and its bell rang once more. Nothing is locked for that
    if known <= now:
        _drop(now, pk=message_id)
        return None
    free = _claimable(now) | Q(state=State.WAITING, attempts=0)
    if bell:
        free |= Q(state=State.SENDING, bell=bell, attempts__lt=_SAME_BELL)
    claimed = Message.objects.filter(free, pk=message_id).update(
        state=State.SENDING, attempts=F("attempts") + 1, due_at=now + LEASE, bell=bell
    )
    if not claimed:
        return None
    return Message.objects.select_related("user", "address__user").get(pk=message_id)


def reached(message: Message) -> bool:
    """A provider is there for it: as far as everybody's message goes, so pages may tell. A code's life starts here.

    True for the first time. Taken from the clock now, not when the attempt began.
    """
    now = _answered(message)
    first = Message.objects.filter(pk=message.pk, state=State.SENDING, sent_at=None).update(sent_at=now)
    message.sent_at = message.sent_at or now
    return bool(first)


def mark_sent(message: Message) -> None:
    """The provider has it."""
    Message.objects.filter(pk=message.pk, state=State.SENDING).update(state=State.SENT, sent_at=_since_reached(message))


def give_up(message: Message, state: str) -> None:
    """No further attempt: nobody would read it (EXPIRED) or nobody takes it (FAILED).

    A refusal has its time as an acceptance has: pages say the same of both, or they would tell whose address it is.
    """
    changes = {"sent_at": _since_reached(message)} if state == State.FAILED else {}
    _held(message).update(state=state, **changes)


def put_back(message: Message, *, now: datetime, longest: timedelta = LONGEST_RETRY) -> None:
    """The other side is away: try again after a pause that doubles up to `longest`, until the message's own end.

    Each pause is a little longer or shorter than that, so that a provider who comes back is not met by everybody.
    """
    pause = min(_FIRST_RETRY * 2 ** min(message.attempts - 1, _MOST_DOUBLINGS), longest)
    _held(message).update(
        state=State.WAITING,
        due_at=now + pause * random.uniform(0.75, 1.25),  # noqa: S311 -- nobody gains by guessing it
    )


def ring_forgotten(*, now: datetime, bells: Callable[[str], int] | None = None) -> int:
    """Drop what is of no more use, and ring again for what nobody took. Returns how often it was heard.

    `bells` tells how many lie in a queue. Each queue is filled up on its own account, so that ten thousand notices
    do not stand before one code, and only to `ENOUGH_BELLS`, so that a long queue does not grow from waiting.
    """
    _drop(now)
    rung = 0
    for queue in QUEUES:
        room = ENOUGH_BELLS - (bells(queue) if bells else 0)
        if room <= 0:
            continue
        due = Message.objects.filter(_claimable(now), queue=queue).order_by("due_at").values_list("pk", flat=True)
        for message_id in due[:room]:
            if not _ring(message_id, queue):
                return rung
            rung += 1
    return rung


def sweep(*, before: datetime) -> int:
    """Remove messages that ended before `before`. Returns how many."""
    return Message.objects.exclude(_unsent()).filter(created_at__lt=before).delete()[0]


def _drop(now: datetime, **which: UUID) -> None:
    """A message that reached nobody in time ends, and the log tells which. Not one that is just being sent."""
    overdue = Message.objects.filter(Q(state=State.WAITING) | _claimable(now), not_after__lte=now, **which)
    for message_id, kind, queue in overdue.values_list("pk", "kind", "queue"):
        if Message.objects.filter(_unsent(), pk=message_id).update(state=State.EXPIRED):
            metrics.ATTEMPTS.labels(queue, "", "expired").inc()
            log.warning("delivery ran out of time", message=str(message_id), kind=kind, queue=queue)


def _held(message: Message) -> QuerySet[Message]:
    """The row, if it is still ours: whoever lost it to another attempt has no say in what comes of that one."""
    return Message.objects.filter(pk=message.pk, state=State.SENDING, attempts=message.attempts)


def _answered(message: Message) -> datetime:
    """Now, but not before it was asked for, which a clock that is behind might say."""
    return max(timezone.now(), message.created_at)


def _since_reached(message: Message) -> Coalesce:
    """The time at which a provider was found; now, where none had to be."""
    return Coalesce("sent_at", Value(_answered(message)))


def _unsent() -> Q:
    return Q(state__in=[State.WAITING, State.SENDING])


def _claimable(now: datetime) -> Q:
    """Waiting and due, or held by a worker whose lease ran out."""
    return _unsent() & Q(due_at__lte=now)


def _announce(message: Message) -> None:
    log.info("message posted", message=str(message.pk), kind=message.kind, queue=message.queue)
    _ring(message.pk, message.queue)


def _ring(message_id: UUID, queue: str) -> bool:
    """Ring, and say whether it was heard. With nobody to listen there is nothing to say, so that counts as heard."""
    answers = posted.send(sender=Message, message_id=message_id, queue=queue)
    return all(heard for _who, heard in answers)

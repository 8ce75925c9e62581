"""A message to send is a row first; the bell rings after commit; a sweeper finds the forgotten.

The row is written in the transaction of what caused it, so nothing is promised that could be lost, and nothing
is sent for what was rolled back. Redis only carries the row's id. A worker claims a row by one UPDATE and holds
it for a lease: if it dies, the row is claimed again, and because codes are derived, says the same thing again.
"""

from collections.abc import Iterable
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

from idp.models import Message

log = structlog.get_logger(__name__)

State = Message.State
#: Sent after commit with `message_id` and `queue`. Somebody who can ring a worker listens (idp.tasks).
posted = Signal()

#: How long one attempt may take before somebody else tries; longer than the task's time limit.
LEASE = timedelta(seconds=30)
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
        transaction.on_commit(partial(_ring, message.id, message.queue), robust=True)


def deliveries(reference: UUID) -> list[Delivery]:
    """The messages about `reference`, oldest first; one query."""
    rows = Message.objects.filter(reference=reference).order_by("number")
    return [
        Delivery(number=number, state=state, posted_at=created_at, sent_at=sent_at)
        for number, state, created_at, sent_at in rows.values_list("number", "state", "created_at", "sent_at")
    ]


def claim(message_id: UUID, *, now: datetime) -> Message | None:
    """Take a message for one attempt. None if it is sent, dropped, or in somebody else's hands."""
    claimed = Message.objects.filter(_claimable(now), pk=message_id, not_after__gt=now).update(
        state=State.SENDING, attempts=F("attempts") + 1, due_at=now + LEASE
    )
    if not claimed:
        _drop(Message.objects.filter(_claimable(now), pk=message_id))
        return None
    return Message.objects.select_related("user", "address__user").get(pk=message_id)


def reached(message: Message) -> bool:
    """A provider is there for it: as far as everybody's message goes, so pages may tell. A code's life starts here.

    True for the first time. Taken from the clock now, not when the attempt began.
    """
    now = timezone.now()
    first = Message.objects.filter(pk=message.pk, state=State.SENDING, sent_at=None).update(sent_at=now)
    message.sent_at = message.sent_at or now
    return bool(first)


def mark_sent(message: Message) -> None:
    """The provider has it."""
    Message.objects.filter(pk=message.pk, state=State.SENDING).update(state=State.SENT, sent_at=_since_reached())


def give_up(message: Message, state: str) -> None:
    """No further attempt: nobody would read it (EXPIRED) or nobody takes it (FAILED).

    A refusal has its time as an acceptance has: pages say the same of both, or they would tell whose address it is.
    """
    changes = {"sent_at": _since_reached()} if state == State.FAILED else {}
    Message.objects.filter(pk=message.pk, state=State.SENDING).update(state=state, **changes)


def put_back(message: Message, *, now: datetime, longest: timedelta = LONGEST_RETRY) -> None:
    """The other side is away: try again after a pause that doubles up to `longest`, until the message's own end."""
    pause = min(_FIRST_RETRY * 2 ** min(message.attempts - 1, _MOST_DOUBLINGS), longest)
    Message.objects.filter(pk=message.pk, state=State.SENDING).update(
        state=State.WAITING,
        due_at=now + pause,
    )


def ring_forgotten(*, now: datetime, at_most: int = 500) -> int:
    """Drop what is of no more use, and ring again for what nobody took. Returns how often it rang."""
    _drop(Message.objects.filter(_unsent(), not_after__lte=now))
    due: Iterable[tuple[UUID, str]] = (
        Message.objects.filter(_claimable(now)).order_by("due_at").values_list("pk", "queue")[:at_most]
    )
    rung = 0
    for message_id, queue in due:
        _ring(message_id, queue)
        rung += 1
    return rung


def sweep(*, before: datetime) -> int:
    """Remove messages that ended before `before`. Returns how many."""
    return Message.objects.exclude(_unsent()).filter(created_at__lt=before).delete()[0]


def _drop(overdue: QuerySet[Message]) -> None:
    """A message that reached nobody in time ends, and the log tells which."""
    for message_id, kind in overdue.values_list("pk", "kind"):
        if Message.objects.filter(_unsent(), pk=message_id).update(state=State.EXPIRED):
            log.warning("delivery ran out of time", message=str(message_id), kind=kind)


def _since_reached() -> Coalesce:
    """The time at which a provider was found; now, where none had to be."""
    return Coalesce("sent_at", Value(timezone.now()))


def _unsent() -> Q:
    return Q(state__in=[State.WAITING, State.SENDING])


def _claimable(now: datetime) -> Q:
    """Waiting and due, or held by a worker whose lease ran out."""
    return _unsent() & Q(due_at__lte=now)


def _ring(message_id: UUID, queue: str) -> None:
    posted.send(sender=Message, message_id=message_id, queue=queue)

"""One attempt to deliver a message: claim, hand over, note what came of it.

Most messages are words for people, which `idp.handover` takes to their address. What is told to a program instead of
a person has a carrier of its own, by its kind.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from idp import handover, outbox
from idp.channels import Away, Refused
from idp.models import Message

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Carrier:
    """Hands over messages of one kind."""

    #: Returns if it was taken. Raises Away or Refused.
    hand_over: Callable[[Message], None]
    #: The longest pause between two attempts.
    longest_pause: timedelta = outbox.LONGEST_RETRY


_carriers: dict[str, Carrier] = {}


def carry(kind: str, carrier: Carrier) -> None:
    """Messages of this kind go to `carrier`; said once, when the process starts."""
    _carriers[kind] = carrier


def deliver(message_id: UUID, *, now: datetime) -> str:
    """Try once to deliver the message. Returns what came of it, as a word for the log.

    Safe to call any number of times: only one caller gets the claim, and a second attempt after a crash says the
    same words with the same code.
    """
    message = outbox.claim(message_id, now=now)
    if message is None:
        return "nothing to do"
    try:
        outcome = _attempt(message, now=now)
    except Away as error:
        carrier = _carriers.get(message.kind)
        outbox.put_back(message, now=now, longest=carrier.longest_pause if carrier else outbox.LONGEST_RETRY)
        log.warning(
            "delivery delayed",
            message=str(message.pk),
            kind=message.kind,
            attempt=message.attempts,
            error=str(error),
        )
        return "delayed"
    except Refused as error:
        outbox.give_up(message, outbox.State.FAILED)
        log.warning("delivery refused", message=str(message.pk), kind=message.kind, error=str(error))
        return "refused"
    log.info("delivery", message=str(message.pk), kind=message.kind, outcome=outcome)
    return outcome


def _attempt(message: Message, *, now: datetime) -> str:
    if carrier := _carriers.get(message.kind):
        carrier.hand_over(message)
        outbox.mark_sent(message)
        return "sent"
    return handover.hand_over(message, now=now)

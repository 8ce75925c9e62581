"""One attempt to hand a message over: claim, write the words, send, note what came of it.

Most messages are letters. What is told to a program instead of a person has a carrier of its own, by its kind.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.conf import settings

from idp import notices, outbox
from idp.accounts import sealing
from idp.channels import Away, Letter, Refused, email
from idp.models import Message
from idp.plugins import hooks

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
        outcome = _attempt(message)
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


def _attempt(message: Message) -> str:
    if carrier := _carriers.get(message.kind):
        carrier.hand_over(message)
        return _sent(message)
    if message.address is None:
        # A decoy, or an address removed meanwhile: the same provider is asked, and handed nothing.
        email.probe()
        return _sent(message)
    address = sealing.open_address(message.address)
    if address is not None and address.user != message.user_id:
        # The row was pointed at somebody else's address, which this software never does.
        log.error("message redirected", alarm="message.redirected", message=str(message.pk))
        address = None
    words = _words(message) if address else None
    if address is None or words is None:
        outbox.give_up(message, outbox.State.EXPIRED)
        return "of no more use"
    email.send(words, to=address.value)
    return _sent(message)


def _sent(message: Message) -> str:
    outbox.mark_sent(message)
    return "sent"


def _words(message: Message) -> Letter | None:
    """In the person's language if we know it, else in the language of the page that asked."""
    locale = message.user.locale if message.user else ""
    spoken = dict(settings.LANGUAGES)
    language = locale if locale in spoken else message.facts.get("language", settings.LANGUAGE_CODE)
    return notices.letter(message, language=language) or hooks.letter(message, language=language)

"""What delivery does with an address: find a provider, write the words, hand them over, remember who took them.

In two halves, because the page of somebody who waits must not tell whether there is anybody at the other end. As far
as a provider that is there, everybody's message goes, and its page says so (`outbox.reached`). What that provider
makes of the address happens to real ones only, and is told on no page.
"""

from collections.abc import Callable
from datetime import datetime
from time import monotonic
from typing import Any

import structlog
from django.conf import settings

from idp import caps, notices, outbox
from idp.accounts import credentials, marks
from idp.channels import Bounced, Handed, Letter, Refused, Text, Unknown, email, sms
from idp.channels.chain import Line
from idp.conf import policy
from idp.keyring import fingerprint
from idp.models import AddressMark, Handover, Message
from idp.plugins import hooks

log = structlog.get_logger(__name__)

_WAYS: dict[str, Callable[[], Line[Any]]] = {caps.EMAIL: email.way, caps.SMS: sms.way}
_WORDS = {caps.EMAIL: Letter, caps.SMS: Text}


def hand_over(message: Message, *, now: datetime) -> str:
    """One attempt. Returns what came of it, as a word for the log; raises Away (try again) or Refused."""
    began = monotonic()
    with _WAYS[message.channel]() as line:
        first = outbox.reached(message)
        if message.address is None:
            # A decoy, or an address removed meanwhile: a provider was found, and is handed nothing.
            outbox.mark_sent(message)
            return "sent"
        address = _opened(message)
        words = _words(message) if address else None
        if address is None or words is None:
            outbox.give_up(message, outbox.State.EXPIRED)
            return "of no more use"
        # Once for each message: what was counted when it was first tried is not counted again.
        if first and (held := _held(message, words, to=address.value, now=now)):
            raise Refused(f"held by {held.cap}")
        handed = _send(line, message, words, to=address.value, now=now)
    outbox.mark_sent(message)
    _remember(message, handed, now=now)
    log.info(
        "handed over",
        message=str(message.pk),
        channel=message.channel,
        provider=handed.provider,
        seconds=round(monotonic() - began, 3),
    )
    return "sent"


def _opened(message: Message) -> credentials.Address | None:
    """The address in clear, if it is the account's and of the message's channel."""
    address = credentials.open_address(message.address)
    if address is not None and (address.user, address.channel) != (message.user_id, message.channel):
        # The row was pointed at somebody else's address, which this software never does.
        log.error("message redirected", alarm="message.redirected", message=str(message.pk))
        return None
    return address


def _words(message: Message) -> Letter | Text | None:
    """In the person's language if we know it, else in the language of the page that asked."""
    locale = message.user.locale if message.user else ""
    spoken = dict(settings.LANGUAGES)
    language = locale if locale in spoken else message.facts.get("language", settings.LANGUAGE_CODE)
    words = notices.words(message, language=language) or hooks.letter(message, language=language)
    return words if isinstance(words, _WORDS[message.channel]) else None


def _held(message: Message, words: Letter | Text, *, to: str, now: datetime) -> caps.Held | None:
    digest = message.address.digest
    return caps.handed_over(message, words, to=to, digest=digest, policy=policy(), now=now)


def _send(line: Line[Any], message: Message, words: Letter | Text, *, to: str, now: datetime) -> Handed:
    try:
        return line.send(words, to=to, key=message.pk.hex)
    except Bounced:
        marks.mark(message.address_id, AddressMark.Fault.BOUNCED, provider=message.channel, now=now)
        raise
    except Unknown as error:
        if message.channel == caps.SMS and not caps.unanswered(message, policy=policy(), now=now):
            raise Refused("not answered too often") from error
        raise


def _remember(message: Message, handed: Handed, *, now: datetime) -> None:
    """Write down what the provider calls it, if it said so: receipts are believed for these only."""
    if not handed.reference:
        return
    row = Handover(
        message=message,
        address_id=message.address_id,
        provider=handed.provider,
        reference_hash=fingerprint(handed.reference),
        handed_at=now,
    )
    Handover.objects.bulk_create([row], ignore_conflicts=True)

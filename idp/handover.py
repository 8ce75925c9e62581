"""What delivery does with an address: find a provider, write the words, hand them over, remember who took them.

In two halves, because the page of somebody who waits must not tell whether there is anybody at the other end. As far
as a provider that is there, everybody's message goes, and its page says so (`outbox.reached`). What that provider
makes of the address happens to real ones only, and is told on no page.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any

import structlog
from django.conf import settings

from idp import caps, metrics, notices, outbox
from idp.accounts import marks, sealing
from idp.channels import Bounced, Handed, Letter, Refused, Text, Unknown, email, sms
from idp.channels.chain import Line
from idp.conf import policy
from idp.keyring import fingerprint
from idp.models import AddressMark, Handover, Message
from idp.plugins import hooks

log = structlog.get_logger(__name__)

_WAYS: dict[str, Callable[[], Line[Any]]] = {caps.EMAIL: email.way, caps.SMS: sms.way}
_WORDS = {caps.EMAIL: Letter, caps.SMS: Text}


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """What goes to somebody: the words, and the address in clear with the digest it is counted under."""

    words: Letter | Text
    to: str
    digest: str


#: Who writes a message that does not go to a recovery address, by its kind. None: it is of no more use.
Pack = Callable[[Message], Parcel | None]
_packers: dict[str, Pack] = {}


def pack(kind: str, by: Pack) -> None:
    """Messages of this kind are written by `by`, in the second half; said once, when the process starts."""
    _packers[kind] = by


def hand_over(message: Message, *, now: datetime) -> str:
    """One attempt. Returns what came of it, as a word for the log; raises Away (try again) or Refused."""
    began = monotonic()
    with _WAYS[message.channel]() as line:
        metrics.asked(line.provider)
        first = outbox.reached(message)
        packed_by = _packers.get(message.kind)
        if message.address is None and packed_by is None:
            # A decoy, or an address removed meanwhile: a provider was found, and is handed nothing.
            outbox.mark_sent(message)
            return "sent"
        parcel = packed_by(message) if packed_by else _packed(message)
        if parcel is None:
            outbox.give_up(message, outbox.State.EXPIRED)
            return "of no more use"
        # Once for each message: what was counted when it was first tried is not counted again.
        if first and (held := _held(message, parcel, now=now)):
            raise Refused(f"held by {held.cap}")
        handed = _send(line, message, parcel, now=now)
    metrics.asked(handed.provider)
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


def _packed(message: Message) -> Parcel | None:
    """What goes to a recovery address of the account."""
    address = _opened(message)
    words = _words(message) if address else None
    if address is None or words is None:
        return None
    return Parcel(words=words, to=address.value, digest=message.address.digest)


def _opened(message: Message) -> sealing.Address | None:
    """The address in clear, if it is the account's and of the message's channel."""
    address = sealing.open_address(message.address)
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


def _held(message: Message, parcel: Parcel, *, now: datetime) -> caps.Held | None:
    words, to, digest = parcel.words, parcel.to, parcel.digest
    return caps.handed_over(message, words, to=to, digest=digest, policy=policy(), now=now)


def _send(line: Line[Any], message: Message, parcel: Parcel, *, now: datetime) -> Handed:
    try:
        return line.send(parcel.words, to=parcel.to, key=message.pk.hex)
    except Bounced:
        marks.mark(message.address_id, AddressMark.Fault.BOUNCED, provider=message.channel, now=now)
        raise
    except Unknown as error:
        if message.channel == caps.SMS and not caps.unanswered(message, policy=policy(), now=now):
            raise Refused("not answered too often") from error
        raise


def _remember(message: Message, handed: Handed, *, now: datetime) -> None:
    """Write down what the provider calls it, if it said so: receipts are believed for these only.

    Not of an address that is only to be added: there is nothing yet that a receipt could mark.
    """
    if not handed.reference or message.address_id is None:
        return
    row = Handover(
        message=message,
        address_id=message.address_id,
        provider=handed.provider,
        reference_hash=fingerprint(handed.reference),
        handed_at=now,
    )
    Handover.objects.bulk_create([row], ignore_conflicts=True)

"""Somebody remembers neither user name nor e-mail address of their account: they are written to where we know them.

Whoever asks learns nothing: the page says the same of every address, and what it costs is the same. The names go to the
verified address as it is stored, never to what was typed, and only the worker that writes the letter reads them.
"""

from dataclasses import asdict
from datetime import datetime
from uuid import uuid4

from django.db import transaction
from django.utils import timezone
from django.utils.translation import get_language

from idp.plugins import accounts, audit, delivery, limits
from idp.plugins.delivery import Message
from idp.plugins.hooks import Letter, Text
from recovery import codes
from recovery.context import Context
from recovery.domain.events import UsernamesAsked
from recovery.domain.outcomes import Sent, Throttled
from recovery.methods.base import MessageMethod

#: The kind of the message in the outbox.
KIND = "recovery.usernames"


def send(by: MessageMethod, typed: str, *, context: Context) -> Sent | Throttled:
    """Write to the typed address if it is one of ours; say the same if it is not.

    One message names every account that has the address; each of them has it in its history.
    """
    typed = by.meant(typed)
    digest = codes.typed_digest(by.channel, typed)
    held = limits.message(channel=by.channel, subject=digest, typed=digest, origin=context.origin, now=context.now)
    if held is not None:
        return Throttled(until=held.until)
    holders = accounts.holders(by.channel, typed, now=context.now)
    first = holders[0] if holders else None
    with transaction.atomic():
        delivery.post(
            delivery.Draft(
                kind=KIND,
                queue="otp",
                channel=by.channel,
                user=first.user if first else None,
                address=first.address if first else None,
                reference=uuid4(),
                facts={
                    "asked_at": context.now.isoformat(),
                    "language": get_language(),
                    **asdict(context.origin),
                },
                not_after=context.now + context.policy.otp.wait_of(by.channel),
            ),
            now=context.now,
        )
        users = [holder.user for holder in holders] or [None]
        audit.record(*(UsernamesAsked(user=user, channel=by.channel) for user in users), origin=context.origin)
    return Sent()


def words(message: Message, *, language: str) -> Letter | Text | None:
    """The message, written by the worker. None if the address is nobody's any more."""
    names = accounts.usernames_at(message.address_id, now=message.created_at) if message.address_id else ()
    if not names:
        return None
    if message.channel == delivery.SMS:
        return delivery.text("recovery/sms/usernames", language=language, names=", ".join(names))
    return delivery.write(
        "recovery/mail/usernames",
        language=language,
        names=names,
        asked_at=timezone.localtime(datetime.fromisoformat(message.facts["asked_at"])),
        device=message.facts["device"],
    )

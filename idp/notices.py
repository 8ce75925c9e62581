"""Notices: messages that tell and ask nothing. They cannot be switched off, by anybody."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone, translation

from idp import outbox
from idp.audit.events import Origin
from idp.channels import Letter, Text, segments
from idp.models import Message, RecoveryAddress
from idp.pages import tenant

PASSWORD_CHANGED = "idp.password_changed"
#: A notice that arrives a day late is still worth having; a week late it frightens for nothing.
_USEFUL_FOR = timedelta(days=2)


def password_changed(
    user: UUID,
    *,
    reference: UUID,
    proved_by: str,
    sessions_ended: int,
    origin: Origin,
    now: datetime,
) -> int:
    """Tell every address of `user` that their password was changed. Returns how many are told."""
    facts = {
        "changed_at": now.isoformat(),
        "proved_by": proved_by,
        "sessions_ended": sessions_ended,
        "language": translation.get_language() or settings.LANGUAGE_CODE,
        **asdict(origin),
    }
    addresses = RecoveryAddress.objects.filter(user=user).values_list("pk", "channel")
    drafts = [_draft(PASSWORD_CHANGED, user, address, channel, reference, facts, now) for address, channel in addresses]
    outbox.post(*drafts, now=now)
    return len(drafts)


def words(message: Message, *, language: str) -> Letter | Text | None:
    """The words of one of our own notices; None if the message is a plug-in's."""
    if message.kind != PASSWORD_CHANGED:
        return None
    facts = message.facts
    changed_at = timezone.localtime(datetime.fromisoformat(facts["changed_at"]))
    if message.channel == RecoveryAddress.Channel.SMS:
        return text("idp/sms/password_changed", language=language, changed_at=changed_at)
    return write(
        "idp/mail/password_changed",
        language=language,
        changed_at=changed_at,
        device=facts["device"],
        proved_by=facts["proved_by"],
        sessions_ended=facts["sessions_ended"],
        sign_in_url=f"{settings.ISSUER}/sign-in",
    )


def write(template: str, *, language: str, **context: Any) -> Letter:
    """The three parts of a message, in `language`."""
    context["tenant"] = tenant()
    with translation.override(language):
        subject = render_to_string(f"{template}.subject.txt", context)
        return Letter(
            # A header is one line, whatever a translation or a name brought along.
            subject=" ".join(subject.split()),
            text=render_to_string(f"{template}.txt", context),
            html=render_to_string(f"{template}.html", context),
        )


def text(template: str, *, language: str, last_line: str = "", **context: Any) -> Text:
    """The words of a text message, in `language`: the longest version that fits into one segment.

    The template has one version a line, the best first; `last_line` goes under whichever is taken.
    """
    context["tenant"] = tenant()
    with translation.override(language):
        versions = render_to_string(f"{template}.txt", context).splitlines()
    ending = f"\n{last_line}" if last_line else ""
    return Text(body=segments.fitting(f"{version.strip()}{ending}" for version in versions if version.strip()))


def _draft(
    kind: str,
    user: UUID,
    address: UUID,
    channel: str,
    reference: UUID,
    facts: dict[str, Any],
    now: datetime,
) -> outbox.Draft:
    return outbox.Draft(
        kind=kind,
        queue="notice",
        channel=channel,
        user=user,
        address=address,
        reference=reference,
        facts=facts,
        not_after=now + _USEFUL_FOR,
    )

"""Notices: messages that tell and ask nothing. They cannot be switched off, by anybody.

Every verified address of the account is told, and for a while the one that its owner took out.
"""

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.template.loader import render_to_string
from django.utils import timezone, translation

from idp import notice_words, outbox, power_words, stop_links
from idp.audit.events import Origin
from idp.channels import Letter, Text, segments
from idp.models import Message, RecoveryAddress
from idp.notice_words import (
    ACCOUNT_ACTIVATED,
    ACCOUNT_DELETED,
    ACCOUNT_STOPPED,
    ADDRESS_ADDED,
    ADDRESS_REMOVED,
    ADMINISTRATOR_ADDED,
    ADMINISTRATOR_RECOVERED,
    BREAK_GLASS,
    DECISION_AGREED,
    DECISION_CLOSED,
    DECISION_PROPOSED,
    FACTOR_ADDED,
    FACTOR_PAUSED,
    FACTOR_REMOVED,
    FORGERY_FOUND,
    FREEZE_LIFTED,
    FREEZE_PLACED,
    NEW_DEVICE,
    PAUSES_ENDED,
    RECOVERY_BEGUN,
    RECOVERY_CODE_USED,
)
from idp.pages import tenant
from idp.power_words import (
    ACCOUNT_REMOVED,
    ACCOUNT_SUSPENDED,
    ADMINISTRATOR_DELETED,
    ADMINISTRATOR_DEMOTED,
    ADMINISTRATOR_SUSPENDED,
    RECOVERY_REQUIRED,
    ROLE_ENDED,
    SESSIONS_ENDED,
    SUSPENSION_LIFTED,
)

__all__ = [
    "ACCOUNT_ACTIVATED",
    "ACCOUNT_DELETED",
    "ACCOUNT_REMOVED",
    "ACCOUNT_STOPPED",
    "ACCOUNT_SUSPENDED",
    "ADDRESS_ADDED",
    "ADDRESS_REMOVED",
    "ADMINISTRATOR_ADDED",
    "ADMINISTRATOR_DELETED",
    "ADMINISTRATOR_DEMOTED",
    "ADMINISTRATOR_RECOVERED",
    "ADMINISTRATOR_SUSPENDED",
    "BREAK_GLASS",
    "DECISION_AGREED",
    "DECISION_CLOSED",
    "DECISION_PROPOSED",
    "FACTOR_ADDED",
    "FACTOR_PAUSED",
    "FACTOR_REMOVED",
    "FORGERY_FOUND",
    "FREEZE_LIFTED",
    "FREEZE_PLACED",
    "NEW_DEVICE",
    "PASSWORD_CHANGED",
    "PAUSES_ENDED",
    "RECOVERY_BEGUN",
    "RECOVERY_CODE_USED",
    "RECOVERY_REQUIRED",
    "ROLE_ENDED",
    "SESSIONS_ENDED",
    "SUSPENSION_LIFTED",
    "Told",
    "password_changed",
    "post",
    "text",
    "words",
    "write",
]

PASSWORD_CHANGED = "idp.password_changed"
#: A notice that arrives a day late is still worth having; a week late it frightens for nothing.
_USEFUL_FOR = timedelta(days=2)


@dataclass(frozen=True, kw_only=True)
class Told:
    """How many addresses of each channel are told."""

    email: int = 0
    sms: int = 0

    @property
    def addresses(self) -> int:
        return self.email + self.sms

    @property
    def channels(self) -> tuple[str, ...]:
        """By what its owner is told, for the page that says so."""
        return tuple(channel for channel, count in asdict(self).items() if count)


def password_changed(
    user: UUID,
    *,
    reference: UUID,
    proved_by: str,
    sessions_ended: int,
    origin: Origin,
    now: datetime,
) -> Told:
    """Tell every address of `user` that their password was changed. Returns how many are told."""
    facts = {"proved_by": proved_by, "sessions_ended": sessions_ended}
    return post(PASSWORD_CHANGED, user, reference=reference, origin=origin, now=now, **facts)


def post(kind: str, user: UUID, *, reference: UUID, origin: Origin, now: datetime, **facts: Any) -> Told:
    """Tell every address of `user`, in the caller's transaction. Returns how many are told.

    `facts` are what the words of this kind need (`notice_words`): names that its owner gave, kinds and counts; never a
    code or an address.
    """
    told = {
        "at": now.isoformat(),
        "language": translation.get_language() or settings.LANGUAGE_CODE,
        **asdict(origin),
        **facts,
    }
    addresses = RecoveryAddress.objects.filter(Q(told_until=None) | Q(told_until__gt=now), user=user)
    drafts = [
        outbox.Draft(
            kind=kind,
            queue="notice",
            channel=channel,
            user=user,
            address=address,
            reference=reference,
            facts=told,
            not_after=now + _USEFUL_FOR,
        )
        for address, channel in addresses.values_list("pk", "channel")
    ]
    outbox.post(*drafts, now=now)
    return Told(**Counter(draft.channel for draft in drafts))


def words(message: Message, *, language: str) -> Letter | Text | None:
    """The words of one of our own notices; None if the message is a plug-in's."""
    facts = message.facts
    at = timezone.localtime(datetime.fromisoformat(facts["at"])) if "at" in facts else None
    short = message.channel == RecoveryAddress.Channel.SMS
    if message.kind == PASSWORD_CHANGED and short:
        return text("idp/sms/password_changed", language=language, at=at)
    if message.kind == PASSWORD_CHANGED:
        with translation.override(language):
            proved_by = notice_words.proved_by(facts["proved_by"])
        ended = facts["sessions_ended"]
        about = _about(message, at)
        return write("idp/mail/password_changed", language=language, **about, proved_by=proved_by, sessions_ended=ended)
    with translation.override(language):
        org = tenant().name
        said = notice_words.of(message.kind, facts, org=org) or power_words.of(message.kind, facts, org=org)
    if said is None:
        return None
    if short:
        return text("idp/sms/notice", language=language, words=said, at=at)
    return write("idp/mail/notice", language=language, words=said, **_about(message, at))


def _about(message: Message, at: datetime | None) -> dict[str, Any]:
    """When and from where; and what to do if it wasn't them. A text has no room for that link."""
    link = stop_links.StopLink(user=message.user_id, event=message.reference, at=at or message.created_at)
    return {
        "at": at,
        "device": message.facts.get("device", ""),
        "place": message.facts.get("place", ""),
        "sign_in_url": f"{settings.ISSUER}/sign-in",
        "stop_url": link.url,
        "stop_until": timezone.localtime(link.works_until),
    }


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

"""Entries of the history, as administrators read them: what happened, to whose account, and which of them did it.

The sentence is the one that the owner of the account reads; what has no owner is said here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from idp.account import history, sentences
from idp.account.wording import when
from idp.audit import log
from idp.audit.acts import AuditExported, FormRefused
from idp.audit.client_acts import (
    ClientChanged,
    ClientDescribed,
    ClientDisabled,
    ClientEnabled,
    ClientSecretReplaced,
)
from idp.audit.events import ClientRegistered, ClientSealInvalid, SigningKeyRotated
from idp.console import naming
from idp.console.naming import Named
from idp.console.reasons import Reason
from idp.models import AuditEntry

_OWNERLESS = (
    ClientRegistered.name,
    ClientSealInvalid.name,
    SigningKeyRotated.name,
    AuditExported.name,
    ClientDescribed.name,
    ClientChanged.name,
    ClientSecretReplaced.name,
    ClientDisabled.name,
    ClientEnabled.name,
)


@dataclass(frozen=True, kw_only=True)
class Line:
    """One entry."""

    sequence: int
    name: str
    when: str
    sentence: str
    alarming: bool
    account: Named | None
    by: Named | None
    reason: str


def lines(rows: Iterable[AuditEntry], *, now: datetime) -> list[Line]:
    """These entries in words; two queries."""
    rows = list(rows)
    called = naming.names([*(row.user for row in rows), *map(log.actor, rows)])
    applications = history.application_names(row.details for row in rows)
    return [
        Line(
            sequence=row.sequence,
            name=row.name,
            when=when(row.at, now=now),
            sentence=_sentence(row, applications),
            alarming=sentences.is_alarming(row.name) or row.name == ClientSealInvalid.name,
            account=called.get(row.user) if row.user else None,
            by=_by(row, called),
            reason=_reason(row.details.get("reason", "")),
        )
        for row in rows
    ]


def names() -> list[str]:
    """Every event there may be an entry of."""
    return sorted({*sentences.tellings(), *_OWNERLESS})


def _sentence(row: AuditEntry, applications: dict[str, str]) -> str:
    fields = row.details
    if "client_id" in fields:
        fields = fields | {"application": applications.get(fields["client_id"], "")}
    return sentences.of(row.name, fields) if row.user else _of_nobody(row.name, fields)


def _of_nobody(name: str, fields: dict[str, Any]) -> str:
    application = {"app": fields.get("application") or fields.get("client_id", "")}
    said = {
        ClientRegistered.name: _("An application was registered: %(app)s") % application,
        ClientSealInvalid.name: _("An application was written past this program, and is not believed: %(app)s")
        % application,
        ClientDescribed.name: _("What people read about an application was changed: %(app)s") % application,
        ClientChanged.name: _("What is guarded of an application was changed, as two had decided: %(app)s")
        % application,
        ClientSecretReplaced.name: _("An application got another secret: %(app)s") % application,
        ClientDisabled.name: _("An application was disabled: %(app)s") % application,
        ClientEnabled.name: _("An application was enabled again: %(app)s") % application,
        SigningKeyRotated.name: _("The keys that sign for applications moved on"),
        AuditExported.name: _("A copy of the history was taken"),
        FormRefused.name: _("An administrator sent what a page has no field for; it was refused"),
    }
    return said.get(name) or sentences.of(name, fields)


def _by(row: AuditEntry, called: Any) -> Named | None:
    by = log.actor(row)
    return called.get(by) if by else None


def _reason(text: str) -> str:
    return str(Reason(text).label) if text in Reason.values else ""

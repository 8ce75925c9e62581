"""What is proposed, in words: of each kind what it is, whom or what it is about, and what this administrator can do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from idp.account.wording import when
from idp.accounts import proposals
from idp.console import naming
from idp.console.frame import APPLICATIONS
from idp.console.naming import Named
from idp.console.reasons import Reason
from idp.models import Client, Proposal


@dataclass(frozen=True, kw_only=True)
class Matter:
    """One proposal that is not over."""

    id: UUID
    title: str
    about: Named | None
    proposed_by: Named | None
    proposed: str
    reason: str
    agreed_by: Named | None
    #: When it is carried out; empty while nobody agreed.
    due: str
    #: Until when somebody has to agree.
    expires: str
    may_agree: bool

    @property
    def reason_field(self) -> str:
        """Of several forms on one page each has a field of its own."""
        return f"reason-{self.id}"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """The words of a kind of proposal, and how to name what it is about."""

    title: Callable[[], str]
    about: Callable[[Proposal], Named | None]


def of(row: Proposal, administrator: UUID, *, now: datetime) -> Matter:
    """A proposal, as this administrator may see it."""
    kind = _KINDS[row.kind]
    people = naming.names([row.proposed_by, row.agreed_by])
    return Matter(
        id=row.pk,
        title=kind.title(),
        about=kind.about(row),
        proposed_by=people.get(row.proposed_by),
        proposed=when(row.proposed_at, now=now),
        reason=str(Reason(row.reason).label) if row.reason in Reason.values else "",
        agreed_by=people.get(row.agreed_by) if row.agreed_by else None,
        due=when(row.due_at, now=now) if row.due_at else "",
        expires=when(row.expires_at, now=now),
        may_agree=proposals.may_agree(row, administrator),
    )


def _account(row: Proposal) -> Named | None:
    user = UUID(row.subject)
    return naming.names([user]).get(user)


def _client(row: Proposal) -> Named | None:
    """Its page shows what is to become of what: whoever agrees has to have seen it."""
    client = Client.objects.filter(client_id=row.subject).first()
    return Named(label=client.client_name, url=f"{APPLICATIONS}{client.client_id}/") if client else None


_KINDS: Mapping[str, Kind] = {
    Proposal.Kind.ADMINISTRATOR: Kind(title=lambda: _("A new administrator"), about=_account),
    Proposal.Kind.CLIENT: Kind(title=lambda: _("Another security setting of an application"), about=_client),
}

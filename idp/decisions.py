"""What becomes of proposals (`accounts.proposals`) whose time has come: for each kind, who carries it out."""

from collections.abc import Callable, Mapping
from datetime import datetime
from uuid import UUID

from idp.accounts import proposals, roles
from idp.models import Proposal, Role, User
from idp.oidc import client_changes


def carry_out_due(now: datetime) -> dict[str, int]:
    """Carry out what was agreed and let go of what was not, each in a transaction of its own. How many of each."""
    done = dict.fromkeys((Proposal.Outcome.CARRIED_OUT, Proposal.Outcome.LAPSED), 0)
    for proposal_id in proposals.due(now):
        outcome = proposals.carry_out(proposal_id, lambda row: _apply(row, now), now=now)
        if outcome is not None:
            done[outcome] += 1
    return {str(outcome): count for outcome, count in done.items()}


def _apply(row: Proposal, now: datetime) -> None:
    _APPLY[row.kind](row, now)


def _make_administrator(row: Proposal, now: datetime) -> None:
    """Raises Stale if the account may not sign in, or is an administrator by now."""
    user = UUID(row.subject)
    may = User.objects.select_for_update(no_key=True).filter(pk=user, status=User.Status.ACTIVE).exists()
    if not may or roles.is_administrator(user):
        raise proposals.Stale(row.pk)
    roles.grant(user, Role.Name.ADMINISTRATOR, by=row.proposed_by, now=now)


def _change_client(row: Proposal, _now: datetime) -> None:
    client_changes.carry_out(row)


_APPLY: Mapping[str, Callable[[Proposal, datetime], None]] = {
    Proposal.Kind.ADMINISTRATOR: _make_administrator,
    Proposal.Kind.CLIENT: _change_client,
}

"""Power is given by two: one administrator proposes, another agrees, and for a while everybody can object.

What gives somebody power over other people's access (the administrator role, where an application is answered, that it
asks nobody's consent) is written down as a proposal instead of being done. All administrators are told. Once another
one agreed, and a delay has passed in which any of them may withdraw it, a task carries it out (`idp.decisions`).

Where nobody else is administrator there is nobody to agree: then the delay alone stands before it. That is for the
first days of a tenant; the console does not let go of the second to last administrator (`powers`).

A proposal is sealed with all that it says and who agreed. One that was written, or agreed to, by SQL is never carried
out.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from idp import keyring, notices
from idp.accounts import forgeries, roles
from idp.audit.acts import DecisionAgreed, DecisionClosed, DecisionProposed
from idp.audit.events import Origin
from idp.audit.record import record
from idp.conf import Policy
from idp.models import Proposal, User
from idp.models.sealed import SealedTable, swap

_SEAL = "proposal"


class AlreadyProposed(Exception):  # noqa: N818 -- it says what happened
    """Something is proposed for this subject already; it is decided, or withdrawn, first."""


class Stale(Exception):  # noqa: N818 -- it says what happened
    """What a proposal was about is not as it was when it was made. Raised by who carries it out."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """What is to become of `subject`, in words of its kind; `base` says which version of it was looked at."""

    kind: Proposal.Kind
    subject: str
    change: dict[str, object]
    base: str = ""


def propose(what: Change, *, by: User, reason: str, policy: Policy, origin: Origin, now: datetime) -> Proposal:
    """Write `what` down as proposed by this administrator, and tell the others. Raises AlreadyProposed."""
    row = Proposal(
        kind=what.kind,
        subject=what.subject,
        change=what.change,
        base=what.base,
        reason=reason,
        proposed_by=by.pk,
        proposed_at=now,
        expires_at=now + policy.decision_lifetime,
        due_at=now + policy.decision_delay if _is_alone(by.pk) else None,
    )
    _seal(row)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            record(
                DecisionProposed(user=concerned(row), decision=row.pk, kind=row.kind, by=by.pk, reason=reason),
                origin=origin,
            )
            roles.tell_others(
                by, notices.DECISION_PROPOSED, reference=uuid4(), origin=origin, now=now, decision=str(row.kind)
            )
    except IntegrityError:
        raise AlreadyProposed(what.subject) from None
    return row


def agree(
    proposal_id: UUID, *, by: User, reason: str = "", policy: Policy, origin: Origin, now: datetime
) -> Proposal | None:
    """Agree, as another administrator than the one who proposed it: the delay begins, and the others are told.

    None if it cannot be agreed to: it is their own or about them, somebody has agreed, or it is over.
    """
    with transaction.atomic():
        row = open_ones(now=now).select_for_update().filter(pk=proposal_id, agreed_by=None).first()
        if row is None or not may_agree(row, by.pk):
            return None
        row.agreed_by, row.due_at = by.pk, now + policy.decision_delay
        row.expires_at = row.due_at + policy.decision_lifetime
        _seal(row)
        row.save(update_fields=["agreed_by", "due_at", "expires_at", "seal"])
        record(
            DecisionAgreed(user=concerned(row), decision=row.pk, kind=row.kind, by=by.pk, reason=reason),
            origin=origin,
        )
        roles.tell_others(
            by,
            notices.DECISION_AGREED,
            reference=uuid4(),
            origin=origin,
            now=now,
            decision=str(row.kind),
            due_at=row.due_at.isoformat(),
        )
    return row


def may_agree(row: Proposal, administrator: UUID) -> bool:
    """Whether this administrator is one who can: neither who proposed it nor whom it is about."""
    return row.agreed_by is None and administrator not in (row.proposed_by, concerned(row)) and _is_genuine(row)


def withdraw(proposal_id: UUID, *, by: User, reason: str = "", origin: Origin, now: datetime) -> bool:
    """Object: any administrator may, until it is carried out. False if it is over."""
    with transaction.atomic():
        row = open_ones(now=now).select_for_update().filter(pk=proposal_id).first()
        return row is not None and _close(
            row, Proposal.Outcome.WITHDRAWN, by=by.pk, reason=reason, origin=origin, now=now
        )


def open_ones(*, now: datetime) -> QuerySet[Proposal]:
    """What is proposed and not over, oldest first."""
    return Proposal.objects.filter(outcome=Proposal.Outcome.OPEN, expires_at__gt=now).order_by("proposed_at", "pk")


def about(kind: Proposal.Kind, subject: str, *, now: datetime) -> Proposal | None:
    """What is proposed for this subject, if anything is."""
    return open_ones(now=now).filter(kind=kind, subject=subject).first()


def concerned(row: Proposal) -> UUID | None:
    """The account that a proposal is about, if it is about one."""
    return UUID(row.subject) if row.kind == Proposal.Kind.ADMINISTRATOR else None


def due(now: datetime) -> list[UUID]:
    """The open proposals whose delay is over, or that nobody agreed to in time; for `carry_out`."""
    over = Q(due_at__lte=now) | Q(expires_at__lte=now)
    rows = Proposal.objects.filter(over, outcome=Proposal.Outcome.OPEN).order_by("proposed_at", "pk")
    return list(rows.values_list("pk", flat=True))


def carry_out(proposal_id: UUID, apply: Callable[[Proposal], None], *, now: datetime) -> Proposal.Outcome | None:
    """Do what was agreed, by `apply`, in one transaction with the entry; tell all administrators. None if it is over.

    It lapses if its time is over, if its seal is not ours, if who proposed or agreed is no administrator any more, or
    if `apply` raises Stale. Where nobody had to agree and now somebody could, it goes on waiting.
    """
    try:
        with transaction.atomic():
            row = Proposal.objects.select_for_update().filter(pk=proposal_id, outcome=Proposal.Outcome.OPEN).first()
            if row is None or (row.agreed_by is None and now < row.expires_at and not _is_alone(row.proposed_by)):
                return None
            done = now < row.expires_at and _stands(row)
            if done:
                apply(row)
            outcome = Proposal.Outcome.CARRIED_OUT if done else Proposal.Outcome.LAPSED
            _close(row, outcome, by=None, origin=Origin(), now=now)
            return outcome
    except Stale:
        with transaction.atomic():
            row = Proposal.objects.select_for_update().get(pk=proposal_id)
            _close(row, Proposal.Outcome.LAPSED, by=None, origin=Origin(), now=now)
        return Proposal.Outcome.LAPSED


# --- How --------------------------------------------------------------------------------------------------


def _stands(row: Proposal) -> bool:
    """Whether those who decided it may still decide, and decided just this."""
    deciders = {row.proposed_by} | ({row.agreed_by} if row.agreed_by else set())
    return _is_genuine(row) and deciders <= _active_administrators()


def _is_alone(administrator: UUID) -> bool:
    return not _active_administrators() - {administrator}


def _active_administrators() -> set[UUID]:
    active = User.objects.filter(pk__in=roles.administrators(), status=User.Status.ACTIVE)
    return set(active.values_list("pk", flat=True))


def _close(
    row: Proposal,
    outcome: Proposal.Outcome,
    *,
    by: UUID | None,
    reason: str = "",
    origin: Origin,
    now: datetime,
) -> bool:
    open_still = Proposal.objects.filter(pk=row.pk, outcome=Proposal.Outcome.OPEN)
    if not open_still.update(outcome=outcome, closed_at=now):
        return False
    record(
        DecisionClosed(user=concerned(row), decision=row.pk, kind=row.kind, outcome=outcome, by=by, reason=reason),
        origin=origin,
    )
    roles.tell_all(
        notices.DECISION_CLOSED, reference=uuid4(), origin=origin, now=now, decision=str(row.kind), outcome=str(outcome)
    )
    return True


def _seal(row: Proposal) -> None:
    row.seal = keyring.seal(_SEAL, *_parts(row))


def _is_genuine(row: Proposal) -> bool:
    return keyring.is_sealed(_SEAL, row.seal, *_parts(row)) or forgeries.refused(
        "proposal", row, alarm="proposal.seal_invalid"
    )


def _parts(row: Proposal) -> tuple[keyring.Part, ...]:
    return (
        row.id.bytes,
        str(row.kind),
        row.subject,
        json.dumps(row.change, sort_keys=True),
        row.base,
        row.reason,
        row.proposed_by.bytes,
        row.proposed_at.isoformat(),
        row.agreed_by.bytes if row.agreed_by else None,
        row.due_at.isoformat() if row.due_at else None,
        row.expires_at.isoformat(),
    )


#: For whoever checks every seal, or makes them anew (idp.seals).
SEALED = SealedTable(
    name="proposal",
    rows=lambda _now: Proposal.objects.filter(outcome=Proposal.Outcome.OPEN),
    is_genuine=_is_genuine,
    stamped=("seal",),
    reseal=swap(_seal, "seal"),
    owner=lambda row: row.proposed_by,
)

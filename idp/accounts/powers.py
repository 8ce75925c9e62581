"""What an administrator may do to somebody's account: take access away, and give back what an administrator took.

Nothing here writes a credential, and nothing leads into an account. Each act is one transaction: what happens, the
entry that says who and why, and the letter to whom it happened. Nobody acts on themselves here, and of the
administrators who could get back in by themselves two always stay: nobody could let one in who lost everything.

Which of them could, plug-ins know; so it is asked of whoever calls (`Ready`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import Case, F, Value, When

from idp import notices
from idp.accounts import devices, lifecycle, roles, sessions
from idp.audit.acts import (
    AccountRemoved,
    AccountSuspended,
    AdministratorDemoted,
    RecoveryRequired,
    SessionsEndedByAdministrator,
    SuspensionLifted,
)
from idp.audit.events import Origin, SessionsEnded
from idp.audit.record import record
from idp.models import User

#: Whether an administrator would get back in today with what they have.
Ready = Callable[[UUID], bool]

#: Of two, one can still be there when the other needs them.
LEAST_ADMINISTRATORS = 2
_SUSPENDED, _ADMINISTRATOR = "suspended", "administrator"
#: What can be suspended. An account that nobody enters anyway keeps its own reason; an invitation is cancelled.
SUSPENDABLE = (User.Status.ACTIVE, User.Status.STOPPED)
#: What is left as it is: an invitation is cancelled, not deleted, so that the person can be invited anew.
_UNDELETABLE = (User.Status.INVITED, User.Status.DELETED)


@dataclass(frozen=True, kw_only=True)
class Order:
    """Which administrator wants it, why (`console.reasons`), from where and when."""

    by: UUID
    reason: str
    origin: Origin
    now: datetime


class Refusal(StrEnum):
    """Why nothing was done."""

    OWN = "own"
    #: Who ordered it administers nothing any more.
    POWERLESS = "powerless"
    #: The account is not one for which this could be done (any more).
    NOT_SO = "not-so"
    LAST_TWO = "last-two"
    #: They could not get back in, and nobody could let them in.
    NO_WAY_BACK = "no-way-back"


@dataclass(frozen=True, kw_only=True)
class Done:
    """It is done: what ended with it, and how many of the person's addresses are told."""

    sign_ins: int = 0
    applications: int = 0
    addresses: int = 0


def suspend(user_id: UUID, order: Order, *, is_ready: Ready, then: Callable[[UUID], None]) -> Done | Refusal:
    """Let nobody in until it is lifted, and end all that is open. `then` runs in the same transaction."""
    with transaction.atomic():
        user = _held(user_id)
        if refusal := _refusal(user, order) or _would_leave_too_few(user_id, is_ready):
            return refusal
        suspendable = User.objects.filter(pk=user_id, status__in=SUSPENDABLE)
        if user is None or not suspendable.update(status=User.Status.SUSPENDED, status_before=F("status")):
            return Refusal.NOT_SO
        ended = sessions.end_all(user_id, by=_SUSPENDED, now=order.now)
        record(
            AccountSuspended(user=user_id, was=user.status, by=order.by, reason=order.reason),
            SessionsEnded(user=user_id, sign_ins=ended.sign_ins, grants=ended.grants, reason=_SUSPENDED),
            origin=order.origin,
        )
        _tell_administrators_of(user, notices.ADMINISTRATOR_SUSPENDED, order)
        told = _tell(user_id, notices.ACCOUNT_SUSPENDED, order)
        then(user_id)
    return Done(sign_ins=ended.sign_ins, applications=ended.applications, addresses=told)


def require_recovery(user_id: UUID, order: Order, *, is_ready: Ready) -> Done | Refusal:
    """Let nobody in until its owner has recovered the account, and end all that is open: as if they had stopped it.

    Only of somebody who would get back in: nobody could let them in otherwise. Nobody but they end it.
    """
    with transaction.atomic():
        user = _held(user_id)
        if refusal := _refusal(user, order) or _would_leave_too_few(user_id, is_ready):
            return refusal
        if not is_ready(user_id):
            return Refusal.NO_WAY_BACK
        active = User.objects.filter(pk=user_id, status=User.Status.ACTIVE, frozen_at=None)
        if user is None or not active.update(status=User.Status.STOPPED):
            return Refusal.NOT_SO
        ended = sessions.end_all(user_id, by=_ADMINISTRATOR, now=order.now)
        devices.forget_all(user_id, by=_ADMINISTRATOR, origin=Origin(), now=order.now)
        record(
            RecoveryRequired(user=user_id, by=order.by, reason=order.reason),
            SessionsEnded(user=user_id, sign_ins=ended.sign_ins, grants=ended.grants, reason=_ADMINISTRATOR),
            origin=order.origin,
        )
        told = _tell(user_id, notices.RECOVERY_REQUIRED, order)
    return Done(sign_ins=ended.sign_ins, applications=ended.applications, addresses=told)


def lift(user_id: UUID, order: Order) -> Done | Refusal:
    """End a suspension: the account is again what it was before. Only that; what else keeps people out stays."""
    before = Case(When(status_before="", then=Value(User.Status.ACTIVE)), default=F("status_before"))
    with transaction.atomic():
        if refusal := _refusal(_held(user_id), order):
            return refusal
        suspended = User.objects.filter(pk=user_id, status=User.Status.SUSPENDED)
        if not suspended.update(status=before, status_before=""):
            return Refusal.NOT_SO
        status = User.objects.values_list("status", flat=True).get(pk=user_id)
        record(
            SuspensionLifted(user=user_id, becomes=status, by=order.by, reason=order.reason),
            origin=order.origin,
        )
        return Done(addresses=_tell(user_id, notices.SUSPENSION_LIFTED, order))


def end_sessions(user_id: UUID, order: Order) -> Done | Refusal:
    """Sign its person out everywhere, applications too. They may sign in again at once."""
    with transaction.atomic():
        user = _held(user_id)
        if refusal := _refusal(user, order):
            return refusal
        if user is None or user.status == User.Status.DELETED:
            return Refusal.NOT_SO
        ended = sessions.end_all(user_id, by=_ADMINISTRATOR, now=order.now)
        record(
            SessionsEndedByAdministrator(
                user=user_id, sign_ins=ended.sign_ins, grants=ended.grants, by=order.by, reason=order.reason
            ),
            origin=order.origin,
        )
        told = _tell(user_id, notices.SESSIONS_ENDED, order)
    return Done(sign_ins=ended.sign_ins, applications=ended.applications, addresses=told)


def delete(user_id: UUID, order: Order, *, is_ready: Ready) -> Done | Refusal:
    """The end of the account, as if its owner had wished it (`lifecycle`). Nobody gets its names again."""
    with transaction.atomic():
        user = _held(user_id)
        if refusal := _refusal(user, order) or _would_leave_too_few(user_id, is_ready):
            return refusal
        if user is None or user.status in _UNDELETABLE:
            return Refusal.NOT_SO
        # They are told while it still is one, and by the name that it has until then.
        _tell_administrators_of(user, notices.ADMINISTRATOR_DELETED, order)
        gone = lifecycle.end(user, by=order.by, letter=notices.ACCOUNT_REMOVED, origin=order.origin, now=order.now)
        if gone is None:
            return Refusal.NOT_SO
        record(AccountRemoved(user=user_id, by=order.by, reason=order.reason), origin=order.origin)
    return Done(applications=gone.applications_told, addresses=gone.addresses_told.addresses)


def demote(user_id: UUID, order: Order, *, is_ready: Ready) -> Done | Refusal:
    """Take the administrator role away, at once. Giving it takes two (`proposals`)."""
    with transaction.atomic():
        user = _held(user_id)
        if refusal := _refusal(user, order) or _would_leave_too_few(user_id, is_ready):
            return refusal
        if user is None or not roles.is_administrator(user_id):
            return Refusal.NOT_SO
        _tell_administrators_of(user, notices.ADMINISTRATOR_DEMOTED, order)
        roles.end_all(user_id, by=order.by, origin=order.origin, now=order.now)
        record(AdministratorDemoted(user=user_id, by=order.by, reason=order.reason), origin=order.origin)
        return Done(addresses=_tell(user_id, notices.ROLE_ENDED, order))


# --- Who may, and to whom ---------------------------------------------------------------------------------


def _held(user_id: UUID) -> User | None:
    """The account, which stays as it is until the transaction ends. Before the roles, always: no two wait in a ring."""
    return User.objects.select_for_update(no_key=True).filter(pk=user_id).first()


def _refusal(user: User | None, order: Order) -> Refusal | None:
    if user is None:
        return Refusal.NOT_SO
    if user.pk == order.by:
        return Refusal.OWN
    return None if order.by in roles.hold_administrators() else Refusal.POWERLESS


def _would_leave_too_few(user_id: UUID, is_ready: Ready) -> Refusal | None:
    """Whether fewer than two administrators would stay, or fewer than two who could get back in by themselves.

    The roles are held, so of two who let go of each other at once the second one waits, and asks anew.
    """
    administrators = roles.hold_administrators()
    others = administrators - {user_id}
    if others == administrators:
        return None
    if len(others) < LEAST_ADMINISTRATORS:
        return Refusal.LAST_TWO
    if is_ready(user_id) and sum(map(is_ready, others)) < LEAST_ADMINISTRATORS:
        return Refusal.LAST_TWO
    return None


# --- Who hears of it --------------------------------------------------------------------------------------


def _tell(user_id: UUID, kind: str, order: Order) -> int:
    """Tell the person. Where the administrator sat is nothing for a letter."""
    return notices.post(kind, user_id, reference=uuid4(), origin=Origin(), now=order.now).addresses


def _tell_administrators_of(user: User, kind: str, order: Order) -> None:
    if roles.is_administrator(user.pk):
        others = roles.administrators() - {user.pk}
        roles.tell(others, kind, reference=uuid4(), origin=Origin(), now=order.now, who=user.called)

"""Stopping an account: its owner was told of something that was not them, and says so.

Everything ends at once. From then on nobody recovers the account, adds or removes a second factor or an address, or
deletes it, until somebody signs in with all that it takes. A password may still be replaced against itself.

Anybody can stop who reads one of the owner's letters, so it must be good for nothing else and do no lasting harm:
whoever cannot sign in any more, because the password is the one thing that was changed, would be kept out of their own
recovery for good. So it also ends by itself, after the policy's time, and every address hears of that.

One column of the account holds it, instead of a row for each time: whoever asks has read the account anyway, so that
nothing costs a statement more for an account that is stopped, or could be. What was before is in the history.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from django.db import transaction

from idp import notices
from idp.accounts import devices, sessions
from idp.audit.events import AccountReleased, AccountStopped, Origin, SessionsEnded
from idp.audit.record import record
from idp.conf import Policy
from idp.models import AuditEntry, SignIn, User

_BY = "stopped"
#: What ended it.
SIGN_IN, TIME = "sign_in", "time"
#: At a time, so that one tidying never holds much.
_MOST = 500


class Stopped(Exception):  # noqa: N818 -- it says what happened
    """The account's owner stopped everything; nothing about how one gets in can change meanwhile."""


@dataclass(frozen=True, kw_only=True)
class Released:
    """An account was stopped, and is so no more."""

    stopped_at: datetime
    released_at: datetime


def stop(
    user_id: UUID,
    *,
    event: UUID,
    policy: Policy,
    origin: Origin,
    now: datetime,
    then: Callable[[UUID], None],
) -> bool:
    """Stop everything, because of `event`, and tell every address. False if there is no such account any more.

    An account that is stopped already stays so, and nobody is told again. `then` runs in the same transaction.
    """
    with transaction.atomic():
        accounts = User.objects.exclude(status=User.Status.DELETED).filter(pk=user_id)
        if not accounts.filter(stopped_at=None).update(stopped_at=now):
            return accounts.exists()
        ended = sessions.end_all(user_id, by=_BY, now=now)
        devices.forget_all(user_id, by=_BY, origin=origin, now=now)
        record(
            AccountStopped(user=user_id, because_of=event),
            SessionsEnded(user=user_id, sign_ins=ended.sign_ins, grants=ended.grants, reason=_BY),
            origin=origin,
        )
        notices.post(
            notices.ACCOUNT_STOPPED,
            user_id,
            reference=uuid4(),
            origin=origin,
            now=now,
            until=(now + policy.stop_lasts).isoformat(),
        )
        then(user_id)
    return True


def refuse_if_stopped(user_id: UUID) -> None:
    """Raises Stopped if the account is stopped. In the transaction of a change, which a stop then waits for."""
    accounts = User.objects.select_for_update(no_key=True).filter(pk=user_id)
    if accounts.values_list("stopped_at", flat=True).first() is not None:
        raise Stopped(user_id)


def release(user: User, sign_in: SignIn, *, origin: Origin, now: datetime) -> bool:
    """Its owner has signed in, with all that it takes: changes are possible again. Runs in a transaction.

    Only by a sign-in that began after the stop; whatever else is left of one that did not, ends here.
    """
    if user.stopped_at is None or sign_in.authenticated_at <= user.stopped_at:
        return False
    if not _end(user, by=SIGN_IN, origin=origin, now=now):
        return False
    sessions.end_all(user.pk, by=_BY, now=now, except_for=sign_in.pk)
    return True


def release_overdue(*, policy: Policy, now: datetime) -> int:
    """Release the accounts whose time is over, although nobody signed in. Returns how many."""
    overdue = User.objects.filter(stopped_at__lte=now - policy.stop_lasts).exclude(status=User.Status.DELETED)
    released = 0
    for user in overdue[:_MOST]:
        with transaction.atomic():
            released += _end(user, by=TIME, origin=Origin(), now=now)
    return released


def last_released(user_id: UUID, *, since: datetime) -> Released | None:
    """The last time that a stop of the account ended, if that was after `since`."""
    entries = AuditEntry.objects.filter(user=user_id, name=AccountReleased.name, at__gt=since)
    entry = entries.order_by("-sequence").first()
    if entry is None:
        return None
    return Released(stopped_at=datetime.fromisoformat(entry.details["stopped_at"]), released_at=entry.at)


def _end(user: User, *, by: str, origin: Origin, now: datetime) -> bool:
    """End the stop that was read with the account, and tell every address. False if it is over, or another one."""
    stopped_at = user.stopped_at
    if stopped_at is None or not User.objects.filter(pk=user.pk, stopped_at=stopped_at).update(stopped_at=None):
        return False
    user.stopped_at = None
    since = stopped_at.isoformat()
    record(AccountReleased(user=user.pk, stopped_at=since, by=by), origin=origin)
    notices.post(notices.ACCOUNT_RELEASED, user.pk, reference=uuid4(), origin=origin, now=now, stopped_at=since, by=by)
    return True

"""Freezing an account: its owner was told of something that was not them, and says so.

Everything ends at once. From then on nobody recovers the account, adds or removes a second factor or an address, or
deletes it, until somebody signs in with all that it takes. A password may still be replaced against itself.

Anybody can freeze who reads one of the owner's letters, so it must be good for nothing else and do no lasting harm:
whoever cannot sign in any more, because the password is the one thing that was changed, would be kept out of their own
recovery for good. So it also ends by itself, after the policy's time, and every address hears of that.

One column of the account holds it, instead of a row for each time: whoever asks has read the account anyway, so that
nothing costs a statement more for an account that is frozen, or could be. What was before is in the history.

This is not the status of the same name, which is ours alone: a seal did not match (`sealing`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from django.db import transaction

from idp import notices
from idp.accounts import devices, sessions
from idp.audit.events import FreezeLifted, FreezePlaced, Origin, SessionsEnded
from idp.audit.record import record
from idp.conf import Policy
from idp.models import AuditEntry, SignIn, User

_BY = "frozen"
#: What ended it.
SIGN_IN, TIME = "sign_in", "time"
#: At a time, so that one tidying never holds much.
_MOST = 500


class Frozen(Exception):  # noqa: N818 -- it says what happened
    """The account's owner froze it; nothing about how one gets in can change meanwhile."""


@dataclass(frozen=True, kw_only=True)
class Lifted:
    """An account was frozen, and is so no more."""

    frozen_at: datetime
    lifted_at: datetime


def freeze(
    user_id: UUID,
    *,
    event: UUID,
    policy: Policy,
    origin: Origin,
    now: datetime,
    then: Callable[[UUID], None],
) -> bool:
    """Stop everything, because of `event`, and tell every address. False if there is no such account any more.

    An account that is frozen already stays so, and nobody is told again. `then` runs in the same transaction.
    """
    with transaction.atomic():
        accounts = User.objects.exclude(status=User.Status.DELETED).filter(pk=user_id)
        if not accounts.filter(frozen_at=None).update(frozen_at=now):
            return accounts.exists()
        ended = sessions.end_all(user_id, by=_BY, now=now)
        devices.forget_all(user_id, by=_BY, origin=origin, now=now)
        record(
            FreezePlaced(user=user_id, because_of=event),
            SessionsEnded(user=user_id, sign_ins=ended.sign_ins, grants=ended.grants, reason=_BY),
            origin=origin,
        )
        notices.post(
            notices.FREEZE_PLACED,
            user_id,
            reference=uuid4(),
            origin=origin,
            now=now,
            until=(now + policy.freeze_lasts).isoformat(),
        )
        then(user_id)
    return True


def refuse_if_frozen(user_id: UUID) -> None:
    """Raises Frozen if the account is. In the transaction of a change, for which a freeze then waits."""
    accounts = User.objects.select_for_update(no_key=True).filter(pk=user_id)
    if accounts.values_list("frozen_at", flat=True).first() is not None:
        raise Frozen(user_id)


def lift(user: User, sign_in: SignIn, *, origin: Origin, now: datetime) -> bool:
    """Its owner has signed in, with all that it takes: changes are possible again. Runs in a transaction.

    Only by a sign-in that began after the freeze; whatever else is left of one that did not, ends here.
    """
    if user.frozen_at is None or sign_in.authenticated_at <= user.frozen_at:
        return False
    if not _end(user, by=SIGN_IN, origin=origin, now=now):
        return False
    sessions.end_all(user.pk, by=_BY, now=now, except_for=sign_in.pk)
    return True


def lift_overdue(*, policy: Policy, now: datetime) -> int:
    """Lift the freezes whose time is over, although nobody signed in. Returns how many."""
    overdue = User.objects.filter(frozen_at__lte=now - policy.freeze_lasts).exclude(status=User.Status.DELETED)
    lifted = 0
    for user in overdue[:_MOST]:
        with transaction.atomic():
            lifted += _end(user, by=TIME, origin=Origin(), now=now)
    return lifted


def last_lifted(user_id: UUID, *, since: datetime) -> Lifted | None:
    """The last time that a freeze of the account ended, if that was after `since`."""
    entries = AuditEntry.objects.filter(user=user_id, name=FreezeLifted.name, at__gt=since)
    entry = entries.order_by("-sequence").first()
    if entry is None:
        return None
    return Lifted(frozen_at=datetime.fromisoformat(entry.details["frozen_at"]), lifted_at=entry.at)


def _end(user: User, *, by: str, origin: Origin, now: datetime) -> bool:
    """End the freeze that was read with the account, and tell every address. False if it is over, or another one."""
    frozen_at = user.frozen_at
    if frozen_at is None or not User.objects.filter(pk=user.pk, frozen_at=frozen_at).update(frozen_at=None):
        return False
    user.frozen_at = None
    since = frozen_at.isoformat()
    record(FreezeLifted(user=user.pk, frozen_at=since, by=by), origin=origin)
    notices.post(notices.FREEZE_LIFTED, user.pk, reference=uuid4(), origin=origin, now=now, frozen_at=since, by=by)
    return True

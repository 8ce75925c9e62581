"""Somebody else is in: everything stops at the word of an owner who has proved one thing, until they proved enough.

Taking access away needs less than giving it (NIST SP 800-63B 4.3). A finished recovery is what ends it
(`password_change`): the intruder may know the password, and hold a session, a token or a remembered browser.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from idp import notices
from idp.accounts import devices, sessions
from idp.audit.events import AccountReopened, AccountStopped, Origin, SessionsEnded
from idp.audit.record import record
from idp.models import User

_BY = "intruder"


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """Everything is stopped; what ended with it."""

    sessions_ended: int = 0
    applications_told: int = 0


def stop(user_id: UUID, *, source: UUID, origin: Origin, now: datetime) -> Stopped | None:
    """Let nobody in, and end all that is open. In a transaction. None if the account is closed for another reason.

    `source` is what its owner proved. Stopping twice is as good as once. A frozen account (`freezes`) is as closed to
    recoveries as it gets, and its owner can still sign in: that is not taken away.
    """
    active = User.objects.filter(pk=user_id, status=User.Status.ACTIVE, frozen_at=None)
    if not active.update(status=User.Status.STOPPED):
        return Stopped() if is_stopped(user_id) else None
    ended = sessions.end_all(user_id, by=_BY, now=now)
    devices.forget_all(user_id, by=_BY, origin=origin, now=now)
    record(
        SessionsEnded(user=user_id, sign_ins=ended.sign_ins, grants=ended.grants, reason=_BY),
        AccountStopped(user=user_id, source=source),
        origin=origin,
    )
    notices.post(notices.ACCOUNT_STOPPED, user_id, reference=source, origin=origin, now=now)
    return Stopped(sessions_ended=ended.sign_ins, applications_told=ended.applications)


def is_stopped(user_id: UUID) -> bool:
    return User.objects.filter(pk=user_id, status=User.Status.STOPPED).exists()


def reopen(user_id: UUID, *, origin: Origin) -> None:
    """Let its owner in again, if it was stopped. In the transaction of their new password."""
    if User.objects.filter(pk=user_id, status=User.Status.STOPPED).update(status=User.Status.ACTIVE):
        record(AccountReopened(user=user_id), origin=origin)

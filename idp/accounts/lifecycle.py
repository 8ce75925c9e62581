"""The end of an account: at its owner's wish, or an administrator's.

Its owner's takes their own sign-in, and a fresh one; an administrator's is one of their `powers`, and says why.

The row stays, without anything that says who it was, because the audit names accounts by their key. So do the
addresses, for as long as the last letter to them is on its way (two days at the very most): that an account was
deleted is the one thing its owner has to hear of, above all if it was not them. They prove nobody meanwhile, and
`credentials.erase_addresses` removes them. Instead of a copy of the address in the message: that would be a second
place where addresses are kept, without the seal that the first one has.
"""

import uuid
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.utils.translation import get_language

from idp import notices
from idp.accounts import credentials, freezes, reauthentication, roles, sessions, tombstones
from idp.audit.events import AccountDeleted, Origin, SessionsEnded
from idp.audit.record import record
from idp.conf import Policy
from idp.models import AddressClaim, Ceremony, Consent, Device, Grant, PendingSignIn, SignIn, User
from idp.models.user import new_sub

_BY = "deleted"


@dataclass(frozen=True, kw_only=True)
class Deleted:
    """Done; how many heard of it."""

    applications_told: int = 0
    addresses_told: notices.Told = field(default_factory=notices.Told)


@dataclass(frozen=True, kw_only=True)
class LastAdministrator:
    """Not done: nobody could administer the tenant any more."""


def delete_own(
    sign_in: SignIn,
    *,
    policy: Policy,
    origin: Origin,
    now: datetime,
) -> Deleted | LastAdministrator:
    """Delete the account of this sign-in: what it holds, what hangs on it, and whatever says whose it was.

    Raises NotFresh if its owner has not just shown who they are, and Frozen if they froze it. All of it in
    one transaction; twice is as good as once.
    """
    reauthentication.must_be_fresh(sign_in, policy=policy, now=now)
    user = sign_in.user
    with transaction.atomic():
        freezes.refuse_if_frozen(user.pk)
        if roles.is_last_administrator(user.pk):
            return LastAdministrator()
        deleted = end(user, by=None, letter=notices.ACCOUNT_DELETED, origin=origin, now=now)
        if deleted is None:
            return Deleted()
        record(AccountDeleted(user=user.pk), origin=origin)
    return deleted


def end(user: User, *, by: uuid.UUID | None, letter: str, origin: Origin, now: datetime) -> Deleted | None:
    """Take everything away that the account has, and post the last `letter`; `by` an administrator, or its owner.

    Runs in its caller's transaction, which records whose wish it was. None if it is not as it was read any more: its
    status is another one by now.
    """
    if not _take_the_names_off(user, now=now):
        return None
    told = notices.post(
        letter,
        user.pk,
        reference=uuid.uuid4(),
        # Where an administrator sat when they did it is nothing for a letter.
        origin=Origin() if by else origin,
        now=now,
        # The account does not know its language any more when the letter is written.
        language=user.locale or get_language(),
    )
    ended = sessions.end_all(user.pk, by=_BY, now=now)
    roles.end_all(user.pk, by=by, origin=origin, now=now)
    record(SessionsEnded(user=user.pk, sign_ins=ended.sign_ins, grants=ended.grants, reason=_BY), origin=origin)
    _remove_what_hangs_on_it(user)
    return Deleted(applications_told=ended.applications, addresses_told=told)


def _take_the_names_off(user: User, *, now: datetime) -> bool:
    """The account is deleted, and names nobody; one UPDATE. False if its status is not the one that was read."""
    nobody = str(user.pk)
    gone = (
        User.objects.filter(pk=user.pk, status=user.status)
        .exclude(status=User.Status.DELETED)
        .update(
            status=User.Status.DELETED,
            status_before="",
            sub=new_sub(),
            preferred_username=nobody,
            username_key=nobody,
            email="",
            email_key=None,
            email_verified=False,
            name="",
            claims={},
            groups=[],
            locale="",
            updated_at=now,
        )
    )
    if gone:
        tombstones.bury(user, now=now)
    return bool(gone)


def _remove_what_hangs_on_it(user: User) -> None:
    """Grants and sign-ins stay, ended and without a place, until applications were told and their time is over."""
    credentials.erase(user.pk)
    for rows in (AddressClaim, Consent, Device, PendingSignIn, Ceremony):
        rows._default_manager.filter(user=user.pk).delete()  # noqa: SLF001 -- Django's own name for its documented API
    SignIn.objects.filter(user=user.pk).update(device="", network="", place="")
    Grant.objects.filter(user=user.pk).update(claims=None, nonce="")

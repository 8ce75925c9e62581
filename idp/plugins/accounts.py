"""Accounts, as an app that plugs in may see them: who is meant, and where they can be reached. Nothing else."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from idp import notices
from idp.accounts import devices, intruders, invitations, lookup, roles, sealing
from idp.accounts.intruders import Stopped, stop
from idp.accounts.marks import Mark
from idp.accounts.marks import clear as address_works
from idp.accounts.marks import of as marks
from idp.audit.events import Origin
from idp.conf import policy
from idp.models import RecoveryAddress, User
from idp.models.user import canonical

__all__ = [
    "INVITATION_FIELD",
    "Account",
    "AddressRef",
    "Holder",
    "Invited",
    "Mark",
    "Stopped",
    "address",
    "address_works",
    "administrator_recovered",
    "after",
    "canonical",
    "channels",
    "everybody",
    "find",
    "holders",
    "invited",
    "is_administrator",
    "is_stopped",
    "knows_browser",
    "marks",
    "recovery_begun",
    "stop",
    "tell",
    "username",
    "usernames_at",
]

#: The name that the address of an invitation's link gives its token.
INVITATION_FIELD = invitations.FIELD
#: Whose rows there are none of: asking for them takes as long as asking for somebody's.
NOBODY = UUID(int=0)


@dataclass(frozen=True, kw_only=True)
class Account:
    """An account that somebody said is theirs. `password_version` is 0 if it has no password yet."""

    id: UUID
    password_version: int


@dataclass(frozen=True, kw_only=True)
class AddressRef:
    """A verified address of an account, without the address."""

    id: UUID
    version: int


@dataclass(frozen=True, kw_only=True)
class Holder:
    """An account that has a certain verified address, and its row of it."""

    user: UUID
    address: UUID


@dataclass(frozen=True, kw_only=True)
class Invited:
    """An account that was never used, whose invitation this is: which one, and which of its letters."""

    user: UUID
    invitation: UUID
    generation: int
    username: str


def invited(token: str, *, now: datetime) -> Invited | None:
    """The account that this link of an invitation is for, while it can be taken up."""
    row = invitations.read(token, now=now)
    if row is None:
        return None
    return Invited(user=row.user_id, invitation=row.pk, generation=row.generation, username=row.user.preferred_username)


def find(identifier: str) -> Account | None:
    """The account that may recover by this user name or e-mail address, or None; one query either way.

    A suspended, frozen or deleted account is none: recovery never ends in access for it (CVE-2025-0604). Nor is one
    that its owner froze.
    """
    found = lookup.find(identifier)
    if found.user is None or not found.user.may_recover or found.user.frozen_at is not None:
        return None
    version = found.credential.version if found.credential else 0
    return Account(id=found.user.pk, password_version=version)


def address(user: UUID | None, channel: str, typed: str, *, now: datetime) -> AddressRef | None:
    """The account's own verified address, if `typed` is it. For nobody's account (None) the same one query.

    A new one proves nobody while it is in quarantine, one that its owner took out never again, and none of them while
    its owner froze the account.
    """
    row = (
        RecoveryAddress.objects.filter(
            Q(usable_from=None) | Q(usable_from__lte=now),
            told_until=None,
            user__frozen_at=None,
            user=user or NOBODY,
            channel=channel,
            digest=sealing.address_digest(channel, typed),
        )
        .values_list("pk", "version")
        .first()
    )
    return AddressRef(id=row[0], version=row[1]) if row else None


def channels(user: UUID | None, *, now: datetime) -> frozenset[str]:
    """By which channels the account could be sent a code today; one query, for nobody's account (None) as well."""
    usable = RecoveryAddress.objects.filter(Q(usable_from=None) | Q(usable_from__lte=now), told_until=None)
    return frozenset(usable.filter(user=user or NOBODY).values_list("channel", flat=True))


def everybody() -> QuerySet[User, UUID]:
    """The keys of all accounts, to stand within a statement about an app's own rows."""
    return User.objects.values_list("pk", flat=True)


def after(key: UUID | None, *, most: int) -> list[UUID]:
    """The keys of the next accounts that are somebody's, in order, from `key` on; the first ones for None."""
    somebodys = User.objects.exclude(status__in=(User.Status.DELETED, User.Status.INVITED)).order_by("pk")
    if key is not None:
        somebodys = somebodys.filter(pk__gt=key)
    return list(somebodys.values_list("pk", flat=True)[:most])


def tell(user: UUID, kind: str, *, reference: UUID, origin: Origin, now: datetime, **facts: Any) -> None:
    """Tell every address of the account, by a message of the app's own kind. In a transaction."""
    notices.post(kind, user, reference=reference, origin=origin, now=now, **facts)


def is_administrator(user: UUID | None) -> bool:
    """Whether the account administers the tenant; one query, for nobody's account (None) as well."""
    return roles.is_administrator(user or NOBODY)


def knows_browser(user: UUID | None, device_key: str, *, now: datetime) -> bool:
    """Whether somebody signed in to the account from this browser; the same work for nobody's account (None)."""
    return devices.find(user or NOBODY, device_key, policy=policy(), now=now) is not None


def recovery_begun(user: UUID, *, proved_by: str, reference: UUID, origin: Origin, now: datetime) -> None:
    """Tell every address of the account that one thing was proved and more is asked for. In a transaction."""
    notices.post(notices.RECOVERY_BEGUN, user, reference=reference, origin=origin, now=now, proved_by=proved_by)


def administrator_recovered(user: UUID, *, proved_by: str, reference: UUID, origin: Origin, now: datetime) -> None:
    """Tell the other administrators that one of them got back in. In a transaction."""
    account = User.objects.get(pk=user)
    kind = notices.ADMINISTRATOR_RECOVERED
    roles.tell_others(account, kind, reference=reference, origin=origin, now=now, proved_by=proved_by)


def is_stopped(user: UUID | None) -> bool:
    """Whether its owner stopped everything in a recovery; one query, for nobody's account (None) as well."""
    return intruders.is_stopped(user or NOBODY)


def username(user: UUID | None) -> str:
    """The account's user name: for the password manager of somebody who has proved who they are."""
    return User.objects.filter(pk=user).values_list("preferred_username", flat=True).first() or ""


def holders(channel: str, typed: str, *, now: datetime) -> tuple[Holder, ...]:
    """The accounts that have this verified address and may recover, the oldest first; one query, found or not.

    A mailbox may be several people's, or one person's for several accounts. Good for telling its reader their own user
    names and for nothing else: nobody has said which account is meant.
    """
    rows = _held(channel, sealing.address_digest(channel, typed), now=now)
    return tuple(Holder(user=row.user_id, address=row.pk) for row in rows)


def usernames_at(address: UUID, *, now: datetime) -> tuple[str, ...]:
    """The user names of all accounts that have the address of this row, for a message that goes there."""
    row = RecoveryAddress.objects.filter(pk=address).first()
    if row is None:
        return ()
    return tuple(sorted(each.user.preferred_username for each in _held(row.channel, row.digest, now=now)))


def _held(channel: str, digest: str, *, now: datetime) -> list[RecoveryAddress]:
    """An address that something else wrote is nobody's; so is one in quarantine, or taken out."""
    rows = RecoveryAddress.objects.select_related("user").filter(
        Q(usable_from=None) | Q(usable_from__lte=now),
        told_until=None,
        user__status__in=User.MAY_RECOVER,
        channel=channel,
        digest=digest,
    )
    return [row for row in rows.order_by("user__created_at", "pk") if sealing.is_address_genuine(row)]

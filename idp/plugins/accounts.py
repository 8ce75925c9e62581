"""Accounts, as an app that plugs in may see them: who is meant, and where they can be reached. Nothing else."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from idp.accounts import lookup, sealing
from idp.accounts.marks import Mark
from idp.accounts.marks import clear as address_works
from idp.accounts.marks import of as marks
from idp.models import RecoveryAddress, User
from idp.models.user import canonical

__all__ = [
    "Account",
    "AddressRef",
    "Holder",
    "Mark",
    "address",
    "address_works",
    "canonical",
    "channels",
    "find",
    "holders",
    "marks",
    "username",
    "usernames_at",
]


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


def find(identifier: str) -> Account | None:
    """The account that may recover by this user name or e-mail address, or None; one query either way.

    A suspended, frozen or deleted account is none: recovery never ends in access for it (CVE-2025-0604). Nor is one
    that its owner froze.
    """
    found = lookup.find(identifier)
    if found.user is None or not found.user.may_sign_in or found.user.frozen_at is not None:
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
            user=user or UUID(int=0),
            channel=channel,
            digest=sealing.address_digest(channel, typed),
        )
        .values_list("pk", "version")
        .first()
    )
    return AddressRef(id=row[0], version=row[1]) if row else None


def channels(user: UUID, *, now: datetime) -> frozenset[str]:
    """By which channels the account could be sent a code today; one query."""
    rows = RecoveryAddress.objects.filter(Q(usable_from=None) | Q(usable_from__lte=now), told_until=None, user=user)
    return frozenset(rows.values_list("channel", flat=True))


def username(user: UUID | None) -> str:
    """The account's user name: for the password manager of somebody who has proved who they are."""
    return User.objects.filter(pk=user).values_list("preferred_username", flat=True).first() or ""


def holders(channel: str, typed: str, *, now: datetime) -> tuple[Holder, ...]:
    """The accounts that have this verified address and may sign in, the oldest first; one query, found or not.

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
        user__status=User.Status.ACTIVE,
        channel=channel,
        digest=digest,
    )
    return [row for row in rows.order_by("user__created_at", "pk") if sealing.is_address_genuine(row)]

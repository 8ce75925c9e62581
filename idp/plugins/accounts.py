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
    "Mark",
    "address",
    "address_works",
    "canonical",
    "channels",
    "find",
    "marks",
    "username",
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


def find(identifier: str) -> Account | None:
    """The account that may recover by this user name or e-mail address, or None; one query either way.

    A suspended, frozen or deleted account is none: recovery never ends in access for it (CVE-2025-0604). Nor is one
    that its owner stopped.
    """
    found = lookup.find(identifier)
    if found.user is None or not found.user.may_sign_in or found.user.stopped_at is not None:
        return None
    version = found.credential.version if found.credential else 0
    return Account(id=found.user.pk, password_version=version)


def address(user: UUID | None, channel: str, typed: str, *, now: datetime) -> AddressRef | None:
    """The account's own verified address, if `typed` is it. For nobody's account (None) the same one query.

    A new one proves nobody while it is in quarantine, one that its owner took out never again, and none of them while
    its owner stopped everything.
    """
    row = (
        RecoveryAddress.objects.filter(
            Q(usable_from=None) | Q(usable_from__lte=now),
            told_until=None,
            user__stopped_at=None,
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

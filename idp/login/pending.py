"""A sign-in that waits for its second factor: who it will be, what was shown so far, where it leads.

The browser holds a random key of its own for it; the row holds the key's hash and a seal. It opens nothing: all it is
good for is the page that asks for the factor, once.
"""

from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_urlsafe

from idp import keyring
from idp.models import PendingSignIn, SignIn, User

_SEAL = "pending-sign-in"


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A pending sign-in and the key that only its browser gets to know."""

    row: PendingSignIn
    key: str = field(repr=False)


def keep(
    user: User,
    *,
    amr: list[str],
    authenticated_at: datetime,
    continues: SignIn | None,
    interaction_id: str,
    target: str,
    expires_at: datetime,
) -> Kept:
    """Write down what was shown so far; always a new row and a new key."""
    key = token_urlsafe(32)
    row = PendingSignIn(
        key_hash=keyring.fingerprint(key),
        user=user,
        amr=amr,
        authenticated_at=authenticated_at,
        continues=continues,
        interaction_id=interaction_id[:32],
        target=target,
        expires_at=expires_at,
    )
    row.seal = keyring.seal(_SEAL, *_parts(row))
    row.save(force_insert=True)
    return Kept(row=row, key=key)


def find(key: str, *, now: datetime) -> PendingSignIn | None:
    """The pending sign-in of this key with its user, or None: finished, over, tampered with, or no longer allowed."""
    if not key:
        return None
    row = (
        PendingSignIn.objects.select_related("user", "continues__user")
        .filter(key_hash=keyring.fingerprint(key), finished_at=None, expires_at__gt=now)
        .first()
    )
    if row is None or not row.user.may_sign_in or not keyring.is_sealed(_SEAL, row.seal, *_parts(row)):
        return None
    return row


def finish(row: PendingSignIn, *, now: datetime) -> bool:
    """Use it up. False if another request just did."""
    return bool(PendingSignIn.objects.filter(pk=row.pk, finished_at=None, expires_at__gt=now).update(finished_at=now))


def _parts(row: PendingSignIn) -> tuple[keyring.Part, ...]:
    return (
        row.id.bytes,
        row.key_hash,
        row.user_id.bytes,
        row.continues_id.bytes if row.continues_id else None,
        row.authenticated_at.isoformat(),
        *row.amr,
    )

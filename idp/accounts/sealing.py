"""The seals of credentials and recovery addresses: made where they are written, looked at wherever they are used.

`credentials` is the only module that makes them. Everybody may ask whether a row is genuine: one that this software
did not write opens nothing, freezes its account and raises an alarm.
"""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog
from django.db import transaction

from idp import keyring
from idp.accounts import alarms
from idp.audit.events import AccountFrozen, SealInvalid
from idp.audit.record import record
from idp.models import Credential, RecoveryAddress, User
from idp.models.user import canonical

log = structlog.get_logger(__name__)

_CREDENTIAL_SEAL = "credential"
_ADDRESS_SEAL = "recovery-address"
_ADDRESS_KEY = "recovery-address-encryption"
_ADDRESS_DIGEST = "recovery-address-digest"
_IDENTITY = "account-identity"
_CONTENT, _ADDRESS_CONTENT = "credential-content", "recovery-address-content"


@dataclass(frozen=True, kw_only=True)
class Address:
    """A recovery address that carries our seal, in clear: for the worker that writes to it."""

    id: uuid.UUID
    user: uuid.UUID
    channel: str
    value: str = field(repr=False)
    version: int


def is_genuine(credential: Credential) -> bool:
    """Whether the row carries the seal that only the writer makes."""
    return keyring.is_sealed(_CREDENTIAL_SEAL, credential.seal, *_credential_parts(credential))


def is_address_genuine(row: RecoveryAddress) -> bool:
    """Whether the row carries the seal that only the writer makes."""
    return keyring.is_sealed(_ADDRESS_SEAL, row.seal, *_address_parts(row))


def open_address(row: RecoveryAddress) -> Address | None:
    """The address in clear, or None if its seal is wrong: then its account is frozen and nothing is sent."""
    value = _decrypted(row) if is_address_genuine(row) else None
    if value is None:
        freeze_for_seal(row.user, table="recovery_address", row=row.id)
        return None
    return Address(id=row.id, user=row.user_id, channel=row.channel, value=value, version=row.version)


def address_digest(channel: str, address: str) -> str:
    """What a recovery address is looked up by."""
    return keyring.digest(_ADDRESS_DIGEST, channel, canonical(address))


def is_digest_right(row: RecoveryAddress) -> bool:
    """Whether the address is found by the digest that is made of it now. Raises Tampered as `encrypted_anew` does."""
    address = keyring.decrypt(_ADDRESS_KEY, row.ciphertext, row.id.bytes, row.user_id.bytes)
    return row.digest == address_digest(row.channel, address)


def content(row: Credential) -> str:
    """What the audit keeps of what a version holds: a digest that stays the same when the row is sealed anew.

    That of an app's key does not: it is made of the ciphertext, since what is in it is not for here.
    """
    return keyring.digest(_CONTENT, str(row.kind), row.material, row.handle)


def address_content(row: RecoveryAddress) -> str:
    """As `content`, of which address it is and from and until when it counts."""
    return keyring.digest(_ADDRESS_CONTENT, row.digest, _moment(row.usable_from), _moment(row.told_until))


def identity(user: User) -> str:
    """What the audit keeps of who an account is: applications, and sign-in, know it by these, and they never change."""
    names = (user.sub, user.preferred_username, user.username_key, user.email, user.email_key)
    return keyring.digest(_IDENTITY, user.pk.bytes, *names)


def freeze_for_seal(user: User, *, table: str, row: uuid.UUID) -> None:
    """Something other than this software wrote a guarded row: let nobody in, and say so loudly.

    Administrators are told the first time that the row is met.
    """
    log.error("seal invalid", alarm="credential.seal_invalid", user=str(user.pk), table=table, row=str(row))
    with transaction.atomic():
        frozen = (
            User.objects.filter(pk=user.pk)
            .exclude(status__in=[User.Status.FROZEN, User.Status.DELETED])
            .update(status=User.Status.FROZEN)
        )
        if user.may_sign_in:
            # Whoever holds this account in their hands sees it at once.
            user.status = User.Status.FROZEN
        events = [SealInvalid(user=user.pk, table=table, row=row)]
        if frozen:
            record(*events, AccountFrozen(user=user.pk, reason="seal_invalid"))
        else:
            record(*events)
        alarms.tell_once(table=table, row=row)


# --- For the writer ---------------------------------------------------------------------------------------


def credential_seal(credential: Credential) -> str:
    """The seal of `credential` as it stands now."""
    return keyring.seal(_CREDENTIAL_SEAL, *_credential_parts(credential))


def address_seal(row: RecoveryAddress) -> str:
    """The seal of `row` as it stands now."""
    return keyring.seal(_ADDRESS_SEAL, *_address_parts(row))


def encrypted_address(row: RecoveryAddress, address: str) -> str:
    """`address` so that only this row can hold it."""
    return keyring.encrypt(_ADDRESS_KEY, address, row.id.bytes, row.user_id.bytes)


def encrypted_anew(row: RecoveryAddress) -> str:
    """The same address under the newest root key. Raises Tampered if the row holds none of ours."""
    return keyring.encrypted_anew(_ADDRESS_KEY, row.ciphertext, row.id.bytes, row.user_id.bytes)


def _credential_parts(row: Credential) -> tuple[keyring.Part, ...]:
    parts: tuple[keyring.Part, ...] = (row.user_id.bytes, str(row.kind), row.material, row.version, row.proof.bytes)
    # There is one password; of the others there may be several, and none may stand in for its neighbour.
    return parts if row.kind == Credential.Kind.PASSWORD else (*parts, row.id.bytes, row.handle)


def _address_parts(row: RecoveryAddress) -> tuple[keyring.Part, ...]:
    parts: tuple[keyring.Part, ...] = (
        row.id.bytes,
        row.user_id.bytes,
        str(row.channel),
        row.digest,
        row.ciphertext,
        row.version,
        row.proof.bytes,
    )
    if row.usable_from is None and row.told_until is None:
        return parts
    return (*parts, _moment(row.usable_from), _moment(row.told_until))


def _moment(value: datetime | None) -> str | None:
    return value.astimezone(UTC).isoformat() if value else None


def _decrypted(row: RecoveryAddress) -> str | None:
    try:
        return keyring.decrypt(_ADDRESS_KEY, row.ciphertext, row.id.bytes, row.user_id.bytes)
    except keyring.Tampered:
        return None

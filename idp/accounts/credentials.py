"""The only writer of credentials and recovery addresses; and the only reader that believes them.

Writing takes a `Proof` and never an account. Reading checks the seal first: a row that this software did not
write opens nothing, freezes its account and raises an alarm.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.db import IntegrityError, transaction

from idp import keyring
from idp.accounts import hashers
from idp.accounts.proofs import PROOF_LIFETIME, Earned, Proof
from idp.audit.events import AccountFrozen, CredentialWritten, Origin, SealInvalid
from idp.audit.record import record
from idp.channels import numbers
from idp.models import Credential, RecoveryAddress, User
from idp.models.user import canonical

log = structlog.get_logger(__name__)

_CREDENTIAL_SEAL = "credential"
_ADDRESS_SEAL = "recovery-address"
_ADDRESS_KEY = "recovery-address-encryption"
_ADDRESS_DIGEST = "recovery-address-digest"


class ProofStale(Exception):  # noqa: N818 -- it says what happened
    """The proof was spent, has expired, or names a version that is no longer the current one."""


# --- Writing ----------------------------------------------------------------------------------------------


def write_password(proof: Proof, raw: str, *, now: datetime, origin: Origin | None = None) -> int:
    """Spend `proof` on a new password and return its version. Does not judge it: see `password_rules`.

    Raises ProofStale if the proof no longer holds; then nothing was changed.
    """
    return write_password_hash(proof, hashers.hash_password(raw), now=now, origin=origin)


def write_password_hash(proof: Proof, encoded: str, *, now: datetime, origin: Origin | None = None) -> int:
    """As `write_password`, for a hash that exists already: an import's, or a hash upgrade's."""
    if proof.kind != Credential.Kind.PASSWORD or now > proof.expires_at:
        raise ProofStale(proof.id)
    version = proof.replaces + 1
    with transaction.atomic():
        if proof.replaces:
            written = Credential.objects.filter(
                user=proof.user,
                kind=proof.kind,
                version=proof.replaces,
            ).update(
                material=encoded,
                version=version,
                proof=proof.id,
                seal=_credential_seal(proof.user, proof.kind, encoded, version, proof.id),
                changed_at=now,
            )
            if written != 1:
                raise ProofStale(proof.id)
        else:
            _insert_first(proof, encoded, now=now)
        record(_written(proof, version), origin=origin)
    return version


def write_address(
    proof: Proof,
    address: str,
    *,
    channel: str,
    now: datetime,
    origin: Origin | None = None,
) -> RecoveryAddress:
    """Spend `proof` on a verified recovery address. Raises ProofStale if the account already has it."""
    if proof.kind != channel or now > proof.expires_at:
        raise ProofStale(proof.id)
    if channel == RecoveryAddress.Channel.SMS and not numbers.is_e164(address):
        raise ValueError("A telephone number is stored in one spelling, or it would never be found again: E.164.")
    row = RecoveryAddress(
        user_id=proof.user,
        channel=channel,
        digest=address_digest(channel, address),
        version=1,
        proof=proof.id,
        changed_at=now,
    )
    row.ciphertext = keyring.encrypt(_ADDRESS_KEY, address, row.id.bytes, proof.user.bytes)
    row.seal = keyring.seal(_ADDRESS_SEAL, *_address_parts(row))
    with transaction.atomic():
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError as error:
            raise ProofStale(proof.id) from error
        record(_written(proof, 1), origin=origin)
    return row


def upgrade_hash(credential: Credential, raw: str, *, now: datetime) -> None:
    """Store a password that was just verified with today's parameters, through a proof of its own kind."""
    proof = Proof(
        user=credential.user_id,
        kind=credential.kind,
        replaces=credential.version,
        earned=Earned.REHASH,
        source=credential.id,
        expires_at=now + PROOF_LIFETIME,
    )
    try:
        write_password(proof, raw, now=now)
    except ProofStale:
        # Somebody changed it meanwhile, which is better than what we were about to do.
        log.info("hash upgrade overtaken", user=str(credential.user_id))


# --- Reading ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Address:
    """A recovery address that carries our seal, in clear: for the worker that writes to it."""

    id: uuid.UUID
    user: uuid.UUID
    channel: str
    value: str
    version: int


def verify_password(user: User | None, credential: Credential | None, raw: str, *, now: datetime) -> bool:
    """Whether `raw` is the password of an account that may sign in. The same work for every answer.

    An account that does not exist, has no password or may not sign in costs one hash as well, so that time does not
    tell. A credential without our seal is refused, freezes the account and is recorded.
    """
    if user is None or credential is None:
        hashers.burn(raw)
        return False
    if not is_genuine(credential):
        # Not even its hash's parameters are believed.
        hashers.burn(raw)
        freeze_for_seal(user, table="credential", row=credential.id)
        return False
    right = hashers.verify_password(raw, credential.material)
    if right and user.may_sign_in and hashers.needs_upgrade(credential.material):
        upgrade_hash(credential, raw, now=now)
    return right and user.may_sign_in


def is_genuine(credential: Credential) -> bool:
    """Whether the row carries the seal that only `write_password` makes."""
    return keyring.is_sealed(
        _CREDENTIAL_SEAL,
        credential.seal,
        *_credential_parts(
            credential.user_id,
            credential.kind,
            credential.material,
            credential.version,
            credential.proof,
        ),
    )


def is_address_genuine(row: RecoveryAddress) -> bool:
    """Whether the row carries the seal that only `write_address` makes."""
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


def freeze_for_seal(user: User, *, table: str, row: uuid.UUID) -> None:
    """Something other than this software wrote a guarded row: let nobody in, and say so loudly."""
    log.error("seal invalid", alarm="credential.seal_invalid", user=str(user.pk), table=table, row=str(row))
    with transaction.atomic():
        frozen = (
            User.objects.filter(pk=user.pk)
            .exclude(status__in=[User.Status.FROZEN, User.Status.DELETED])
            .update(status=User.Status.FROZEN)
        )
        events = [SealInvalid(user=user.pk, table=table, row=row)]
        if frozen:
            record(*events, AccountFrozen(user=user.pk, reason="seal_invalid"))
        else:
            record(*events)


# --- How a row is written and sealed -----------------------------------------------------------------------


def _insert_first(proof: Proof, encoded: str, *, now: datetime) -> None:
    try:
        with transaction.atomic():
            Credential.objects.create(
                user_id=proof.user,
                kind=proof.kind,
                material=encoded,
                version=1,
                proof=proof.id,
                seal=_credential_seal(proof.user, proof.kind, encoded, 1, proof.id),
                changed_at=now,
            )
    except IntegrityError as error:
        raise ProofStale(proof.id) from error


def _written(proof: Proof, version: int) -> CredentialWritten:
    return CredentialWritten(
        user=proof.user,
        kind=proof.kind,
        version=version,
        proof=proof.id,
        earned=proof.earned,
        source=str(proof.source),
    )


def _credential_parts(
    user: uuid.UUID,
    kind: str,
    material: str,
    version: int,
    proof: uuid.UUID,
) -> tuple[keyring.Part, ...]:
    return (user.bytes, str(kind), material, version, proof.bytes)


def _credential_seal(user: uuid.UUID, kind: str, material: str, version: int, proof: uuid.UUID) -> str:
    return keyring.seal(_CREDENTIAL_SEAL, *_credential_parts(user, kind, material, version, proof))


def _decrypted(row: RecoveryAddress) -> str | None:
    try:
        return keyring.decrypt(_ADDRESS_KEY, row.ciphertext, row.id.bytes, row.user_id.bytes)
    except keyring.Tampered:
        return None


def _address_parts(row: RecoveryAddress) -> tuple[keyring.Part, ...]:
    return (
        row.id.bytes,
        row.user_id.bytes,
        str(row.channel),
        row.digest,
        row.ciphertext,
        row.version,
        row.proof.bytes,
    )

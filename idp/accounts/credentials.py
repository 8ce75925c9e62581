"""The only writer of credentials and recovery addresses; and the only reader that believes them.

Writing takes a `Proof` and never an account. While its owner has frozen an account, each of them raises Frozen for a
proof that was earned without the password. Reading checks the seal first (`sealing`).
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef

from idp import keyring, writers
from idp.accounts import freezes, hashers, sealing
from idp.accounts.proofs import PROOF_LIFETIME, Earned, Proof
from idp.audit.events import CredentialWritten, Origin
from idp.audit.record import record
from idp.channels import numbers
from idp.models import Credential, Factor, Message, RecoveryAddress, User

log = structlog.get_logger(__name__)


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
    _must_hold(proof, now, Credential.Kind.PASSWORD)
    return _write(proof, encoded, handle=None, now=now, origin=origin).version


def write_factor(
    proof: Proof,
    material: str,
    *,
    name: str,
    handle: str | None = None,
    now: datetime,
    origin: Origin | None = None,
) -> Credential:
    """Spend `proof` on a second factor, which its owner calls `name`: a new one, or a new set of recovery codes.

    Raises ProofStale if the proof no longer holds, or if `handle` is somebody's already; then nothing was changed.
    """
    _must_hold(proof, now, *FACTORS)
    with transaction.atomic():
        credential = _write(proof, material, handle=handle, now=now, origin=origin)
        Factor.objects.update_or_create(
            credential=credential,
            defaults={"name": name, "added_at": now, "last_used_at": None, "counter": 0},
        )
    return credential


def remove_factor(proof: Proof, *, now: datetime, origin: Origin | None = None) -> None:
    """Spend `proof` on taking a second factor away. Its row stays, empty, as the record of it.

    Raises ProofStale if the proof no longer holds.
    """
    _must_hold(proof, now, *FACTORS)
    if not proof.replaces:
        raise ProofStale(proof.id)
    _write(proof, "", handle=None, now=now, origin=origin)


def write_address(
    proof: Proof,
    address: str,
    *,
    channel: str,
    usable_from: datetime | None = None,
    now: datetime,
    origin: Origin | None = None,
) -> RecoveryAddress:
    """Spend `proof` on a verified recovery address, which proves nobody before `usable_from`.

    Raises ProofStale if the proof no longer holds, or the account has the address already.
    """
    _must_hold(proof, now, channel)
    return _write_address(proof, _address(proof, address, usable_from=usable_from), now=now, origin=origin)


def remove_address(proof: Proof, *, told_until: datetime, now: datetime, origin: Origin | None = None) -> None:
    """Spend `proof` on taking a recovery address out: it proves nobody from now on, and is told until then.

    Raises ProofStale if the proof no longer holds.
    """
    _must_hold(proof, now, *RecoveryAddress.Channel.values)
    row = RecoveryAddress.objects.filter(pk=proof.row, user=proof.user, channel=proof.kind).first()
    if row is None or not proof.replaces or not sealing.is_address_genuine(row):
        raise ProofStale(proof.id)
    row.told_until = told_until
    _write_address(proof, row, now=now, origin=origin)


@dataclass(frozen=True, kw_only=True)
class First:
    """What is to be the first version of a credential or an address, and the proof to spend on it."""

    proof: Proof
    #: The hash of a password, the material of a second factor, or an address in clear.
    what: str = field(repr=False)
    #: Of a second factor: what its owner calls it.
    name: str = ""


def write_first(firsts: Sequence[First], *, now: datetime) -> None:
    """Spend many proofs that an import earned, in a few statements and one stretch of the audit: all, or none.

    Raises ProofStale if one of them does not hold, or its row cannot be written; then nothing was changed.
    """
    for first in firsts:
        _must_hold(first.proof, now, *Credential.Kind.values, *RecoveryAddress.Channel.values)
        if first.proof.earned is not Earned.IMPORT:
            raise ProofStale(first.proof.id)
    others = [first for first in firsts if first.proof.kind not in RecoveryAddress.Channel.values]
    addresses = [first for first in firsts if first.proof.kind in RecoveryAddress.Channel.values]
    rows = [_credential(first.proof, first.what, handle=None, now=now) for first in others]
    address_rows = [_sealed(_address(first.proof, first.what), first.proof, now=now) for first in addresses]
    contents = [*map(sealing.content, rows), *map(sealing.address_content, address_rows)]
    told = zip((*others, *addresses), contents, strict=True)
    try:
        with transaction.atomic():
            writers.put_first(rows)
            writers.put_first(address_rows)
            Factor.objects.bulk_create(
                Factor(credential_id=first.proof.row, name=first.name, added_at=now)
                for first in others
                if first.proof.kind in FACTORS
            )
            record(*(_written(first.proof, content) for first, content in told))
    except IntegrityError as error:
        raise ProofStale("one of many") from error


def upgrade_hash(credential: Credential, raw: str, *, now: datetime) -> None:
    """Store a password that was just verified with today's parameters, through a proof of its own kind."""
    proof = Proof(
        user=credential.user_id,
        kind=credential.kind,
        replaces=credential.version,
        earned=Earned.REHASH,
        source=credential.id,
        expires_at=now + PROOF_LIFETIME,
        row=credential.id,
    )
    try:
        write_password(proof, raw, now=now)
    except ProofStale:
        # Somebody changed it meanwhile, which is better than what we were about to do.
        log.info("hash upgrade overtaken", user=str(credential.user_id))


# --- Under another root key -------------------------------------------------------------------------------


def reseal(credential: Credential, *, material: str) -> bool:
    """Seal this version with the newest root key; nothing of what it says changes, so it takes no proof.

    `material` is what it holds, encrypted anew if it is encrypted. False if another version was written meanwhile.
    Raises Tampered if the row was not ours before.
    """
    if not sealing.is_genuine(credential):
        raise keyring.Tampered(credential.pk)
    rows = Credential.objects.filter(pk=credential.pk, version=credential.version, seal=credential.seal)
    credential.material = material
    credential.seal = sealing.credential_seal(credential)
    return bool(rows.update(material=credential.material, seal=credential.seal))


def reseal_address(row: RecoveryAddress) -> bool:
    """As `reseal`, for a recovery address; what it is found by stays."""
    if not sealing.is_address_genuine(row):
        raise keyring.Tampered(row.pk)
    rows = RecoveryAddress.objects.filter(pk=row.pk, version=row.version, seal=row.seal)
    row.ciphertext = sealing.encrypted_anew(row)
    row.seal = sealing.address_seal(row)
    return bool(rows.update(ciphertext=row.ciphertext, seal=row.seal))


# --- Once the account is deleted --------------------------------------------------------------------------


def erase(user_id: uuid.UUID) -> None:
    """Remove every credential of an account that is deleted; the database refuses it of any other.

    Its addresses are still told of that: see `erase_addresses`.
    """
    writers.erase(Credential.objects.filter(user=user_id))


def erase_addresses() -> int:
    """Remove the addresses of deleted accounts once no message to them is on its way. Returns how many."""
    unsent = Message.objects.filter(state__in=(Message.State.WAITING, Message.State.SENDING), address=OuterRef("pk"))
    over = RecoveryAddress.objects.filter(~Exists(unsent), user__status=User.Status.DELETED)
    keys = list(over.values_list("pk", flat=True)[:_MOST_ADDRESSES])
    writers.erase(RecoveryAddress.objects.filter(pk__in=keys))
    return len(keys)


#: At a time, so that one tidying never holds much.
_MOST_ADDRESSES = 5000


# --- Reading ----------------------------------------------------------------------------------------------

#: What may be asked for besides the password.
FACTORS = (Credential.Kind.TOTP, Credential.Kind.PASSKEY, Credential.Kind.RECOVERY_CODES)


def verify_password(user: User | None, credential: Credential | None, raw: str, *, now: datetime) -> bool:
    """Whether `raw` is the password of an account that may sign in. The same work for every answer.

    An account that does not exist, has no password or may not sign in costs one hash as well, so that time does not
    tell. A credential without our seal is refused, freezes the account and is recorded.
    """
    if user is None or credential is None:
        hashers.burn(raw)
        return False
    if not sealing.is_genuine(credential):
        # Not even its hash's parameters are believed.
        hashers.burn(raw)
        sealing.freeze_for_seal(user, table="credential", row=credential.id)
        return False
    right = hashers.verify_password(raw, credential.material)
    if right and user.may_sign_in and hashers.needs_upgrade(credential.material):
        upgrade_hash(credential, raw, now=now)
    return right and user.may_sign_in


def factors_of(user: User) -> list[Credential]:
    """The second factors of `user` with what is remembered of them, oldest first; one query.

    None of them is believed if one does not carry our seal: the account is frozen then. Those that their owner removed
    are looked at as well, or emptying a row by SQL would take a factor away.
    """
    rows = Credential.objects.select_related("factor").filter(user=user, kind__in=FACTORS)
    found = list(rows.order_by("factor__added_at", "pk"))
    forged = [credential for credential in found if not sealing.is_genuine(credential)]
    for credential in forged:
        sealing.freeze_for_seal(user, table="credential", row=credential.id)
    return [] if forged else [credential for credential in found if credential.material]


# --- How a row is written ---------------------------------------------------------------------------------


def _must_hold(proof: Proof, now: datetime, *kinds: str) -> None:
    if proof.kind not in kinds or now > proof.expires_at:
        raise ProofStale(proof.id)


def _must_not_be_frozen(proof: Proof) -> None:
    """What is held then is what can be earned by somebody who does not know the password (`freezes`)."""
    if proof.earned in (Earned.RECOVERY, Earned.STEP_UP):
        freezes.refuse_if_frozen(proof.user)


def _write(
    proof: Proof,
    material: str,
    *,
    handle: str | None,
    now: datetime,
    origin: Origin | None,
) -> Credential:
    """Spend `proof`: one INSERT, or one UPDATE of the version it names; and its audit entry."""
    credential = _credential(proof, material, handle=handle, now=now)
    with transaction.atomic():
        _must_not_be_frozen(proof)
        _put(proof, credential)
        record(_written(proof, sealing.content(credential)), origin=origin)
    return credential


def _credential(proof: Proof, material: str, *, handle: str | None, now: datetime) -> Credential:
    """The version that `proof` gives a right to, sealed."""
    credential = Credential(
        id=proof.row,
        user_id=proof.user,
        kind=proof.kind,
        material=material,
        handle=handle,
        version=proof.replaces + 1,
        proof=proof.id,
        changed_at=now,
    )
    credential.seal = sealing.credential_seal(credential)
    return credential


def _address(proof: Proof, address: str, *, usable_from: datetime | None = None) -> RecoveryAddress:
    """`address` as a row of the proof's account, not sealed yet."""
    if proof.kind == RecoveryAddress.Channel.SMS and not numbers.is_e164(address):
        raise ValueError("A telephone number is stored in one spelling, or it would never be found again: E.164.")
    row = RecoveryAddress(
        id=proof.row,
        user_id=proof.user,
        channel=proof.kind,
        digest=sealing.address_digest(proof.kind, address),
        usable_from=usable_from,
    )
    row.ciphertext = sealing.encrypted_address(row, address)
    return row


def _sealed(row: RecoveryAddress, proof: Proof, *, now: datetime) -> RecoveryAddress:
    """`row` as the version that `proof` gives a right to."""
    row.version, row.proof, row.changed_at = proof.replaces + 1, proof.id, now
    row.seal = sealing.address_seal(row)
    return row


def _write_address(proof: Proof, row: RecoveryAddress, *, now: datetime, origin: Origin | None) -> RecoveryAddress:
    _sealed(row, proof, now=now)
    with transaction.atomic():
        _must_not_be_frozen(proof)
        _put(proof, row)
        record(_written(proof, sealing.address_content(row)), origin=origin)
    return row


def _put(proof: Proof, row: Credential | RecoveryAddress) -> None:
    """One INSERT, or one UPDATE bound to account, row and version; that it wrote a row is the proof's only spending."""
    try:
        with transaction.atomic():
            written = writers.put(row)
    except IntegrityError as error:
        raise ProofStale(proof.id) from error
    if not written:
        raise ProofStale(proof.id)


def _written(proof: Proof, content: str) -> CredentialWritten:
    return CredentialWritten(
        user=proof.user,
        kind=proof.kind,
        row=None if proof.kind == Credential.Kind.PASSWORD else proof.row,
        version=proof.replaces + 1,
        proof=proof.id,
        earned=proof.earned,
        source=str(proof.source),
        content=content,
    )

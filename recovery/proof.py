"""Proofs within recovery, and the one place where enough of them become the right to set a password."""

from datetime import datetime
from uuid import UUID, uuid4

from idp.plugins import keys
from idp.plugins.factors import Kind, Owned
from idp.plugins.hooks import SealedTable, swap
from idp.plugins.proofs import PROOF_LIFETIME, Earned, Proof
from recovery.domain.journey import Journey, Step, current_step, may_have_passkey
from recovery.domain.policy import ACTIVATION, RecoveryPolicy
from recovery.models import JourneyProof

__all__ = [
    "PURPOSE",
    "SEALED",
    "Proof",
    "Unearned",
    "is_genuine",
    "mint",
    "mint_factor",
    "mint_first",
    "mint_passkey",
    "mint_removal",
    "seal",
]

_SEAL = "recovery-proof"
PURPOSE = "recovery"


class Unearned(Exception):  # noqa: N818 -- it says what happened
    """A proof was asked for that the journey does not carry. A programming error, never an answer."""


def seal(row: JourneyProof) -> str:
    return keys.seal(_SEAL, *_parts(row))


def is_genuine(row: JourneyProof, *, journey: UUID, subject: UUID | None, browser_hash: str) -> bool:
    """Whether the row was earned in exactly this journey, by this account, in this browser, and is unspent."""
    return (
        row.journey_id == journey
        and row.user == subject
        and row.browser_hash == browser_hash
        and row.purpose == PURPOSE
        and row.consumed_at is None
        and keys.is_sealed(_SEAL, row.seal, *_parts(row))
    )


def mint(journey: Journey, policy: RecoveryPolicy, *, now: datetime) -> Proof:
    """The right to replace the password this journey began with. Raises Unearned unless enough is proven."""
    if journey.problem == ACTIVATION:
        raise Unearned(journey.id)
    return _minted(
        journey, Step.NEW_PASSWORD, policy, kind=Kind.PASSWORD, replaces=journey.password_version, row=uuid4(), now=now
    )


def mint_first(journey: Journey, policy: RecoveryPolicy, *, now: datetime) -> Proof:
    """The right to set the first password of an invited person's account. Raises Unearned for any other journey."""
    if journey.problem != ACTIVATION:
        raise Unearned(journey.id)
    return _minted(
        journey, Step.NEW_PASSWORD, policy, kind=Kind.PASSWORD, replaces=0, row=uuid4(), now=now, by=Earned.ACTIVATION
    )


def mint_factor(journey: Journey, kind: str, policy: RecoveryPolicy, *, row: UUID, now: datetime) -> Proof:
    """The right to add a second factor of this kind, as `row`. Raises Unearned unless enough is proven."""
    return _minted(journey, Step.NEW_FACTOR, policy, kind=kind, replaces=0, row=row, now=now)


def mint_passkey(journey: Journey, policy: RecoveryPolicy, *, row: UUID, now: datetime) -> Proof:
    """The right to add a passkey instead of setting a new password. Raises Unearned unless that is enough for it."""
    if not may_have_passkey(journey):
        raise Unearned(journey.id)
    return _minted(journey, Step.NEW_PASSWORD, policy, kind=Kind.PASSKEY, replaces=0, row=row, now=now)


def mint_removal(journey: Journey, lost: Owned, policy: RecoveryPolicy, *, now: datetime) -> Proof:
    """The right to take away what was lost. Raises Unearned unless enough is proven."""
    return _minted(journey, Step.NEW_FACTOR, policy, kind=lost.kind, replaces=lost.version, row=lost.id, now=now)


def _minted(
    journey: Journey,
    step: Step,
    policy: RecoveryPolicy,
    *,
    kind: str,
    replaces: int,
    row: UUID,
    now: datetime,
    by: Earned = Earned.RECOVERY,
) -> Proof:
    if journey.subject is None or current_step(journey, policy, now=now) is not step:
        raise Unearned(journey.id)
    return Proof(
        user=journey.subject,
        kind=kind,
        replaces=replaces,
        earned=by,
        source=journey.id,
        expires_at=now + PROOF_LIFETIME,
        row=row,
    )


def _parts(row: JourneyProof) -> tuple[keys.Part, ...]:
    return (
        row.id.bytes,
        row.journey_id.bytes,
        row.user.bytes,
        row.method,
        row.purpose,
        row.thing.bytes,
        row.thing_version,
        row.browser_hash,
        row.created_at.isoformat(),
    )


def _reseal(row: JourneyProof) -> None:
    row.seal = seal(row)


#: For whoever checks every seal, or makes them anew.
SEALED = SealedTable(
    name="recovery_proof",
    rows=lambda _now: JourneyProof.objects.filter(consumed_at=None),
    is_genuine=lambda row: keys.is_sealed(_SEAL, row.seal, *_parts(row)),
    stamped=("seal",),
    reseal=swap(_reseal, "seal"),
    owner=lambda row: row.user,
)

"""Proofs within recovery, and the one place where enough of them become the right to set a password."""

from datetime import datetime
from uuid import UUID

from idp.plugins import keys
from idp.plugins.proofs import PROOF_LIFETIME, Credential, Earned, Proof
from recovery.domain.journey import Journey, Step, current_step
from recovery.domain.policy import RecoveryPolicy
from recovery.models import ProofOfAddress

_SEAL = "recovery-proof"
PURPOSE = "recovery"


class Unearned(Exception):  # noqa: N818 -- it says what happened
    """A proof was asked for that the journey does not carry. A programming error, never an answer."""


def seal(row: ProofOfAddress) -> str:
    return keys.seal(_SEAL, *_parts(row))


def is_genuine(row: ProofOfAddress, *, journey: UUID, subject: UUID | None, browser_hash: str) -> bool:
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
    if journey.subject is None or current_step(journey, policy, now=now) is not Step.NEW_PASSWORD:
        raise Unearned(journey.id)
    return Proof(
        user=journey.subject,
        kind=Credential.Kind.PASSWORD,
        replaces=journey.password_version,
        earned=Earned.RECOVERY,
        source=journey.id,
        expires_at=now + PROOF_LIFETIME,
    )


def _parts(row: ProofOfAddress) -> tuple[keys.Part, ...]:
    return (
        row.id.bytes,
        row.journey_id.bytes,
        row.user.bytes,
        row.method,
        row.purpose,
        row.address.bytes,
        row.address_version,
        row.browser_hash,
        row.created_at.isoformat(),
    )

"""What happens in a recovery, for the audit: ids, enums, counts. `user` is None for a decoy."""

from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class RecoveryStarted:
    name: ClassVar[str] = "recovery.started"
    user: UUID | None
    journey: UUID


@dataclass(frozen=True, kw_only=True)
class UsernamesAsked:
    """Somebody asked for the user names at an address, and the account has it. None: nobody has."""

    name: ClassVar[str] = "recovery.usernames.asked"
    user: UUID | None
    channel: str


@dataclass(frozen=True, kw_only=True)
class ChallengeIssued:
    name: ClassVar[str] = "recovery.challenge.issued"
    user: UUID | None
    journey: UUID
    method: str
    generation: int


@dataclass(frozen=True, kw_only=True)
class ChallengeFailed:
    name: ClassVar[str] = "recovery.challenge.failed"
    user: UUID | None
    journey: UUID
    method: str
    tries_left: int


@dataclass(frozen=True, kw_only=True)
class ChallengePassed:
    name: ClassVar[str] = "recovery.challenge.passed"
    user: UUID
    journey: UUID
    method: str
    proof: UUID


@dataclass(frozen=True, kw_only=True)
class RecoveryThrottled:
    name: ClassVar[str] = "recovery.throttled"
    user: UUID | None
    journey: UUID
    limit: str


@dataclass(frozen=True, kw_only=True)
class AccountUnlocked:
    """Sign-in was opened again; the password stayed."""

    name: ClassVar[str] = "recovery.unlocked"
    user: UUID
    journey: UUID
    methods: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class RecoveryCompleted:
    name: ClassVar[str] = "recovery.completed"
    user: UUID
    journey: UUID
    methods: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class PolicyApplied:
    """From here on these numbers hold, for everybody."""

    name: ClassVar[str] = "recovery.policy.applied"
    numbers: dict[str, Any]
    user: None = None


@dataclass(frozen=True, kw_only=True)
class PolicyLooseningAnnounced:
    """The settings ask for less than what is in force: everybody is being told, and then a delay begins."""

    name: ClassVar[str] = "recovery.policy.loosening_announced"
    numbers: dict[str, Any]
    user: None = None


@dataclass(frozen=True, kw_only=True)
class ActivationBegun:
    """Somebody opened the link of an invitation and went on; a first password follows, or nothing."""

    name: ClassVar[str] = "recovery.activation_begun"
    user: UUID
    journey: UUID


@dataclass(frozen=True, kw_only=True)
class WayBackPutOff:
    """Asked at sign-in for another way back, its owner put it off."""

    name: ClassVar[str] = "recovery.registration.put_off"
    user: UUID
    skips_left: int


@dataclass(frozen=True, kw_only=True)
class AddressesPutOff:
    """Asked at sign-in whether these addresses still lead to them, the owner put it off."""

    name: ClassVar[str] = "recovery.addresses.put_off"
    user: UUID
    addresses: tuple[UUID, ...]


@dataclass(frozen=True, kw_only=True)
class FactorReplaced:
    """A second factor of this kind was added in a recovery, in place of what was lost; the password stayed."""

    name: ClassVar[str] = "recovery.factor_replaced"
    user: UUID
    journey: UUID
    kind: str
    methods: tuple[str, ...]

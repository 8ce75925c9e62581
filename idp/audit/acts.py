"""What administrators do, as events: see `events` for what such a value may hold. `by` is always the administrator."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class AccountInvited:
    """An account was made for somebody, at an address that `by` supplied; None: the operator did."""

    name: ClassVar[str] = "idp.account.invited"
    user: UUID
    by: UUID | None
    role: str
    reason: str
    #: A keyed digest of its `sub` and its names (`accounts.sealing.identity`).
    identity: str


@dataclass(frozen=True, kw_only=True)
class InvitationSent:
    """Another letter, with a link of its own; those of earlier ones are dead."""

    name: ClassVar[str] = "idp.invitation.sent"
    user: UUID
    by: UUID | None
    generation: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class InvitationCancelled:
    """It was taken back before anybody took it up; `by` is None if its time was over long ago."""

    name: ClassVar[str] = "idp.invitation.cancelled"
    user: UUID
    by: UUID | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class AccountActivated:
    """The invited person read the letter and set a password; `by` had supplied the address, which is verified now."""

    name: ClassVar[str] = "idp.account.activated"
    user: UUID
    invitation: UUID
    by: UUID | None


@dataclass(frozen=True, kw_only=True)
class BreakGlassUsed:
    """The operator invited an administrator with both halves of the emergency key: no other had signed in for days."""

    name: ClassVar[str] = "idp.break_glass.used"
    user: UUID
    invitation: UUID


@dataclass(frozen=True, kw_only=True)
class DecisionProposed:
    """An administrator asked for something that takes two. `user` is the account it is about, if it is about one."""

    name: ClassVar[str] = "idp.decision.proposed"
    user: UUID | None
    decision: UUID
    kind: str
    by: UUID
    reason: str


@dataclass(frozen=True, kw_only=True)
class DecisionAgreed:
    """Another administrator agreed; it is carried out once a delay is over."""

    name: ClassVar[str] = "idp.decision.agreed"
    user: UUID | None
    decision: UUID
    kind: str
    by: UUID
    reason: str


@dataclass(frozen=True, kw_only=True)
class DecisionClosed:
    """It was carried out, withdrawn (`by` an administrator), or lapsed."""

    name: ClassVar[str] = "idp.decision.closed"
    user: UUID | None
    decision: UUID
    kind: str
    outcome: str
    by: UUID | None
    #: Empty but where it was withdrawn.
    reason: str


@dataclass(frozen=True, kw_only=True)
class AccountSuspended:
    """Nobody gets in until it is lifted. `was` is its status before."""

    name: ClassVar[str] = "idp.account.suspended"
    user: UUID
    was: str
    by: UUID
    reason: str


@dataclass(frozen=True, kw_only=True)
class SuspensionLifted:
    """It `becomes` what it was before."""

    name: ClassVar[str] = "idp.account.suspension_lifted"
    user: UUID
    becomes: str
    by: UUID
    reason: str


@dataclass(frozen=True, kw_only=True)
class RecoveryRequired:
    """Nobody gets in until its owner has recovered it."""

    name: ClassVar[str] = "idp.account.recovery_required"
    user: UUID
    by: UUID
    reason: str


@dataclass(frozen=True, kw_only=True)
class SessionsEndedByAdministrator:
    """Its person was signed out everywhere, and may sign in again."""

    name: ClassVar[str] = "idp.sessions.ended_by_administrator"
    user: UUID
    sign_ins: int
    grants: int
    by: UUID
    reason: str


@dataclass(frozen=True, kw_only=True)
class AccountRemoved:
    """An administrator had it deleted. What is kept of it from here on names nobody."""

    name: ClassVar[str] = "idp.account.removed"
    user: UUID
    by: UUID
    reason: str


@dataclass(frozen=True, kw_only=True)
class AdministratorDemoted:
    """Why a role ended; that it did, is an entry of its own (`events.RoleEnded`)."""

    name: ClassVar[str] = "idp.role.withdrawn"
    user: UUID
    by: UUID
    reason: str


@dataclass(frozen=True, kw_only=True)
class FormRefused:
    """An administrator sent what the form of this page does not have, such as a password. Nothing was done.

    `user` is the account whose page it is, if it is one's.
    """

    name: ClassVar[str] = "idp.form.refused"
    user: UUID | None
    page: str
    by: UUID


@dataclass(frozen=True, kw_only=True)
class AuditExported:
    """An administrator took a copy of the history: of these events, of this account, of this actor, of this time."""

    name: ClassVar[str] = "idp.audit.exported"
    user: None = None
    about: str
    account: UUID | None
    actor: UUID | None
    since: str
    until: str
    by: UUID
    reason: str

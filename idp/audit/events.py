"""What can happen, as frozen values: ids, enums, counts and times. Never an address, a code, a name or free text."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class Origin:
    """From where something was asked: enough for its owner to recognise, not enough to follow a person."""

    device: str = ""
    network: str = ""
    request_id: str = ""
    #: Roughly where the network is; empty unless the operator has a database for it.
    place: str = ""


@dataclass(frozen=True, kw_only=True)
class AccountImported:
    name: ClassVar[str] = "idp.account.imported"
    user: UUID
    #: The operator's word that the address is the person's; there was no code.
    email_vouched_for: bool
    #: A keyed digest of its `sub` and its names (`accounts.sealing.identity`).
    identity: str


@dataclass(frozen=True, kw_only=True)
class AccountFrozen:
    name: ClassVar[str] = "idp.account.frozen"
    user: UUID
    reason: str


@dataclass(frozen=True, kw_only=True)
class FreezePlaced:
    """Its owner was told of an event (by the reference of its notice), which was not them, and froze the account."""

    name: ClassVar[str] = "idp.freeze.placed"
    user: UUID
    because_of: UUID


@dataclass(frozen=True, kw_only=True)
class FreezeLifted:
    """Changes are possible again, `by` a sign-in with all that it takes or because its time was over."""

    name: ClassVar[str] = "idp.freeze.lifted"
    user: UUID
    frozen_at: str
    by: str


@dataclass(frozen=True, kw_only=True)
class AccountStopped:
    """Its owner stopped everything, because somebody else was in. `source` is the recovery in which they did."""

    name: ClassVar[str] = "idp.account.stopped"
    user: UUID
    source: UUID


@dataclass(frozen=True, kw_only=True)
class AccountReopened:
    """Its owner has finished the recovery, and may sign in again."""

    name: ClassVar[str] = "idp.account.reopened"
    user: UUID


@dataclass(frozen=True, kw_only=True)
class AccountDeleted:
    """Its owner had it deleted. What is kept of it from here on names nobody."""

    name: ClassVar[str] = "idp.account.deleted"
    user: UUID


@dataclass(frozen=True, kw_only=True)
class LanguageChosen:
    """The language of messages; empty: that of the page that asks."""

    name: ClassVar[str] = "idp.account.language_chosen"
    user: UUID
    language: str


@dataclass(frozen=True, kw_only=True)
class DataDownloaded:
    """The owner took a copy of everything that is kept about them."""

    name: ClassVar[str] = "idp.account.data_downloaded"
    user: UUID


@dataclass(frozen=True, kw_only=True)
class SealInvalid:
    """A row did not carry the seal that only this software can make: it was written by something else."""

    name: ClassVar[str] = "idp.credential.seal_invalid"
    user: UUID | None
    table: str
    row: UUID | str


@dataclass(frozen=True, kw_only=True)
class CredentialWritten:
    """A credential became `version`. `earned` says how the proof was come by, `source` what earned it.

    `row` tells which, where an account may have several of the kind. `content` is a keyed digest of what it holds, from
    which nobody learns it, and by which a row is missed that was written anew as the same version.
    """

    name: ClassVar[str] = "idp.credential.written"
    user: UUID
    kind: str
    row: UUID | None = None
    version: int
    proof: UUID
    earned: str
    source: str
    content: str


@dataclass(frozen=True, kw_only=True)
class PasskeyCountWentBack:
    """A passkey signed rightly, but counts fewer signatures than it did before: there may be a copy. Nobody got in."""

    name: ClassVar[str] = "idp.passkey.count_went_back"
    user: UUID
    row: UUID


@dataclass(frozen=True, kw_only=True)
class DeviceAdded:
    """Somebody signed in from a browser that this account did not know."""

    name: ClassVar[str] = "idp.device.added"
    user: UUID
    device: UUID


@dataclass(frozen=True, kw_only=True)
class DeviceTrusted:
    """The owner wants no second factor asked for in this browser, until then."""

    name: ClassVar[str] = "idp.device.trusted"
    user: UUID
    device: UUID
    until: str


@dataclass(frozen=True, kw_only=True)
class DevicesDistrusted:
    """Every browser is asked for the second factor again; the account still knows them."""

    name: ClassVar[str] = "idp.devices.distrusted"
    user: UUID
    devices: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class DevicesForgotten:
    name: ClassVar[str] = "idp.devices.forgotten"
    user: UUID
    devices: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class FactorPaused:
    """There were too many wrong tries at one kind of second factor: it rests until then, and the owner is told."""

    name: ClassVar[str] = "idp.factor.paused"
    user: UUID
    kind: str
    until: str


@dataclass(frozen=True, kw_only=True)
class FactorRenamed:
    """The owner calls it something else; what, is not said here."""

    name: ClassVar[str] = "idp.factor.renamed"
    user: UUID
    kind: str
    row: UUID


@dataclass(frozen=True, kw_only=True)
class FactorTried:
    """The owner tried one that they have, on its page, and it works."""

    name: ClassVar[str] = "idp.factor.tried"
    user: UUID
    kind: str
    row: UUID


@dataclass(frozen=True, kw_only=True)
class RecoveryCodeUsed:
    """One code of a set (by its number) was good for a sign-in, and is so no more."""

    name: ClassVar[str] = "idp.recovery_code.used"
    user: UUID
    row: UUID
    number: int
    left: int


@dataclass(frozen=True, kw_only=True)
class RoleGranted:
    """`by` is the administrator who did; None for the first one of all."""

    name: ClassVar[str] = "idp.role.granted"
    user: UUID
    role: str
    by: UUID | None


@dataclass(frozen=True, kw_only=True)
class PausesEnded:
    """The owner opened sign-in again after too many tries; how many there had been, and by whom. `source` earned it."""

    name: ClassVar[str] = "idp.pauses.ended"
    user: UUID
    by_strangers: int
    by_known_browsers: int
    source: UUID


@dataclass(frozen=True, kw_only=True)
class RoleEnded:
    """`by` is the administrator who took it away; None if its owner left."""

    name: ClassVar[str] = "idp.role.ended"
    user: UUID
    role: str
    by: UUID | None


@dataclass(frozen=True, kw_only=True)
class AddressCodeSent:
    """A code went to an address that its owner adds or tests (`purpose`)."""

    name: ClassVar[str] = "idp.address.code_sent"
    user: UUID
    claim: UUID
    purpose: str
    channel: str
    generation: int


@dataclass(frozen=True, kw_only=True)
class AddressCodeFailed:
    name: ClassVar[str] = "idp.address.code_failed"
    user: UUID
    claim: UUID
    tries_left: int


@dataclass(frozen=True, kw_only=True)
class AddressConfirmed:
    """The code sent to an address that was there already was typed: it still works."""

    name: ClassVar[str] = "idp.address.confirmed"
    user: UUID
    address: UUID


@dataclass(frozen=True, kw_only=True)
class SessionsEnded:
    name: ClassVar[str] = "idp.sessions.ended"
    user: UUID
    sign_ins: int
    grants: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class SignedOut:
    """One sign-in was ended by its person."""

    name: ClassVar[str] = "idp.sign_in.ended"
    user: UUID
    sign_in: UUID


@dataclass(frozen=True, kw_only=True)
class ConsentGiven:
    name: ClassVar[str] = "idp.consent.given"
    user: UUID
    client_id: str
    scopes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class GrantReuseDetected:
    """A code or refresh token was shown twice; its whole family ended (RFC 9700 4.14.2)."""

    name: ClassVar[str] = "idp.grant.reuse_detected"
    user: UUID
    grant: UUID
    what: str


@dataclass(frozen=True, kw_only=True)
class ClientRegistered:
    """`by` is an administrator; None: the operator did.

    `says` is what its row says from then on, as a digest (`oidc.client_seals.digest_of`); so in every event of one.
    """

    name: ClassVar[str] = "idp.client.registered"
    user: None = None
    client_id: str
    by: UUID | None = None
    reason: str = ""
    says: str = ""


@dataclass(frozen=True, kw_only=True)
class ClientSealInvalid:
    """An application's row did not carry our seal: something else wrote it. It is treated as unknown."""

    name: ClassVar[str] = "idp.client.seal_invalid"
    user: None = None
    client_id: str


@dataclass(frozen=True, kw_only=True)
class ConsentWithdrawn:
    """A person took back what they had allowed; the grants of that application ended with it."""

    name: ClassVar[str] = "idp.consent.withdrawn"
    user: UUID
    client_id: str
    grants: int


@dataclass(frozen=True, kw_only=True)
class SigningKeyRotated:
    name: ClassVar[str] = "idp.signing_key.rotated"
    user: None = None
    kid: str
    state: str


@dataclass(frozen=True, kw_only=True)
class RowsResealed:
    """So many rows of a table were sealed, and encrypted, anew with the root key of this id. They say what they did."""

    name: ClassVar[str] = "idp.root_key.rows_resealed"
    user: None = None
    table: str
    rows: int
    key: str


@dataclass(frozen=True, kw_only=True)
class MessagesHeld:
    """So many messages were caused that a cap holds; told once in the cap's period."""

    name: ClassVar[str] = "idp.messages.held"
    user: UUID | None
    cap: str
    channel: str


@dataclass(frozen=True, kw_only=True)
class AddressMarked:
    """A provider says that nobody is at the address, or that its owner calls our messages unwanted."""

    name: ClassVar[str] = "idp.address.marked"
    user: UUID
    address: UUID
    fault: str
    provider: str

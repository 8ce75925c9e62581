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


@dataclass(frozen=True, kw_only=True)
class AccountImported:
    name: ClassVar[str] = "idp.account.imported"
    user: UUID
    #: The operator's word that the address is the person's; there was no code.
    email_vouched_for: bool


@dataclass(frozen=True, kw_only=True)
class AccountFrozen:
    name: ClassVar[str] = "idp.account.frozen"
    user: UUID
    reason: str


@dataclass(frozen=True, kw_only=True)
class SealInvalid:
    """A row did not carry the seal that only this software can make: it was written by something else."""

    name: ClassVar[str] = "idp.credential.seal_invalid"
    user: UUID
    table: str
    row: UUID


@dataclass(frozen=True, kw_only=True)
class CredentialWritten:
    """A credential became `version`. `earned` says how the proof was come by, `source` what earned it."""

    name: ClassVar[str] = "idp.credential.written"
    user: UUID
    kind: str
    version: int
    proof: UUID
    earned: str
    source: str


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
    name: ClassVar[str] = "idp.client.registered"
    user: None = None
    client_id: str


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

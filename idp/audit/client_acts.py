"""What administrators do with applications, as events: see `events` for what such a value may hold.

Each has in `says` a digest of what the application's row says after it. Entries of earlier versions have none.
"""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class ClientDescribed:
    """What people read about it was changed. `members` names what, not from or to what."""

    name: ClassVar[str] = "idp.client.described"
    user: None = None
    client_id: str
    members: tuple[str, ...]
    by: UUID
    reason: str
    says: str


@dataclass(frozen=True, kw_only=True)
class ClientChanged:
    """What is guarded of it was changed, as `decision` says, which took two administrators and a delay."""

    name: ClassVar[str] = "idp.client.changed"
    user: None = None
    client_id: str
    members: tuple[str, ...]
    decision: UUID
    says: str


@dataclass(frozen=True, kw_only=True)
class ClientSecretReplaced:
    """It got another secret. Until `previous_until` the one before it is taken as well; empty: it is dead."""

    name: ClassVar[str] = "idp.client.secret_replaced"
    user: None = None
    client_id: str
    previous_until: str
    by: UUID
    reason: str
    says: str


@dataclass(frozen=True, kw_only=True)
class ClientDisabled:
    """It is nobody's any more; so many grants, and all their tokens, ended with it."""

    name: ClassVar[str] = "idp.client.disabled"
    user: None = None
    client_id: str
    grants: int
    by: UUID
    reason: str
    says: str


@dataclass(frozen=True, kw_only=True)
class ClientEnabled:
    name: ClassVar[str] = "idp.client.enabled"
    user: None = None
    client_id: str
    by: UUID
    reason: str
    says: str

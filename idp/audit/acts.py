"""What administrators do, as events: see `events` for what such a value may hold. `by` is always the administrator."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID


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


@dataclass(frozen=True, kw_only=True)
class DecisionClosed:
    """It was carried out, withdrawn (`by` an administrator), or lapsed."""

    name: ClassVar[str] = "idp.decision.closed"
    user: UUID | None
    decision: UUID
    kind: str
    outcome: str
    by: UUID | None

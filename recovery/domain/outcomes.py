"""What `flow` says of an intention: values, each with exactly what its page needs."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A code is on its way, if the address is one of the account's."""


@dataclass(frozen=True, kw_only=True)
class Throttled:
    """Not now; not before `until`."""

    until: datetime


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """The answer was right. `browser_key` is the journey's new key for this browser: the old one is dead."""

    browser_key: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Wrong:
    """The answer was wrong, or no answer at all (which costs no try)."""

    tries_left: int
    counted: bool = True


@dataclass(frozen=True, kw_only=True)
class Gone:
    """There is nothing left to answer: tries used up, or already answered."""

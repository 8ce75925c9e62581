"""Codes that were sent: which of them are still good. The outbox knows when each message was handed over.

A code is derived (`otp`) from a key that `derive` makes for one asking: its id, whose it is, what for, where it goes,
and a nonce. A code for one purpose is therefore none for another.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from idp import keyring, otp, outbox

#: HOTP's key is as long as the hash of RFC 4226.
_KEY_BYTES = 20


class Numbers(Protocol):
    """What a tenant decided about codes."""

    @property
    def digits(self) -> int: ...
    @property
    def lifetime(self) -> timedelta: ...
    @property
    def live(self) -> int: ...
    @property
    def longest_wait(self) -> timedelta: ...


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A code by its generation, the message that carries it, and its own end."""

    generation: int
    delivery: outbox.Delivery
    until: datetime

    def is_good(self, now: datetime) -> bool:
        """Whether it may still be typed. A message for which there was no provider carried nothing to anybody."""
        return now < self.until and (self.reached or self.delivery.state != outbox.State.EXPIRED)

    @property
    def reached(self) -> bool:
        """Whether a provider was found for it; what became of it there is not told, for nobody's gets no further."""
        return self.delivery.sent_at is not None


def derive(label: str, *parts: keyring.Part, key_id: str, generation: int, digits: int) -> str:
    """The code of one generation. The same for whoever holds the row that `parts` come from, and the key ring."""
    return otp.code(keyring.derive(label, *parts, key_id=key_id, length=_KEY_BYTES), generation, digits=digits)


def derive_long(label: str, *parts: keyring.Part, key_id: str, generation: int) -> str:
    """The long code of one generation, made with a key of its own."""
    return otp.long_code(keyring.derive(f"{label}-long", *parts, key_id=key_id), generation)


def newest(reference: UUID, numbers: Numbers, *, since: int = 1) -> Sent | None:
    """The last code asked for, good or not. One query."""
    return next(iter(_sent(reference, numbers, since)[-1:]), None)


def live(reference: UUID, numbers: Numbers, *, since: int = 1, now: datetime) -> list[Sent]:
    """The codes that are good now: the last few, each until its own end. One query."""
    return [each for each in _sent(reference, numbers, since)[-numbers.live :] if each.is_good(now)]


def _sent(reference: UUID, numbers: Numbers, since: int) -> list[Sent]:
    """The codes that went to the address as it is now, oldest first."""
    return [
        Sent(generation=each.number, delivery=each, until=_until(each, numbers))
        for each in outbox.deliveries(reference)
        if each.number >= since
    ]


def _until(each: outbox.Delivery, numbers: Numbers) -> datetime:
    """A code's own end: its lifetime after a provider was found for it; until then, after the longest wait."""
    return (each.sent_at or each.posted_at + numbers.longest_wait) + numbers.lifetime

"""Has a password been stolen somewhere? Answered offline, from a Bloom filter that ships with the software.

The filter holds the SHA-1 of passwords, as the public lists do, so that one built from those lists
(deploy/build_breach_filter.py) and ours work alike. A filter never misses a password it holds and, once in a
million, refuses one it does not; docs/breached-passwords.md has the numbers.

A filter that is missing or damaged is an alarm, not an open door: an operator's falls back to ours, and
beneath both password_rules still compares with its own list of common passwords.
"""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import structlog
from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver
from rbloom import Bloom

log = structlog.get_logger(__name__)

SHIPPED: Final = Path(__file__).with_name("breached.bloom")
CANARY: Final = "password"
"""Every filter holds it. One that does not is damaged, or was not made for SHA-1."""

_MOST_HASHES: Final = 64
_STRANGERS: Final = 1000
_MOST_STRANGERS_FOUND: Final = 50


class UnusableFilter(Exception):  # noqa: N818 -- it says what happened
    """The file cannot be a filter of breached passwords. Its text says why."""


def is_breached(text: str) -> bool:
    """Tell whether `text` (normalised already) is in the filter. Works without a filter, and then says no."""
    stolen = _filter(settings.BREACH_FILTER)
    return stolen is not None and key(text) in stolen


def key(text: str) -> bytes:
    """Return what the filter holds of a password: its SHA-1, because that is what the public lists hold."""
    return hashlib.sha1(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()


def place(sha1: bytes) -> int:
    """Return where a key lies in the filter: the first 128 bits of its SHA-1, which are as good as random."""
    return int.from_bytes(sha1[:16], "big", signed=True)


def load(path: Path) -> Bloom:
    """Read a filter and try it out. Raises UnusableFilter for anything that would answer at random."""
    try:
        with path.open("rb") as file:
            hashes, body = int.from_bytes(file.read(8), "little"), file.read(1)
        if not 1 <= hashes <= _MOST_HASHES or not body:
            # Bloom.load would read such a file, and then panic when asked.
            raise UnusableFilter("It does not begin like a filter.")
        stolen = Bloom.load(str(path), place)
    except OSError as error:
        raise UnusableFilter(error.strerror or str(error)) from error
    if key(CANARY) not in stolen:
        raise UnusableFilter("It lacks a password that every filter holds: it is cut short, or not one of SHA-1.")
    if sum(key(f"a stranger, number {n}") in stolen for n in range(_STRANGERS)) > _MOST_STRANGERS_FOUND:
        raise UnusableFilter("It finds passwords that nobody put in: it is damaged, or far too full.")
    return stolen


@lru_cache(maxsize=1)
def _filter(configured: str) -> Bloom | None:
    """Return the operator's filter, else ours, else none. Each that could not be used leaves an alarm."""
    for path in [Path(configured), SHIPPED] if configured else [SHIPPED]:
        try:
            return load(path)
        except UnusableFilter as error:
            # The reason says it all; a stack would not help.
            log.error("breach filter unusable", path=str(path), reason=str(error))  # noqa: TRY400
    return None


@receiver(setting_changed)
def _forget(*, setting: str, **_kwargs: Any) -> None:
    if setting == "BREACH_FILTER":
        _filter.cache_clear()

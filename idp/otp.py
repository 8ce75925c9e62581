"""One-time codes, as arithmetic: derived, never carried, never stored.

A code is HOTP (RFC 4226) with a key derived for one challenge; the counter is the generation. Whoever holds the
key ring derives the same code again, so a redelivered message repeats it and nothing needs to keep it.
"""

import hmac
from collections.abc import Iterable

from django_otp.oath import hotp

#: No vowels and nothing that looks like a digit: references are read aloud.
_LETTERS = "CDFHJKLMNPRTVWXZ"
_NUMERALS = "2346789"


def code(key: bytes, generation: int, *, digits: int) -> str:
    """The code of one generation, with its leading zeros."""
    return f"{hotp(key, generation, digits):0{digits}d}"


def normalised(answer: str, *, digits: int) -> str | None:
    """The digits somebody typed, or None if it cannot be a code.

    Spaces and dashes between digits do not matter. Other scripts' digits are not taken: one spelling, one code.
    """
    bare = "".join(character for character in answer if character not in " \u00a0\u202f-\u2010\u2011\u2013\t")
    return bare if len(bare) == digits and bare.isascii() and bare.isdigit() else None


def matches(answer: str, codes: Iterable[str]) -> bool:
    """Whether `answer` is one of `codes`; looks at all of them, each in constant time."""
    right = False
    for each in codes:
        right |= hmac.compare_digest(answer.encode(), each.encode())
    return right


def grouped(digits: str) -> str:
    """Two groups, for people: `3812 0457`."""
    middle = (len(digits) + 1) // 2
    return f"{digits[:middle]} {digits[middle:]}"


def reference(seed: int, generation: int) -> str:
    """A short name for a message, such as K7, that says nothing of its code. The next ones differ from it."""
    place = (seed + generation) % (len(_LETTERS) * len(_NUMERALS))
    return _LETTERS[place % len(_LETTERS)] + _NUMERALS[place // len(_LETTERS)]

"""One-time codes, as arithmetic: derived, never carried, never stored.

A code is HOTP (RFC 4226) with a key derived for one challenge; the counter is the generation. Whoever holds the
key ring derives the same code again, so a redelivered message repeats it and nothing needs to keep it.

A long code takes its place while somebody guesses: 65 bits, of which so many tries find none that nobody has to be
kept from trying (NIST SP 800-63B 3.2.2 wants limits below 64).
"""

import hmac
from collections.abc import Iterable
from typing import Final

from django_otp.oath import hotp

#: No vowels and nothing that looks like a digit: references are read aloud.
_LETTERS = "CDFHJKLMNPRTVWXZ"
_NUMERALS = "2346789"
#: Crockford's base 32: digits, and letters without I, L, O (read as 1, 1, 0) and U.
ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
MEANT: Final = str.maketrans("ILO", "110")
#: The characters of a long code, each of five bits.
LONG: Final = 13
_BITS_EACH = 5
_GROUP = 4
#: What may stand between the characters of a code.
_BETWEEN = " \u00a0\u202f-\u2010\u2011\u2013\t"


def code(key: bytes, generation: int, *, digits: int) -> str:
    """The code of one generation, with its leading zeros."""
    return f"{hotp(key, generation, digits):0{digits}d}"


def long_code(key: bytes, generation: int) -> str:
    """The long code of one generation."""
    mac = hmac.digest(key, generation.to_bytes(8, "big"), "sha256")
    bits = int.from_bytes(mac, "big") >> (len(mac) * 8 - LONG * _BITS_EACH)
    return "".join(ALPHABET[bits >> (_BITS_EACH * place) & 31] for place in reversed(range(LONG)))


def normalised(answer: str, *, digits: int) -> str | None:
    """The digits somebody typed, or None if it cannot be a code.

    Spaces and dashes between digits do not matter. Other scripts' digits are not taken: one spelling, one code.
    """
    bare = _bare(answer)
    return bare if len(bare) == digits and bare.isascii() and bare.isdigit() else None


def normalised_long(answer: str) -> str | None:
    """The characters of a long code that somebody meant, or None if it cannot be one; small letters are taken."""
    bare = _bare(answer)
    meant = bare.upper().translate(MEANT) if bare.isascii() else ""
    return meant if len(meant) == LONG and set(meant) <= set(ALPHABET) else None


def matches(answer: str, codes: Iterable[str]) -> bool:
    """Whether `answer` is one of `codes`; looks at all of them, each in constant time."""
    right = False
    for each in codes:
        right |= hmac.compare_digest(answer.encode(), each.encode())
    return right


def grouped(code: str) -> str:
    """In groups, for people: `3812 0457`, and a long one `7K3M 9QXT 4B2NE`."""
    if len(code) == LONG:
        return f"{code[:_GROUP]} {code[_GROUP : 2 * _GROUP]} {code[2 * _GROUP :]}"
    middle = (len(code) + 1) // 2
    return f"{code[:middle]} {code[middle:]}"


def reference(seed: int, generation: int) -> str:
    """A short name for a message, such as K7, that says nothing of its code. The next ones differ from it."""
    place = (seed + generation) % (len(_LETTERS) * len(_NUMERALS))
    return _LETTERS[place % len(_LETTERS)] + _NUMERALS[place // len(_LETTERS)]


def _bare(answer: str) -> str:
    return "".join(character for character in answer if character not in _BETWEEN)

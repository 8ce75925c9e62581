"""What a new password must be. One function, faults(), for every way in which a password is set.

Length is the rule (NIST SP 800-63B, OWASP ASVS 6.2): 15 characters, or 8 where a second factor is always
asked for. There are no rules of composition; spaces and every script are welcome. Refused is what others
try first: common and stolen passwords, patterns, the password before, and words about the person or the
organisation, which count as one character each.

Instead of refusing such a word wherever it occurs (Entra's other mode, and many a library's): a long sentence
about the company is a good password, and a person called Will may use the verb.

Text is judged as it will be hashed, after NFKC.
"""

import gzip
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from django.contrib.auth import password_validation
from django.utils.translation import gettext_lazy as _
from zxcvbn import zxcvbn
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from idp.accounts import breached, hashers

SHORTEST: Final = 15
SHORTEST_WITH_SECOND_FACTOR: Final = 8
LONGEST: Final = 256

_SHORTEST_WORD: Final = 4
_SHORTEST_IDEOGRAPHIC_WORD: Final = 2
_FIRST_IDEOGRAPH: Final = "\u2e80"
_FEWEST_GUESSES: Final = {SHORTEST: 3, SHORTEST_WITH_SECOND_FACTOR: 2}  # as zxcvbn's score


class Owner(StrEnum):
    """Whose word it is: what the message says about it."""

    TENANT = "tenant"
    NAME = "name"
    USERNAME = "username"
    EMAIL = "email"
    APPLICATION = "application"


@dataclass(frozen=True)
class Word:
    """A word that is easy to guess for this person, and why."""

    text: str
    owner: Owner


@dataclass(frozen=True, kw_only=True)
class PasswordContext:
    """What the rules know about the situation. The same for all three ways in which a password is set."""

    second_factor_enforced: bool = False
    words: tuple[Word, ...] = ()
    #: The password that is being replaced: its hash, or a function that tells whether a text is it.
    previous: Callable[[str], bool] | str | None = None

    @property
    def minimum(self) -> int:
        return SHORTEST_WITH_SECOND_FACTOR if self.second_factor_enforced else SHORTEST


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Why a password is refused. str() renders the sentence in the language active at that moment."""

    code: str
    message: Any  # a lazy translation
    values: Mapping[str, str | int] = field(default_factory=lambda: MappingProxyType({}))

    def __str__(self) -> str:
        return str(self.message) % self.values


def words_about(
    *,
    tenant: str = "",
    name: str = "",
    username: str = "",
    email: str = "",
    applications: Iterable[str] = (),
) -> tuple[Word, ...]:
    """Return the words that anybody who knows the person or the organisation would try first."""
    sources = [(tenant, Owner.TENANT), (name, Owner.NAME), (username, Owner.USERNAME), (email, Owner.EMAIL)]
    sources += [(application, Owner.APPLICATION) for application in applications]
    found: dict[str, Word] = {}
    for text, owner in sources:
        for part in _parts(text):
            found.setdefault(_folded(part), Word(part, owner))
    return tuple(found.values())


def faults(raw: str, *, context: PasswordContext) -> list[Fault]:
    """Return why `raw` is refused, most useful first; nothing if it is accepted.

    A password that is too short, too long or unreadable is judged no further. One check costs up to one
    verification of a hash, and never more than a second, whatever is typed.
    """
    text = _as_judged(raw)
    if text is None:
        return [Fault(code="too_long", message=_("Use at most %(maximum)d characters."), values={"maximum": LONGEST})]
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in text):
        return [
            Fault(
                code="unreadable",
                message=_("This contains line breaks or other characters that cannot be typed into a password."),
            )
        ]
    return _too_short(text, context) or list(_what_others_try(text, context))


def strength(raw: str, *, words: tuple[Word, ...] = ()) -> int:
    """Return from 0 (few) to 4 (very many) how many guesses a password is worth, to be shown."""
    text = _as_judged(raw)
    if not text:
        return 0
    return _score(_counted(text, words).text)


def _as_judged(raw: str) -> str | None:
    """Return the text as it will be hashed, or None if it is too long. A huge one is not normalised."""
    if len(raw) > hashers.LONGEST_HASHED:
        return None
    text = unicodedata.normalize("NFKC", raw)
    return text if len(text) <= LONGEST else None


# --- Length, with words that count as one character -------------------------------------------------------


@dataclass(frozen=True)
class _Counted:
    """A text in which each word about the person has shrunk to one character; and those words."""

    text: str
    words: list[Word]


def _too_short(text: str, context: PasswordContext) -> list[Fault]:
    counted = _counted(text, context.words)
    if len(counted.text) >= context.minimum:
        return []
    if not counted.words:
        return [
            Fault(
                code="too_short",
                message=_("Use at least %(minimum)d characters."),
                values={"minimum": context.minimum},
            )
        ]
    return [
        *(
            Fault(code="contains_word", message=_WORD_MESSAGES[word.owner], values={"word": word.text})
            for word in counted.words
        ),
        Fault(
            code="too_short",
            message=_("Use at least %(minimum)d characters. Yours counts as %(count)d."),
            values={"minimum": context.minimum, "count": len(counted.text)},
        ),
    ]


_WORD_MESSAGES: Final = {
    Owner.TENANT: _("“%(word)s” is your company's name and counts as one character."),
    Owner.NAME: _("“%(word)s” is part of your name and counts as one character."),
    Owner.USERNAME: _("“%(word)s” is part of your user name and counts as one character."),
    Owner.EMAIL: _("“%(word)s” is part of your email address and counts as one character."),
    Owner.APPLICATION: _("“%(word)s” is the name of an application and counts as one character."),
}


def _counted(text: str, words: tuple[Word, ...]) -> _Counted:
    by_spelling = {_folded(word.text): word for word in words if _is_long_enough(word.text)}
    if not by_spelling:
        return _Counted(text, [])
    folded = _folded(text)
    longest_first = sorted(by_spelling, key=len, reverse=True)
    found: list[Word] = []
    shrunk: list[str] = []
    end = 0
    for match in re.finditer("|".join(map(re.escape, longest_first)), folded):
        word = by_spelling[match.group()]
        if word not in found:
            found.append(word)
        shrunk += [text[end : match.start()], text[match.start()]]
        end = match.end()
    return _Counted("".join([*shrunk, text[end:]]), found)


def _parts(text: str) -> list[str]:
    """Return a name without what separates its parts, each part, and its runs of letters alone."""
    whole = unicodedata.normalize("NFKC", text)
    words = re.findall(r"[^\W_]+", whole)
    candidates = ["".join(words), *words, *re.findall(r"[^\W\d_]+", whole)]
    return [part for part in dict.fromkeys(candidates) if _is_long_enough(part)]


def _is_long_enough(word: str) -> bool:
    """Four letters, or two ideographs: 王伟 is a whole name."""
    ideographic = all(c >= _FIRST_IDEOGRAPH and unicodedata.category(c) == "Lo" for c in word)
    return len(word) >= (_SHORTEST_IDEOGRAPHIC_WORD if ideographic else _SHORTEST_WORD)


def _folded(text: str) -> str:
    """Return a text without case, accents and the usual swaps (c0nt0$o), of the same length."""
    return "".join(map(_folded_character, text))


_SWAPS: Final = str.maketrans("013457@$!|l", "oieastasiii")


def _folded_character(character: str) -> str:
    lowered = character.lower()[0]
    decomposed = unicodedata.normalize("NFD", lowered)
    if all(unicodedata.category(mark) == "Mn" for mark in decomposed[1:]):
        lowered = decomposed[0]
    return lowered.translate(_SWAPS)


# --- What others would try first --------------------------------------------------------------------------


def _what_others_try(text: str, context: PasswordContext) -> Iterable[Fault]:
    if _is_previous(text, context.previous):
        yield Fault(code="previous", message=_("This was your previous password."))
    if text.strip().lower() in _common_passwords():
        yield Fault(code="common", message=_("This is one of the most used passwords. Choose a different one."))
    elif breached.is_breached(text):
        yield Fault(code="breached", message=_("Found in lists of stolen passwords."))
    elif _score(_counted(text, context.words).text) < _FEWEST_GUESSES[context.minimum]:
        yield Fault(
            code="guessable",
            message=_("This repeats itself or follows a simple pattern. Three or four unrelated words work well."),
        )


def _is_previous(text: str, previous: Callable[[str], bool] | str | None) -> bool:
    match previous:
        case None:
            return False
        case str():
            return hashers.verify_password(text, previous)
        case _:
            return previous(text)


@lru_cache(maxsize=1)
def _common_passwords() -> frozenset[str]:
    """The lists that our packages carry. They decide even when the filter of stolen ones is missing."""
    path = Path(password_validation.__file__).with_name("common-passwords.txt.gz")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        listed = {line.strip() for line in lines}
    listed.update(FREQUENCY_LISTS["passwords"])
    return frozenset(password for password in listed if len(password) >= SHORTEST_WITH_SECOND_FACTOR)


#: zxcvbn's time grows with the square of the length, and with every character that may stand for several
#: letters. Nobody's password has many of those and is weak, so then a shorter piece is enough.
_PIECE: Final = 72
_SHORT_PIECE: Final = 16
_AMBIGUOUS: Final = frozenset("4@8({[<369" + "1!|70$5+%2")
_MANY_AMBIGUOUS: Final = 6


def _score(text: str) -> int:
    """Return zxcvbn's score of the better end of a text, in bounded time."""
    piece = _SHORT_PIECE if len(_AMBIGUOUS.intersection(text)) > _MANY_AMBIGUOUS else _PIECE
    ends = {text[:piece], text[-piece:]}
    return max(int(zxcvbn(end)["score"]) for end in ends)

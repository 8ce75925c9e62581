"""The standard claims of OpenID Connect Core 5.1 that stand on an imported line, judged and put in their stored form.

User name, e-mail, name and locale are not among them: they are columns of their own (`importing`). What a claim says
is told to applications as it is, so nothing is stored that they could not show: no invisible characters, no address
of a page that is none.
"""

import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

LONGEST: Final = 1000
#: Invisible, but part of how Persian, Hindi and other names are written.
_JOINERS: Final = frozenset("\u200c\u200d")
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
#: Core 5.1: a day, a year, or a day of an unknown year.
_BIRTHDATE: Final = re.compile(r"(\d{4}|\d{4}-\d\d-\d\d|--\d\d-\d\d)", re.ASCII)
#: Core 5.1.1, and what of it may have several lines.
_ADDRESS: Final = frozenset({"formatted", "street_address", "locality", "region", "postal_code", "country"})
_SEVERAL_LINES: Final = frozenset({"formatted", "street_address"})
_MOST_GROUPS: Final = 500
_LONGEST_GROUP: Final = 200
#: Seconds until the year 10000, which no date goes past.
_END_OF_TIME: Final = 253_402_300_800


class Unfit(Exception):  # noqa: N818 -- it says what happened
    """A sentence about why a line is refused."""


def text(name: str, value: str, *, longest: int = LONGEST, lines: bool = False) -> str:
    """`value` without spaces around it. Raises Unfit if it has what cannot be seen, or too much of it."""
    stripped = value.strip()
    allowed = _JOINERS | {"\n"} if lines else _JOINERS
    if any(unicodedata.category(c) in _UNSEEN and c not in allowed for c in stripped):
        raise Unfit(f"{name} has characters that cannot be seen or typed.")
    if len(stripped) > longest:
        raise Unfit(f"{name} has more than {longest} characters.")
    return stripped


def read(given: dict[str, Any]) -> dict[str, Any]:
    """Of the claims `given`, those that are kept as they are, without what is empty. Raises Unfit."""
    kept = {name: judge(name, given[name]) for name, judge in _JUDGES.items() if name in given}
    if kept.get("phone_number_verified") and not kept.get("phone_number"):
        raise Unfit("phone_number_verified is true, but there is no phone_number.")
    return {name: value for name, value in kept.items() if value not in ("", {})}


def groups(value: object) -> tuple[str, ...]:
    """The names of groups, each once. Raises Unfit."""
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise Unfit("groups must be a list of texts.")
    if len(value) > _MOST_GROUPS:
        raise Unfit(f"groups has more than {_MOST_GROUPS} entries.")
    named = [text("groups", each, longest=_LONGEST_GROUP) for each in value]
    return tuple(dict.fromkeys(each for each in named if each))


def moment(value: object) -> datetime:
    """`updated_at`, which Core 5.1 counts in seconds. Raises Unfit."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _END_OF_TIME:
        raise Unfit("updated_at must be a number of seconds since 1970.")
    return datetime.fromtimestamp(value, tz=UTC)


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise Unfit(f"{name} must be a text.")
    return text(name, value)


def _page(name: str, value: object) -> str:
    url = _text(name, value)
    try:
        parts = urlsplit(url)
    except ValueError:
        raise Unfit(f"{name} is not the address of a page.") from None
    if url and (parts.scheme not in ("http", "https") or not parts.netloc):
        raise Unfit(f"{name} is not the address of a page.")
    return url


def _birthdate(name: str, value: object) -> str:
    day = _text(name, value)
    if day and not _BIRTHDATE.fullmatch(day):
        raise Unfit("birthdate must be YYYY-MM-DD, YYYY or --MM-DD.")
    return day


def _truth(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise Unfit(f"{name} must be true or false, without quotation marks.")
    return value


def _address(name: str, value: object) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise Unfit(f"{name} must be an object of texts.")
    if unknown := sorted(value.keys() - _ADDRESS):
        raise Unfit(f"Nothing in {name} is called {unknown[0][:40]!a}; is it misspelt?")
    parts = {part: text(f"{name}.{part}", each, lines=part in _SEVERAL_LINES) for part, each in value.items()}
    return {part: each for part, each in parts.items() if each}


_JUDGES: Final[dict[str, Callable[[str, object], Any]]] = {
    **dict.fromkeys(("given_name", "family_name", "middle_name", "nickname", "gender", "zoneinfo"), _text),
    **dict.fromkeys(("profile", "picture", "website"), _page),
    "birthdate": _birthdate,
    "address": _address,
    "phone_number": _text,
    "phone_number_verified": _truth,
}
NAMES: Final = frozenset(_JUDGES) | {"groups", "updated_at"}

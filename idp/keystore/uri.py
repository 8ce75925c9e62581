"""Where a token is: a PKCS#11 URI (RFC 7512), as far as a token and the way to it are named.

    pkcs11:token=regain?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/run/secrets/pin

Keys are found by names of our own, so a URI that names an object is refused rather than half understood.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

_SCHEME = "pkcs11:"
#: RFC 7512 2.3, of the path: what a token is known by.
_OF_TOKEN = {"token": "label", "serial": "serial"}
_OF_QUERY = {"module-path", "pin-source", "pin-value"}


class Unusable(Exception):  # noqa: N818 -- it says what happened
    """The URI does not lead to a token. The message says why, and holds no PIN."""


@dataclass(frozen=True)
class TokenUri:
    """A token, the library that speaks to it, and where the user's PIN is read when it is needed."""

    module: str
    label: str = ""
    serial: str = ""
    pin_source: str = ""
    pin_value: str = field(default="", repr=False)

    def pin(self) -> str:
        """The PIN, without the line's end after it. Raises OSError."""
        if self.pin_value:
            return self.pin_value
        return Path(self.pin_source).read_text(encoding="utf-8").rstrip("\r\n")


def read(value: str) -> TokenUri:
    """The token that `value` leads to. Raises Unusable."""
    if not value.startswith(_SCHEME):
        raise Unusable(f"it does not begin with {_SCHEME}")
    path, _mark, query = value.removeprefix(_SCHEME).partition("?")
    token = dict(_attributes(path, ";", known=set(_OF_TOKEN)))
    way = dict(_attributes(query, "&", known=_OF_QUERY))
    if not token:
        raise Unusable("it names no token (token=… or serial=…)")
    if not way.get("module-path", "").startswith("/"):
        raise Unusable("it has no module-path=… with the whole path of the library that speaks to the token")
    if ("pin-source" in way) == ("pin-value" in way):
        raise Unusable("it must have either pin-source=… (a file) or pin-value=…")
    # RFC 8089 2, appendix B: file:/run/pin and file:///run/pin are the same file.
    source = re.sub("^file:(//(?=/))?", "", way.get("pin-source", ""))
    if not source.startswith("/") and "pin-source" in way:
        raise Unusable("its pin-source is not the whole path of a file")
    return TokenUri(
        module=way["module-path"],
        pin_source=source,
        pin_value=way.get("pin-value", ""),
        **{_OF_TOKEN[name]: text for name, text in token.items()},
    )


def _attributes(text: str, separator: str, *, known: set[str]) -> Iterator[tuple[str, str]]:
    """Each once, as RFC 7512 2.3 has it."""
    seen = set()
    for attribute in filter(None, text.split(separator)):
        name, equals, value = attribute.partition("=")
        if name not in known:
            raise Unusable(f"it has {name!r}, which is not understood here")
        if not equals or not value or name in seen:
            raise Unusable(f"{name!r} must stand there once, and not empty")
        seen.add(name)
        try:
            yield name, unquote(value, errors="strict")
        except UnicodeDecodeError:
            raise Unusable(f"{name!r} is not UTF-8") from None  # what does not decode may be a PIN

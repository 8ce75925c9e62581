"""Which addresses a browser may be sent to. Pure: strings in, answers out.

Registered addresses are compared as strings, character by character (RFC 9700 2.1); the one exception are
loopback addresses of native applications, whose port is free (RFC 8252 7.3).
"""

import re
from collections.abc import Callable
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

#: The characters of RFC 3986. Anything else is read differently by somebody.
_URI = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
_LONGEST = 2000
#: RFC 8252 7.3 and 8.3: the addresses only, `localhost` may be somebody else's.
_NATIVE_HOSTS = ("127.0.0.1", "::1")


def is_registered(uri: str, registered: list[str], *, native: bool) -> bool:
    """Whether `uri` is one of `registered`, exactly; the port of a native application's loopback is free."""
    if not uri or len(uri) > _LONGEST:
        return False
    if uri in registered:
        return True
    return native and any(_differs_in_port_only(uri, each) for each in registered)


def fault(uri: object) -> str:
    """Why an application may not register `uri`, to follow its name in a sentence; empty if it may."""
    if not isinstance(uri, str) or not _URI.fullmatch(uri) or len(uri) > _LONGEST:
        return "is not a URI"
    parts = _parts(uri)
    if parts is None or not parts.scheme:
        return "is not an absolute URI"
    return next((why for refused, why in _FAULTS if refused(uri, parts)), "")


_FAULTS: tuple[tuple[Callable[[str, SplitResult], bool], str], ...] = (
    (lambda uri, _parts: "*" in uri, "contains a wildcard; register each address in full"),
    (lambda uri, _parts: "#" in uri, "contains a fragment, which no redirect URI may have (RFC 6749, 3.1.2)"),
    (lambda _uri, parts: "@" in parts.netloc, "contains a user name, which disguises the address"),
    (
        lambda _uri, parts: parts.scheme not in ("http", "https") or not parts.hostname,
        "must begin with https://",
    ),
    (
        lambda _uri, parts: parts.scheme == "http" and not is_loopback(parts.hostname or ""),
        "must begin with https:// (http is for this machine only)",
    ),
    (
        lambda _uri, parts: bool({".", ".."} & set(parts.path.lower().replace("%2e", ".").split("/"))),
        "contains . or .. as a path segment",
    ),
)


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _differs_in_port_only(uri: str, registered: str) -> bool:
    ours, theirs = _parts(registered), _parts(uri)
    if ours is None or theirs is None or not _URI.fullmatch(uri):
        return False
    if ours.scheme != "http" or ours.hostname not in _NATIVE_HOSTS or theirs.port == 0:
        return False
    # Rebuilt with the registered port, it must be the registered string: nothing else may have changed.
    host = f"[{ours.hostname}]" if ":" in ours.hostname else ours.hostname
    given = host + (f":{theirs.port}" if theirs.port is not None else "")
    return theirs.netloc == given and theirs._replace(netloc=ours.netloc).geturl() == registered


def _parts(uri: str) -> SplitResult | None:
    try:
        parts = urlsplit(uri)
        _ = parts.port  # raises for a port that is none
    except ValueError:
        return None
    return parts

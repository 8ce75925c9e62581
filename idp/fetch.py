"""Requests of our own to addresses that applications named: their keys, their logout endpoints; and to Amazon's.

Such an address is somebody else's word. So that it cannot make us knock at doors only we can reach (server-side
request forgery): the name is resolved once, every address it has must be public or allowed by the operator, and
the connection goes to the very address that was looked at, so that a second answer of the name server changes
nothing. No redirect is followed, no proxy of the environment is used, nothing of ours is sent along but what is
asked for; time and size are bounded as a whole, however slowly the other side drips.
"""

import io
import json
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from http.client import HTTPConnection, HTTPException, HTTPResponse
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from threading import Thread
from time import monotonic
from typing import Any, NoReturn
from urllib.parse import urlencode, urlsplit

from django.conf import settings

#: For everything: the name, the connection, the question and the whole answer.
SECONDS = 3.0
MOST_BYTES = 64 * 1024

_OK = 200
#: The addresses that the registries have given out; with the exceptions that `is_global` knows (RFC 6890).
_UNICAST_6 = ip_network("2000::/3")
_SIX_TO_FOUR = ip_network("2002::/16")


class Failed(Exception):  # noqa: N818 -- it says what happened
    """Nothing usable came of it. The reason is short and holds nothing that the other side sent."""


@dataclass(frozen=True, kw_only=True)
class _Target:
    """An address, taken apart and found well-formed."""

    secure: bool
    host: str
    port: int
    #: As the `Host` header says it.
    authority: str
    path: str


def get_json(url: str) -> Any:
    """The document at `url`. Raises Failed unless it is a plain 200 with JSON."""
    body = _get(url, accept="application/json")
    try:
        return json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Failed("not JSON") from None


def get_text(url: str) -> str:
    """The text at `url`. Raises Failed unless it is a plain 200 with UTF-8."""
    try:
        return _get(url, accept="*/*").decode()
    except UnicodeDecodeError:
        raise Failed("not text") from None


def post_form(url: str, fields: Mapping[str, str]) -> int:
    """Post `fields` as a form; the status of the answer, whose body nobody reads. Raises Failed if none came."""
    body = urlencode(fields).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    with _Exchange(url, method="POST", headers=headers, body=body) as answer:
        return answer.status


def put(url: str, body: bytes, *, headers: Mapping[str, str]) -> int:
    """Put `body` there; the status of the answer, as for `post_form`."""
    with _Exchange(url, method="PUT", headers=dict(headers), body=body) as answer:
        return answer.status


def check(url: str) -> None:
    """Whether `url` is one that could be fetched at all, without asking anybody. Raises Failed."""
    _take_apart(url)


def trusted() -> ssl.SSLContext:
    """Which certificates are believed: the system's and the operator's. Raises OSError if those cannot be read."""
    return _tls(settings.OUTBOUND_CA)


def _get(url: str, *, accept: str) -> bytes:
    with _Exchange(url, method="GET", headers={"Accept": accept}) as answer:
        if answer.status != _OK:
            raise Failed(f"status {answer.status}")
        body = answer.read(MOST_BYTES + 1)
        if len(body) > MOST_BYTES:
            raise Failed("too large")
        if answer.length:
            raise Failed("connection broken")
    return body


class _Exchange:
    """One question and its answer, as a context: the connection is closed at its end. Raises Failed."""

    def __init__(self, url: str, *, method: str, headers: dict[str, str], body: bytes = b"") -> None:
        self._deadline = monotonic() + SECONDS
        self._target = _take_apart(url)
        self._method = method
        self._headers = headers
        self._body = body
        self._socket: socket.socket | None = None

    def __enter__(self) -> HTTPResponse:
        try:
            return self._ask()
        except BaseException as error:
            self._close()
            if isinstance(error, Exception):
                _explain(error)
            raise

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self._close()
        if isinstance(error, Exception):
            _explain(error)

    def _ask(self) -> HTTPResponse:
        target = self._target
        addresses = _resolve(target, self._deadline)
        _check_allowed(target, addresses)
        self._socket = _connect(addresses, target.port, self._deadline)
        if target.secure:
            self._socket.settimeout(_left(self._deadline))
            self._socket = trusted().wrap_socket(self._socket, server_hostname=target.host)
        connection = HTTPConnection(target.host, target.port)
        connection.sock = _Wire(self._socket, self._deadline)  # type: ignore[assignment]
        headers = {
            "Host": target.authority,
            "User-Agent": "Regain",
            "Accept-Encoding": "identity",
            "Connection": "close",
            **self._headers,
        }
        connection.request(self._method, target.path, body=self._body or None, headers=headers)
        return connection.getresponse()

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()


class _Wire:
    """A socket as `http.client` wants it, on which every wait ends at one deadline. Whoever opened it closes it."""

    def __init__(self, wire: socket.socket, deadline: float) -> None:
        self._wire = wire
        self._deadline = deadline

    def sendall(self, data: bytes) -> None:
        self._wire.settimeout(_left(self._deadline))
        self._wire.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._wire, self._deadline))

    def close(self) -> None:
        """`http.client` lets go of it as soon as the head is read."""


class _Reader(io.RawIOBase):
    def __init__(self, wire: socket.socket, deadline: float) -> None:
        super().__init__()
        self._wire = wire
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._wire.settimeout(_left(self._deadline))
        return self._wire.recv_into(buffer)


def _take_apart(url: str) -> _Target:
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise Failed("not an address")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Failed("not an address") from None
    if parts.scheme not in ("https", "http") or not parts.hostname or "@" in parts.netloc or parts.fragment:
        raise Failed("not an address")
    secure = parts.scheme == "https"
    return _Target(
        secure=secure,
        host=parts.hostname,
        port=port or (443 if secure else 80),
        authority=parts.netloc,
        path=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
    )


def _resolve(target: _Target, deadline: float) -> list[str]:
    """Every address of the name, asked once. In a thread: the resolver of the system has no time limit."""
    found: list[str] = []

    def ask() -> None:
        try:
            answers = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return
        found.extend(dict.fromkeys(str(answer[4][0]) for answer in answers))

    thread = Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_left(deadline))
    if thread.is_alive():
        raise Failed("too slow")
    if not found:
        raise Failed("name not found")
    return list(found)


def _check_allowed(target: _Target, addresses: list[str]) -> None:
    """One wrong address among good ones is enough to refuse the name: nobody has a reason to mix them."""
    parsed = [ip_address(address) for address in addresses]
    if not target.secure and not all(_is_allowed(target.host, each) and _plain(each).is_loopback for each in parsed):
        raise Failed("not https")
    if not all(_is_public(each) or _is_allowed(target.host, each) for each in parsed):
        raise Failed("address not public")


def _is_allowed(host: str, address: IPv4Address | IPv6Address) -> bool:
    """Whether OUTBOUND_ALLOW names the host, or a network that the address is in."""
    names, networks = _allowed(tuple(settings.OUTBOUND_ALLOW))
    return host in names or any(_plain(address) in network for network in networks)


@lru_cache(maxsize=4)
def _allowed(entries: tuple[str, ...]) -> tuple[frozenset[str], tuple[Any, ...]]:
    names, networks = set(), []
    for entry in entries:
        try:
            networks.append(ip_network(entry))
        except ValueError:
            names.add(entry.lower())
    return frozenset(names), tuple(networks)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    address = _plain(address)
    if isinstance(address, IPv6Address) and (address not in _UNICAST_6 or address in _SIX_TO_FOUR):
        # NAT64, IPv4-compatible and 6to4 addresses carry another address inside.
        return False
    return address.is_global and not address.is_multicast


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """An IPv4 address in the clothes of IPv6 is what it is inside."""
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


def _connect(addresses: list[str], port: int, deadline: float) -> socket.socket:
    for address in addresses:
        try:
            return socket.create_connection((address, port), timeout=_left(deadline))
        except OSError:
            continue
    raise Failed("not reachable")


@lru_cache(maxsize=4)
def _tls(extra_ca: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if extra_ca:
        context.load_verify_locations(extra_ca)
    return context


def _left(deadline: float) -> float:
    left = deadline - monotonic()
    if left <= 0:
        raise Failed("too slow")
    return left


def _no_constant(name: str) -> NoReturn:
    """RFC 8259 6: there is no NaN and no Infinity."""
    raise ValueError(name)


def _explain(error: Exception) -> NoReturn:
    """The same trouble in a word of ours: what libraries say may quote the other side."""
    if isinstance(error, Failed):
        raise error
    if isinstance(error, ssl.SSLCertVerificationError):
        raise Failed("certificate") from None
    if isinstance(error, TimeoutError):
        raise Failed("too slow") from None
    if isinstance(error, (OSError, HTTPException)):
        raise Failed("connection broken") from None
    raise error

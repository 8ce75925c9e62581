"""Second places for the audit: a file, a syslog server, an object store. Each takes lines in order, or raises Failed.

What comes twice is the same line with the same number, so a place may get some again after a fault, and is never
without any.
"""

import os
import socket
import ssl
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Protocol
from urllib.parse import SplitResult, parse_qs, quote, unquote, urlsplit

from django.conf import settings

from idp import fetch
from idp.audit import s3

#: For a connection, and for each time that something is awaited on it.
_SECONDS = 3.0


class Unusable(ValueError):  # noqa: N818 -- it says what happened
    """An address in AUDIT_EXPORT that is none. Its text holds nothing secret."""


class Failed(Exception):  # noqa: N818 -- it says what happened
    """The place did not take it, in a few words of ours."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line and when it was written; `kind` is what a syslog server may tell them apart by."""

    kind: str
    at: datetime
    said: bytes


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Entries from `first` to `last`, and the anchor after them."""

    first: int
    last: int
    lines: Sequence[Line]

    @property
    def text(self) -> bytes:
        return b"".join(line.said + b"\n" for line in self.lines)


class Target(Protocol):
    """A second place. Its name is its address without what is secret in it."""

    @property
    def name(self) -> str: ...

    def send(self, batch: Batch, *, now: datetime) -> None:
        """Returns once the place has it, as far as it says so. Raises Failed."""


def read(value: str) -> tuple[Target, ...]:
    """The places that AUDIT_EXPORT names, with blanks between them. Raises Unusable."""
    found = tuple(_read(each) for each in value.split())
    if len({target.name for target in found}) != len(found):
        raise Unusable("it names the same place twice")
    return found


def _read(address: str) -> Target:
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        raise Unusable("an address cannot be read") from None
    match parts.scheme:
        case "file" if not parts.netloc and parts.path.startswith("/"):
            return File(path=address.removeprefix("file://"))
        case "syslog" | "syslog+udp" | "syslog+tcp" | "syslog+tls" if parts.hostname:
            return Syslog(scheme=parts.scheme, host=parts.hostname, port=port or _PORTS[parts.scheme])
        case "https" | "http" if parts.hostname and not parts.fragment and not parts.query:
            return Store(url=_without_secrets(parts), token=unquote(parts.password or ""))
        case "s3" if parts.hostname and parts.username and parts.password:
            return _bucket(parts)
    raise Unusable(
        f"{parts.scheme or 'an address without a scheme'} cannot be exported to; it is file:///path, syslog://host, "
        "syslog+tcp://host, syslog+tls://host, https://:token@host/path/ or s3://key:secret@bucket/prefix?region=…"
    )


_PORTS = {"syslog": 514, "syslog+udp": 514, "syslog+tcp": 601, "syslog+tls": 6514}


def _without_secrets(parts: SplitResult) -> str:
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path.rstrip('/')}"


# --- A file -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class File:
    """A file that is only added to; `%Y-%m-%d` in its path begins a new one each day (UTC)."""

    path: str

    @property
    def name(self) -> str:
        return f"file://{self.path}"

    def send(self, batch: Batch, *, now: datetime) -> None:
        path = Path(now.astimezone(UTC).strftime(self.path))
        try:
            handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Failed(f"the file cannot be opened: {error.strerror}") from None
        try:
            _append(handle, batch.text)
        except OSError as error:
            raise Failed(f"the file cannot be written: {error.strerror}") from None
        finally:
            os.close(handle)


def _append(handle: int, text: bytes) -> None:
    """All of it, on the disk; after a line that an earlier fault cut short, on a line of its own."""
    size = os.fstat(handle).st_size
    if size and os.pread(handle, 1, size - 1) != b"\n":
        text = b"\n" + text
    written = 0
    while written < len(text):
        written += os.write(handle, text[written:])
    os.fsync(handle)


# --- Syslog -----------------------------------------------------------------------------------------------

#: RFC 5424 6.2.1: facility 13 (log audit), severity 5 (notice).
_PRIORITY = 13 * 8 + 5


@dataclass(frozen=True, kw_only=True)
class Syslog:
    """A server of RFC 5424, over UDP, TCP (RFC 6587, octet counting) or TLS (RFC 5425).

    None of them says that it has kept a message; over TCP and TLS one knows at least that it closed in peace.
    """

    scheme: str
    host: str
    port: int

    @property
    def name(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"

    def send(self, batch: Batch, *, now: datetime) -> None:
        del now
        messages = [_message(line) for line in batch.lines]
        try:
            if self.scheme in ("syslog", "syslog+udp"):
                self._send_datagrams(messages)
            else:
                self._send_stream(messages)
        except OSError as error:
            # What TLS says may quote the other side.
            raise Failed(f"the server cannot be reached: {type(error).__name__}") from None

    def _send_datagrams(self, messages: list[bytes]) -> None:
        family, kind, protocol, _name, address = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as wire:
            wire.settimeout(_SECONDS)
            wire.connect(address)
            for message in messages:
                wire.send(message)

    def _send_stream(self, messages: list[bytes]) -> None:
        with socket.create_connection((self.host, self.port), timeout=_SECONDS) as plain:
            framed = b"".join(b"%d %s" % (len(message), message) for message in messages)
            if self.scheme == "syslog+tls":
                with fetch.trusted().wrap_socket(plain, server_hostname=self.host) as wire:
                    wire.sendall(framed)
                    _part(wire)
            else:
                plain.sendall(framed)
                plain.shutdown(socket.SHUT_WR)
                _until_closed(plain)


def _until_closed(wire: socket.socket) -> None:
    """A server that resets the connection has not read everything; one that keeps it open has nothing to say."""
    try:
        while wire.recv(1024):
            pass
    except TimeoutError:
        return


def _part(wire: ssl.SSLSocket) -> None:
    """As `_until_closed`; many servers end without TLS's own goodbye."""
    try:
        wire.unwrap()
    except (TimeoutError, ssl.SSLError):
        return


def _message(line: Line) -> bytes:
    at = line.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    host = urlsplit(settings.ISSUER).hostname
    return f"<{_PRIORITY}>1 {at} {host} regain - {line.kind} - ".encode() + line.said


# --- Object stores ----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Store:
    """Any store that takes an object by PUT with a bearer token; each batch is one, named after its numbers."""

    url: str
    token: str = field(repr=False)

    @property
    def name(self) -> str:
        return self.url

    def send(self, batch: Batch, *, now: datetime) -> None:
        del now
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        _put(f"{self.url}/{_object(batch)}", batch.text, headers)


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """S3, or what speaks like it: with a lock on the bucket nobody can take an object back."""

    endpoint: str
    bucket: str
    prefix: str
    region: str
    key: str
    secret: str = field(repr=False)

    @property
    def name(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"

    def send(self, batch: Batch, *, now: datetime) -> None:
        path = "/".join(filter(None, (self.bucket, self.prefix, _object(batch))))
        url, body = f"{self.endpoint}/{quote(path, safe='/-_.~')}", batch.text
        # A bucket whose objects are locked refuses those without a checksum.
        checksum = {"x-amz-checksum-sha256": b64encode(sha256(body).digest()).decode()}
        headers = s3.signed(url, body, checksum, region=self.region, key=self.key, secret=self.secret, now=now)
        _put(url, body, headers)


def _bucket(parts: SplitResult) -> Bucket:
    asked = parse_qs(parts.query)
    region = asked.get("region", ["us-east-1"])[0]
    endpoint = asked.get("endpoint", [f"https://s3.{region}.amazonaws.com"])[0]
    return Bucket(
        endpoint=endpoint.rstrip("/"),
        bucket=parts.hostname or "",
        prefix=parts.path.strip("/"),
        region=region,
        key=unquote(parts.username or ""),
        secret=unquote(parts.password or ""),
    )


def _object(batch: Batch) -> str:
    return f"{batch.first:012}-{batch.last:012}.jsonl"


def _put(url: str, body: bytes, headers: dict[str, str]) -> None:
    try:
        status = fetch.put(url, body, headers={"Content-Type": "application/x-ndjson", **headers})
    except fetch.Failed as error:
        raise Failed(f"the store: {error}") from None
    if not 200 <= status < 300:  # noqa: PLR2004 -- RFC 9110 15.3: it was taken
        raise Failed(f"the store answered {status}")

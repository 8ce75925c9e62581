"""A mail server, spoken to by SMTP: encrypted and certain of its name, or not at all.

Connections are kept for the next letter: one for each server and thread, for some letters and some minutes. After
anything unexpected it is closed and made anew, by the same rules; there is no way from TLS back to clear text.

A server may answer one byte a minute. Waiting is therefore not counted for each line but for each half of a
hand-over, by an alarm clock that shuts the connection.
"""

import os
import re
import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parseaddr
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from threading import Timer, local
from time import monotonic
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.encoding import punycode

from idp.channels import Away, Bounced, Deferred, Letter, Refused, Unknown
from idp.channels.addresses import CLEAR, STARTTLS, TLS, Server
from idp.channels.letters import composed

#: A kept connection is used for so many letters, for so long, and not after lying idle for so long (seconds).
_MOST_LETTERS = 100
_LONGEST = 300.0
_LONGEST_IDLE = 30.0

_OK = 250
_TAKEN = (250, 251)
_TEMPORARY, _PERMANENT = 400, 500
#: "I am closing the connection" (RFC 5321 4.2.2).
_CLOSING = 421
#: Replies that mean: no such mailbox (RFC 5321 4.2.3, without an enhanced code), and the enhanced ones (RFC 3463).
_NO_MAILBOX = (550, 551, 553)
_NO_MAILBOX_ENHANCED = re.compile(rb"5\.(1\.(1|2|3|6|10)|2\.1)\b")
_ENHANCED = re.compile(rb"[245]\.\d{1,3}\.\d{1,3}\b")

_kept = local()


class MailServer:
    """A provider of the chain that is a mail server."""

    def __init__(self, server: Server) -> None:
        self.name = server.name
        self._server = server
        self._connection: _Connection | None = None

    def open(self, *, seconds: float) -> None:
        """Connect, or take the connection of before, and name our sender: as far as nobody's letter goes."""
        deadline = monotonic() + seconds
        kept = _take(self._server)
        if kept is not None:
            try:
                kept.begin(seconds=seconds / 2)
            except Away:
                # It was closed while it lay idle, which servers do.
                kept.close()
            else:
                self._connection = kept
                return
        connection = _Connection(self._server, seconds=deadline - monotonic())
        self._connection = connection
        connection.begin(seconds=deadline - monotonic())

    def send(self, words: Letter, *, to: str, key: str, seconds: float) -> str:
        if self._connection is None:
            raise Deferred("not open")
        self._connection.hand_over(
            to, composed(words, to=to, key=key).message().as_bytes(linesep="\r\n"), seconds=seconds
        )
        return ""

    def release(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            _keep(self._server, connection)


class _Connection:
    """One session with one server."""

    def __init__(self, server: Server, *, seconds: float) -> None:
        self._server = server
        self._opened = self._used = monotonic()
        self._letters = 0
        self._begun = False
        self._broken = False
        self._process = os.getpid()
        helo = urlsplit(settings.ISSUER).hostname or "localhost"
        kind = _TlsSession if server.security == TLS else _Session
        self._smtp = kind(server, timeout=seconds, local_hostname=helo)
        try:
            with self._in_time(seconds):
                self._connect()
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            raise Away(_name_of(error)) from None

    @property
    def is_worth_keeping(self) -> bool:
        now = monotonic()
        young = now - self._opened < _LONGEST and now - self._used < _LONGEST_IDLE
        return young and self._letters < _MOST_LETTERS and not self._broken and self._process == os.getpid()

    def begin(self, *, seconds: float) -> None:
        """Name our sender. Raises Away: a server that does not take our mail is none."""
        try:
            with self._in_time(seconds):
                code, _reply = self._smtp.mail(parseaddr(settings.DEFAULT_FROM_EMAIL)[1])
        except (OSError, smtplib.SMTPException) as error:
            self._broken = True
            raise Away(_name_of(error)) from None
        if code != _OK:
            self._broken = True
            raise Away(f"sender: {code}")
        self._begun = True

    def hand_over(self, to: str, octets: bytes, *, seconds: float) -> None:
        """The letter itself, after `begin`. What the server says of the mailbox is not repeated: it may name it."""
        self._begun = False
        self._letters += 1
        self._used = monotonic()
        given = False
        try:
            with self._in_time(seconds):
                _judge(*self._smtp.rcpt(_in_ascii(to)), taken=_TAKEN, of_mailbox=True)
                given = True
                _judge(*self._data(octets), taken=(_OK,), of_mailbox=False)
        except (Deferred, Refused):
            # The session goes on; what was begun is undone by `reset`.
            self._begun = True
            raise
        except ValueError:
            # Not ASCII, which only few servers take (RFC 6531); or with a line break in it, which none shall see.
            self._begun = True
            raise Refused("not an address for this server") from None
        except (OSError, smtplib.SMTPException) as error:
            self._broken = True
            raise (Unknown if given else Deferred)(_name_of(error)) from None

    def reset(self, *, seconds: float = 2.0) -> None:
        """Undo `begin`, so that the next letter starts from nothing."""
        if not self._begun or self._broken:
            return
        try:
            with self._in_time(seconds):
                self._broken = self._smtp.rset()[0] != _OK
        except (OSError, smtplib.SMTPException):
            self._broken = True
        self._begun = False

    def close(self) -> None:
        self._broken = True
        self._smtp.close()

    def _connect(self) -> None:
        server = self._server
        code, _greeting = self._smtp.connect(server.host, server.port)
        if code != 220:  # noqa: PLR2004 -- RFC 5321 4.2: service ready
            raise smtplib.SMTPConnectError(code, "")
        if server.security == STARTTLS:
            # Raises if it is not offered or not agreed on (RFC 3207): nothing is sent then, not even the password.
            self._smtp.starttls(context=trusted(server.ca))
        self._smtp.ehlo_or_helo_if_needed()
        if server.user:
            self._smtp.login(server.user, server.password)

    def _data(self, octets: bytes) -> tuple[int, bytes]:
        try:
            return self._smtp.data(octets)
        except smtplib.SMTPDataError as error:
            reply = error.smtp_error
            return error.smtp_code, reply.encode(errors="replace") if isinstance(reply, str) else reply

    @contextmanager
    def _in_time(self, seconds: float) -> Iterator[None]:
        clock = Timer(max(seconds, 0.1), self._smtp.shut)
        clock.daemon = True
        clock.start()
        try:
            yield
        finally:
            clock.cancel()


class _Session(smtplib.SMTP):
    """A session whose connection can be shut by another thread, also in the middle of a TLS handshake."""

    def __init__(self, server: Server, *, timeout: float, local_hostname: str) -> None:
        self._server = server
        self._handle: socket.socket | None = None
        super().__init__(timeout=timeout, local_hostname=local_hostname)
        # What the certificate must be made out to; given here, because smtplib would connect if it were told above.
        self._host = server.host

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        raw = socket.create_connection((host, port), timeout)
        _check_private(self._server, raw)
        self._handle = raw.dup()
        return raw

    def shut(self) -> None:
        if self._handle is not None:
            try:
                self._handle.shutdown(socket.SHUT_RDWR)
            except OSError:
                return

    def close(self) -> None:
        super().close()
        if self._handle is not None:
            self._handle.close()
            self._handle = None


class _TlsSession(_Session):
    """TLS from the first byte."""

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        raw = super()._get_socket(host, port, timeout)
        return trusted(self._server.ca).wrap_socket(raw, server_hostname=host)


@lru_cache(maxsize=8)
def trusted(ca: str) -> ssl.SSLContext:
    """Which certificates are believed; the name in them is always compared. Raises OSError if `ca` cannot be read."""
    context = ssl.create_default_context(cafile=ca or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def close_all() -> None:
    """Close the connections of this thread."""
    for connection in _connections().values():
        connection.close()
    _connections().clear()


def _connections() -> dict[Server, _Connection]:
    if not hasattr(_kept, "connections"):
        _kept.connections = {}
    connections: dict[Server, _Connection] = _kept.connections
    return connections


def _take(server: Server) -> _Connection | None:
    """The kept connection, if it may still be used; whoever has it, has it alone."""
    connection = _connections().pop(server, None)
    if connection is None or connection.is_worth_keeping:
        return connection
    connection.close()
    return None


def _keep(server: Server, connection: _Connection) -> None:
    connection.reset()
    if not connection.is_worth_keeping:
        connection.close()
        return
    earlier = _connections().pop(server, None)
    if earlier is not None:
        earlier.close()
    _connections()[server] = connection


def _check_private(server: Server, raw: socket.socket) -> None:
    """In clear text only to this machine, or to a private network if the operator said so: whatever the name means."""
    if server.security != CLEAR:
        return
    address = ip_address(raw.getpeername()[0].partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if not (address.is_loopback or (server.clear_text and address.is_private)):
        raw.close()
        raise OSError("clear text to a public address")


def _judge(code: int, reply: bytes, *, taken: tuple[int, ...], of_mailbox: bool) -> None:
    """Nothing if it was taken; else what the server's answer means. Raises Bounced, Refused or Deferred."""
    if code in taken:
        return
    enhanced = _ENHANCED.match(reply)
    said = f"{code} {enhanced[0].decode()}" if enhanced else str(code)
    if code == _CLOSING or code < _TEMPORARY:
        # It hangs up, or says something that no server says here: neither is an answer about this letter.
        raise smtplib.SMTPServerDisconnected(said)
    if code < _PERMANENT:
        raise Deferred(said)
    no_mailbox = _NO_MAILBOX_ENHANCED.match(reply) if enhanced else code in _NO_MAILBOX
    raise (Bounced if of_mailbox and no_mailbox else Refused)(said)


def _in_ascii(address: str) -> str:
    """The address as it stands in a command: with the domain as the name system knows it."""
    mailbox, _at, domain = address.rpartition("@")
    return f"{mailbox}@{punycode(domain)}"


def _name_of(error: Exception) -> str:
    """What happened, without what the other side said."""
    code = getattr(error, "smtp_code", None)
    return f"{type(error).__name__} {code}" if code else type(error).__name__

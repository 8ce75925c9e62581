"""Providers that can be told how to behave: a mail server and an http service, on sockets of this machine.

Each step of the mail server's conversation can be answered with anything, one byte at a time, or by hanging up.
"""

import json
import ssl
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import StreamRequestHandler, ThreadingTCPServer
from urllib.parse import parse_qs

from idp.channels import web

#: Answers that are acts.
HANG_UP = "hang up"
SILENCE = "silence"


class Drip(str):
    """An answer that comes one byte at a time, with this pause between two."""

    __slots__ = ()
    pause = 0.5


@dataclass
class MailServer:
    """What it was told, and how it answers; a step that is not named is answered as usual."""

    answers: dict[str, str] = field(default_factory=dict)
    #: Whether STARTTLS is offered.
    starttls: bool = False
    letters: list = field(default_factory=list)
    commands: list = field(default_factory=list)
    sessions: int = 0
    #: Set to end what drips or keeps silent.
    over: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    def said(self, verb):
        return [line for line in self.commands if line.upper().startswith(verb)]


_USUAL = {
    "greeting": "220 here",
    "EHLO": "250 here",
    "MAIL": "250 go on",
    "RCPT": "250 go on",
    "DATA": "354 go on",
    "end": "250 kept",
    "NOOP": "250 here",
    "RSET": "250 forgotten",
    "QUIT": "221 bye",
    "AUTH": "235 welcome",
    "STARTTLS": "220 go on",
}


class _Session(StreamRequestHandler):
    def handle(self):
        server = self.server.told
        server.sessions += 1
        with suppress(OSError):
            self.talk(server)
        self.connection.close()

    def talk(self, server):
        if not self.answer(server, "greeting"):
            return
        while line := self.rfile.readline():
            command = line.decode(errors="replace").strip()
            server.commands.append(command)
            verb = command.split(" ", 1)[0].split(":", 1)[0].upper()
            if verb == "EHLO":
                self.say("250-here")
                self.say("250-AUTH PLAIN")
                if server.starttls and not isinstance(self.connection, ssl.SSLSocket):
                    self.say("250-STARTTLS")
            if not self.answer(server, verb):
                return
            if verb == "STARTTLS" and server.answers.get("STARTTLS", "220").startswith("220"):
                self.connection = self.server.tls.wrap_socket(self.connection, server_side=True)
                self.setup_files()
            if verb == "DATA" and server.answers.get("DATA", "354").startswith("354") and not self.take(server):
                return
            if verb == "QUIT":
                return

    def setup_files(self):
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)

    def take(self, server):
        octets = bytearray()
        while (line := self.rfile.readline()) != b".\r\n":
            if not line:
                return False
            octets += line[1:] if line.startswith(b".") else line
        server.letters.append(message_from_bytes(bytes(octets), policy=policy.default))
        return self.answer(server, "end")

    def answer(self, server, step):
        answer = server.answers.get(step, _USUAL.get(step, "500 what"))
        if callable(answer):
            answer = answer()
        if answer == HANG_UP:
            return False
        if answer == SILENCE:
            server.over.wait(30)
            return False
        if isinstance(answer, Drip):
            for byte in f"{answer}\r\n".encode():
                self.wfile.write(bytes([byte]))
                if server.over.wait(answer.pause):
                    return False
            return True
        self.say(answer)
        return True

    def say(self, line):
        self.wfile.write(f"{line}\r\n".encode())


class _Server(ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    tls = None
    implicit = False

    def get_request(self):
        connection, address = super().get_request()
        if self.implicit:
            connection = self.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def handle_error(self, *_):
        """A client that hangs up is what is tested here."""


@contextmanager
def mail_server(*, tls=None, implicit=False, answers=None):
    """A mail server. `tls` is a folder made by `certificate`."""
    server = _Server(("127.0.0.1", 0), _Session)
    server.told = MailServer(starttls=tls is not None and not implicit, answers=dict(answers or {}))
    server.told.port = server.server_address[1]
    server.implicit = implicit
    if tls:
        server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.tls.load_cert_chain(tls / "cert.pem", tls / "key.pem")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.told
    finally:
        server.told.over.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


def certificate(folder, name):
    """A certificate for `name` that only who is told to will believe."""
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-days", "2", "-subj", f"/CN={name}"),
            *("-addext", f"subjectAltName=DNS:{name}"),
        ],
        check=True,
        capture_output=True,
    )
    return folder


@dataclass
class Asked:
    """One request to the http service."""

    path: str
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def form(self):
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}


@dataclass
class Service:
    """An http service: what it was asked, and how it answers. Status None: it hangs up; SILENCE: it says nothing."""

    status: object = 200
    body: object = field(default_factory=lambda: {"id": "message-1"})
    asked: list = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    port: int = 0
    #: What a HEAD is answered, which asks whether anybody is there.
    head: int = 404

    @property
    def texts(self):
        return [each.json["message"] for each in self.asked]


class _Http(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self.send_response(self.server.told.head)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self):
        told = self.server.told
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        told.asked.append(Asked(self.path, dict(self.headers), body))
        status = told.status(len(told.asked)) if callable(told.status) else told.status
        if status is None:
            self.close_connection = True
            return
        if status == SILENCE:
            told.over.wait(30)
            self.close_connection = True
            return
        answer = told.body(len(told.asked)) if callable(told.body) else told.body
        octets = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(octets)))
        self.end_headers()
        self.wfile.write(octets)

    def log_message(self, *_):
        """Nothing."""


class _HttpServer(ThreadingHTTPServer):
    def handle_error(self, *_):
        """A client that gave up is what is tested here."""


@contextmanager
def service(**told):
    """An http service, such as a gateway for text messages."""
    server = _HttpServer(("127.0.0.1", 0), _Http)
    server.told = Service(port=server.server_address[1], **told)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.told
    finally:
        web.close_all()
        server.told.over.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


def took(act):
    """How many seconds it took."""
    began = time.monotonic()
    act()
    return time.monotonic() - began

"""Takes every e-mail, delivers none: SMTP in, a Maildir on disk, a small inbox page to read it.

The page is for the person at this machine: it listens on loopback, answers only to loopback names (so that no
web site can read it through a name of its own that points here), runs no script and changes nothing.
"""

import os
import signal
import sys
from collections.abc import Iterator
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Mailbox

SHOWN = 50
CLOSED = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
LOOPBACK = ("127.0.0.1", "localhost")


def main() -> None:
    """The command line is: SMTP port, inbox port, Maildir."""
    smtp_port, inbox_port, maildir = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    catcher = Controller(Mailbox(maildir), hostname="127.0.0.1", port=smtp_port)
    catcher.start()
    inbox = ThreadingHTTPServer(("127.0.0.1", inbox_port), inbox_of(maildir))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        inbox.serve_forever()
    finally:
        inbox.server_close()
        catcher.stop()


def inbox_of(maildir: Path) -> type[BaseHTTPRequestHandler]:
    """A handler that shows this Maildir."""

    class Inbox(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.headers.get("Host", "").rpartition(":")[0] not in LOOPBACK:
                self.answer(HTTPStatus.MISDIRECTED_REQUEST, "text/plain", "This inbox is for this machine only.")
            elif self.path == "/":
                self.answer(HTTPStatus.OK, "text/html", inbox_page(maildir), f"{CLOSED}; style-src 'self'")
            elif self.path == "/inbox.css":
                self.answer(HTTPStatus.OK, "text/css", STYLE)
            elif html := html_part(maildir, self.path.removeprefix("/html/")):
                # As a mail program would: its own styles, no scripts, no forms, nothing from elsewhere.
                self.answer(HTTPStatus.OK, "text/html", html, f"sandbox; {CLOSED}; style-src 'unsafe-inline'")
            else:
                self.answer(HTTPStatus.NOT_FOUND, "text/plain", "There is nothing here.")

        def answer(self, status: HTTPStatus, kind: str, text: str, security: str = CLOSED) -> None:
            body = text.encode("utf-8", "replace")
            self.send_response(status)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Security-Policy", security)
            self.send_header("X-Content-Type-Options", "nosniff")
            self.send_header("Referrer-Policy", "no-referrer")
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing: the page asks for itself every few seconds."""

    return Inbox


def inbox_page(maildir: Path) -> str:
    letters = "".join(letter(name, message) for name, message in newest(maildir))
    return PAGE.format(letters=letters or "<p>No mail yet. This page looks again every five seconds.</p>")


def newest(maildir: Path) -> Iterator[tuple[str, EmailMessage]]:
    """The latest letters, latest first, each with the name of its file."""
    files = [entry for entry in os.scandir(maildir / "new") if entry.is_file()]
    files.sort(key=lambda entry: entry.stat().st_mtime_ns, reverse=True)
    for entry in files[:SHOWN]:
        yield entry.name, parsed(Path(entry.path))


def parsed(path: Path) -> EmailMessage:
    with path.open("rb") as file:
        return BytesParser(_class=EmailMessage, policy=policy.default).parse(file)


def letter(name: str, message: EmailMessage) -> str:
    text = message.get_body(("plain",))
    return LETTER.format(
        subject=escape(str(message["Subject"] or "(no subject)")),
        to=escape(str(message["To"] or "")),
        date=escape(str(message["Date"] or "")),
        text=escape(text.get_content() if text else "(no text part)"),
        link=f'<p><a href="/html/{escape(name)}">As HTML</a></p>' if message.get_body(("html",)) else "",
    )


def html_part(maildir: Path, name: str) -> str:
    """The HTML of one letter, looked up among the files that are there and never by path; else nothing."""
    for entry in os.scandir(maildir / "new"):
        if entry.name == name:
            body = parsed(Path(entry.path)).get_body(("html",))
            return body.get_content() if body else ""
    return ""


STYLE = Path(__file__).with_name("inbox.css").read_text(encoding="utf-8")
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Inbox - Regain demo</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta http-equiv="refresh" content="5">
<link rel="stylesheet" href="/inbox.css"></head>
<body><main><h1>Inbox</h1>{letters}</main></body></html>
"""
LETTER = """
<article><h2>{subject}</h2><p class="muted">To {to} · {date}</p>
<pre>{text}</pre>{link}</article>
"""

if __name__ == "__main__":
    main()

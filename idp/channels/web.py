"""Asking providers over http: their certificate is checked, no redirect is followed, time and size are bounded."""

import os
from dataclasses import dataclass
from threading import local
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import requests

from idp.channels import Away, Deferred, Unknown

#: More than any provider says about one message.
_MOST_BYTES = 64 * 1024
#: By these a machine in front of a provider says that the provider is not there.
_NOT_THERE = frozenset({502, 503, 504})

_kept = local()


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    body: bytes

    @property
    def is_good(self) -> bool:
        return 200 <= self.status < 300  # noqa: PLR2004 -- RFC 9110 15.3


def session(ca: str = "") -> requests.Session:
    """This thread's session, whose connections are used again; a process that was forked begins its own."""
    key = (os.getpid(), ca)
    sessions: dict[tuple[int, str], requests.Session] = getattr(_kept, "sessions", {})
    _kept.sessions = sessions
    if key not in sessions:
        sessions[key] = requests.Session()
        sessions[key].headers["User-Agent"] = "Regain"
        sessions[key].verify = ca or True
    return sessions[key]


def close_all() -> None:
    """Close the connections of this thread."""
    for each in getattr(_kept, "sessions", {}).values():
        each.close()


def knock(through: requests.Session, url: str, *, seconds: float) -> None:
    """Find out whether somebody answers at the origin of `url`. Raises Away."""
    parts = urlsplit(url)
    try:
        answer = through.head(f"{parts.scheme}://{parts.netloc}/", timeout=_timeout(seconds), allow_redirects=False)
    except requests.RequestException as error:
        raise Away(name_of(error)) from None
    if answer.status_code in _NOT_THERE:
        raise Away(f"status {answer.status_code}")


def post(through: requests.Session, url: str, *, seconds: float, **request: Any) -> Answer:
    """Post, and read the answer. Raises Deferred if it did not get there, Unknown if it may have."""
    deadline = monotonic() + seconds
    timeout = _timeout(seconds)
    try:
        with through.post(url, timeout=timeout, allow_redirects=False, stream=True, **request) as response:
            return Answer(status=response.status_code, body=_read(response, deadline))
    except requests.ConnectTimeout as error:
        raise Deferred(name_of(error)) from None
    except requests.RequestException as error:
        raise Unknown(name_of(error)) from None


def name_of(error: Exception) -> str:
    """What happened, without the address and what is in it."""
    return type(error).__name__


def _read(response: requests.Response, deadline: float) -> bytes:
    body = bytearray()
    for part in response.iter_content(4096):
        body += part
        if len(body) > _MOST_BYTES or monotonic() > deadline:
            raise requests.Timeout("too much, or too slow")
    return bytes(body)


def _timeout(seconds: float) -> tuple[float, float]:
    """For connecting, and for each wait."""
    return min(3.0, max(seconds, 0.1)), max(seconds, 0.1)

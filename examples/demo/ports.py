"""Where the demo listens, and whether it can."""

import errno
import os
import socket
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """A port of the demo; the environment variable moves it elsewhere."""

    variable: str
    usual: int
    what: str

    @property
    def port(self) -> int:
        value = os.environ.get(self.variable, "")
        if not value:
            return self.usual
        if not value.isdecimal() or not 0 < int(value) < 2**16:
            raise SystemExit(f"{self.variable} must be a port number from 1 to 65535; it is {value!r}.")
        return int(value)


WEB = Place("WEB_PORT", 8000, "the provider")
APPLICATION = Place("APP_PORT", 8001, "the demo application")
INBOX = Place("INBOX_PORT", 8025, "the inbox page")
SMTP = Place("SMTP_PORT", 1025, "the mail catcher")
REDIS = Place("REDIS_PORT", 6380, "Redis")


def refuse_if_busy(places: list[Place]) -> None:
    """Stops with one sentence that names the port and the variable which moves it."""
    chosen: dict[int, Place] = {}
    for place in places:
        other = chosen.setdefault(place.port, place)
        if other is not place:
            raise SystemExit(f"{place.variable} and {other.variable} are both {place.port}: make them differ.")
        reason = why_not(place.port)
        if reason:
            raise SystemExit(
                f"Port {place.port}, meant for {place.what}, {reason}: free it or choose another, "
                f"for example with `make run {place.variable}={9000 + place.usual % 1000}`.",
            )


def why_not(port: int) -> str:
    """Why nothing can listen there; empty if it can.

    "localhost" is two addresses, and a stranger on the other one would get half of the visitors.
    """
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.settimeout(1)
            if probe.connect_ex((address, port)) == 0:
                return "is already in use"
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: what has just been closed is not in use.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return "is already in use" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
    return ""

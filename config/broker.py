"""REDIS_URL, read into what Celery wants to know: one server, one with TLS, or one that Sentinels find.

    redis://[user][:password]@host[:6379][/0]
    rediss://…                                                       the same by TLS
    redis+sentinel://[user][:password]@host[:26379],host,host/name[/0]
    rediss+sentinel://…                                              the same by TLS, Sentinels included

Certificates are always verified, against the system's authorities or the file `?ssl_ca_certs=`; with
`?ssl_certfile=&ssl_keyfile=` we show one of our own. Sentinels that ask for a password get
`?sentinel_username=&sentinel_password=`. Whatever else stands there is refused: it would be ignored.
"""

import re
import ssl
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

_SCHEMES = ("redis", "rediss", "redis+sentinel", "rediss+sentinel")
_TLS = {"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"}
_SENTINEL = {"sentinel_username", "sentinel_password"}
_PORT, _SENTINEL_PORT = 6379, 26379
_HOST = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[\w.-]+)(:(?P<port>\d{1,5}))?")


class Unusable(ValueError):  # noqa: N818 -- it says what the address is
    """What is wrong with the address, in words for whoever wrote it; it quotes no password."""


@dataclass(frozen=True, kw_only=True)
class Broker:
    """The values of CELERY_BROKER_URL, CELERY_BROKER_USE_SSL, and a part of the transport's options."""

    url: str
    use_ssl: dict[str, Any] | None = None
    options: dict[str, Any] = field(default_factory=dict)


def read(url: str, *, timeouts: dict[str, Any]) -> Broker:
    """What `url` means; `timeouts` are those of Redis's own sockets, and Sentinels get the same.

    Raises Unusable.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise Unusable("it cannot be read") from None
    if parts.scheme not in _SCHEMES:
        raise Unusable(f"it must begin with one of {', '.join(f'{scheme}://' for scheme in _SCHEMES)}")
    by_sentinel, by_tls = parts.scheme.endswith("+sentinel"), parts.scheme.startswith("rediss")
    query = _query(parts.query, (_TLS if by_tls else set()) | (_SENTINEL if by_sentinel else set()))
    use_ssl = _ssl(query) if by_tls else None
    credentials, _at, hosts = parts.netloc.rpartition("@")
    places = [_place(each, _SENTINEL_PORT if by_sentinel else _PORT) for each in hosts.split(",")]
    if not by_sentinel:
        if len(places) > 1:
            raise Unusable("it names several hosts: that is for redis+sentinel://, which takes Sentinels")
        return Broker(url=_url("redis", credentials, places[0], _database(parts.path.strip("/"))), use_ssl=use_ssl)
    name, _slash, database = parts.path.strip("/").partition("/")
    if not name:
        raise Unusable("it must say by which name the Sentinels know the server: redis+sentinel://host,host/name")
    number = _database(database)
    asking = dict(timeouts)
    for ours, theirs in (("username", "sentinel_username"), ("password", "sentinel_password")):
        if theirs in query:
            asking[ours] = query[theirs]
    if use_ssl:
        asking |= {"ssl": True, **use_ssl}
    return Broker(
        # Each with all that is said: whichever is asked, the server's own password is needed.
        url=";".join(_url("sentinel", credentials, place, number) for place in places),
        use_ssl=use_ssl,
        options={"master_name": unquote(name), "sentinel_kwargs": asking},
    )


def _query(text: str, known: set[str]) -> dict[str, str]:
    found = parse_qsl(text, keep_blank_values=True)
    for name, _value in found:
        if name == "ssl_cert_reqs":
            raise Unusable("ssl_cert_reqs cannot be chosen: certificates are always verified")
        if name not in known:
            raise Unusable(f"it has the parameter {name[:40]!r}, which means nothing here")
    return dict(found)


def _ssl(query: dict[str, str]) -> dict[str, Any]:
    if ("ssl_certfile" in query) != ("ssl_keyfile" in query):
        raise Unusable("ssl_certfile and ssl_keyfile go together")
    files = {name: value for name, value in query.items() if name in _TLS}
    return {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True, **files}


def _place(text: str, usual_port: int) -> str:
    found = _HOST.fullmatch(text)
    if not found:
        raise Unusable("it names no host, or one that cannot be read (special characters in a password: %40 for @)")
    return f"{found['host']}:{found['port'] or usual_port}"


def _database(text: str) -> int:
    if text and not text.isdecimal():
        raise Unusable("what comes last must be the number of a database, such as /0")
    return int(text or 0)


def _url(scheme: str, credentials: str, place: str, database: int) -> str:
    user, colon, password = credentials.partition(":")
    spelt = f"{quote(unquote(user), safe='')}{colon}{quote(unquote(password), safe='')}@" if credentials else ""
    return f"{scheme}://{spelt}{place}/{database}"

"""The public keys of a client that authenticates with `private_key_jwt`: registered, or fetched from where it says.

Fetched keys are kept in the process. A `kid` that is not among them makes us look again (P-22), at most once a
minute for each client, so that nobody can use us to knock on somebody's door.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from threading import Lock
from time import monotonic
from typing import Any
from uuid import UUID

import structlog
from joserfc.jwk import Key

from idp import fetch
from idp.oidc import jose
from idp.oidc.clients import RelyingParty

log = structlog.get_logger(__name__)

_AGAIN = timedelta(minutes=1).total_seconds()
#: Younger keys are used without asking. Older ones serve on while the client's server does not answer, for a while.
_FRESH = timedelta(minutes=10).total_seconds()
_STALE = timedelta(hours=1).total_seconds()
_MOST = 20


@dataclass(frozen=True, kw_only=True)
class PublicKey:
    """A key as a client published it."""

    kid: str
    key: Key
    algorithms: tuple[str, ...]


@dataclass
class _Fetched:
    lock: Lock
    keys: tuple[PublicKey, ...] = ()
    #: On the process's clock; long ago to begin with.
    at: float = float("-inf")
    tried_at: float = float("-inf")


_fetched: dict[tuple[UUID, str], _Fetched] = {}


def find(client: RelyingParty, *, kid: object, algorithm: str) -> Key:
    """The client's key with this `kid`, for `algorithm`; without a `kid`, the only one there is for it.

    Raises jose.Unreadable: never without a key that the client registered (CVE-2026-27962).
    """
    if kid is not None and not isinstance(kid, str):
        raise jose.Unreadable("its kid is not a text")
    if client.record.jwks is not None:
        return _one(_registered(json.dumps(client.record.jwks)), kid, algorithm)
    fetched = _fetched.setdefault((client.record.pk, client.record.jwks_uri), _Fetched(Lock()))
    with fetched.lock:
        if monotonic() - fetched.at > _FRESH:
            _fetch(client, fetched)
        try:
            return _one(fetched.keys, kid, algorithm)
        except jose.Unreadable:
            if not _fetch(client, fetched):
                raise
        return _one(fetched.keys, kid, algorithm)


def parsed(jwks: Any) -> tuple[PublicKey, ...]:
    """The usable keys of a JWK set (RFC 7517 5: what is not understood is passed over)."""
    keys = jwks.get("keys") if isinstance(jwks, dict) else None
    return tuple(_usable(keys[:_MOST])) if isinstance(keys, list) else ()


@lru_cache(maxsize=256)
def _registered(jwks: str) -> tuple[PublicKey, ...]:
    """The same for a set that stands in the record, parsed once: an RSA key takes longer to read than to use."""
    return parsed(json.loads(jwks))


def forget() -> None:
    """Fetch again, in this process."""
    _fetched.clear()


def _usable(entries: list[Any]) -> Iterable[PublicKey]:
    for entry in entries:
        try:
            key = jose.public_key(entry)
        except jose.Unreadable:
            continue
        algorithms = jose.algorithms_of(key)
        if entry.get("alg") is not None:
            algorithms = tuple(name for name in algorithms if name == entry["alg"])
        kid = entry.get("kid", "")
        if algorithms and entry.get("use", "sig") == "sig" and isinstance(kid, str):
            yield PublicKey(kid=kid, key=key, algorithms=algorithms)


def _one(keys: tuple[PublicKey, ...], kid: str | None, algorithm: str) -> Key:
    fitting = [each for each in keys if algorithm in each.algorithms and kid in (None, each.kid)]
    if len(fitting) != 1:
        raise jose.Unreadable("no key that the application registered has its kid and algorithm")
    return fitting[0].key


def _fetch(client: RelyingParty, fetched: _Fetched) -> bool:
    """Whether the keys were read anew. Not more than once a minute, whatever came of it."""
    now = monotonic()
    if now - fetched.tried_at < _AGAIN or not client.record.jwks_uri:
        return False
    fetched.tried_at = now
    try:
        fetched.keys, fetched.at = parsed(fetch.get_json(client.record.jwks_uri)), now
    except fetch.Failed as failed:
        log.warning("keys of a client could not be fetched", client=client.client_id, reason=str(failed))
        if now - fetched.at > _STALE:
            fetched.keys = ()
        return False
    return True

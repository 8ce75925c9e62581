"""Client assertions: a client proves who it is by a token it signed (RFC 7523 3, RFC 10070, OpenID Connect Core 9).

Good once, for a while, and for us alone. Whose it claims to be is read before the signature is checked, to know
whose keys to check it with; nothing else is believed before.
"""

import json
from base64 import urlsafe_b64decode
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from joserfc.jwk import Key

from idp.oidc import client_keys, jose, once, supported
from idp.oidc.clients import RelyingParty

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
#: How far two clocks may be apart (P-31: 8 seconds ahead are accepted, more than 60 are not).
_SKEW = timedelta(seconds=30)
#: How far `exp` may be away: as little as the profile needs, or as much as widespread libraries write unasked.
_LIFETIME_IN_PROFILE = timedelta(minutes=5)
_LIFETIME = timedelta(hours=1)
#: RFC 10070 names the first; before it, everybody sent the second or none.
_TYPES = (None, "client-authentication+jwt", "jwt")
#: RFC 7515 4.1: a header that brings its own keys is refused, not merely ignored.
_KEYS_OF_ITS_OWN = frozenset({"jwk", "jku", "x5u", "x5c"})


class RefusedError(Exception):
    """The assertion is not believed. `told` is what its client may hear: only the holder of its key hears why."""

    def __init__(self, reason: str, *, told: bool) -> None:
        super().__init__(reason)
        self.told = f"The client assertion was refused: {reason}." if told else ""


def claimed_client_id(assertion: str) -> str:
    """Whose assertion it says it is, without believing a word; empty if it says nothing of the kind."""
    try:
        payload = assertion.split(".")[1]
        claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        sub = claims["sub"]
    except (IndexError, KeyError, TypeError, ValueError, RecursionError):
        return ""
    return sub if isinstance(sub, str) else ""


def check(assertion: str, client: RelyingParty, *, now: datetime) -> None:
    """Raises RefusedError unless `client` made this assertion, for us, a moment ago. Uses it up."""
    try:
        signed = jose.read(
            assertion,
            algorithms=client.assertion_algorithms,
            key_of=lambda header: _key(header, client),
        )
    except jose.Unreadable as reason:
        raise RefusedError(str(reason), told=False) from reason
    for rule in _RULES:
        if fault := rule(signed.claims, client, now):
            raise RefusedError(fault, told=True)
    until = datetime.fromtimestamp(signed.claims["exp"], tz=now.tzinfo) + _SKEW
    if not once.is_first("assertion", str(client.record.pk), signed.claims["jti"], until=until):
        raise RefusedError("its jti has been used already", told=True)


def _key(header: dict[str, Any], client: RelyingParty) -> Key:
    kind = header.get("typ")
    if (kind.lower() if isinstance(kind, str) else kind) not in _TYPES:
        raise jose.Unreadable("its typ is of another kind of token")
    if _KEYS_OF_ITS_OWN & header.keys():
        raise jose.Unreadable("its header brings a key")
    return client_keys.find(client, kid=header.get("kid"), algorithm=header["alg"])


# --- What is asked of the claims (RFC 7523 3), in the order of its list ---------------------------------------


def _parties(claims: dict[str, Any], client: RelyingParty, _now: datetime) -> str:
    """1 and 2: `iss` and `sub` are the client."""
    good = claims.get("iss") == claims.get("sub") == client.client_id
    return "" if good else "iss and sub must both be the client_id"


def _audience(claims: dict[str, Any], client: RelyingParty, _now: datetime) -> str:
    """3, as RFC 10070 and FAPI 2.0 5.3.2.1 narrow it: the issuer, as a text.

    Outside that profile the token endpoint's address still passes, as Core 9 says; and a list, if all of it is ours:
    one that names another server as well could have been made to be used there.
    """
    audience = claims.get("aud")
    if client.is_fapi:
        return "" if audience == settings.ISSUER else "aud must be the issuer, as a string"
    named = audience if isinstance(audience, list) else [audience]
    ours = (settings.ISSUER, settings.ISSUER + supported.ENDPOINTS["token_endpoint"])
    good = bool(named) and all(each in ours for each in named)
    return "" if good else "aud must be the issuer, or the token endpoint"


def _expiry(claims: dict[str, Any], client: RelyingParty, now: datetime) -> str:
    """4: `exp` is required, and near."""
    expires = jose.seconds(claims, "exp")
    if expires is None:
        return "exp is missing"
    if expires <= (now - _SKEW).timestamp():
        return "it has expired"
    longest = _LIFETIME_IN_PROFILE if client.is_fapi else _LIFETIME
    minutes = int(longest.total_seconds() // 60)
    return f"exp is more than {minutes} minutes away" if expires > (now + longest + _SKEW).timestamp() else ""


def _beginning(claims: dict[str, Any], _client: RelyingParty, now: datetime) -> str:
    """5 and 6: `nbf` and `iat`, where they are given, have come."""
    for name in ("nbf", "iat"):
        moment = jose.seconds(claims, name)
        if name in claims and (moment is None or moment > (now + _SKEW).timestamp()):
            return f"{name} is in the future"
    return ""


def _jti(claims: dict[str, Any], _client: RelyingParty, _now: datetime) -> str:
    """7: required here, so that an assertion is good once (Core 9)."""
    return "" if jose.is_text(claims.get("jti"), longest=jose.LONGEST_JTI) else "jti is missing or too long"


_RULES: tuple[Callable[[dict[str, Any], RelyingParty, datetime], str], ...] = (
    _parties,
    _audience,
    _expiry,
    _beginning,
    _jti,
)

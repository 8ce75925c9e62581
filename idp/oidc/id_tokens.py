"""ID tokens: what an application is told about a sign-in, signed; and reading one that comes back as a hint."""

from base64 import urlsafe_b64encode
from datetime import datetime
from hashlib import sha256, sha512
from typing import Any, TypedDict

from django.conf import settings
from joserfc import jwt
from joserfc.jwk import Key

from idp.models import Grant
from idp.oidc import claims, jose, keys, supported
from idp.oidc.clients import RelyingParty

#: RFC 8725 3.11: what it is, so that no other token of ours can stand in for it.
_TYPE = "JWT"
_HEADER = {"alg", "kid", "typ"}


class Hint(TypedDict):
    """What is believed of an ID token that comes back."""

    sub: str
    sid: str
    aud: str


def issue(grant: Grant, *, client: RelyingParty, access_token: str, nonce: str, now: datetime) -> str:
    """A signed ID token for `grant` (OpenID Connect Core 2). It says how the person signed in, not who they are.

    `auth_time`, `sub`, `acr` and `amr` come from the grant, so that a refresh repeats them (Core 12.2). Names and
    addresses are read at userinfo, unless the `claims` parameter asked for them here (Core 5.5).
    """
    issued_at = int(now.timestamp())
    protocol: dict[str, Any] = {
        "iss": settings.ISSUER,
        "sub": grant.sub,
        "aud": client.client_id,
        "azp": client.client_id,
        "iat": issued_at,
        "exp": issued_at + int(keys.TOKEN_LIFETIME.total_seconds()),
        "auth_time": int(grant.auth_time.timestamp()) if grant.auth_time else None,
        "acr": grant.acr,
        "amr": grant.amr,
        "at_hash": half_hash(access_token, alg=client.id_token_algorithm),
        "nonce": nonce,
        "sid": grant.sign_in_id.hex if grant.sign_in_id else "",
    }
    asked = claims.asked_of_id_token(grant)
    # Ours win: nothing about a person may stand for a word of the protocol.
    told = {**asked, **{name: value for name, value in protocol.items() if value}}
    return signed(told, alg=client.id_token_algorithm, kind=_TYPE)


def signed(payload: dict[str, Any], *, alg: str, kind: str) -> str:
    """`payload` as a token of `kind` (its `typ`), signed with the key that is in use for `alg`."""
    own = keys.in_use(alg)
    header = {"alg": alg, "kid": own.kid, "typ": kind}
    return jwt.encode(header, payload, own.key, registry=jose.registry([alg]))


def read_hint(token: str, *, client_id: str = "") -> Hint | None:
    """What `token` says, if it is an ID token we issued (to `client_id`). That it has expired does not matter.

    None for everything else: foreign or altered signature, `alg: none`, a header that names a key or is critical,
    another type of token, another audience.
    """
    try:
        read = jose.read(token, algorithms=supported.SIGNING_ALGORITHMS, key_of=_own_key)
    except jose.Unreadable:
        return None
    told = read.claims
    if set(read.header) != _HEADER or read.header["typ"] != _TYPE or told.get("iss") != settings.ISSUER:
        return None
    hint = Hint(sub=told.get("sub", ""), sid=told.get("sid", ""), aud=told.get("aud", ""))
    if not all(isinstance(value, str) for value in hint.values()) or not hint["sub"]:
        return None
    return None if client_id and hint["aud"] != client_id else hint


def half_hash(access_token: str, *, alg: str) -> str:
    """Core 3.1.3.6: the left half of the hash that belongs to the signature's algorithm.

    EdDSA names none; Ed25519 hashes with SHA-512 inside, which is what libraries use.
    """
    digest = (sha512 if alg == "EdDSA" else sha256)(access_token.encode()).digest()
    return urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()


def _own_key(header: dict[str, Any]) -> Key:
    """Never without a key of ours, with the algorithm it is used with (CVE-2026-27962)."""
    own = keys.current().own.get(str(header.get("kid", "")))
    if own is None or own.alg != header["alg"]:
        raise jose.Unreadable("it was not signed with a key of ours")
    return own.key

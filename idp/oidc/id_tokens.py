"""ID tokens: what an application is told about a sign-in, signed; and reading one that comes back as a hint."""

from base64 import urlsafe_b64encode
from datetime import datetime
from hashlib import sha256
from typing import Any, TypedDict

from django.conf import settings
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from idp.models import Grant
from idp.oidc import keys, supported

#: RFC 8725 3.11: what it is, so that no other token of ours can stand in for it.
_TYPE = "JWT"
#: An ID token of ours is a tenth of this; a longer one is not parsed (CVE-2025-61920).
_LONGEST = 8192
_HEADER = {"alg", "kid", "typ"}


class Hint(TypedDict):
    """What is believed of an ID token that comes back."""

    sub: str
    sid: str
    aud: str


def issue(grant: Grant, *, client_id: str, access_token: str, nonce: str, now: datetime) -> str:
    """A signed ID token for `grant` (OpenID Connect Core 2). It says how the person signed in, not who they are.

    `auth_time`, `sub` and `amr` come from the grant, so that a refresh repeats them (Core 12.2). Names and
    addresses are read at userinfo.
    """
    issued_at = int(now.timestamp())
    claims: dict[str, Any] = {
        "iss": settings.ISSUER,
        "sub": grant.sub,
        "aud": client_id,
        "azp": client_id,
        "iat": issued_at,
        "exp": issued_at + int(keys.TOKEN_LIFETIME.total_seconds()),
        "auth_time": int(grant.auth_time.timestamp()),
        "amr": grant.amr,
        "at_hash": _half_hash(access_token),
    }
    if nonce:
        claims["nonce"] = nonce
    if grant.acr:
        claims["acr"] = grant.acr
    if grant.sign_in_id:
        claims["sid"] = grant.sign_in_id.hex
    return signed(claims, alg=keys.ALGORITHM, kind=_TYPE)


def signed(payload: dict[str, Any], *, alg: str, kind: str) -> str:
    """`payload` as a token of `kind` (its `typ`), signed with the key that is in use for `alg`."""
    own = keys.current()
    header = {"alg": alg, "kid": own.kid, "typ": kind}
    return jwt.encode(header, payload, own.signing, list(supported.SIGNING_ALGORITHMS))


def read_hint(token: str, *, client_id: str = "") -> Hint | None:
    """What `token` says, if it is an ID token we issued (to `client_id`). That it has expired does not matter.

    None for everything else: foreign or altered signature, `alg: none`, a header that names a key or is critical,
    another type of token, another audience.
    """
    if len(token) > _LONGEST or token.count(".") != 2:  # noqa: PLR2004 -- compact form only (CVE-2026-96760)
        return None
    try:
        decoded = jwt.decode(token, _own_key, algorithms=list(supported.SIGNING_ALGORITHMS))
    except (JoseError, ValueError):
        return None
    claims = decoded.claims
    if set(decoded.header) != _HEADER or decoded.header["typ"] != _TYPE or claims.get("iss") != settings.ISSUER:
        return None
    hint = Hint(sub=claims.get("sub", ""), sid=claims.get("sid", ""), aud=claims.get("aud", ""))
    if not all(isinstance(value, str) for value in hint.values()) or not hint["sub"]:
        return None
    return None if client_id and hint["aud"] != client_id else hint


def _own_key(token: Any) -> ECKey:
    """Never without a key of ours: an unknown `kid` raises (CVE-2026-27962)."""
    key = keys.current().own.get(str(token.headers().get("kid", "")))
    if key is None:
        raise ValueError("not a key of ours")
    return key


def _half_hash(access_token: str) -> str:
    """Core 3.1.3.6: the left half of the hash that belongs to the signature's algorithm; SHA-256 for ES256."""
    return urlsafe_b64encode(sha256(access_token.encode()).digest()[:16]).rstrip(b"=").decode()

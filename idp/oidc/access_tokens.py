"""Access tokens: a row each, whatever the text looks like, so that every one of them can be ended at once.

Opaque, unless the client is registered for JWTs (RFC 9068), which a resource server can read by itself; then it
does not hear of a revocation before the token expires, minutes later.
"""

import json
from base64 import urlsafe_b64decode
from datetime import datetime
from typing import Any

from django.conf import settings

from idp import keyring, statements
from idp.conf import Policy
from idp.models import AccessToken, Grant
from idp.oidc import bindings, id_tokens
from idp.oidc.clients import RelyingParty

JWT = "jwt"
#: RFC 9068 2.1: what it is, so that it can stand for no other token of ours.
_TYPE = "at+jwt"

_FIND = statements.Find(AccessToken, by="token_hash", related=("grant__user", "grant__client"))


def issue(
    grant: Grant,
    client: RelyingParty,
    *,
    scope: str,
    resources: list[str],
    jkt: str,
    policy: Policy,
    now: datetime,
) -> str:
    """A new access token, for `resources` (RFC 8707), bound to the key `jkt` (RFC 9449); only its hash is kept."""
    row = AccessToken(
        grant=grant,
        scope=scope,
        resources=resources,
        dpop_jkt=jkt,
        issued_at=now,
        expires_at=now + policy.access_token_lifetime,
    )
    bound = bindings.text(grant, scope, jkt)
    token = _jwt(row, grant, client, name=bound) if client.record.access_token_format == JWT else bound
    row.token_hash = keyring.fingerprint(token)
    statements.insert(row)
    return token


def find(token: str, *, now: datetime) -> AccessToken | None:
    """The living access token with its grant, person and client; one query.

    Ended grants, disabled clients and people who may not sign in have none; a row that something else wrote is none.
    """
    # The hot path: one look-up by key, the rest is asked of the row.
    found = _FIND(keyring.fingerprint(token))
    if found is None:
        return None
    grant = found.grant
    lives = (
        found.expires_at > now
        and grant.ended_at is None
        and grant.client.disabled_at is None
        and (grant.user is None or grant.user.may_sign_in)
    )
    if lives and not _is_bound(token, found):
        bindings.was_forged(grant, now=now)
        return None
    return found if lives else None


def _is_bound(token: str, row: AccessToken) -> bool:
    """Whether the token, or the name of one that is a JWT, was made for what its row and its grant say."""
    return any(bindings.holds(text, row.grant, row.scope, row.dpop_jkt) for text in (token, _name(token)))


def _name(token: str) -> str:
    """The `jti` of a JWT; whose signature nobody looks at here, for the name has a seal of its own."""
    try:
        payload = token.split(".")[1]
        return str(json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["jti"])
    except (IndexError, ValueError, KeyError, TypeError):
        return ""


def audience(token: AccessToken) -> str | list[str]:
    """Whom it is for: the resources it was asked for, or this provider itself. One is a text, as RFC 7519 allows."""
    return token.resources[0] if len(token.resources) == 1 else token.resources or settings.ISSUER


def _jwt(row: AccessToken, grant: Grant, client: RelyingParty, *, name: str) -> str:
    """RFC 9068 2.2: who, for whom, from whom, and what for. `name` is what binds it to its row."""
    claims: dict[str, Any] = {
        "iss": settings.ISSUER,
        "sub": grant.sub,
        "aud": audience(row),
        "client_id": client.client_id,
        "iat": int(row.issued_at.timestamp()),
        "exp": int(row.expires_at.timestamp()),
        "jti": name,
        "scope": row.scope,
        "auth_time": int(grant.auth_time.timestamp()) if grant.auth_time else None,
        "acr": grant.acr,
        "amr": grant.amr,
        # RFC 9449 6.1: the key it is bound to.
        "cnf": {"jkt": row.dpop_jkt} if row.dpop_jkt else None,
    }
    told = {name: value for name, value in claims.items() if value}
    return id_tokens.signed(told, alg=client.id_token_algorithm, kind=_TYPE)

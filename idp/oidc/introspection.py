"""Introspection (RFC 7662): what a token is worth, told to whoever may know.

That is the client it was given to; and for an access token a resource server it is for: a client without grants,
whose `resources` say what it is. To everybody else a token is inactive, and so is one that does not exist.
"""

from datetime import datetime
from typing import Any

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from idp.models import AccessToken, Grant
from idp.oidc import access_tokens, client_auth, grants
from idp.oidc.clients import RelyingParty
from idp.oidc.flows import provider
from idp.oidc.machine import Readers, for_programs, json_response
from idp.oidc.server import TokenRequest

_INACTIVE = {"active": False}


@for_programs("POST", readers=Readers.NOBODY)
def introspect(request: HttpRequest) -> HttpResponse:
    """`/introspect`, for clients that authenticate (section 2.1). A wrong hint, or none, finds the token too."""
    asked = TokenRequest(request)
    try:
        client = provider.authenticated(asked)
        if client.record.is_public:
            # Anybody can say that they are a public client.
            raise client_auth.NotAuthenticatedError
        token = request.POST.get("token", "")
        if not token:
            raise InvalidRequestError("token is missing.")
    except OAuth2Error as error:
        return provider.handle_error_response(asked, error)  # type: ignore[no-any-return]
    return json_response(_of(token, client, now=timezone.now()))


def _of(token: str, client: RelyingParty, *, now: datetime) -> dict[str, Any]:
    found = access_tokens.find(token, now=now)
    if found is not None:
        return _of_access_token(found) if _may_know(found, client) else _INACTIVE
    family = grants.of_any_refresh_token(token, client, now=now)
    if family is None:
        return _INACTIVE
    grant, is_current = family
    return _of_refresh_token(grant, client) if is_current and grants.is_alive(grant, now=now) else _INACTIVE


def _may_know(token: AccessToken, client: RelyingParty) -> bool:
    if token.grant.client_id == client.record.pk:
        return True
    return client.is_resource_server and bool(set(token.resources) & set(client.record.resources))


def _of_access_token(token: AccessToken) -> dict[str, Any]:
    """Section 2.2; RFC 9449 6.2 for the key, RFC 9470 6.2 for how the person signed in."""
    grant = token.grant
    told = {
        "client_id": grant.client.client_id,
        "sub": grant.sub,
        "aud": access_tokens.audience(token),
        "scope": token.scope,
        "token_type": "DPoP" if token.dpop_jkt else "Bearer",
        "iat": int(token.issued_at.timestamp()),
        "exp": int(token.expires_at.timestamp()),
        "cnf": {"jkt": token.dpop_jkt} if token.dpop_jkt else None,
        "auth_time": int(grant.auth_time.timestamp()) if grant.auth_time else None,
        "acr": grant.acr,
    }
    return _active(told)


def _of_refresh_token(grant: Grant, client: RelyingParty) -> dict[str, Any]:
    ends = [moment for moment in (grant.refresh_expires_at, grant.expires_at) if moment]
    told = {
        "client_id": client.client_id,
        "sub": grant.sub,
        "scope": grant.scope,
        "exp": int(min(ends).timestamp()),
        "cnf": {"jkt": grant.dpop_jkt} if grant.dpop_jkt else None,
    }
    return _active(told)


def _active(told: dict[str, Any]) -> dict[str, Any]:
    return {"active": True, "iss": settings.ISSUER, **{name: value for name, value in told.items() if value}}

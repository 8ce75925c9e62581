"""The userinfo endpoint (OpenID Connect Core 5.3): the claims that the token's scopes allow; one query."""

from typing import Any

from authlib.oauth2.rfc6749 import scope_to_list
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from idp.models import User
from idp.oidc import grants, supported
from idp.oidc.machine import for_programs, json_response


@for_programs("GET", "POST")
def userinfo(request: HttpRequest) -> HttpResponse:
    """`/userinfo`, by GET or POST, with the token in the header; or in the body of a POST (RFC 6750 2.1, 2.2)."""
    shown = _tokens(request)
    if not shown:
        # RFC 6750 3.1: who shows nothing learns nothing but the scheme.
        return _challenge(401)
    if len(shown) > 1:
        return _challenge(400, "invalid_request", "Send the access token once.")
    token = grants.of_access_token(shown[0], now=timezone.now())
    if token is None:
        return _challenge(401, "invalid_token", "The access token is unknown, expired or was ended.")
    scopes = scope_to_list(token.scope)
    if supported.OPENID not in scopes:
        return _challenge(403, "insufficient_scope", "The access token has no scope openid.", scope="openid")
    return json_response(claims(token.grant.user, sub=token.grant.sub, scopes=scopes))


def claims(user: User, *, sub: str, scopes: list[str]) -> dict[str, Any]:
    """What these scopes tell of `user`. Core 5.3.2: what is not known is left out, never null or empty."""
    known = {
        "sub": sub,
        "name": user.name,
        "preferred_username": user.preferred_username,
        "locale": user.locale,
        "email": user.email,
    }
    allowed = {name for scope in supported.SCOPES if scope.value in scopes for name in scope.claims}
    told: dict[str, Any] = {name: value for name, value in known.items() if name in allowed and value}
    if "email" in told:
        told["email_verified"] = user.email_verified
    return told


def _tokens(request: HttpRequest) -> list[str]:
    """Every token shown, wherever. RFC 9700 4.3.2: in the query none is looked for."""
    shown = [str(token) for token in request.POST.getlist("access_token")]
    scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        shown.append(token.strip())
    return shown


def _challenge(status: int, error: str = "", description: str = "", *, scope: str = "") -> HttpResponse:
    """RFC 6750 3: the reason stands in the header, and for convenience in the body."""
    parameters = {"realm": "userinfo", "error": error, "error_description": description, "scope": scope}
    said = {name: value for name, value in parameters.items() if value}
    body = {name: value for name, value in said.items() if name.startswith("error")}
    response = json_response(body, status=status)
    response["WWW-Authenticate"] = "Bearer " + ", ".join(f'{name}="{value}"' for name, value in said.items())
    return response

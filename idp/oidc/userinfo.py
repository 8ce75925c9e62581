"""The userinfo endpoint (OpenID Connect Core 5.3): what a token may read of its person; one query.

A token that is bound to a key (RFC 9449 7) is taken from its holder only: with the scheme DPoP and a proof.
"""

from datetime import datetime

from authlib.oauth2 import OAuth2Error
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from idp.oidc import access_tokens, claims, dpop, supported
from idp.oidc.machine import for_programs, json_response

_BEARER, _DPOP = "Bearer", "DPoP"
_ALGORITHMS = " ".join(dpop.ALGORITHMS)
_DEAD = "The access token is unknown, expired or was ended."


class _RefusedError(Exception):
    """What the answer says: a challenge (RFC 6750 3, RFC 9449 7.1)."""

    def __init__(
        self,
        error: str,
        description: str,
        *,
        status: int = 401,
        scheme: str = _BEARER,
        scope: str = "",
    ) -> None:
        super().__init__(description)
        self.status = status
        self.scheme = scheme
        self.said = {"error": error, "error_description": description, "scope": scope}


@for_programs("GET", "POST")
def userinfo(request: HttpRequest) -> HttpResponse:
    """`/userinfo`, by GET or POST, with the token in the header; or in the body of a POST (RFC 6750 2.1, 2.2)."""
    now = timezone.now()
    shown = _tokens(request)
    if not shown:
        # RFC 6750 3.1: who shows nothing learns nothing but the schemes.
        return _nothing_shown()
    try:
        response = json_response(_read(request, shown, now=now))
    except _RefusedError as refused:
        response = _refusal(refused)
    if "DPoP" in request.headers:
        dpop.offer_nonce(response, now=now)
    return response


def _read(request: HttpRequest, given: list[tuple[str, str]], *, now: datetime) -> dict[str, object]:
    if len(given) > 1:
        raise _RefusedError("invalid_request", "Send the access token once.", status=400)
    scheme, shown = given[0]
    token = access_tokens.find(shown, now=now)
    if token is None:
        raise _RefusedError("invalid_token", _DEAD, scheme=scheme)
    if token.dpop_jkt and scheme != _DPOP:
        raise _RefusedError("invalid_token", "The access token is bound to a key: use the scheme DPoP.", scheme=_DPOP)
    if scheme == _DPOP:
        _check_possession(request, shown, token.dpop_jkt, now=now)
    if token.resources:
        raise _RefusedError("invalid_token", "The access token is for another resource.", scheme=scheme)
    if supported.OPENID not in token.scope.split() or token.grant.user is None:
        said = "The access token has no scope openid."
        raise _RefusedError("insufficient_scope", said, status=403, scheme=scheme, scope="openid")
    return claims.for_userinfo(token)


def _check_possession(request: HttpRequest, token: str, jkt: str, *, now: datetime) -> None:
    """RFC 9449 7.1, 7.2: the proof is made for this token with the key it is bound to."""
    if not jkt:
        said = "The access token is not bound to a key: use the scheme Bearer."
        raise _RefusedError("invalid_token", said, scheme=_DPOP)
    url = settings.ISSUER + supported.ENDPOINTS["userinfo_endpoint"]
    try:
        proven = dpop.thumbprint(request, method=request.method or "", url=url, access_token=token, now=now)
    except OAuth2Error as error:
        raise _RefusedError(str(error.error), str(error.description), scheme=_DPOP) from error
    if proven is None:
        raise _RefusedError("invalid_dpop_proof", "The request has no DPoP proof.", scheme=_DPOP)
    if proven != jkt:
        raise _RefusedError("invalid_token", "The access token is bound to another key.", scheme=_DPOP)


def _tokens(request: HttpRequest) -> list[tuple[str, str]]:
    """Every token shown, wherever, with its scheme. RFC 9700 4.3.2: in the query none is looked for."""
    shown = [(_BEARER, str(token)) for token in request.POST.getlist("access_token")]
    named, _space, token = request.headers.get("Authorization", "").partition(" ")
    schemes = [scheme for scheme in (_BEARER, _DPOP) if named.lower() == scheme.lower() and token.strip()]
    return shown + [(scheme, token.strip()) for scheme in schemes]


def _nothing_shown() -> HttpResponse:
    response = json_response({}, status=401)
    response["WWW-Authenticate"] = f'Bearer realm="userinfo", DPoP realm="userinfo", algs="{_ALGORITHMS}"'
    return response


def _refusal(refused: _RefusedError) -> HttpResponse:
    """RFC 6750 3: the reason stands in the header, and for convenience in the body."""
    said = {"realm": "userinfo"} | {name: value for name, value in refused.said.items() if value}
    if refused.scheme == _DPOP:
        said["algs"] = _ALGORITHMS
    body = {name: value for name, value in said.items() if name.startswith("error")}
    response = json_response(body, status=refused.status)
    challenge = ", ".join(f'{name}="{value}"' for name, value in said.items())
    response["WWW-Authenticate"] = f"{refused.scheme} {challenge}"
    return response

"""Pushed authorization requests (RFC 9126): a request that comes by the back channel, before its browser does.

The client authenticates as at the token endpoint, everything is checked as at the authorization endpoint, and what
is right waits as an `Interaction` for the browser that brings its name. The name is random, kept as a hash, good for
one client, for as long as `LIFETIME` until a browser comes, and until it is answered from then on (P-14).
"""

from datetime import datetime, timedelta

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from idp import interactions
from idp.oidc import checks, dpop, supported
from idp.oidc.clients import RelyingParty
from idp.oidc.flows import provider
from idp.oidc.machine import for_programs, json_response
from idp.oidc.parameters import AuthorizationRequest, Parameters
from idp.oidc.server import TokenRequest

#: RFC 9126 2.2 thinks of 5 to 600 seconds, FAPI 2.0 5.3.2.2 of less than 600: time enough for a redirect.
LIFETIME = timedelta(seconds=90)
_PREFIX = "urn:ietf:params:oauth:request_uri:"


@for_programs("POST")
def push(request: HttpRequest) -> HttpResponse:
    """`/par`: a request for a name (section 2)."""
    asked = TokenRequest(request)
    try:
        client = provider.authenticated(asked)
        validated = _validated(request, client, now=timezone.now())
    except OAuth2Error as error:
        return provider.handle_error_response(asked, error)  # type: ignore[no-any-return]
    now = timezone.now()
    name = interactions.push(client.record, validated.parameters(), lifetime=LIFETIME, now=now)
    document = {"request_uri": _PREFIX + name, "expires_in": int(LIFETIME.total_seconds())}
    return json_response(document, status=201)


def name_in(sent: Parameters) -> str:
    """The name of a pushed request, if `request_uri` is one that could be ours."""
    request_uri = sent.get("request_uri")
    return request_uri.removeprefix(_PREFIX) if request_uri.startswith(_PREFIX) else ""


def _validated(request: HttpRequest, client: RelyingParty, *, now: datetime) -> AuthorizationRequest:
    sent = Parameters(request.POST, pushed=True)
    if sent.get("client_id") != client.client_id:
        # Section 2.1: required as in every authorization request.
        raise InvalidRequestError("client_id is missing, or is not the client that authenticates.")
    if not client.check_redirect_uri(sent.get("redirect_uri")):
        raise InvalidRequestError("redirect_uri is missing, repeated or not registered exactly as it was sent.")
    validated = checks.validated(sent, client)
    url = settings.ISSUER + supported.ENDPOINTS["pushed_authorization_request_endpoint"]
    proven = dpop.thumbprint(request, method="POST", url=url, now=now)
    if proven and validated.dpop_jkt not in ("", proven):
        raise dpop.InvalidProofError("dpop_jkt is not the key of the DPoP proof (RFC 9449, 10.1).")
    return validated.bound_to(proven) if proven else validated

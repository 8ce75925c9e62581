"""Revocation (RFC 7009): a client ends what it was given. Revoking a refresh token ends its whole family."""

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from idp import keyring
from idp.models import AccessToken
from idp.oidc import grants
from idp.oidc.clients import RelyingParty
from idp.oidc.flows import provider
from idp.oidc.machine import for_programs, json_response
from idp.oidc.server import TokenRequest


@for_programs("POST")
def revoke(request: HttpRequest) -> HttpResponse:
    """`/revoke`. Section 2.2: 200 also for a token that is unknown, ended or another client's; that one lives on."""
    asked = TokenRequest(request)
    try:
        client = provider.authenticated(asked)
        token = request.POST.get("token", "")
        if not token:
            raise InvalidRequestError("token is missing.")
    except OAuth2Error as error:
        return provider.handle_error_response(asked, error)  # type: ignore[no-any-return]
    _end(token, client)
    return json_response({})


def _end(token: str, client: RelyingParty) -> None:
    """Whichever kind it is: section 2.1 wants a wrong hint to make no difference, so none is read."""
    mine = AccessToken.objects.filter(token_hash=keyring.fingerprint(token), grant__client=client.record)
    if mine.delete()[0]:
        return
    now = timezone.now()
    family = grants.of_any_refresh_token(token, client, now=now)
    if family is not None:
        # An old one, too: whoever shows it wants the access gone.
        grants.end(family[0], by="client", now=now)

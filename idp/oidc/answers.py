"""How an authorization request is answered: by a redirect to the application, or by a page. Never by both.

A redirect goes only to an address that was found registered for the client. `iss` is on every one (RFC 9207), so
that an application of several providers cannot be made to confuse them.
"""

from urllib.parse import urlencode

import structlog
from authlib.oauth2 import OAuth2Error
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from idp import browser

log = structlog.get_logger(__name__)


def location(redirect_uri: str, *, state: str, **parameters: str) -> str:
    """`redirect_uri` as registered, with the answer added to its query (RFC 6749 4.1.2)."""
    answer = [*parameters.items()]
    if state:
        answer.append(("state", state))
    answer.append(("iss", settings.ISSUER))
    return with_query(redirect_uri, answer)


def refusal(redirect_uri: str, error: OAuth2Error, *, state: str) -> HttpResponse:
    """The application learns what was wrong, and its developer how to mend it."""
    log.info("authorization refused", error=error.error, description=error.description)
    parameters = {"error": str(error.error)}
    if error.description:
        parameters["error_description"] = error.description
    return see_other(location(redirect_uri, state=state, **parameters))


def page(request: HttpRequest, error: OAuth2Error, *, application_name: str = "") -> HttpResponse:
    """The person learns that the application made a mistake. Nothing that was sent appears on the page."""
    reference = browser.request_id(request)
    log.info("request refused", error=error.error, description=error.description, reference=reference)
    context = {
        "application_name": application_name,
        "error_code": error.error,
        "error_description": error.description,
        "reference": reference,
        # The language links would repeat the request, and with it an address nobody registered (P-09).
        "languages": (),
    }
    return render(request, "idp/error.html", context, status=400)


def see_other(url: str) -> HttpResponse:
    """303: go there with GET, whatever this request was. `url` is ours or registered: it needs no check."""
    response = HttpResponse(status=303)
    response["Location"] = url
    return response


def with_query(uri: str, parameters: list[tuple[str, str]]) -> str:
    """`uri` with `parameters` after those it has. What is there is not encoded anew."""
    if not parameters:
        return uri
    return f"{uri}{'&' if '?' in uri else '?'}{urlencode(parameters)}"

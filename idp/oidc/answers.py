"""How an authorization request is answered: by way of the browser to the application, or by a page. Never by both.

An answer goes only to an address that was found registered for the client. `iss` is on every one (RFC 9207), so
that an application of several providers cannot be made to confuse them.
"""

from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

import structlog
from authlib.oauth2 import OAuth2Error
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from idp import browser
from idp.middleware import allow_form_target

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Destination:
    """Where an answer goes, and how. `redirect_uri` is registered; that has been seen to."""

    redirect_uri: str
    state: str = ""
    response_mode: str = ""


def answer(request: HttpRequest, to: Destination, **parameters: str) -> HttpResponse:
    """`parameters`, `state` and `iss`, by way of the browser (RFC 6749 4.1.2)."""
    told = [*parameters.items()]
    if to.state:
        told.append(("state", to.state))
    told.append(("iss", settings.ISSUER))
    if to.response_mode == "form_post":
        return form_post(request, to.redirect_uri, told)
    return see_other(with_query(to.redirect_uri, told))


def refusal(request: HttpRequest, to: Destination, error: OAuth2Error) -> HttpResponse:
    """The application learns what was wrong, and its developer how to mend it."""
    log.info("authorization refused", error=error.error, description=error.description)
    parameters = {"error": str(error.error)}
    if error.description:
        parameters["error_description"] = error.description
    return answer(request, to, **parameters)


def form_post(request: HttpRequest, redirect_uri: str, parameters: list[tuple[str, str]]) -> HttpResponse:
    """OAuth 2.0 Form Post Response Mode 2: a page whose form a script sends at once, or a person by its button."""
    target = urlsplit(redirect_uri)
    allow_form_target(request, f"{target.scheme}://{target.netloc}")
    # The language links would repeat the request.
    context = {"action": redirect_uri, "parameters": parameters, "languages": ()}
    return render(request, "idp/form_post.html", context)


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

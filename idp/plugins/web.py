"""Pages: the values templates take, our cookies, where a request comes from, and pages for problems."""

from datetime import datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse

from idp.browser import DEVICE, SeeOther, browser_hash, cookie, drop_cookie, network, origin, remember, set_cookie
from idp.conf import policy
from idp.factors.passkey import challenges
from idp.forms import takes
from idp.pages import Application, Choice, Problem, Step
from idp.problems import page

__all__ = [
    "Application",
    "Choice",
    "Options",
    "Problem",
    "SeeOther",
    "Step",
    "browser_hash",
    "cookie",
    "device_key",
    "drop_cookie",
    "issuer_host",
    "network",
    "origin",
    "page",
    "passkey_challenge",
    "set_cookie",
    "takes",
]


class Options(Protocol):
    """What a browser is to ask its authenticators, with a new challenge for this browser."""

    def __call__(self, *, browser_hash: str, now: datetime) -> dict[str, Any]: ...


def passkey_challenge(request: HttpRequest, options: Options, *, now: datetime) -> HttpResponse:
    """The answer to a page's script that asks for a challenge; 429 if its network asks for absurdly many."""
    if not challenges.may_have(network(request), policy=policy(), now=now):
        return JsonResponse({}, status=429)
    response = JsonResponse(options(browser_hash=browser_hash(request), now=now))
    remember(request, response)
    return response


def device_key(request: HttpRequest) -> str:
    """What accounts know this browser by; empty if it signed in to none."""
    return cookie(request, DEVICE)


def issuer_host() -> str:
    """The host that people know the provider by."""
    return urlsplit(settings.ISSUER).hostname or ""

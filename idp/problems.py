"""Pages for what went wrong: what happened, what to do, and a reference to find it by. Never a dead end."""

import json
import re

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.utils.html import escape
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from idp import browser

log = structlog.get_logger(__name__)

#: What programs talk to. They get no page, no cookie, no language; their errors are JSON.
MACHINE = (
    "/.well-known/",
    "/brand.css",
    "/healthz",
    "/introspect",
    "/jwks",
    "/metrics",
    "/par",
    "/readyz",
    "/receipts/",
    "/revoke",
    "/static/",
    "/token",
    "/userinfo",
)

_ONLY_LANGUAGE = re.compile(r"(lang=[a-z-]{2,8})?")


def is_machine(request: HttpRequest) -> bool:
    """Whether this is an endpoint for programs rather than a page for people."""
    return request.path.startswith(MACHINE)


def page(request: HttpRequest, *, status: int, heading: str, lead: str) -> HttpResponse:
    """A page (or, for a program, JSON) with the problem in plain words and one next step."""
    reference = browser.request_id(request)
    log.info("refused", status=status, path=request.path[:200], reference=reference)
    if is_machine(request):
        body = json.dumps({"error": "invalid_request", "error_description": _ascii(status)})
        return HttpResponse(body, status=status, content_type="application/json")
    context = {
        "heading": heading,
        "lead": lead,
        "reference": reference,
        "back": {"url": "/sign-in", "label": _("Go to sign-in")},
    }
    if not _ONLY_LANGUAGE.fullmatch(request.META.get("QUERY_STRING", "")):
        # The language links would repeat what was refused, which perhaps could not even be read.
        context["languages"] = ()
    return HttpResponse(render_to_string("idp/problem.html", context, request), status=status)


def unreadable(
    request: HttpRequest,
    exception: Exception | None = None,  # noqa: ARG001 -- Django names it
    *,
    status: int = 400,
) -> HttpResponse:
    """400 (or 405): what was sent, or how, is not what a browser does with our forms."""
    return page(
        request,
        status=status,
        heading=_("We couldn't read that"),
        lead=_("Something in what was sent is not what this page expects. Nothing was changed. Go back and try again."),
    )


def too_large(request: HttpRequest) -> HttpResponse:
    """413: more than any of our forms needs."""
    return page(
        request,
        status=413,
        heading=_("That was too much"),
        lead=_("What was sent is larger than this page accepts. Nothing was changed. Go back and try again."),
    )


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001 -- Django names it
    return page(
        request,
        status=404,
        heading=_("There is no such page"),
        lead=_("The address may be mistyped, or the page may have moved."),
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001 -- Django names it
    """403: the form does not belong to this browser, or its cookie is gone."""
    return page(
        request,
        status=403,
        heading=_("This page is out of date"),
        lead=_(
            "It was open for a long time, or your browser does not keep cookies. Nothing was changed. "
            "Go back, reload the page and try again.",
        ),
    )


def failed(request: HttpRequest) -> HttpResponse:
    """500: our mistake. The log has the rest under the reference."""
    return page(
        request,
        status=500,
        heading=_("Something went wrong on our side"),
        lead=_("You did nothing wrong, and your account is fine. Wait a moment and try again."),
    )


def busy(request: HttpRequest, *, retry_after: int, username: str = "") -> HttpResponse:
    """503: there is no place to hash a password. Leads back to the form it came from, with the name that was typed.

    Refusing has to cost far less than what is refused, or the crowd would be held up by its own refusals. So the
    page is drawn once for each language, and asks nothing of a row.
    """
    drawn = _drawn_busy(request, get_language() or settings.LANGUAGE_CODE, named=bool(username))
    if username:
        drawn = drawn.replace(_TOKEN, get_token(request)).replace(_USERNAME, escape(username))
    response = HttpResponse(drawn, status=503)
    response["Retry-After"] = str(retry_after)
    # Django would write a line for each; idp.hashing has written one for all of them.
    response._has_been_logged = True  # type: ignore[attr-defined]  # noqa: SLF001 -- what its log_response looks at
    return response


#: Stand in the drawn page for what differs from one request to the next.
_TOKEN, _USERNAME = "-token-", "-username-"
_busy_pages: dict[tuple[str, ...], str] = {}


def _drawn_busy(request: HttpRequest, language: str, *, named: bool) -> str:
    key = (language, settings.TENANT_NAME, _USERNAME if named else "")
    if key not in _busy_pages:
        # No links to other languages: they would repeat the address of the request.
        context = {"languages": (), "token": _TOKEN, "username": _USERNAME if named else ""}
        _busy_pages[key] = render_to_string("idp/busy.html", context, request)
    return _busy_pages[key]


def unavailable() -> HttpResponse:
    """503: the database is away, so nobody can be let in and nothing is guessed. A static page."""
    response = HttpResponse(render_to_string("idp/unavailable.html"), status=503)
    response["Retry-After"] = "30"
    return response


def _ascii(status: int) -> str:
    """RFC 6749 5.2 limits error descriptions to printable ASCII, so they are not translated."""
    return {404: "No such endpoint.", 413: "The request is too large."}.get(status, "The request is malformed.")

"""What every request passes. Endpoints for programs skip what only pages need."""

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_to_bytes

import structlog
from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, QueryDict
from django.http.response import HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware
from django.utils import translation
from django.utils.cache import patch_vary_headers

from idp import browser, hashing, keyring, problems
from idp.keystore.keys import KeysAway

log = structlog.get_logger(__name__)
GetResponse = Callable[[HttpRequest], HttpResponseBase]

_CSP = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' https: data:; connect-src 'self'; "
    "base-uri 'none'; object-src 'none'; frame-ancestors 'none'; form-action 'self'"
)
#: Load balancers and monitoring ask by address.
_PROBES = ("/healthz", "/metrics", "/readyz")
#: Endpoints whose specification says itself how a repeated parameter is answered.
_PROTOCOL = ("/authorize", "/introspect", "/par", "/revoke", "/sign-out", "/token", "/userinfo")
#: What providers post is in their form, not in ours; it is read after they have shown who they are.
_OTHERS_FORMS = "/receipts/"
#: The one form of ours that a file comes with.
_UPLOAD = ("/console/invitations/many/", "multipart/form-data")


class SecurityHeaders:
    """Headers for every answer; and the last resort: database or keys are away (invariant 5), or hashing is full."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        structlog.contextvars.bind_contextvars(request_id=browser.request_id(request))
        try:
            with hashing.impatient():
                response = self.get_response(request)
        finally:
            structlog.contextvars.clear_contextvars()
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("Content-Security-Policy", _csp(request))
        # Nothing goes to anybody else. "no-referrer" would also make browsers send "Origin: null" with our own
        # forms, which no check against forged requests can tell from a stranger's.
        response.headers.setdefault("Referrer-Policy", "same-origin")
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("X-Frame-Options", "DENY")
        response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
        if settings.SECURE_COOKIES:
            response.headers.setdefault("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, (OperationalError, InterfaceError)):
            log.error("database away", alarm="database", error=type(exception).__name__)
            return problems.unavailable()
        if isinstance(exception, KeysAway):
            return _keys_away(exception)
        if isinstance(exception, hashing.Busy):
            return problems.busy(request, retry_after=hashing.RETRY_AFTER)
        return None


def allow_form_target(request: HttpRequest, origin: str) -> None:
    """Let this page's form end at `origin`: browsers check the redirects after a form as well (P-28)."""
    request.form_target = origin  # type: ignore[attr-defined]


def _csp(request: HttpRequest) -> str:
    target = getattr(request, "form_target", "")
    return f"{_CSP} {target}" if target else _CSP


class RequestGuard:
    """Refuses, before anything is looked up or hashed, what no form of ours sends."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        problem = self._problem(request)
        if problem is not None:
            # Nobody has looked at the request's language yet, and the thread still speaks that of the one before.
            with translation.override(translation.get_language_from_request(request)):
                return problem(request)
        response = self.get_response(request)
        if isinstance(response, HttpResponseNotAllowed) and not response.content:
            allowed = response["Allow"]
            response = problems.unreadable(request, status=405)
            response["Allow"] = allowed
        return response

    def _problem(self, request: HttpRequest) -> Callable[[HttpRequest], HttpResponse] | None:
        try:
            size = int(request.META.get("CONTENT_LENGTH") or 0)
        except ValueError:
            return problems.unreadable
        if size > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            return problems.too_large
        try:
            if not request.path.startswith(_PROBES):
                request.get_host()  # raises for a name that is not ours (HR-02)
            if not self._is_readable(request):
                return problems.unreadable
        except RequestDataTooBig:
            return problems.too_large
        except (SuspiciousOperation, UnicodeDecodeError):  # among them: more fields than any form has
            return problems.unreadable
        return None

    @staticmethod
    def _is_readable(request: HttpRequest) -> bool:
        raw_query = request.META.get("QUERY_STRING", "")
        unquote_to_bytes(raw_query.encode("latin-1", "replace")).decode()
        if request.method == "POST":
            if request.path.startswith(_OTHERS_FORMS):
                return True
            if (request.path, request.content_type) != _UPLOAD:
                if request.content_type not in ("application/x-www-form-urlencoded", ""):
                    return False
                unquote_to_bytes(request.body.replace(b"+", b" ")).decode()
        fields: tuple[QueryDict, ...] = (request.GET, request.POST)
        if any("\x00" in name or "\x00" in value for each in fields for name, value in _pairs(each)):
            return False
        if request.path.startswith(_PROTOCOL):
            return True
        # Whether a field of a form may come twice, its page knows (`idp.forms`).
        return all(len(values) == 1 for _name, values in request.GET.lists())


def _pairs(fields: QueryDict) -> list[tuple[str, str]]:
    return [(name, str(value)) for name, values in fields.lists() for value in values]


class PageLanguage:
    """The page's language: `?lang=`, then the cookie it left, then what the browser prefers.

    Django's own would also look for it in the path, where ours is never.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if problems.is_machine(request):
            return self.get_response(request)
        asked = request.GET.get("lang", "")
        chosen = asked if asked in dict(settings.LANGUAGES) else ""
        translation.activate(chosen or translation.get_language_from_request(request))
        request.LANGUAGE_CODE = translation.get_language()  # type: ignore[attr-defined]
        response = self.get_response(request)
        if chosen:
            browser.set_cookie(response, "regain-language", chosen, lifetime=browser.LANGUAGE_LIFETIME)
        patch_vary_headers(response, ["Accept-Language"])
        response.headers.setdefault("Content-Language", translation.get_language() or settings.LANGUAGE_CODE)
        return response


class PageKeys:
    """While keys are away, no page goes on: not for the known, whose seals cannot be looked at, nor for the unknown.

    Without this only those would meet the static page of whom there are seals: it would tell who has an account.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not problems.is_machine(request):
            try:
                keyring.must_answer()
            except KeysAway as away:
                return _keys_away(away)
        return self.get_response(request)


def _keys_away(away: KeysAway) -> HttpResponse:
    log.error("keys away", alarm="keys", error=str(away))
    return problems.unavailable()


class PageCsrf(CsrfViewMiddleware):
    """Django's CSRF protection, for pages. Programs authenticate themselves instead."""

    def process_request(self, request: HttpRequest) -> None:
        if not problems.is_machine(request):
            super().process_request(request)

    def process_view(self, request: HttpRequest, callback: Any, callback_args: Any, callback_kwargs: Any) -> Any:
        if problems.is_machine(request):
            return None
        return super().process_view(request, callback, callback_args, callback_kwargs)

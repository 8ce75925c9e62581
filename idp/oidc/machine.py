"""What endpoints for programs have in common: who may read them from a browser, and what may be cached."""

import json
from collections.abc import Callable
from datetime import timedelta
from enum import Enum
from functools import wraps

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from idp.oidc import clients

View = Callable[[HttpRequest], HttpResponse]

#: RFC 6750 and RFC 9449: what a script has to send, and what it has to read besides the answer.
_SENT = "Authorization, Content-Type, DPoP"
_READ = "WWW-Authenticate, DPoP-Nonce"


class Readers(Enum):
    """The scripts that may read an answer (P-27). None may send cookies along: these endpoints know none."""

    EVERYBODY = "everybody"
    #: Of the origins that public clients registered redirect URIs at: they have no server to ask for them.
    BROWSER_APPLICATIONS = "browser applications"
    NOBODY = "nobody"


def for_programs(*methods: str, readers: Readers = Readers.BROWSER_APPLICATIONS) -> Callable[[View], View]:
    """Answers `methods`, CORS preflights, and 405 for the rest."""

    def decorate(view: View) -> View:
        @wraps(view)
        def answered(request: HttpRequest) -> HttpResponse:
            if request.method == "OPTIONS":
                response = HttpResponse(status=204)
                response["Allow"] = ", ".join((*methods, "OPTIONS"))
            elif request.method in methods:
                response = view(request)
            else:
                response = json_response({"error": "invalid_request"}, status=405)
                response["Allow"] = ", ".join((*methods, "OPTIONS"))
            _let_read(request, response, methods=methods, readers=readers)
            return response

        return answered

    return decorate


def _let_read(request: HttpRequest, response: HttpResponse, *, methods: tuple[str, ...], readers: Readers) -> None:
    if readers is Readers.NOBODY:
        return
    if readers is Readers.EVERYBODY:
        response["Access-Control-Allow-Origin"] = "*"
    else:
        patch_vary_headers(response, ["Origin"])
        origin = request.headers.get("Origin", "")
        if not origin or origin not in clients.browser_origins():
            return
        response["Access-Control-Allow-Origin"] = origin
    if request.method == "OPTIONS":
        response["Access-Control-Allow-Methods"] = ", ".join(methods)
        response["Access-Control-Allow-Headers"] = _SENT
        response["Access-Control-Max-Age"] = "3600"
    else:
        response["Access-Control-Expose-Headers"] = _READ


def json_response(document: object, *, status: int = 200) -> HttpResponse:
    response = HttpResponse(json.dumps(document), status=status, content_type="application/json")
    response["Cache-Control"] = "no-store"
    return response


def cached(request: HttpRequest, body: bytes, *, etag: str, lifetime: timedelta) -> HttpResponse:
    """A document that changes rarely: may be kept for `lifetime`, and asked for again by its ETag (RFC 9110 13)."""
    known = [each.strip().removeprefix("W/") for each in request.headers.get("If-None-Match", "").split(",")]
    if etag in known or "*" in known:
        response = HttpResponse(status=304)
    else:
        response = HttpResponse(body, content_type="application/json")
    response["ETag"] = etag
    response["Cache-Control"] = f"public, max-age={int(lifetime.total_seconds())}"
    return response

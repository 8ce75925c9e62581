"""What endpoints for programs have in common: who may read them from a browser, and what may be cached."""

import json
from collections.abc import Callable
from datetime import timedelta
from functools import wraps

from django.http import HttpRequest, HttpResponse

View = Callable[[HttpRequest], HttpResponse]


def for_programs(*methods: str) -> Callable[[View], View]:
    """Answers `methods`, CORS preflights, and 405 for the rest.

    P-27: any origin may read the answer, none may send cookies along: these endpoints know none.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def answered(request: HttpRequest) -> HttpResponse:
            if request.method == "OPTIONS":
                response = HttpResponse(status=204)
                response["Access-Control-Allow-Methods"] = ", ".join(methods)
                response["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
                response["Access-Control-Max-Age"] = "3600"
            elif request.method in methods:
                response = view(request)
            else:
                response = json_response({"error": "invalid_request"}, status=405)
                response["Allow"] = ", ".join((*methods, "OPTIONS"))
            response["Access-Control-Allow-Origin"] = "*"
            response["Access-Control-Expose-Headers"] = "WWW-Authenticate"
            return response

        return answered

    return decorate


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

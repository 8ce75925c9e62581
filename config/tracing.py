"""Traces, where the environment names a collector (OTEL_EXPORTER_OTLP_ENDPOINT). Otherwise nothing of it is loaded.

The exporter and its SDK are an extra (requirements-tracing.txt). How they are set up besides (headers, sampling, the
name of the service) is said in OpenTelemetry's own environment variables.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from idp import tracing


def begin(process: str) -> None:
    """Send spans from this process, which was started or forked just now. Nothing happens without a collector."""
    if not settings.TRACING:
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 -- an extra
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 -- as above
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 -- as above
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 -- as above
        from opentelemetry.trace import StatusCode  # noqa: PLC0415 -- as above
    except ImportError:
        raise ImproperlyConfigured(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, but OpenTelemetry is not installed: "
            "pip install --require-hashes -r requirements-tracing.txt.",
        ) from None
    provider = TracerProvider(resource=Resource.create({"service.name": "regain", "service.instance.id": process}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    tracer = provider.get_tracer("regain")

    @contextmanager
    def trace(name: str, noted: tracing.Attributes) -> Iterator[None]:
        # An exception's text may hold what somebody typed: the span learns its kind only.
        with tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False) as span:
            try:
                yield
            except BaseException as error:
                noted["error"] = type(error).__name__
                span.set_status(StatusCode.ERROR)
                raise
            finally:
                span.set_attributes({_NAMES.get(key, f"regain.{key}"): value for key, value in noted.items()})

    tracing.use(trace)


#: As OpenTelemetry's conventions call them.
_NAMES = {"method": "http.request.method", "route": "http.route", "status": "http.response.status_code"}


class Requests:
    """Middleware, in the list only where there is a collector: a span for each request, by its route's pattern."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with tracing.span("request", method=request.method or "") as noted:
            response = self.get_response(request)
            match: Any = request.resolver_match
            noted |= {"route": match.route if match else "", "status": response.status_code}
            return response

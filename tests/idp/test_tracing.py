"""Traces: nothing without a collector; with one, spans that carry ids and numbers and nobody's data."""

import gzip
import os
import subprocess
import sys
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from idp import tracing

ROOT = Path(__file__).resolve().parents[2]
#: A web process and a worker's child, in one program: pages with secrets in them, and a message that is delivered.
PROGRAM = """
import os
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
import django; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
import config.wsgi
from django.test import Client
from django.utils import timezone
from datetime import timedelta
from uuid import uuid4
from idp import delivery
from idp.models import Message
browser = Client(HTTP_HOST="id.contoso.example")
browser.get("/sign-in?i=canary-interaction&login_hint=canary@contoso.example", secure=True)
browser.get("/nowhere/canary-path", secure=True)
browser.post("/token", "code=canary-code", content_type="application/x-www-form-urlencoded", secure=True)
now = timezone.now()
message = Message.objects.create(kind="idp.test", queue="otp", reference=uuid4(), created_at=now, due_at=now,
    not_after=now + timedelta(minutes=10))
def fail(message, *, now):
    raise RuntimeError("canary@contoso.example")
delivery._attempt = fail
delivery.deliver(message.pk, now=now)
print(message.pk)
import sys; print("opentelemetry.exporter" in sys.modules)
"""


@contextmanager
def collector():
    """What an OpenTelemetry collector receives: its spans as they come, and the bytes."""
    spans, raw = [], []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            raw.append(body)
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in resource.scope_spans:
                    spans.extend(scope.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", spans, raw
    finally:
        server.shutdown()
        server.server_close()


def run(tmp_path, program=PROGRAM, **variables):
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment |= {
        "REGAIN_ISSUER": "https://id.contoso.example",
        "SECRET_KEY": "x" * 50,
        "REGAIN_ROOT_KEYS": "k1:" + "A" * 43 + "=",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "EMAIL_URL": "smtp://127.0.0.1:1",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'traced.sqlite3'}",
        "METRICS_DIR": str(tmp_path / "metrics"),
        **variables,
    }
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )


def attributes(span):
    return {each.key: each.value.string_value or each.value.int_value for each in span.attributes}


def test_with_a_collector_requests_and_deliveries_are_traced_without_anybodys_data(tmp_path):
    with collector() as (url, spans, raw):
        ran = run(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=url)
    assert ran.returncode == 0, ran.stderr[-3000:]
    requests = [attributes(span) for span in spans if span.name == "request"]
    assert [each.get("http.route") for each in requests] == ["sign-in", 0, "token"], (
        "no more of a path than its pattern"
    )
    assert [each["http.response.status_code"] for each in requests] == [200, 404, 401]
    (delivery,) = [attributes(span) for span in spans if span.name == "deliver"]
    assert delivery["regain.message"] == ran.stdout.split()[0]
    assert delivery["regain.outcome"] == "delayed"
    assert b"canary" not in b"".join(raw)


def test_without_a_collector_nothing_of_it_is_loaded(tmp_path):
    ran = run(tmp_path)
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert ran.stdout.split()[1] == "False"


def test_a_collector_without_the_packages_is_refused_in_one_sentence(tmp_path):
    without = (
        "import sys, os; sys.modules['opentelemetry.sdk'] = None;"
        "os.environ['DJANGO_SETTINGS_MODULE'] = 'config.settings'; import django;"
        "django.setup(); from config import tracing; tracing.begin('web')"
    )
    ran = run(tmp_path, without, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1")
    assert ran.returncode == 1
    assert "requirements-tracing.txt" in ran.stderr


def test_a_span_that_nobody_traces_carries_what_is_put_into_it():
    with tracing.span("deliver", queue="otp") as noted:
        noted["outcome"] = "sent"
    assert noted == {"queue": "otp", "outcome": "sent"}

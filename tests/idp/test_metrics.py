"""`/metrics`: closed unless the operator opens it, whole whichever process is asked, and of nobody in particular."""

import os
import re
import subprocess
import sys

import pytest
import requests
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from config import metrics_server
from idp import delivery, metrics, outbox, tasks
from idp.conf import policy
from idp.models import Message
from tests.idp.posting import post
from tests.servers import free_port

TOKEN = "a token that nobody guesses"


@pytest.fixture(autouse=True)
def token(settings):
    settings.METRICS_TOKEN = TOKEN


def read(authorization=f"Bearer {TOKEN}"):
    headers = {"Authorization": authorization} if authorization else {}
    return Client(HTTP_HOST="10.0.0.7:8000").get("/metrics", headers=headers, secure=True)


def sent(message):
    outbox.mark_sent(message)
    return "sent"


def samples():
    """Name and labels to number."""
    families = text_string_to_metric_families(read().content.decode())
    return {(s.name, tuple(sorted(s.labels.values()))): s.value for family in families for s in family.samples}


def test_without_a_token_set_the_address_does_not_exist(db, settings):
    settings.METRICS_TOKEN = ""
    assert read().status_code == 404
    assert read("Bearer ").status_code == 404


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer ", "Bearer wrong", TOKEN, f"Basic {TOKEN}", "Bearer é"]
)
def test_without_the_token_nobody_reads(db, authorization):
    response = read(authorization)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert not response.content


def test_with_the_token_it_is_prometheus_text_that_nobody_caches(db):
    response = read()
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert response.headers["Cache-Control"] == "no-store"
    assert list(text_string_to_metric_families(response.content.decode()))


def test_what_waits_is_told_for_each_queue(db):
    post("otp", minutes_ago=2)
    post("notice")
    post("notice")
    told = samples()
    assert told["regain_outbox_messages", ("notice", "waiting")] == 2
    assert told["regain_outbox_messages", ("logout", "waiting")] == 0
    assert 120 <= told["regain_outbox_oldest_seconds", ("otp",)] < 130
    assert 120 <= told["regain_outbox_overdue_seconds", ("otp",)] < 130
    assert told["regain_outbox_overdue_seconds", ("logout",)] == 0


def test_an_attempt_is_counted_by_queue_provider_and_outcome(db, monkeypatch):
    monkeypatch.setattr(delivery, "_attempt", lambda message, **_now: metrics.asked("relay-2") or sent(message))
    key = ("regain_deliveries_total", tuple(sorted(("notice", "relay-2", "sent"))))
    before = samples().get(key, 0)
    assert delivery.deliver(post("notice").pk, now=timezone.now()) == "sent"
    told = samples()
    assert told[key] == before + 1
    assert told["regain_delivery_latency_seconds_count", ("notice",)] >= 1
    assert told["regain_delivery_attempt_seconds_count", ("notice", "relay-2")] >= 1


def test_the_provider_of_one_attempt_is_not_blamed_for_the_next(db, monkeypatch):
    metrics.asked("relay-9")
    assert metrics.provider(otherwise="email") == "relay-9"
    assert metrics.provider(otherwise="email") == "email"


def test_a_bell_that_is_not_heard_opens_the_breaker_and_that_is_seen(db, monkeypatch):
    def nobody_listens(*_arguments, **_options):
        raise ConnectionRefusedError

    asked = []
    monkeypatch.setattr(tasks.deliver, "apply_async", lambda *a, **_options: asked.append(a) or nobody_listens())
    message = post("otp")
    for _page in range(5):
        assert tasks.ring(message_id=message.pk, queue="otp") is False
    assert len(asked) == 1, "the other four did not wait for Redis"
    told = samples()
    assert told["regain_breaker_open", ("redis",)] == 1
    assert told["regain_bells_total", ("otp", "unheard")] >= 1
    assert told["regain_bells_total", ("otp", "saved")] >= 4

    tasks.broker.succeeded()
    monkeypatch.setattr(tasks.deliver, "apply_async", lambda *_a, **_k: None)
    assert tasks.ring(message_id=message.pk, queue="otp") is True
    monkeypatch.setattr(metrics, "sources", [])  # among which one asks Redis, which is not here
    assert samples()["regain_breaker_open", ("redis",)] == 0


def test_what_a_process_counted_outlives_it_and_its_files_do_not_pile_up(db):
    label = f"test-{os.getpid()}"
    program = (
        "import django; django.setup(); from idp import metrics;"
        f"metrics.ATTEMPTS.labels('otp', '{label}', 'sent').inc(2);"
        f"metrics.ATTEMPT_SECONDS.labels('otp', '{label}').observe(0.2);"
        "metrics.FUSES.labels('dead').set(1)"
    )
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings", "METRICS_DIR": str(metrics._DIRECTORY)}
    for _process in range(3):
        subprocess.run([sys.executable, "-c", program], env=environment, check=True, timeout=60)
    for _look in range(2):
        told = samples()
        assert told["regain_deliveries_total", tuple(sorted(("otp", label, "sent")))] == 6
        assert told["regain_delivery_attempt_seconds_count", ("otp", label)] == 3
        assert ("regain_breaker_open", ("dead",)) not in told, "a fuse that is out goes with its process"
    pids = {re.sub(r".*_(\w+)\.db", r"\1", file.name) for file in metrics._DIRECTORY.glob("*.db")}
    assert pids <= {"folded", str(os.getpid())}


def test_without_a_database_what_was_counted_is_told_all_the_same(db):
    metrics.ATTEMPTS.labels("otp", "email", "sent").inc()

    def fail(*_arguments):
        raise OperationalError("gone")

    with connection.execute_wrapper(fail):
        response = read()
    assert response.status_code == 200
    assert "regain_deliveries_total" in response.content.decode()
    assert "regain_outbox_messages" not in response.content.decode()


def test_no_label_tells_of_anybody(db, jane, monkeypatch):
    monkeypatch.setattr(delivery, "_attempt", lambda message, **_now: sent(message))
    message = post("otp", user=jane)
    delivery.deliver(message.pk, now=timezone.now())
    told = read().content.decode()
    for personal in (str(message.pk), str(jane.pk), jane.email, "jane"):
        assert personal not in told
    assert policy() is not None
    assert Message.objects.get().state == "sent"


def test_a_worker_answers_by_itself_where_there_is_no_web_process(db):
    port = free_port()
    metrics.ATTEMPTS.labels("logout", "application", "sent").inc()
    metrics_server.start(f"127.0.0.1:{port}")
    metrics_server.start(f"127.0.0.1:{port}")  # the next worker of the machine: one is enough
    address = f"http://127.0.0.1:{port}"
    shown = {"Authorization": f"Bearer {TOKEN}"}
    told = requests.get(f"{address}/metrics", headers=shown, timeout=5)
    assert told.status_code == 200
    assert "regain_deliveries_total" in told.text
    assert requests.get(f"{address}/metrics", timeout=5).status_code == 401
    assert requests.get(f"{address}/", headers=shown, timeout=5).status_code == 404
    assert "Python" not in told.headers["Server"]

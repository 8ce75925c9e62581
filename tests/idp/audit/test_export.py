"""The audit at a second place: in order, none left out, and a place that is away holds nobody up."""

import json
import socket
import ssl
import subprocess
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from idp.audit import export, lines, s3, targets
from idp.audit.events import DataDownloaded
from idp.audit.record import record
from idp.models import AuditEntry, AuditExport, AuditHead
from tests.story import Person


@pytest.fixture
def file(tmp_path, settings):
    path = tmp_path / "audit.jsonl"
    settings.AUDIT_EXPORT = targets.read(f"file://{path}")
    return path


def happen(user, times=1):
    with transaction.atomic():
        record(*(DataDownloaded(user=user.pk) for _time in range(times)))


def numbers(path):
    """The sequences in a file; an anchor is told by a minus."""
    found = [json.loads(line) for line in path.read_text().splitlines()]
    return [each.get("sequence", -each.get("anchor", 0)) for each in found]


def run():
    return export.export(timezone.now())


# --- What goes there --------------------------------------------------------------------------------------


def test_new_entries_go_there_with_an_anchor_after_them(jane, file):
    run()
    happen(jane)
    run()
    run()
    assert numbers(file) == [1, 2, -2, 3, -3]


def test_a_line_says_everything_its_hash_is_made_of(jane, file):
    run()
    first, *_rest, last = [lines.read(line) for line in file.read_bytes().splitlines()]
    assert lines.is_whole(first)
    assert last.is_genuine
    assert last.entry_hash == AuditHead.objects.get().entry_hash


def test_it_goes_on_in_parts(jane, file, monkeypatch):
    monkeypatch.setattr(export, "ENTRIES", 2)
    happen(jane, 3)
    (done,) = run()
    assert done.entries == 5
    assert numbers(file) == [1, 2, -2, 3, 4, -4, 5, -5]


def test_of_two_workers_one_sends(jane, file):
    AuditExport.objects.create(target=f"file://{file}", held_until=timezone.now() + timedelta(seconds=30))
    assert run() == []
    assert not file.exists()
    with time_machine.travel(timezone.now() + timedelta(minutes=1), tick=True):
        assert run()[0].entries == 2  # the other one died


def test_one_that_dies_in_the_middle_makes_it_come_twice_and_never_not_at_all(jane, file, monkeypatch):
    send = targets.File.send

    def dies(self, batch, *, now):
        send(self, batch, now=now)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(targets.File, "send", dies)
        with pytest.raises(KeyboardInterrupt):
            run()
    run()
    assert numbers(file) == [1, 2, -2, 1, 2, -2]


def test_each_day_may_have_a_file_of_its_own(jane, tmp_path, settings):
    settings.AUDIT_EXPORT = targets.read(f"file://{tmp_path}/audit-%Y-%m-%d.jsonl")
    with time_machine.travel(datetime(2026, 11, 26, 23, 59, tzinfo=UTC), tick=False):
        run()
    happen(jane)
    with time_machine.travel(datetime(2026, 11, 27, 0, 1, tzinfo=UTC), tick=False):
        run()
    assert numbers(tmp_path / "audit-2026-11-26.jsonl") == [1, 2, -2]
    assert numbers(tmp_path / "audit-2026-11-27.jsonl") == [3, -3]


def test_after_a_line_that_was_cut_short_a_new_one_begins(jane, file):
    file.write_text('{"sequence": 1, "at')
    run()
    assert file.read_text().splitlines()[1].startswith('{"sequence":1')


def test_only_its_owner_may_read_the_file(jane, file):
    run()
    assert file.stat().st_mode & 0o777 == 0o600


# --- A place that is away ---------------------------------------------------------------------------------


def test_a_place_that_is_away_delays_its_own_copy_only(jane, tmp_path, settings, caplog):
    settings.AUDIT_EXPORT = targets.read(f"file://{tmp_path}/nowhere/audit file://{tmp_path}/here")
    away, here = run()
    assert "cannot be opened" in away.fault
    assert here.entries == 2
    assert "audit.export" in caplog.text
    (tmp_path / "nowhere").mkdir()
    assert [done.entries for done in run()] == [2, 0]
    assert AuditExport.objects.get(pk=away.target).failing_since is None


def test_it_is_said_where_an_operator_looks_and_people_are_sent_here_all_the_same(jane, tmp_path, settings):
    settings.AUDIT_EXPORT = targets.read(f"file://{tmp_path}/nowhere/audit")
    began = timezone.now()
    run()
    assert export.faults(began + timedelta(minutes=1)) == []
    with time_machine.travel(began + timedelta(minutes=6), tick=True):
        run()
        answer = Person().http.get("/readyz", secure=True)
        assert answer.status_code == 200
        assert "nowhere/audit" in answer.json()["audit"][0]
    behind, failing = export._numbers()
    assert behind.samples[0].value == 2
    assert failing.samples[0].value > 0


def test_a_history_that_became_shorter_is_not_taken_for_a_new_one(jane, file):
    run()
    AuditExport.objects.update(sequence=7)  # as if the tables had been put back to an earlier day
    (done,) = run()
    assert "shorter" in done.fault
    assert numbers(file) == [1, 2, -2]


# --- Syslog -----------------------------------------------------------------------------------------------


@contextmanager
def listening(kind, context=None):
    """A server that takes what one client says, until that one is done."""
    with closing(socket.socket(socket.AF_INET, kind)) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)
        heard = []
        if kind == socket.SOCK_STREAM:
            server.listen()
            thread = Thread(target=_hear, args=(server, heard, context))
            thread.start()
            yield server.getsockname()[1], heard
            thread.join(10)
        else:
            yield server.getsockname()[1], server


def _hear(server, heard, context):
    wire, _address = server.accept()
    if context:
        wire = context.wrap_socket(wire, server_side=True)
    with wire:
        while said := wire.recv(65536):
            heard.append(said)


def frames(said):
    while said:
        length, _blank, said = said.partition(b" ")
        yield said[: int(length)]
        said = said[int(length) :]


def test_syslog_over_tcp_counts_octets(jane, settings):
    with listening(socket.SOCK_STREAM) as (port, heard):
        settings.AUDIT_EXPORT = targets.read(f"syslog+tcp://127.0.0.1:{port}")
        assert run()[0].fault == ""
    messages = list(frames(b"".join(heard)))
    assert len(messages) == 3
    assert messages[0].startswith(b"<109>1 ")
    assert b" id.contoso.example regain - entry - {" in messages[0]
    assert lines.read(messages[-1]).is_genuine


def test_syslog_over_udp(jane, settings):
    with listening(socket.SOCK_DGRAM) as (port, server):
        settings.AUDIT_EXPORT = targets.read(f"syslog://127.0.0.1:{port}")
        run()
        assert lines.read(server.recv(65536)).sequence == 1


def test_syslog_over_tls_believes_the_operators_certificates_only(jane, settings, tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    named = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*made, *named, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    settings.OUTBOUND_CA = str(certificate)
    with listening(socket.SOCK_STREAM, context) as (port, heard):
        settings.AUDIT_EXPORT = targets.read(f"syslog+tls://localhost:{port}")
        assert run()[0].fault == ""
    assert len(list(frames(b"".join(heard)))) == 3


def test_a_syslog_server_that_is_away_is_a_fault(jane, settings):
    with closing(socket.socket()) as nobody:
        nobody.bind(("127.0.0.1", 0))
        settings.AUDIT_EXPORT = targets.read(f"syslog+tcp://127.0.0.1:{nobody.getsockname()[1]}")
        assert "cannot be reached" in run()[0].fault


# --- Object stores ----------------------------------------------------------------------------------------


class Shelf(BaseHTTPRequestHandler):
    """Keeps what is put, with its headers."""

    status = 200

    def do_PUT(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.kept.append((self.path, dict(self.headers), body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_arguments):
        """Silence."""


@pytest.fixture
def shelf(settings):
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    server = HTTPServer(("127.0.0.1", 0), Shelf)
    server.kept, server.status = [], 201
    Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_store_gets_an_object_for_each_batch(jane, shelf, settings):
    settings.AUDIT_EXPORT = targets.read(f"http://:s3cret@127.0.0.1:{shelf.server_port}/regain/")
    assert run()[0].fault == ""
    ((path, headers, body),) = shelf.kept
    assert path == "/regain/000000000001-000000000002.jsonl"
    assert headers["Authorization"] == "Bearer s3cret"
    assert len(body.splitlines()) == 3
    assert "s3cret" not in AuditExport.objects.get().target


def test_a_store_that_refuses_is_tried_again(jane, shelf, settings):
    settings.AUDIT_EXPORT = targets.read(f"http://127.0.0.1:{shelf.server_port}/regain")
    shelf.status = 503
    assert run()[0].fault == "the store answered 503"
    shelf.status = 200
    assert run()[0].entries == 2


def test_a_bucket_is_signed_for(jane, shelf, settings):
    address = f"s3://AKID:a%2Fsecret@worm/regain?region=eu-west-3&endpoint=http://127.0.0.1:{shelf.server_port}"
    settings.AUDIT_EXPORT = targets.read(address)
    assert run()[0].fault == ""
    ((path, headers, _body),) = shelf.kept
    assert path == "/worm/regain/000000000001-000000000002.jsonl"
    assert headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKID/")
    assert "x-amz-checksum-sha256" in headers
    assert AuditExport.objects.get().target == "s3://worm/regain"


def test_signatures_are_those_of_amazons_own_example():
    """“Signature Calculations for the Authorization Header”, the example of a PUT."""
    headers = s3.signed(
        "https://examplebucket.s3.amazonaws.com/test%24file.text",
        b"Welcome to Amazon S3.",
        {"date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"},
        region="us-east-1",
        key="AKIAIOSFODNN7EXAMPLE",
        secret="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        now=datetime(2013, 5, 24, tzinfo=UTC),
    )
    assert headers["Authorization"].endswith(
        "Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
    )


# --- Addresses --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    ["/var/log/audit", "file://host/audit", "ftp://host/", "syslog://", "s3://bucket/x", "https://", "https://h:x/"],
)
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(targets.Unusable):
        targets.read(address)


def test_one_place_is_named_once():
    with pytest.raises(targets.Unusable, match="twice"):
        targets.read("https://:one@store.example/a https://:two@store.example/a")


def test_no_secret_is_shown():
    shown = repr(targets.read("https://:hush@store.example/a s3://key:hush@bucket/a"))
    assert "hush" not in shown


def test_nothing_is_sent_where_nothing_is_asked_for(jane):
    assert run() == []
    assert AuditEntry.objects.count() == 2

"""Asking addresses that somebody else named: only public ones, only the one looked at, never for long."""

import socket
import subprocess
import time
from contextlib import contextmanager
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from threading import Thread

import pytest

from idp import fetch
from tests.idp.test_settings import start

#: Refused as long as nobody allows them.
NOT_PUBLIC = [
    "127.0.0.1",
    "127.9.9.9",
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::a00:1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]
PUBLIC = ["93.184.215.14", "8.8.8.8", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:8.8.8.8"]
UNREADABLE = [
    "",
    "ftp://app.example/x",
    "file:///etc/passwd",
    "gopher://app.example/",
    "//app.example/",
    "https://",
    "https:///path",
    "https://user@app.example/",
    "https://user:word@app.example/",
    "https://app.example/#part",
    "https://app.example:99999/",
    "https://app.example:x/",
    "https://app.example/a b",
    "https://app.example/a\r\nHost: inner",
    "https://app.example\\@inner/",
    "https://[::1/",
    "https://bücher.example/",
]


@pytest.fixture
def names(monkeypatch):
    """The name server: what it answers, and how often it was asked."""
    answers, asked = {}, []

    def getaddrinfo(host, port, *_args, **_kwargs):
        asked.append(host)
        found = answers.get(host)
        if found is None:
            raise socket.gaierror(host)
        if callable(found):
            found = found()
        return [
            (socket.AF_INET6 if ":" in each else socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port))
            for each in found
        ]

    real = socket.getaddrinfo
    numeric = lambda host, *rest, **more: (  # noqa: E731 -- an address needs no name server
        real if host.replace(".", "").isdigit() or ":" in host else getaddrinfo
    )(host, *rest, **more)
    monkeypatch.setattr(socket, "getaddrinfo", numeric)
    answers["asked"] = asked
    return answers


@pytest.fixture
def called(monkeypatch):
    """Where a connection was tried; none is made."""
    tried = []

    def create_connection(address, **_kwargs):
        tried.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", create_connection)
    return tried


@contextmanager
def server(answer, *, tls=None, seen=None):
    """Says `answer` (bytes, or a function of the connection) to everybody."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)

        def serve():
            while True:
                try:
                    connection, _who = listening.accept()
                except OSError:
                    return
                try:
                    with tls.wrap_socket(connection, server_side=True) if tls else connection as opened:
                        asked = opened.recv(65536)
                        while b"\r\n\r\n" not in asked or (asked.startswith(b"POST") and asked.endswith(b"\r\n")):
                            asked += opened.recv(65536)
                        if seen is not None:
                            seen.append(asked)
                        if callable(answer):
                            answer(opened)
                        else:
                            opened.sendall(answer)
                except OSError:
                    continue

        Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]


def says(body=b'{"keys": []}', status="200 OK", **headers):
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status}\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A certificate for `app.example` that vouches for itself."""
    folder = tmp_path_factory.mktemp("tls")
    made = subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-days", "2"),
            *("-subj", "/CN=app.example", "-addext", "subjectAltName=DNS:app.example"),
        ],
        check=False,
        capture_output=True,
    )
    assert made.returncode == 0, made.stderr
    context = SSLContext(PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context, str(folder / "cert.pem")


@pytest.fixture
def here(settings):
    settings.OUTBOUND_ALLOW = ["127.0.0.0/8"]


def failure(url):
    with pytest.raises(fetch.Failed) as failed:
        fetch.get_json(url)
    return str(failed.value)


# --- Which addresses --------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_is_not_public_is_never_called(address, names, called):
    names["app.example"] = [address]
    assert failure("https://app.example/jwks") == "address not public"
    literal = f"[{address}]" if ":" in address else address
    assert failure(f"https://{literal}/jwks") == "address not public"
    assert not called


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is(address, names, called):
    names["app.example"] = [address]
    assert failure("https://app.example/jwks") == "not reachable"
    assert called == [(address, 443)]


@pytest.mark.parametrize("spelt", ["127.1", "0x7f000001", "2130706433", "0177.0.0.1", "localhost", "localhost."])
def test_other_spellings_of_this_machine_are_this_machine(spelt, called):
    assert failure(f"https://{spelt}/") in ("address not public", "name not found")
    assert not called


def test_one_wrong_address_among_good_ones_is_enough(names, called):
    names["app.example"] = ["93.184.215.14", "8.8.8.8", "10.0.0.1"]
    assert failure("https://app.example/") == "address not public"
    assert not called


def test_every_address_of_a_name_is_tried(names, called):
    names["app.example"] = ["93.184.215.14", "8.8.8.8"]
    assert failure("https://app.example:8443/") == "not reachable"
    assert called == [("93.184.215.14", 8443), ("8.8.8.8", 8443)]


def test_the_name_is_asked_once_and_its_second_answer_changes_nothing(names, called):
    """Rebinding: public when looked at, this machine when called."""
    turns = iter([["93.184.215.14"], ["127.0.0.1"]])
    names["app.example"] = lambda: next(turns)
    assert failure("https://app.example/") == "not reachable"
    assert called == [("93.184.215.14", 443)]
    assert names["asked"] == ["app.example"]


def test_a_name_that_is_not_there(names):
    assert failure("https://nowhere.example/") == "name not found"


@pytest.mark.parametrize("url", UNREADABLE)
def test_what_is_not_an_address_is_not_looked_up(url, names, called):
    assert failure(url) == "not an address"
    with pytest.raises(fetch.Failed):
        fetch.check(url)
    assert not names["asked"]
    assert not called


@pytest.mark.parametrize(
    ("allowed", "url", "said"),
    [
        ([], "http://app.example/", "not https"),
        ([], "http://127.0.0.1/", "not https"),
        (["app.example"], "http://app.example/", "not https"),
        (["10.0.0.0/8"], "https://inner.example/", "not reachable"),
        (["10.0.0.0/8"], "http://inner.example/", "not https"),
        (["inner.example"], "https://inner.example/", "not reachable"),
        (["INNER.example"], "https://Inner.Example/", "not reachable"),
        (["other.example"], "https://inner.example/", "address not public"),
        (["example"], "https://inner.example/", "address not public"),
        (["11.0.0.0/8"], "https://inner.example/", "address not public"),
        (["10.9.8.7"], "https://inner.example/", "not reachable"),
        (["127.0.0.1"], "http://127.0.0.1/", "not reachable"),
        (["::1"], "http://[::1]/", "not reachable"),
    ],
)
def test_what_the_operator_allows(allowed, url, said, settings, names, called):
    settings.OUTBOUND_ALLOW = allowed
    names["app.example"], names["inner.example"] = ["93.184.215.14"], ["10.9.8.7"]
    assert failure(url) == said
    assert bool(called) == (said == "not reachable")


def test_a_network_that_is_none_is_refused_at_the_start():
    run = start(OUTBOUND_ALLOW="10.0.0.1/8")
    assert run.returncode == 1
    assert "OUTBOUND_ALLOW" in run.stderr
    run = start(OUTBOUND_CA="/nowhere/at/all.pem")
    assert run.returncode == 1
    assert "OUTBOUND_CA" in run.stderr


# --- What is said and what is heard -----------------------------------------------------------------------


def test_a_document_is_read(here):
    seen = []
    with server(says(b'{"keys": [1]}'), seen=seen) as port:
        assert fetch.get_json(f"http://127.0.0.1:{port}/jwks?a=b") == {"keys": [1]}
    head = seen[0].decode().split("\r\n")
    assert head[0] == "GET /jwks?a=b HTTP/1.1"
    assert f"Host: 127.0.0.1:{port}" in head
    assert not [line for line in head if line.lower().startswith(("cookie", "authorization", "referer"))]


def test_a_text_is_read(here):
    with server(says("grüß dich".encode())) as port:
        assert fetch.get_text(f"http://127.0.0.1:{port}/") == "grüß dich"


@pytest.mark.parametrize(
    ("answer", "said"),
    [(says(b"\xff\xfe"), "not text"), (says(b"x" * 70_000), "too large"), (says(b"", "403 Forbidden"), "status 403")],
)
def test_what_is_no_text_is_a_failure(here, answer, said):
    with server(answer) as port, pytest.raises(fetch.Failed, match=said):
        fetch.get_text(f"http://127.0.0.1:{port}/")


def test_a_form_is_posted_and_its_status_told(here):
    seen = []
    for status in ("200 OK", "204 No Content", "400 Bad Request", "302 Found", "503 Busy"):
        with server(says(b"", status), seen=seen) as port:
            assert fetch.post_form(f"http://127.0.0.1:{port}/", {"logout_token": "a.b"}) == int(status[:3])
    assert seen[0].endswith(b"\r\n\r\nlogout_token=a.b")
    assert b"Content-Type: application/x-www-form-urlencoded" in seen[0]


def test_a_document_in_pieces_is_read(here):
    pieces = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n"
    with server(pieces) as port:
        assert fetch.get_json(f"http://127.0.0.1:{port}/") == [1, 2]


def test_no_redirect_is_followed(here):
    with server(says(b"[]")) as there, server(says(b"", "302 Found", Location=f"http://127.0.0.1:{there}/")) as port:
        assert failure(f"http://127.0.0.1:{port}/") == "status 302"


def test_a_proxy_of_the_environment_is_not_used(here, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with server(says(b"[]")) as port:
        assert fetch.get_json(f"http://127.0.0.1:{port}/") == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (says(b"no"), "not JSON"),
        (says(b"\xff\xfe"), "not JSON"),
        (says(b"[NaN]"), "not JSON"),
        (says(b"[" * 60000), "not JSON"),
        (says(b'"' + b"x" * 65535 + b'"'), "too large"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 200_000, "too large"),
        (says(b"{}", "404 Not Found"), "status 404"),
        (says(b"{}", "201 Created"), "status 201"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "connection broken"),
        (b"", "connection broken"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", "connection broken"),
        (b"HTTP/1.1 200 OK\r\n" + b"X-Many: 1\r\n" * 200 + b"\r\n{}", "connection broken"),
        (b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 100_000, "connection broken"),
    ],
)
def test_anything_else_is_a_failure_with_a_short_reason(answer, said, here):
    with server(answer) as port:
        assert failure(f"http://127.0.0.1:{port}/") == said


def drip(connection):
    """A byte now and then: no single wait is long."""
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + b" " * 500:
        connection.sendall(bytes([byte]))
        time.sleep(0.05)


@pytest.mark.parametrize("answer", [lambda _connection: time.sleep(2), drip], ids=["silent", "dripping"])
def test_it_never_waits_longer_than_its_time(answer, here, monkeypatch):
    monkeypatch.setattr(fetch, "SECONDS", 0.4)
    began = time.monotonic()
    with server(answer) as port:
        assert failure(f"http://127.0.0.1:{port}/") == "too slow"
    assert time.monotonic() - began < 1.5


def test_a_name_server_that_hangs_is_not_waited_for(monkeypatch, names):
    monkeypatch.setattr(fetch, "SECONDS", 0.2)
    names["app.example"] = lambda: time.sleep(1) or ["93.184.215.14"]
    assert failure("https://app.example/") == "too slow"


# --- Certificates -----------------------------------------------------------------------------------------


def test_the_certificate_is_checked(certificate, settings, names):
    context, authority = certificate
    settings.OUTBOUND_ALLOW = ["127.0.0.0/8"]
    names["app.example"] = names["other.example"] = ["127.0.0.1"]
    seen = []
    with server(says(b"[]"), tls=context, seen=seen) as port:
        assert failure(f"https://app.example:{port}/") == "certificate"
        settings.OUTBOUND_CA = authority
        assert fetch.get_json(f"https://app.example:{port}/") == []
        assert f"Host: app.example:{port}".encode() in seen[-1]
        assert failure(f"https://other.example:{port}/") == "certificate", "it is for another name"
        assert failure(f"https://127.0.0.1:{port}/") == "certificate"


def test_plain_http_behind_https_is_broken(settings, names):
    settings.OUTBOUND_ALLOW = ["127.0.0.0/8"]
    names["app.example"] = ["127.0.0.1"]
    with server(says(b"[]")) as port:
        assert failure(f"https://app.example:{port}/") in ("connection broken", "too slow")

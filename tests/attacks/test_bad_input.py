"""What no browser sends: every address answers it with a page that helps, at once, and never fails.

The addresses are taken from the URL table, so that tomorrow's page is tried as well.
"""

import re
import time
from io import BytesIO
from urllib.parse import quote

import pytest
from django.test import Client as Http
from django.urls import get_resolver
from django.urls.resolvers import URLResolver

from idp.channels import gateways
from idp.problems import MACHINE
from recovery.domain.journey import Step
from tests.photographs import changed, photograph
from tests.recovery.walk import walk_to
from tests.story import HOST, Person

FORM = "application/x-www-form-urlencoded"
#: Seconds of the processor: what grows with the square of what was sent takes minutes, and now and then a second goes
#: to the collector of garbage.
AT_ONCE = 4
MARK = "<script>alert(1)</script>"


#: What nothing here is called by.
NOBODY = "5f3b9a52-1c0e-4d59-9a62-0d5b8f6f7c11"


def routes(resolver, prefix=""):
    for pattern in resolver.url_patterns:
        path = prefix + re.sub(
            r"<uuid:\w+>",
            NOBODY,
            str(pattern.pattern).replace("<slug:name>", "json").replace("<slug:client_id>", "payroll"),
        )
        if isinstance(pattern, URLResolver):
            yield from routes(pattern, path)
        else:
            # Of things that have a page each, one that is nobody's.
            yield "/" + re.sub(r"<uuid:\w+>", "00000000-0000-4000-8000-000000000000", path)


ROUTES = sorted(routes(get_resolver()))
#: What our own pages ask by script: no is no, and the page says so.
FOR_SCRIPTS = [path for path in ROUTES if path.startswith(("/sign-in/", "/account/")) and path.endswith("/options")]
#: The one form that a file comes with: whoever is not signed in is led away first, whatever they send.
UPLOAD = "/console/invitations/many/"
PAGES = [path for path in ROUTES if not path.startswith(MACHINE)]
FIELDS = [
    "username", "password", "identifier", "problem", "method", "address", "code", "send_again", "new_password",
    "decision", "scope", "cancel", "i", "lang", "again", "client_id", "redirect_uri", "state", "nonce", "prompt",
    "id_token_hint", "post_logout_redirect_uri", "grant_type", "refresh_token",
    "otp", "way", "trust", "key", "name", "do", "replaces", "end",
]  # fmt: skip


def test_the_table_has_the_pages_we_know():
    assert {"/sign-in", "/consent", "/continue", "/recovery/code/", "/token", "/account/", "/authorize"} <= set(ROUTES)


@pytest.fixture(autouse=True)
def _a_gateway_may_tell_of_its_messages(settings):
    settings.RECEIPTS_SECRET = "the secret of receipts, which is long and random"
    settings.SMS_GATEWAYS = gateways.read("json://127.0.0.1:1/")


@pytest.fixture
def browser(jane):
    """Somebody in the middle of a recovery: their cookies and their CSRF token are good."""
    return walk_to(Step.CODE)


def ask(browser, method, path, body=b"", content_type=FORM, **options):
    token = browser.http.cookies["__Host-regain-csrf"].value
    browser.http.raise_request_exception = False
    headers = {"origin": f"https://{HOST}", "x-csrftoken": token, **options.pop("headers", {})}
    began = time.process_time()
    response = browser.http.generic(
        method, path, body, content_type=content_type, secure=True, headers=headers, **options
    )
    took = time.process_time() - began
    assert took < AT_ONCE, f"{method} {path} took {took:.1f} s"
    return response


def assert_helps(response, path, *, statuses=(400, 403, 404, 405, 413)):
    """A page that says where one is and has a next step; for a program, JSON. Nothing of ours, nothing of theirs."""
    assert response.status_code < 500, f"{path}: {response.status_code}"
    assert response.status_code in statuses, f"{path}: {response.status_code}"
    body = response.content.decode()
    assert MARK not in body
    assert "Traceback" not in body
    if response.status_code < 400:
        return
    if path.startswith(MACHINE):
        assert response.headers["Content-Type"] == "application/json"
        # RFC 6750 3.1: who shows no token at all is told what to show, and no error.
        assert "error" in response.json() or response.status_code == 401
    elif path in FOR_SCRIPTS and response.headers["Content-Type"] == "application/json":
        assert response.json() == {}
    else:
        assert re.search(r'data-page="[a-z-]+"', body), path
        assert re.search(r"<a [^>]*href=|<form", body), path
    assert response.headers["Cache-Control"] == "no-store"


ANY = (200, 303, 302, 304, 400, 401, 403, 404, 405, 413, 429)

BODIES = {
    "five megabytes in one field": (b"username=" + b"x" * 5_000_000, FORM, (413, 403, 405)),
    "just over the limit": (b"code=" + b"1" * 65_536, FORM, (413, 403, 405)),
    "ten thousand fields": (b"&".join(b"f%d=" % n for n in range(9000)), FORM, (400, 413, 403, 405)),
    "a thousand fields": (b"&".join(b"f%d=" % n for n in range(1000)), FORM, (400, 403, 405)),
    "NUL": (b"username=jane%00&identifier=ja%00ne&code=1%002&address=%00", FORM, (400, 403, 405)),
    "NUL in a name": (b"user%00name=jane", FORM, (400, 403, 405)),
    "NUL, raw": (b"username=ja\x00ne&address=ja\x00ne", FORM, (400, 403, 405)),
    "invalid UTF-8": (b"username=%ff%fe&identifier=%c3%28&code=%ed%a0%80", FORM, (400, 403, 405)),
    "invalid UTF-8, raw": (b"username=\xff\xfe&code=\xed\xa0\x80", FORM, (400, 403, 405)),
    "overlong UTF-8": (b"username=%c0%af", FORM, (400, 403, 405)),
    "JSON": (b'{"username": "jane", "password": ["a", "b"]}', "application/json", (400, 401, 403, 405)),
    "a JSON array": (b"[" * 10_000, "application/json", (400, 401, 403, 405)),
    "XML": (b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>", "text/xml", (400, 401, 403, 405)),
    "multipart": (
        b'--x\r\nContent-Disposition: form-data; name="code"; filename="a"\r\n\r\n12345678\r\n--x--\r\n',
        "multipart/form-data; boundary=x",
        (400, 401, 403, 405),
    ),
    "multipart without a boundary": (b"--", "multipart/form-data", (400, 401, 403, 405)),
    "a thousand parts": (
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' * 900 + b"--x--",
        "multipart/form-data; boundary=x",
        (400, 401, 403, 405),
    ),
    "another character set": (b"username=jane", f"{FORM}; charset=utf-16", (400, 401, 403, 405)),
    "a character set that is none": (b"username=jane", f"{FORM}; charset=nonsense", ANY),
    "a content type that is none": (b"username=jane", "\u00e9/\u00e9;;;=", (400, 401, 403, 405)),
    "broken percent signs": (b"username=%&password=%1&code=%zz", FORM, ANY),
    "only ampersands": (b"&" * 5000, FORM, ANY),
    "no value": (b"username", FORM, ANY),
    "nothing": (b"", FORM, ANY),
}  # fmt: skip


@pytest.mark.parametrize("path", ROUTES)
def test_a_body_no_form_sends(browser, path):
    before = photograph(without=("idp_counter", "idp_signingkey"))
    for name, (body, content_type, statuses) in BODIES.items():
        response = ask(browser, "POST", path, body, content_type)
        # A program that does not say who it is hears that first; a page may lead to where the journey stands.
        allowed = {*statuses, 401} if path.startswith(MACHINE) else {*statuses}
        allowed |= {303} if path == UPLOAD and content_type.startswith("multipart") else set()
        assert response.status_code in allowed, f"{path} with {name}: {response.status_code}"
        assert_helps(response, path, statuses=allowed)
    assert not changed(before, photograph(without=("idp_counter", "idp_signingkey"))), path


@pytest.mark.parametrize("path", ROUTES)
def test_every_field_twice_as_a_list_and_very_long(browser, path):
    for name in FIELDS:
        for body in (
            f"{name}=a&{name}=b",
            f"{name}[]=a&{name}[]=b",
            f"{name}[0]=a",
            f"{name}[$ne]=",
            f"{name}={'x' * 60_000}",
            f"{name}={quote(MARK)}",
            f"{name}={quote('{{7*7}}{% debug %}${7*7}%n%s')}",
            f"{name}=%0d%0aSet-Cookie:%20a=b",
            f"{name}=" + quote("\u202ereversed\u2066"),
            f"{name}=" + quote("😀" * 100),
        ):
            response = ask(browser, "POST", path, body.encode())
            assert_helps(response, path, statuses=ANY)
            assert "a=b" not in str(response.cookies)
            # A page shows an address in its language links: the same bytes, but escaped.
            response = ask(browser, "GET", f"{path}?{body[:8000]}")
            assert_helps(response, path, statuses=ANY)
            assert "a=b" not in str(response.cookies)


QUERIES = [
    "i=%00", "i=%ff%fe", "i=%c0%af", "lang=%00", "lang=../../etc/passwd", "lang=" + "x" * 5000, "i=" + "x" * 8000,
    "i=a&i=b", "lang=fr&lang=en", "again=1&again=2", "%", "%%%", "=", "&&&&", "i", "\xff\xfe=1", "__proto__=1",
    "&".join(f"f{n}=" for n in range(500)), "i=%EF%BF%BF", "i=" + "%F0%9F%98%80" * 50,
]  # fmt: skip


@pytest.mark.parametrize("path", ROUTES)
def test_an_address_nobody_links_to(browser, path):
    for query in QUERIES:
        assert_helps(ask(browser, "GET", f"{path}?x=1", QUERY_STRING=query), path, statuses=ANY)
        assert_helps(ask(browser, "POST", f"{path}?x=1", QUERY_STRING=query), path, statuses=ANY)


PATHS = [
    "/%00", "/%ff", "/sign-in%00", "/sign-in%ff", "/recovery/%c0%ae%c0%ae/", "/recovery/code/%2e%2e/password/",
    "//evil.example", "/\\evil.example", "/recovery//password/", "/RECOVERY/PASSWORD/", "/sign-in/", "/recovery/code",
    "/" + "x" * 8000, "/" + "a/" * 2000, "/%F0%9F%98%80", "/.env", "/.git/config", "/static/../config/settings.py",
    "/static/%2e%2e/%2e%2e/.env", "/%0d%0aSet-Cookie:a=b", f"/{MARK}", "/token/", "/userinfo/x", "/*", "/?",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path[:40])
def test_a_path_that_does_not_exist(browser, path):
    for method in ("GET", "POST"):
        response = ask(browser, method, path)
        assert_helps(response, path, statuses=(400, 403, 404))
        assert "evil.example" not in response.headers.get("Location", "")
        assert not response.headers.get("Location")


@pytest.mark.parametrize("path", ROUTES)
def test_a_method_no_browser_uses(browser, path):
    before = photograph(without=("idp_counter", "idp_signingkey"))
    for method in ("PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND", "X" * 100):
        response = ask(browser, method, path)
        assert_helps(response, path, statuses=(400, 403, 405))
        assert response.content, "a dead end"
        if response.status_code == 405:
            assert response.headers["Allow"]
    assert not changed(before, photograph(without=("idp_counter", "idp_signingkey")))


HEADERS = {
    "cookie": [
        "\xff\xfe", "a=\x00", "=", ";;;;", "x" * 8000, "a=b; a=c; a=d",
        "__Host-regain-recovery=\xff", "__Host-regain-recovery=x; __Host-regain-recovery=y",
        "__Host-regain-session=" + "x" * 5000, "__Host-regain-browser=\x00\x01",
        "__Host-regain-language=../../x", "__Host-regain-csrf=short",
    ],
    "user-agent": ["", "\xff\xfe", "x" * 8000, MARK, "\x00", "a\tb", "Firefox/\x00 (\xff)", "(" * 4000],
    "accept-language": ["\xff", "x" * 8000, "fr;q=nan", "*;q=1e999", ",,,,", "zh-" * 1000, "en-\x00"],
    "x-forwarded-for": ["\xff", "a" * 8000, ",,,", "::ffff:1.2.3.4", "1.2.3.4, <script>"],
    "referer": ["\xff", "javascript:alert(1)", "x" * 8000, "https://[", "http://]"],
    "origin": ["null", "https://evil.example", "\xff", "https://[", ""],
    "authorization": [
        "", "Bearer", "Bearer \xff", "Bearer " + "x" * 8000, "Basic ====", "Basic \xff", "Basic " + "A" * 7000,
    ],
    "content-length": ["-1", "abc", "", "99999999999999999999", "1e3", "\xff", "0x10"],
    "accept": ["\xff", "text/x-nothing", "*/*;q=nan"],
    "if-none-match": ["\xff", "*", "," * 5000],
    "x-csrftoken": ["", "x", "\xff", "x" * 8000],
    "host": ["evil.example", "\xff", "", "id.contoso.example:443", "id.contoso.example:bad", "a b", "[::1"],
}  # fmt: skip


@pytest.mark.parametrize("path", ROUTES)
def test_a_header_no_browser_sends(browser, path):
    for name, value in [(name, value) for name, values in HEADERS.items() for value in values]:
        for method in ("GET", "POST"):
            key = name.upper().replace("-", "_")
            extra = {key if key == "CONTENT_LENGTH" else f"HTTP_{key}": value}
            response = ask(browser, method, path, b"code=12345678", **extra)
            assert_helps(response, path, statuses=ANY)
            assert "evil.example" not in response.content.decode()
            assert "evil.example" not in response.headers.get("Location", "")


@pytest.mark.parametrize("path", PAGES)
def test_a_browser_without_cookies(jane, path):
    http = Http(enforce_csrf_checks=True, HTTP_HOST=HOST, raise_request_exception=False)
    page = http.get(path, secure=True)
    http.cookies.clear()
    assert page.status_code in (200, 303, 400, 405), path
    response = http.post(path, b"code=1", content_type=FORM, secure=True, headers={"origin": f"https://{HOST}"})
    assert response.status_code in (303, 400, 403, 405), path
    if response.content:
        assert 'data-page="' in response.content.decode()


def test_a_body_that_never_ends_is_not_read(browser):
    """A length beyond ours is refused before the first byte is read."""

    class Endless(BytesIO):
        def read(self, *_size):
            raise AssertionError("read")

    response = browser.http.generic(
        "POST",
        "/sign-in",
        b"",
        secure=True,
        CONTENT_LENGTH="10000000",
        CONTENT_TYPE=FORM,
        **{"wsgi.input": Endless()},
    )
    assert response.status_code == 413


def test_a_very_long_password_is_not_hashed(jane, monkeypatch):
    monkeypatch.setattr("idp.accounts.hashers.burn", lambda _raw: pytest.fail("hashed"))
    person = Person()
    person.open("/sign-in")
    person.submit(username="nobody", password="x" * 60_000)
    assert "That username and password don't match" in person.page


def test_what_was_typed_is_shown_as_text(jane):
    person = Person()
    person.open("/sign-in")
    person.submit(username=f'"><{MARK}', password="")
    assert MARK not in person.page.response.content.decode()
    assert "&lt;script&gt;" in person.page.response.content.decode()
    person.open("/recovery/")
    person.submit(identifier=f'"><{MARK}' + "x" * 300)
    assert MARK not in person.page.response.content.decode()

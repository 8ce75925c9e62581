"""Signing out at the wish of an application."""

from base64 import urlsafe_b64encode
from datetime import timedelta
from html.parser import HTMLParser

import pytest
import time_machine
from django.utils import timezone
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from idp.models import AuditEntry, SignIn
from idp.oidc import keys
from tests.conftest import make_client, make_person
from tests.idp.oidc.conftest import ISSUER, SESSION_COOKIE, Browser

AFTER = "https://payroll.contoso.example/"


class _Hidden(HTMLParser):
    def __init__(self):
        super().__init__()
        self.fields = {}

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if tag == "input" and values.get("type") == "hidden":
            self.fields[values["name"]] = values["value"]


def hidden(response):
    parser = _Hidden()
    parser.feed(response.content.decode())
    return parser.fields


def sign_out(browser, **parameters):
    return browser.http.get("/sign-out", parameters, secure=True)


def assert_asks(response):
    assert response.status_code == 200
    assert 'id="logout-form"' in response.content.decode()
    assert SignIn.objects.filter(ended_at=None).exists()


@pytest.fixture
def hint(signed_in):
    return signed_in.tokens()["id_token"]


def test_with_a_hint_it_happens_at_once_and_goes_on(signed_in, hint):
    response = sign_out(signed_in, id_token_hint=hint, post_logout_redirect_uri=AFTER, state="a & state")
    assert response.status_code == 303
    assert response["Location"] == f"{AFTER}?state=a+%26+state"
    assert response.cookies[SESSION_COOKIE].value == ""
    assert SignIn.objects.get().ended_by == "person"
    assert AuditEntry.objects.filter(name="idp.sign_in.ended").count() == 1


def test_without_state_nothing_is_added(signed_in, hint):
    response = sign_out(signed_in, id_token_hint=hint, post_logout_redirect_uri=AFTER)
    assert response["Location"] == AFTER


def test_afterwards_nobody_is_signed_in(signed_in, hint):
    access_token = signed_in.tokens()["access_token"]
    key = signed_in.http.cookies[SESSION_COOKIE].value
    sign_out(signed_in, id_token_hint=hint)
    signed_in.http.cookies[SESSION_COOKIE] = key
    assert "error=login_required" in signed_in.authorize(prompt="none")["Location"]
    assert signed_in.userinfo(access_token).status_code == 401


def test_without_an_address_the_page_names_the_way_back(signed_in, hint):
    response = sign_out(signed_in, id_token_hint=hint)
    assert response["Location"] == "/signed-out?client_id=payroll"
    page = signed_in.http.get(response["Location"], secure=True)
    assert 'data-page="signed-out"' in page.content.decode()


def test_an_expired_hint_is_good(signed_in, hint, jane):
    with time_machine.travel(timezone.now() + timedelta(days=20)):
        signed_in.sign_in(jane)
        assert sign_out(signed_in, id_token_hint=hint, post_logout_redirect_uri=AFTER)["Location"] == AFTER


def test_an_old_hint_of_the_same_person_is_good(signed_in, hint, jane):
    """Another application had her sign in again; this one still knows her by her last sign-in."""
    signed_in.sign_in(jane)
    assert sign_out(signed_in, id_token_hint=hint, post_logout_redirect_uri=AFTER)["Location"] == AFTER


def test_twice_is_as_good_as_once(signed_in, hint):
    for _ in range(2):
        assert sign_out(signed_in, id_token_hint=hint, post_logout_redirect_uri=AFTER)["Location"] == AFTER


def tampered(hint):
    header, payload, signature = hint.split(".")
    none = urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    kid = keys.in_use("ES256").kid
    public = ECKey.import_key(keys.in_use("ES256").key.as_dict(private=False))
    claims = {"iss": ISSUER, "sub": "x", "aud": "payroll"}
    foreign = ECKey.generate_key("P-256")
    symmetric = OctKey.import_key(public.as_pem(private=False).replace(b"-----", b""))
    return {
        "alg none": f"{none}.{payload}.",
        "alg none, signature kept": f"{none}.{payload}.{signature}",
        "no signature": f"{header}.{payload}.",
        "altered": f"{header}.{payload[:-4]}AAAA.{signature}",
        "foreign key, our kid": jwt.encode({"alg": "ES256", "kid": kid, "typ": "JWT"}, claims, foreign, ["ES256"]),
        "foreign kid": jwt.encode({"alg": "ES256", "kid": "x", "typ": "JWT"}, claims, foreign, ["ES256"]),
        "key in the header": jwt.encode(
            {"alg": "ES256", "kid": kid, "typ": "JWT", "jwk": foreign.as_dict(private=False)},
            claims,
            foreign,
            ["ES256"],
        ),
        "HMAC with our public key": jwt.encode(
            {"alg": "HS256", "kid": kid, "typ": "JWT"}, claims, symmetric, ["HS256"]
        ),
        "another type": jwt.encode(
            {"alg": "ES256", "kid": kid, "typ": "logout+jwt"}, claims, keys.in_use("ES256").key, ["ES256"]
        ),
        "three dots": f"{header}.{payload}.{signature}.{signature}",
        "another issuer": jwt.encode(
            {"alg": "ES256", "kid": kid, "typ": "JWT"},
            claims | {"iss": "https://evil.example"},
            keys.in_use("ES256").key,
            ["ES256"],
        ),
        "no subject": jwt.encode(
            {"alg": "ES256", "kid": kid, "typ": "JWT"},
            {"iss": ISSUER, "aud": "payroll"},
            keys.in_use("ES256").key,
            ["ES256"],
        ),
        "two dots": "..",
        "JSON": '{"payload": "", "signatures": []}',
        "nonsense": "nonsense",
        "very long": "a" * 9000 + ".b.c",
    }


KINDS = [
    *("alg none", "alg none, signature kept", "no signature", "altered", "foreign key, our kid", "foreign kid"),
    *("key in the header", "HMAC with our public key", "another type", "three dots", "another issuer"),
    *("no subject", "two dots", "JSON", "nonsense", "very long"),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_a_false_hint_is_a_question_and_leads_nowhere(signed_in, hint, kind):
    response = sign_out(signed_in, id_token_hint=tampered(hint)[kind], post_logout_redirect_uri=AFTER)
    assert_asks(response)
    answered = signed_in.http.post("/sign-out", hidden(response) | {"decision": "yes"}, **SAME_ORIGIN)
    assert answered["Location"].startswith("/signed-out")


SAME_ORIGIN = {"secure": True, "headers": {"referer": "https://id.contoso.example/sign-out"}}

ELSEWHERE = [
    *("https://evil.example/", AFTER + "?x=y", AFTER + "x", AFTER[:-1], AFTER + "#", "http" + AFTER[5:]),
    *("https://payroll.contoso.example:443/", "https://PAYROLL.contoso.example/", "javascript:alert(1)", "//evil"),
    "https://other.example/",
]


@pytest.mark.parametrize("uri", ELSEWHERE)
def test_an_unregistered_address_is_a_question_and_leads_nowhere(signed_in, hint, uri):
    make_client("other", post_logout_redirect_uris=["https://other.example/"])
    response = sign_out(signed_in, id_token_hint=hint, post_logout_redirect_uri=uri, state="x")
    assert_asks(response)
    answered = signed_in.http.post("/sign-out", hidden(response) | {"decision": "yes"}, **SAME_ORIGIN)
    assert answered["Location"].startswith("/signed-out")


def test_an_address_without_a_hint_leads_nowhere(signed_in):
    response = sign_out(signed_in, client_id="payroll", post_logout_redirect_uri=AFTER)
    assert_asks(response)
    assert "Payroll" in response.content.decode()
    answered = signed_in.http.post("/sign-out", hidden(response) | {"decision": "yes"}, **SAME_ORIGIN)
    assert answered["Location"] == "/signed-out?client_id=payroll"
    assert SignIn.objects.get().ended_by == "person"


def test_a_client_id_that_is_not_the_hints_is_a_question(signed_in, hint):
    make_client("other")
    assert_asks(sign_out(signed_in, id_token_hint=hint, client_id="other", post_logout_redirect_uri=AFTER))
    assert sign_out(signed_in, id_token_hint=hint, client_id="payroll").status_code == 303


@pytest.mark.parametrize("parameters", [{}, {"state": "x"}, {"logout_hint": "jane"}, {"ui_locales": "fr"}])
def test_a_bare_link_is_a_question(signed_in, parameters):
    assert_asks(sign_out(signed_in, **parameters))


def test_a_repeated_parameter_is_a_question(signed_in, hint):
    response = sign_out(signed_in, id_token_hint=[hint, hint], post_logout_redirect_uri=AFTER)
    assert_asks(response)


def test_somebody_elses_hint_does_not_sign_out_but_the_answer_leads_on(signed_in, hint):
    john = make_person("john", email="john@contoso.example")
    signed_in.sign_in(john)
    response = sign_out(signed_in, id_token_hint=hint, post_logout_redirect_uri=AFTER, state="x")
    assert_asks(response)
    assert f"form-action 'self' {AFTER[:-1]}" in response["Content-Security-Policy"]
    answered = signed_in.http.post("/sign-out", hidden(response) | {"decision": "yes"}, **SAME_ORIGIN)
    assert answered["Location"] == f"{AFTER}?state=x"


def test_staying_is_an_answer_too(signed_in):
    response = signed_in.http.post("/sign-out", hidden(sign_out(signed_in)) | {"decision": "no"}, **SAME_ORIGIN)
    assert response["Location"] == "/account/"
    assert SignIn.objects.get().ended_at is None


def test_an_answer_nobody_was_asked_for_changes_nothing(signed_in, hint):
    """CSRF: another site cannot press the button."""
    sign_out(signed_in)
    for headers in ({"origin": "https://evil.example"}, {"referer": "https://id.contoso.example/sign-out"}):
        response = signed_in.http.post("/sign-out", {"decision": "yes"}, headers=headers, secure=True)
        assert response.status_code == 403
    assert SignIn.objects.get().ended_at is None


def test_nobody_signed_in_is_sent_on(browser, payroll, signed_in, hint):
    stranger = Browser()
    assert sign_out(stranger, id_token_hint=hint, post_logout_redirect_uri=AFTER)["Location"] == AFTER
    assert sign_out(stranger)["Location"] == "/signed-out"


def test_an_application_may_post(signed_in, hint):
    response = signed_in.http.post("/sign-out", {"id_token_hint": hint, "post_logout_redirect_uri": AFTER}, secure=True)
    assert response["Location"] == AFTER
    assert SignIn.objects.get().ended_at


def test_a_post_from_elsewhere_comes_back_with_cookies(signed_in, hint):
    response = Browser().http.post("/sign-out", {"id_token_hint": hint}, secure=True)
    assert response["Location"].startswith("/sign-out?id_token_hint=")
    assert SignIn.objects.get().ended_at is None
    assert signed_in.http.get(response["Location"], secure=True).status_code == 303
    assert SignIn.objects.get().ended_at

"""Which scripts may read what (P-27): documents by everybody's, answers by those of registered browser applications."""

import pytest
from django.utils import timezone

from idp.oidc import clients, supported
from idp.problems import MACHINE
from tests.conftest import make_client

SPA = "https://spa.example:8443"
STRANGERS = [
    "https://evil.example",
    "https://spa.example",
    "http://spa.example:8443",
    "https://sub.spa.example:8443",
    "https://spa.example:8443.evil.example",
    "https://payroll.contoso.example",
    "https://gone.example",
    "com.example.native",
    "null",
    "*",
    "",
]
DOCUMENTS = [("/.well-known/openid-configuration", "GET, HEAD"), ("/jwks", "GET, HEAD")]
ANSWERS = [("/token", "POST"), ("/userinfo", "GET, POST"), ("/revoke", "POST"), ("/par", "POST")]
NOBODYS = ["/introspect", "/authorize", "/sign-out", "/signed-out", "/continue", "/sign-in", "/account/"]
ALLOWED = "Access-Control-Allow-Origin"


@pytest.fixture(autouse=True)
def _registered(db):
    make_client(redirect_uris=["https://payroll.contoso.example/callback"])
    make_client("spa", token_endpoint_auth_method="none", redirect_uris=[f"{SPA}/callback", "com.example.native:/x"])
    gone = make_client("gone", token_endpoint_auth_method="none", redirect_uris=["https://gone.example/callback"])
    gone.disabled_at = timezone.now()
    gone.save()


def preflight(browser, path, origin, method="POST"):
    headers = {"origin": origin, "access-control-request-method": method, "access-control-request-headers": "dpop"}
    return browser.http.options(path, headers=headers, secure=True)


def ask(browser, path, origin):
    return browser.http.post(path, {}, headers={"origin": origin}, secure=True)


@pytest.mark.parametrize(("path", "methods"), DOCUMENTS)
@pytest.mark.parametrize("origin", ["https://anything.example", SPA, "null"])
def test_documents_are_everybodys(browser, path, methods, origin):
    allowed = preflight(browser, path, origin, "GET")
    assert (allowed.status_code, allowed[ALLOWED]) == (204, "*")
    assert allowed["Access-Control-Allow-Methods"] == methods
    read = browser.http.get(path, headers={"origin": origin}, secure=True)
    assert read[ALLOWED] == "*"
    assert "Access-Control-Allow-Credentials" not in read


@pytest.mark.parametrize(("path", "methods"), ANSWERS)
def test_answers_are_the_registered_origins(browser, path, methods):
    allowed = preflight(browser, path, SPA)
    assert (allowed.status_code, allowed[ALLOWED]) == (204, SPA)
    assert allowed["Access-Control-Allow-Methods"] == methods
    assert {"Authorization", "Content-Type", "DPoP"} <= set(allowed["Access-Control-Allow-Headers"].split(", "))
    answer = ask(browser, path, SPA)
    assert answer.status_code in (400, 401)
    assert answer[ALLOWED] == SPA
    assert set(answer["Access-Control-Expose-Headers"].split(", ")) == {"WWW-Authenticate", "DPoP-Nonce"}
    for response in (allowed, answer):
        assert "Origin" in response["Vary"]
        assert "Access-Control-Allow-Credentials" not in response
        assert not response.cookies


@pytest.mark.parametrize("path", [path for path, _methods in ANSWERS])
@pytest.mark.parametrize("origin", STRANGERS)
def test_answers_are_nobody_elses(browser, path, origin):
    for response in (preflight(browser, path, origin), ask(browser, path, origin)):
        assert not [name for name in response.headers if name.startswith("Access-Control")]
        assert "Origin" in response["Vary"], "a cache must not hand one origin's answer to another"


@pytest.mark.parametrize("path", NOBODYS)
def test_where_people_and_servers_are_no_script_reads(browser, path):
    for response in (preflight(browser, path, SPA), ask(browser, path, SPA)):
        assert not [name for name in response.headers if name.startswith("Access-Control")]


@pytest.mark.parametrize(("path", "methods"), [*DOCUMENTS, *ANSWERS])
def test_another_method_is_told_apart(browser, path, methods):
    response = browser.http.delete(path, secure=True)
    assert response.status_code == 405
    assert response["Allow"] == f"{methods}, OPTIONS"


def test_the_origins_are_remembered(browser, django_assert_num_queries):
    preflight(browser, "/token", SPA)
    with django_assert_num_queries(0):
        preflight(browser, "/token", SPA)
        preflight(browser, "/token", "https://evil.example")


def test_an_origin_written_past_the_program_is_nobodys(browser):
    from idp.models import Client

    Client.objects.filter(client_id="spa").update(redirect_uris=["https://evil.example/callback"])
    clients.forget()
    assert ALLOWED not in preflight(browser, "/token", "https://evil.example")


def test_every_endpoint_of_the_protocol_is_known_as_one_for_programs():
    """Or its callers would be asked for a token against forged forms."""
    people = {"/authorize", "/sign-out"}
    assert {path for path in supported.ENDPOINTS.values() if not path.startswith(MACHINE)} == people

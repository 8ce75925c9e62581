"""Where we are is a setting: no header of a request says it, and no page leads to where a request would like."""

import io
import re

import pytest
from django.core.management import call_command
from django.test import Client as Http
from django.test import RequestFactory

from idp import browser
from idp.login import entrance
from idp.models import SignIn
from tests.conftest import PASSWORD, make_client, make_person
from tests.story import HOST, Person

EVIL = "evil.example"
#: What proxies, caches and scripts say of the host (HR-02, P-34).
LIES = {
    "x-forwarded-host": {"x-forwarded-host": EVIL},
    "x-forwarded-server": {"x-forwarded-server": EVIL},
    "forwarded": {"forwarded": f"host={EVIL};proto=http"},
    "x-original-url": {"x-original-url": f"https://{EVIL}/"},
    "x-host": {"x-host": EVIL},
    "x-forwarded-proto": {"x-forwarded-proto": "http"},
    "x-forwarded-port": {"x-forwarded-port": "8080"},
}
PLACES = [
    "/.well-known/openid-configuration",
    "/jwks",
    "/sign-in",
    "/sign-out",
    "/signed-out",
    "/recovery/",
    "/nowhere",
]


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("place", PLACES)
def test_no_header_moves_the_issuer(db, place, lie):
    answer = Http().get(place, secure=True, headers={"host": HOST, **LIES[lie]})
    assert EVIL not in answer.content.decode()
    assert EVIL not in str(answer.headers)
    if place.startswith("/.well-known"):
        assert answer.json()["issuer"] == f"https://{HOST}"
        ends = [value for name, value in answer.json().items() if name.endswith(("_endpoint", "_uri"))]
        assert ends
        assert all(end.startswith(f"https://{HOST}/") for end in ends)


@pytest.mark.parametrize("host", [EVIL, f"{HOST}.{EVIL}", f"{EVIL}:443", f"{HOST}@{EVIL}", "", "a" * 300])
@pytest.mark.parametrize("place", PLACES)
def test_a_foreign_host_is_refused(db, place, host):
    answer = Http().get(place, secure=True, headers={"host": host})
    assert answer.status_code == 400
    assert EVIL not in answer.content.decode()


#: HR-03. What an attacker would have somebody led to after signing in.
ELSEWHERE = [
    *(
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "https:evil.example",
    ),
    *("https://evil.example/", "http://evil.example", "javascript:alert(1)", "data:text/html,x", "%2f%2fevil.example"),
    *("/account//evil.example", "/account/../..//evil.example", "/account/@evil.example", "/account/?x=//evil.example"),
    *("https://id.contoso.example@evil.example", "/accountevil", "account/", "", " /account/", "/account/\r\nX: y"),
    *("/sign-out", "/recovery/", "/authorize", "/account/%2e%2e/", "/account/\u2215evil", "/account/x\x00"),
]


@pytest.mark.parametrize("target", ELSEWHERE)
def test_signing_in_leads_to_no_place_of_the_requests_choice(target, jane):
    assert entrance.local(target) == ""
    person = Person()
    person.open("/sign-in")
    token = person.page.parsed.fields["csrfmiddlewaretoken"][0]
    fields = {"username": "jane", "password": PASSWORD, "csrfmiddlewaretoken": token}
    request = RequestFactory().get("/sign-in", {"to": target})
    answer = person.post(f"/sign-in?{request.META['QUERY_STRING']}", fields)
    # Unreadable, or on to the page everybody lands on.
    assert (answer.status_code, answer.get("Location", "")) in [(303, "/account/"), (400, "")]


@pytest.mark.parametrize("target", ["/account/", "/account/security/", "/account/addresses/add/", "/console/people/"])
def test_signing_in_leads_back_to_a_page_of_ours(target):
    assert entrance.local(target) == target


def test_a_list_of_made_up_hops_is_one_caller(settings):
    """HR-05: behind two proxies the caller is what the outer one saw; all to the left of it anybody may write."""
    settings.TRUSTED_PROXIES = 2
    seen = set()
    for number in range(100):
        spoofed = ", ".join(f"203.0.{number}.{hop}" for hop in range(1, 6))
        request = RequestFactory().get("/", headers={"x-forwarded-for": f"{spoofed}, 198.51.100.7, 10.0.0.2"})
        seen.add(browser.network(request))
    assert seen == {"198.51.100.0/24"}


def test_without_proxies_nobodys_header_is_believed(settings):
    settings.TRUSTED_PROXIES = 0
    request = RequestFactory().get("/", headers={"x-forwarded-for": "203.0.113.9"}, REMOTE_ADDR="192.0.2.1")
    assert browser.network(request) == "192.0.2.0/24"


def test_with_fewer_hops_than_proxies_the_connection_speaks(settings):
    settings.TRUSTED_PROXIES = 3
    request = RequestFactory().get("/", headers={"x-forwarded-for": "203.0.113.9"}, REMOTE_ADDR="192.0.2.1")
    assert browser.network(request) == "192.0.2.0/24"


def test_nobody_is_signed_in_as_somebody_else_by_a_form_of_another_site(jane):
    """SE-03, login CSRF: the attacker's own name and password, sent by a page of theirs in the victim's browser."""
    make_person("mallory", email="mallory@contoso.example")
    victim = Person()
    victim.open("/sign-in")
    for headers in ({"origin": f"https://{EVIL}"}, {"origin": "null"}, {}):
        for token in ("", "a" * 64, victim.http.cookies["__Host-regain-csrf"].value[::-1]):
            answer = victim.http.post(
                "/sign-in",
                {"username": "mallory", "password": PASSWORD, "csrfmiddlewaretoken": token},
                headers=headers,
                secure=True,
            )
            assert answer.status_code in (400, 403)
    assert not SignIn.objects.exists()


def test_the_checks_for_deployment_have_nothing_to_say(settings, db):
    make_client()
    said = io.StringIO()
    call_command("check", deploy=True, fail_level="WARNING", stderr=said, stdout=said)
    assert re.search(r"no issues", said.getvalue())

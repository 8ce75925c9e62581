"""What programs send, good but for parameters that no specification knows: they change nothing.

RFC 6749 3.1 and 3.2: "The authorization server MUST ignore unrecognized request parameters." So these endpoints do not
refuse them as our own forms do (test_mass_assignment.py); what they write has to be what they write without them.
"""

import json
from functools import partial

import pytest
import time_machine
from django.urls import get_resolver, reverse
from django.urls.resolvers import URLResolver
from django.utils import timezone

from idp.channels import addresses
from idp.models import User
from tests.attacks.effects import effect, effects, now, same
from tests.attacks.test_mass_assignment import PAGES, SMUGGLED
from tests.conftest import CALLBACK, make_client, make_person
from tests.idp.oidc.conftest import VERIFIER, Browser, ask, basic
from tests.idp.oidc.pushing import pushed
from tests.idp.test_receipts import BEARER, SECRET, bounce, took
from tests.photographs import changed, photograph

CLIENT = {"authorization": basic()}
OFFLINE = "openid profile email offline_access"
#: What is only read, with nothing but a token or nothing at all.
ONLY_READ = {
    *("openid-configuration", "oauth-authorization-server", "jwks", "passkey-endpoints", "brand-css"),
    *("healthz", "readyz", "readyz-delivery", "metrics"),
}
#: Those of our names that a protocol knows at some endpoint.
OF_THE_PROTOCOL = {"client_id", "state"}
SMUGGLED_HERE = {name: value for name, value in SMUGGLED.items() if name not in OF_THE_PROTOCOL}
#: Of them, as many as a request may have.
SOME = dict(list(SMUGGLED_HERE.items())[:20])


@pytest.fixture
def browser(db):
    """Jane's browser, signed in, at an application that need not ask her."""
    make_client(
        skip_consent=True,
        grant_types=["authorization_code", "refresh_token", "client_credentials"],
        resources=["https://payroll.contoso.example/api"],
    )
    found = Browser()
    found.sign_in(make_person())
    return found


def _posting(path, fields, headers=CLIENT):
    return lambda browser, more: browser.http.post(path, fields | more, headers=headers, secure=True)


def _code(browser):
    return _posting(
        "/token",
        {
            "grant_type": "authorization_code",
            "code": browser.code(scope=OFFLINE),
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
        },
    )


def _refresh(browser):
    token = browser.tokens(scope=OFFLINE)["refresh_token"]
    return _posting("/token", {"grant_type": "refresh_token", "refresh_token": token})


def _for_itself(_browser):
    fields = {"grant_type": "client_credentials", "resource": "https://payroll.contoso.example/api"}
    return _posting("/token", fields)


def _of_a_token(path):
    return lambda browser: _posting(path, {"token": browser.tokens(scope=OFFLINE)["refresh_token"]})


def _userinfo(browser):
    token = browser.tokens()["access_token"]
    return _posting("/userinfo", {}, {"authorization": f"Bearer {token}"})


def _brought(browser):
    fields = {"client_id": "payroll", "request_uri": pushed(browser)}
    return lambda browser, more: browser.http.get("/authorize", fields | more, secure=True)


def _hinted(browser):
    fields = {"id_token_hint": browser.tokens()["id_token"]}
    return lambda browser, more: browser.http.get("/sign-out", fields | more, secure=True)


def _receipt(_browser):
    took(User.objects.get())

    def tell(browser, more):
        body = json.dumps(bounce() | more)
        path = "/receipts/postmark"
        return browser.http.post(path, body, content_type="application/json", headers=BEARER, secure=True)

    return tell


#: (name of the route, what it is for): a request that is good.
REQUESTS = {
    ("authorize", "by query"): lambda _browser: lambda browser, more: browser.authorize(**more),
    ("authorize", "by form"): lambda _browser: _posting("/authorize", ask(), {}),
    ("authorize", "of a stranger"): lambda _browser: lambda _at, more: Browser().authorize(**more),
    ("authorize", "pushed"): _brought,
    ("par", ""): lambda _browser: _posting("/par", ask()),
    ("token", "a code"): _code,
    ("token", "refreshed"): _refresh,
    ("token", "for itself"): _for_itself,
    ("introspect", ""): _of_a_token("/introspect"),
    ("revoke", ""): _of_a_token("/revoke"),
    ("userinfo", ""): _userinfo,
    ("sign-out", "with a hint"): _hinted,
    ("receipts", ""): _receipt,
}


def test_every_endpoint_of_the_table_is_tried():
    """What is neither a page nor only read has a request here."""
    asked = {route for route, _what in REQUESTS}
    assert routes(get_resolver()) - ONLY_READ - PAGES.keys() == asked - {"sign-out"}


def routes(resolver):
    """The name of every address there is."""
    found = set()
    for pattern in resolver.url_patterns:
        found |= routes(pattern) if isinstance(pattern, URLResolver) else {pattern.name}
    return found


@pytest.mark.parametrize("route", sorted(ONLY_READ))
def test_what_is_only_read_takes_nothing(route, db):
    before = photograph()
    answer = Browser().http.post(reverse(route), SOME, secure=True)
    # Those that do not look at how they are asked answer as ever.
    assert answer.status_code in (200, 403, 405, 503)
    assert not changed(before, photograph())


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda each: " ".join(each).strip())
def test_what_nobody_specified_changes_nothing(request_, browser, settings):
    settings.RECEIPTS_SECRET = SECRET
    settings.EMAIL_PROVIDERS = addresses.read("smtp://127.0.0.1:1 postmark://key@")
    with time_machine.travel(timezone.now(), tick=False):
        send = REQUESTS[request_](browser)
        alone = effects(browser, *[partial(send, browser, {})] * 3)
        assert alone.status in (200, 201, 204, 303)
        before = now()
        writes = any(before[column] != values for column, values in alone.columns.items())
        assert writes == (request_[0] not in ("introspect", "userinfo"))
        for name, value in SMUGGLED_HERE.items():
            assert same(alone, effect(browser, partial(send, browser, {name: value}))), name
        assert same(alone, effect(browser, partial(send, browser, SOME)))

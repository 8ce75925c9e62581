"""What the FAPI 2.0 Security Profile asks of an authorization request, for the clients that are held to it."""

import pytest

from idp.models import Grant, Interaction
from tests.conftest import CALLBACK, make_client
from tests.idp.oidc.conftest import ISSUER, answer
from tests.idp.oidc.pushing import bring, push, pushed

QUERY = f"{CALLBACK}?dummy1=lorem&dummy2=ipsum"


@pytest.fixture
def bank(signed_in, payroll):
    """Payroll, held to the profile. How it authenticates is another matter (`test_assertions`)."""
    payroll.profile = "fapi2"
    payroll.redirect_uris = [CALLBACK, QUERY]
    payroll.save()
    return signed_in


def test_a_request_that_was_not_pushed_is_refused(bank):
    said = answer(bank.authorize())
    assert (said["error"], said["state"], said["iss"]) == ("invalid_request", "a state", ISSUER)
    assert not Grant.objects.exists()
    assert not Interaction.objects.exists()


def test_any_application_may_be_made_to_push(signed_in, payroll):
    payroll.require_pushed_authorization_requests = True
    payroll.save()
    assert answer(signed_in.authorize())["error"] == "invalid_request"
    assert answer(bring(signed_in, pushed(signed_in)))["code"]


def test_the_happy_flow(bank):
    said = answer(bring(bank, pushed(bank)))
    assert said["code"]
    assert said["iss"] == ISSUER


def test_the_second_clients_address_has_a_query(bank):
    response = bring(bank, pushed(bank, redirect_uri=QUERY))
    assert response["Location"].startswith(f"{QUERY}&code=")


LET_THROUGH = [
    {"state": None},
    {"nonce": None},
    {"nonce": "n" * 64},
    {"nonce": "n" * 384},
    {"state": "s" * 384},
    {"state": "s" * 1000, "nonce": "n" * 1000},
    {"scope": "email profile openid"},
    {"claims": '{"id_token": {"no_such_claim": {"essential": true}}, "userinfo": {"no_such_claim": null}}'},
]


@pytest.mark.parametrize("changes", LET_THROUGH, ids=[str(changes)[:40] for changes in LET_THROUGH])
def test_what_is_optional_or_long_comes_back_whole(bank, changes):
    said = answer(bring(bank, pushed(bank, **changes)))
    assert said["code"]
    if "state" in changes:
        assert said.get("state") == changes["state"]
    if "nonce" in changes:
        assert Grant.objects.get().nonce == (changes["nonce"] or "")


REFUSED = [
    ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
    ({"code_challenge_method": "plain"}, "invalid_request"),
    ({"code_challenge_method": None}, "invalid_request"),
    ({"redirect_uri": None}, "invalid_request"),
    ({"redirect_uri": "https://payroll.contoso.example/unregistered"}, "invalid_request"),
    ({"response_type": "code id_token"}, "unsupported_response_type"),
    ({"response_type": "token"}, "unsupported_response_type"),
    ({"request_uri": "urn:ietf:params:oauth:request_uri:x"}, "invalid_request"),
    ({"request": "e30.e30."}, "request_not_supported"),
]


@pytest.mark.parametrize(("changes", "error"), REFUSED, ids=[str(changes) for changes, _ in REFUSED])
def test_what_the_profile_forbids_is_refused_when_it_is_pushed(bank, changes, error):
    response = push(bank, **changes)
    assert (response.status_code, response.json()["error"]) == (400, error)


def test_no_switch_lets_it_go_without_pkce(bank, payroll):
    payroll.require_pkce = False
    payroll.save()
    response = push(bank, code_challenge=None, code_challenge_method=None)
    assert response.json()["error"] == "invalid_request"


# --- Plain OAuth 2.0 --------------------------------------------------------------------------------------------------


def test_a_client_without_openid_speaks_plain_oauth(browser, jane):
    make_client("plain", scope="profile email", skip_consent=True)
    browser.sign_in(jane)
    assert answer(browser.authorize(client_id="plain", scope="profile"))["code"]
    assert Grant.objects.get().scope == "profile"
    for scope in ("", None, "unknown", "openid", "openid profile"):
        assert answer(browser.authorize(client_id="plain", scope=scope))["error"] == "invalid_scope", scope


def test_a_client_without_the_code_flow_is_told_so(browser, jane):
    make_client("nightly", grant_types=["client_credentials"], skip_consent=True)
    browser.sign_in(jane)
    assert answer(browser.authorize(client_id="nightly"))["error"] == "unauthorized_client"

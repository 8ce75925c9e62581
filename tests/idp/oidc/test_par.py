"""Pushed authorization requests (RFC 9126), module by module as OIDC certification and FAPI 2.0 try them."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from idp.models import Grant, Interaction
from idp.oidc import par
from tests.conftest import CALLBACK, make_client
from tests.idp.oidc.conftest import CHALLENGE, ISSUER, Browser, answer, answered, ask, basic
from tests.idp.oidc.pushing import bring, push, pushed
from tests.idp.oidc.test_authorization_request import LET_THROUGH, REFUSED, assert_a_page
from tests.idp.oidc.test_continue import parked, resume, sign_in_for

URN = "urn:ietf:params:oauth:request_uri:"

# --- What is answered ------------------------------------------------------------------------------------------------


def test_a_good_request_gets_a_name(signed_in):
    response = push(signed_in)
    assert response.status_code == 201
    assert response["Content-Type"] == "application/json"
    assert response["Cache-Control"] == "no-store"
    document = response.json()
    assert set(document) == {"request_uri", "expires_in"}
    assert document["request_uri"].startswith(URN)
    assert len(document["request_uri"].removeprefix(URN)) >= 43
    assert document["expires_in"] == par.LIFETIME.total_seconds()
    assert 60 <= document["expires_in"] < 600
    waiting = Interaction.objects.get()
    assert document["request_uri"].removeprefix(URN) not in str(waiting.__dict__), "only its hash is kept"
    assert waiting.browser_hash == ""


def test_client_id_and_request_uri_are_a_whole_request(signed_in):
    said = answer(bring(signed_in, pushed(signed_in)))
    assert set(said) == {"code", "state", "iss"}
    assert (said["state"], said["iss"]) == ("a state", ISSUER)
    assert signed_in.redeem(said["code"]).status_code == 200


def test_it_may_come_by_post_too(signed_in):
    parameters = {"client_id": "payroll", "request_uri": pushed(signed_in)}
    assert answer(signed_in.http.post("/authorize", parameters, secure=True))["code"]


@pytest.mark.parametrize("changes", LET_THROUGH, ids=[str(changes)[:60] for changes in LET_THROUGH])
def test_what_is_let_through_at_the_front_is_let_through_here(signed_in, changes):
    said = answer(bring(signed_in, pushed(signed_in, **changes)))
    assert said["code"]
    assert said.get("state") == ask(**changes).get("state")


@pytest.mark.parametrize(("changes", "error"), REFUSED, ids=[str(changes)[:60] for changes, _ in REFUSED])
def test_what_is_refused_at_the_front_is_refused_here_already(signed_in, changes, error):
    response = push(signed_in, **changes)
    assert response.status_code == 400
    assert response["Cache-Control"] == "no-store"
    expected = "invalid_request" if "request_uri" in changes else error
    assert response.json()["error"] == expected
    assert not Interaction.objects.exists()


WRONG = [
    {"redirect_uri": None},
    {"redirect_uri": "https://evil.example/"},
    {"redirect_uri": f"{CALLBACK}?a=b"},
    {"redirect_uri": [CALLBACK, CALLBACK]},
    {"client_id": None},
    {"client_id": "other"},
    {"request_uri": f"{URN}x"},
    {"request_uri": "https://payroll.contoso.example/request"},
]


@pytest.mark.parametrize("changes", WRONG, ids=[str(changes) for changes in WRONG])
def test_what_would_be_a_page_is_json_here(signed_in, changes):
    make_client("other")
    response = push(signed_in, **changes)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
    assert "evil" not in response.content.decode()


@pytest.mark.parametrize("method", ["get", "put", "delete", "head", "patch"])
def test_other_methods_are_not_answered(browser, payroll, method):
    response = getattr(browser.http, method)("/par", secure=True, headers={"authorization": basic()})
    assert response.status_code == 405
    assert "POST" in response["Allow"]


# --- Who asks --------------------------------------------------------------------------------------------------------

STRANGERS = [
    {"authorization": ""},
    {"authorization": basic(secret="wrong")},
    {"authorization": basic("nobody"), "client_id": "nobody"},
    {"authorization": "", "client_secret": "wrong"},
]


@pytest.mark.parametrize("changes", STRANGERS, ids=[str(changes) for changes in STRANGERS])
def test_nobody_pushes_unauthenticated(browser, payroll, changes):
    response = push(browser, **changes)
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
    assert not Interaction.objects.exists()


def test_a_public_application_says_who_it_is(browser, jane):
    make_client("phone", token_endpoint_auth_method="none", client_secret_hash="", skip_consent=True)
    browser.sign_in(jane)
    name = pushed(browser, client_id="phone", authorization="")
    assert answer(bring(browser, name, client_id="phone"))["code"]


def test_parameters_in_the_address_do_not_count(browser, payroll):
    response = browser.http.post("/par?scope=openid", ask(), headers={"authorization": basic()}, secure=True)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


# --- What stands beside it -------------------------------------------------------------------------------------------


def test_nothing_beside_the_name_counts(signed_in):
    """FAPI: different state or nonce inside and outside; and whatever else somebody adds."""
    beside = {
        "state": "another",
        "nonce": "another",
        "redirect_uri": "https://evil.example/",
        "scope": "openid offline_access",
        "response_type": "token",
        "prompt": "none",
        "response_mode": "form_post",
        "code_challenge": "A" * 43,
    }
    said = answer(bring(signed_in, pushed(signed_in), **beside))
    assert said["state"] == "a state"
    grant = Grant.objects.get()
    assert (grant.nonce, grant.scope, grant.code_challenge) == ("a nonce", "openid profile email", CHALLENGE)


def test_a_state_that_is_only_outside_is_not_used(signed_in):
    assert set(answer(bring(signed_in, pushed(signed_in, state=None), state="outside"))) == {"code", "iss"}


# --- Once, for one client, in one browser, for a while ----------------------------------------------------------------


def test_it_may_be_opened_twice_before_the_answer_and_not_after(browser, jane, payroll):
    name = pushed(browser)
    page, waiting = parked(bring(browser, name))
    assert page == "/sign-in"
    assert parked(bring(browser, name)) == ("/sign-in", waiting)
    sign_in_for(browser, waiting, jane)
    assert answer(bring(browser, name))["code"], "where it went on, it goes on"
    assert_a_page_about_it(bring(browser, name))
    assert resume(browser, waiting).status_code == 400


def test_answered_by_continue_it_is_used_as_well(browser, jane, payroll):
    name = pushed(browser)
    _page, waiting = parked(bring(browser, name))
    sign_in_for(browser, waiting, jane)
    assert answer(resume(browser, waiting))["code"]
    assert_a_page_about_it(bring(browser, name))
    assert Grant.objects.count() == 1


def test_answered_at_once_it_is_used(signed_in):
    name = pushed(signed_in)
    assert answer(bring(signed_in, name))["code"]
    assert_a_page_about_it(bring(signed_in, name))


def test_refused_it_is_used(browser, payroll):
    name = pushed(browser, prompt="none")
    assert answer(bring(browser, name))["error"] == "login_required"
    assert_a_page_about_it(bring(browser, name))


def test_it_expires_before_the_first_visit(signed_in, jane):
    name = pushed(signed_in)
    with time_machine.travel(timezone.now() + par.LIFETIME + timedelta(seconds=1)):
        signed_in.sign_in(jane)
        assert_a_page_about_it(bring(signed_in, name))


def test_from_the_first_visit_on_it_waits_as_long_as_any_request(browser, jane, payroll):
    name = pushed(browser)
    _page, waiting = parked(bring(browser, name))
    with time_machine.travel(timezone.now() + timedelta(minutes=55)):
        assert parked(bring(browser, name)) == ("/sign-in", waiting)
    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        assert_a_page_about_it(bring(browser, name))


def test_ages_are_compared_when_the_browser_comes(signed_in):
    name = pushed(signed_in, max_age="30")
    with time_machine.travel(timezone.now() + timedelta(seconds=60)):
        assert parked(bring(signed_in, name))[0] == "/sign-in"


def test_another_application_cannot_use_it(signed_in):
    make_client("other", skip_consent=True)
    name = pushed(signed_in)
    assert_a_page_about_it(bring(signed_in, name, client_id="other"))
    assert answer(bring(signed_in, name))["code"], "and it is not used up"


def test_another_application_cannot_use_it_in_the_browser_that_has_it(browser, jane, payroll):
    make_client("other", skip_consent=True)
    name = pushed(browser)
    _page, waiting = parked(bring(browser, name))
    sign_in_for(browser, waiting, jane)
    assert_a_page_about_it(bring(browser, name, client_id="other"))


def test_another_browser_cannot_use_it_once_one_has(browser, jane, payroll):
    name = pushed(browser)
    parked(bring(browser, name))
    other = Browser()
    other.sign_in(jane)
    assert_a_page_about_it(bring(other, name))


@pytest.mark.parametrize("name", [f"{URN}x", f"{URN}", f"{URN}{'x' * 5000}", f"{URN}é", f"{URN}<script>"])
def test_a_name_that_was_never_given_is_a_page(signed_in, name):
    response = bring(signed_in, name)
    assert response.status_code == 400
    assert "Location" not in response
    assert b"<script>" not in response.content.replace(b"<script src", b"")


def test_any_other_request_uri_is_not_supported(signed_in):
    response = bring(signed_in, "https://evil.example/request", redirect_uri=CALLBACK)
    assert answer(response)["error"] == "request_uri_not_supported"


def test_an_address_taken_back_meanwhile_is_not_gone_to(signed_in, payroll):
    name = pushed(signed_in)
    payroll.redirect_uris = ["https://payroll.contoso.example/other"]
    payroll.save()
    assert_a_page(bring(signed_in, name), "invalid_request")


# --- Errors and modes -------------------------------------------------------------------------------------------------


def test_who_presses_cancel_is_told_by_redirect(browser, payroll):
    _page, waiting = parked(bring(browser, pushed(browser)))
    Interaction.objects.filter(pk=waiting).update(refused="access_denied")
    said = answer(resume(browser, waiting))
    assert (said["error"], said["state"], said["iss"]) == ("access_denied", "a state", ISSUER)


def test_a_pushed_request_may_be_answered_by_form(signed_in):
    assert answered(bring(signed_in, pushed(signed_in, response_mode="form_post")))["code"]


def assert_a_page_about_it(response):
    grants = Grant.objects.count()
    assert response.status_code == 400
    assert "Location" not in response
    assert '<p id="error-code" lang="en">invalid_request_uri</p>' in response.content.decode()
    assert Grant.objects.count() == grants

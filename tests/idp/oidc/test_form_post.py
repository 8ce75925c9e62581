"""Answers that travel as a form (OAuth 2.0 Form Post Response Mode 1.0)."""

import re

import pytest

from idp.models import Grant, Interaction
from tests.conftest import CALLBACK
from tests.idp.oidc.conftest import ISSUER, answer, answered
from tests.idp.oidc.test_continue import parked, resume, sign_in_for


def test_the_answer_is_a_form_to_the_registered_address(signed_in):
    response = signed_in.authorize(response_mode="form_post")
    said = answered(response)
    assert (said["state"], said["iss"]) == ("a state", ISSUER)
    assert set(said) == {"code", "state", "iss"}
    page = response.content.decode()
    assert f'<form id="response-form" method="post" action="{CALLBACK}"' in page
    assert re.search(r'<button[^>]* id="continue"', page), "it works without scripts"
    assert 'data-page="form-post"' in page
    assert "<script>" not in page, "the script is a file of ours, for CSP knows no other"
    assert signed_in.redeem(said["code"]).status_code == 200


def test_the_page_may_send_it_there_and_nowhere_else(signed_in):
    response = signed_in.authorize(response_mode="form_post")
    (directive,) = re.findall(r"form-action ([^;]*)", response["Content-Security-Policy"])
    assert directive.split() == ["'self'", "https://payroll.contoso.example"]
    assert "unsafe" not in response["Content-Security-Policy"]
    assert response["Cache-Control"] == "no-store"
    assert "lang=" not in re.sub(r'<html lang="\w+">', "", response.content.decode()).split("<main")[0]


def test_a_registered_query_stays_in_the_address(signed_in, payroll):
    payroll.redirect_uris = [f"{CALLBACK}?dummy1=lorem&dummy2=ipsum"]
    payroll.save()
    response = signed_in.authorize(response_mode="form_post", redirect_uri=payroll.redirect_uris[0])
    assert (
        'action="https://payroll.contoso.example/callback?dummy1=lorem&amp;dummy2=ipsum"' in response.content.decode()
    )


def test_what_comes_back_is_text_and_not_markup(signed_in):
    state = "\"><script>alert('1')</script>&amp;'"
    response = signed_in.authorize(response_mode="form_post", state=state)
    assert "<script>alert" not in response.content.decode()
    assert answered(response)["state"] == state


ERRORS = [
    ({"prompt": "none", "max_age": "0"}, "login_required"),
    ({"response_type": "token"}, "unsupported_response_type"),
    ({"response_type": None}, "invalid_request"),
    ({"scope": "profile"}, "invalid_scope"),
    ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
    ({"request": "e30.e30."}, "request_not_supported"),
    ({"prompt": "create"}, "invalid_request"),
]


@pytest.mark.parametrize(("changes", "error"), ERRORS, ids=[str(changes) for changes, _ in ERRORS])
def test_errors_travel_the_same_way(signed_in, changes, error):
    said = answered(signed_in.authorize(response_mode="form_post", **changes))
    assert (said["error"], said["state"], said["iss"]) == (error, "a state", ISSUER)
    assert "code" not in said
    assert not Grant.objects.exists()


def test_nobody_signed_in_is_told_by_form_too(browser, payroll):
    assert answered(browser.authorize(response_mode="form_post", prompt="none"))["error"] == "login_required"


def test_the_mode_outlives_the_pages_in_between(browser, jane, payroll):
    _page, waiting = parked(browser.authorize(response_mode="form_post"))
    sign_in_for(browser, waiting, jane)
    assert answered(resume(browser, waiting))["code"]
    _page, waiting = parked(browser.authorize(response_mode="form_post", prompt="login"))
    Interaction.objects.filter(pk=waiting).update(refused="access_denied")
    assert answered(resume(browser, waiting))["error"] == "access_denied"


@pytest.mark.parametrize("mode", ["fragment", "FORM_POST", "query form_post", "jwt", "form_post.jwt", "web_message"])
def test_other_modes_are_refused_by_query(signed_in, mode):
    assert answer(signed_in.authorize(response_mode=mode))["error"] == "invalid_request"


def test_two_modes_are_one_too_many(signed_in):
    said = answer(signed_in.authorize(response_mode=["form_post", "query"]))
    assert said["error"] == "invalid_request"


def test_an_unregistered_address_gets_a_page_and_no_form(signed_in):
    response = signed_in.authorize(response_mode="form_post", redirect_uri="https://evil.example/")
    assert response.status_code == 400
    assert b"response-form" not in response.content
    assert b"evil.example" not in response.content

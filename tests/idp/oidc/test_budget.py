"""How many statements an answer costs, once the process is warm. Transaction control is not counted."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from idp.audit.events import Origin
from idp.login import consents
from tests.idp.oidc.conftest import answer, answered
from tests.idp.oidc.pushing import bring, pushed
from tests.idp.oidc.test_continue import allow, parked, resume, sign_in_for

_CONTROL = ("BEGIN", "SAVEPOINT", "RELEASE", "COMMIT", "ROLLBACK")


class Counted(CaptureQueriesContext):
    def __init__(self):
        super().__init__(connection)

    @property
    def statements(self):
        return [query["sql"] for query in self.captured_queries if not query["sql"].startswith(_CONTROL)]


@pytest.fixture
def warm(browser, jane, payroll):
    """Signed in, consent remembered, client and keys known to the process."""
    payroll.skip_consent = False
    payroll.save()
    browser.sign_in(jane)
    consents.remember(
        jane,
        payroll,
        ["openid", "profile", "email", "offline_access"],
        now=timezone.now(),
        origin=Origin(),
    )
    browser.tokens()
    return browser


def test_a_single_sign_on_with_code_exchange_costs_five(warm):
    with Counted() as counted:
        code = warm.code()
        tokens = warm.redeem(code)
    assert tokens.status_code == 200
    # sign-in with its person, consent, grant; then code claimed, access token.
    assert len(counted.statements) == 5, counted.statements


def test_a_token_request_costs_two_and_with_a_refresh_token_three(warm):
    code, lasting = warm.code(), warm.code(scope="openid offline_access")
    with Counted() as counted:
        assert warm.redeem(code).status_code == 200
    assert len(counted.statements) == 2, counted.statements
    with Counted() as counted:
        tokens = warm.redeem(lasting).json()
    assert len(counted.statements) == 3, counted.statements
    with Counted() as counted:
        assert warm.refresh(tokens["refresh_token"]).status_code == 200
    assert len(counted.statements) == 3, counted.statements


def test_userinfo_costs_one(warm):
    token = warm.tokens()["access_token"]
    with Counted() as counted:
        assert warm.userinfo(token).status_code == 200
    assert len(counted.statements) == 1, counted.statements


def test_a_refusal_costs_nothing(warm):
    with Counted() as counted:
        answer(warm.authorize(response_type="token"))
        warm.authorize(redirect_uri="https://evil.example/")
        warm.redeem("x", authorization="Basic cGF5cm9sbDp3cm9uZw==")
    assert not counted.statements


def test_parking_costs_one_insert_for_a_stranger(warm):
    warm.http.cookies.pop("__Host-regain-session")
    with Counted() as counted:
        parked(warm.authorize())
    assert len(counted.statements) == 1, counted.statements


def test_continuing_costs_three(warm, jane):
    """The request with its sign-in and what was allowed before; the request finished; the grant."""
    _page, waiting = parked(warm.authorize(prompt="login"))
    sign_in_for(warm, waiting, jane)
    with Counted() as counted:
        answer(resume(warm, waiting))
    assert len(counted.statements) == 3, counted.statements


def test_continuing_after_a_page_of_consent_costs_five(warm, jane):
    """Nobody signed in *for* the request, so the session and its consent are asked for."""
    _page, waiting = parked(warm.authorize(prompt="consent"))
    allow(waiting, jane, ["openid", "profile", "email"])
    with Counted() as counted:
        answer(resume(warm, waiting))
    assert len(counted.statements) == 5, counted.statements


def test_pushing_costs_one_insert_and_bringing_two_more_than_any_other_request(warm):
    with Counted() as counted:
        name = pushed(warm)
    assert len(counted.statements) == 1, counted.statements
    with Counted() as counted:
        answer(bring(warm, name))
    # bound to the browser, read; then sign-in, consent, finished, grant.
    assert len(counted.statements) == 6, counted.statements


def test_claims_by_name_and_an_answer_by_form_cost_nothing(warm):
    claims = json.dumps({"userinfo": {"email": {"essential": True}}})
    with Counted() as counted:
        assert answered(warm.authorize(claims=claims, response_mode="form_post"))["code"]
    assert len(counted.statements) == 3, counted.statements

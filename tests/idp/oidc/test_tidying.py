"""When a grant may be forgotten: not while anything that came of it lives."""

from datetime import timedelta

import pytest
from django.utils import timezone

from idp import tidying
from idp.accounts import sessions
from idp.models import Grant
from tests.conftest import make_client
from tests.idp.oidc.conftest import Browser, basic

DAY = timedelta(days=1)
OFFLINE = "openid offline_access"


def after(days):
    """How many grants are left after a tidying in so many days."""
    tidying.sweep(timezone.now() + days * DAY)
    return Grant.objects.count()


@pytest.mark.parametrize(("days", "left"), [(29, 1), (31, 0)])
def test_a_grant_without_refresh_token_is_kept_for_a_month(signed_in, days, left):
    signed_in.tokens()
    assert after(days) == left


@pytest.mark.parametrize(("days", "left"), [(29, 1), (31, 0)])
def test_a_code_that_nobody_redeemed_is_kept_for_a_month(signed_in, days, left):
    signed_in.code()
    assert after(days) == left


@pytest.mark.parametrize(("days", "left"), [(59, 1), (61, 0)])
def test_a_family_is_kept_for_a_month_after_its_idle_end(signed_in, days, left):
    signed_in.tokens(scope=OFFLINE)
    assert after(days) == left


def test_a_family_in_use_is_kept_with_all_it_remembers(signed_in):
    tokens = signed_in.tokens(scope=OFFLINE)
    following = signed_in.refresh(tokens["refresh_token"]).json()
    Grant.objects.update(created_at=timezone.now() - 200 * DAY)
    assert after(0) == 1
    assert signed_in.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert signed_in.refresh(following["refresh_token"]).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(("days", "left"), [(29, 1), (31, 0)])
def test_an_ended_family_is_kept_for_a_month(signed_in, jane, days, left):
    signed_in.tokens(scope=OFFLINE)
    sessions.end_all(jane.pk, by="recovery", now=timezone.now())
    assert after(days) == left


def test_a_living_access_token_keeps_its_grant(signed_in):
    signed_in.tokens()
    Grant.objects.update(created_at=timezone.now() - 200 * DAY, sign_in=None)
    assert after(0) == 1


def test_a_clients_own_grant_goes_with_its_token(db):
    make_client("nightly", grant_types=["client_credentials"], redirect_uris=[], scope="")
    who = basic(client_id="nightly")
    assert Browser().token(authorization=who, grant_type="client_credentials").status_code == 200
    assert after(0) == 1
    assert after(1) == 0


def test_a_living_sign_in_keeps_its_grants(signed_in):
    """It must still be told of the sign-out."""
    signed_in.code()
    Grant.objects.update(created_at=timezone.now() - 200 * DAY)
    assert after(0) == 1
    assert after(1) == 0

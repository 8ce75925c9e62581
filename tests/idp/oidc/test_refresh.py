"""Refresh tokens: each good once, and a family that ends when one is shown twice."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from idp.accounts import sessions
from idp.models import AuditEntry, Grant, User
from tests.conftest import make_client
from tests.idp.oidc.conftest import basic

OFFLINE = "openid profile offline_access"


@pytest.fixture
def tokens(signed_in):
    return signed_in.tokens(scope=OFFLINE)


def test_only_offline_access_gives_one(signed_in):
    assert "refresh_token" not in signed_in.tokens(scope="openid profile")
    assert "refresh_token" in signed_in.tokens(scope=OFFLINE)


def test_a_refresh_gives_new_tokens_for_the_same_sign_in(signed_in, tokens):
    following = signed_in.refresh(tokens["refresh_token"]).json()
    assert set(following) == {"access_token", "token_type", "expires_in", "scope", "refresh_token", "id_token"}
    assert following["scope"] == OFFLINE
    assert following["refresh_token"] != tokens["refresh_token"]
    first, second = (signed_in.verified(each["id_token"]).claims for each in (tokens, following))
    for claim in ("iss", "sub", "aud", "azp", "auth_time", "amr", "sid"):
        assert first[claim] == second[claim]
    assert "nonce" not in second
    assert signed_in.userinfo(following["access_token"]).status_code == 200


def test_a_refreshed_id_token_is_of_now_and_the_sign_in_of_then(signed_in, tokens):
    with time_machine.travel(timezone.now() + timedelta(days=3)):
        following = signed_in.refresh(tokens["refresh_token"]).json()
    first, second = (signed_in.verified(each["id_token"]).claims for each in (tokens, following))
    assert second["iat"] - first["iat"] >= 3 * 24 * 3600
    assert second["auth_time"] == first["auth_time"]


@pytest.mark.parametrize("generations", [1, 2, 5])
def test_any_earlier_token_ends_the_family(signed_in, tokens, generations):
    """However often a thief has rotated: the application's own token gives them away."""
    latest = tokens
    for _ in range(generations):
        latest = signed_in.refresh(latest["refresh_token"]).json()
    assert signed_in.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert signed_in.refresh(latest["refresh_token"]).json()["error"] == "invalid_grant"
    assert signed_in.userinfo(latest["access_token"]).status_code == 401
    assert Grant.objects.get().ended_by == "refresh_token_reuse"
    assert AuditEntry.objects.filter(name="idp.grant.reuse_detected").count() == 1


def test_another_client_can_neither_use_nor_end_it(signed_in, tokens):
    make_client("other")
    latest = signed_in.refresh(tokens["refresh_token"]).json()
    for token in (tokens["refresh_token"], latest["refresh_token"]):
        refused = signed_in.refresh(token, authorization=basic(client_id="other"))
        assert refused.json()["error"] == "invalid_grant"
    assert signed_in.refresh(latest["refresh_token"]).status_code == 200


def test_a_made_up_token_of_an_earlier_generation_ends_nothing(signed_in, tokens):
    latest = signed_in.refresh(tokens["refresh_token"]).json()
    family, generation, bond, chance, seal = tokens["refresh_token"].split(".", 4)
    for forged in (f"{family}.0.{bond}.{chance}.{seal}", f"{family}.{generation}.{bond}.{chance}x.{seal}"):
        assert signed_in.refresh(forged).json()["error"] == "invalid_grant"
    assert signed_in.refresh(latest["refresh_token"]).status_code == 200


def test_scope_may_become_narrower_for_one_access_token(signed_in, tokens):
    narrow = signed_in.refresh(tokens["refresh_token"], scope="openid").json()
    assert narrow["scope"] == "openid"
    assert set(signed_in.userinfo(narrow["access_token"]).json()) == {"sub"}
    assert signed_in.refresh(narrow["refresh_token"]).json()["scope"] == OFFLINE


def test_without_openid_there_is_no_id_token(signed_in, tokens):
    narrow = signed_in.refresh(tokens["refresh_token"], scope="profile").json()
    assert "id_token" not in narrow
    response = signed_in.userinfo(narrow["access_token"])
    assert response.status_code == 403
    assert 'error="insufficient_scope"' in response["WWW-Authenticate"]


def test_scope_never_becomes_wider_and_asking_costs_nothing(signed_in, tokens):
    refused = signed_in.refresh(tokens["refresh_token"], scope="openid email")
    assert refused.json()["error"] == "invalid_scope"
    assert signed_in.refresh(tokens["refresh_token"]).status_code == 200


@pytest.mark.parametrize("status", [User.Status.SUSPENDED, User.Status.FROZEN, User.Status.DELETED])
def test_who_may_not_sign_in_may_not_refresh(signed_in, tokens, jane, status):
    User.objects.filter(pk=jane.pk).update(status=status)
    assert signed_in.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_recovered_account_has_no_refresh_tokens(signed_in, tokens, jane):
    sessions.end_all(jane.pk, by="recovery", now=timezone.now())
    assert signed_in.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"


def test_signing_out_leaves_offline_access(signed_in, tokens, jane):
    sessions.end(jane.sign_ins.get().pk, by="person", now=timezone.now())
    assert signed_in.refresh(tokens["refresh_token"]).status_code == 200


def test_thirty_idle_days_end_it(signed_in, tokens):
    with time_machine.travel(timezone.now() + timedelta(days=29)):
        following = signed_in.refresh(tokens["refresh_token"]).json()
    with time_machine.travel(timezone.now() + timedelta(days=58)):
        following = signed_in.refresh(following["refresh_token"]).json()
    with time_machine.travel(timezone.now() + timedelta(days=89)):
        assert signed_in.refresh(following["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_year_ends_it_however_busy(signed_in, tokens):
    latest = tokens["refresh_token"]
    for days in range(25, 365, 25):
        with time_machine.travel(timezone.now() + timedelta(days=days)):
            latest = signed_in.refresh(latest).json()["refresh_token"]
    with time_machine.travel(timezone.now() + timedelta(days=366)):
        assert signed_in.refresh(latest).json()["error"] == "invalid_grant"


def test_a_public_client_rotates_too(browser, jane):
    make_client("native", token_endpoint_auth_method="none", client_secret_hash="", skip_consent=True)
    browser.sign_in(jane)
    who = {"authorization": "", "client_id": "native"}
    tokens = browser.redeem(browser.code(client_id="native", scope=OFFLINE), **who).json()
    following = browser.refresh(tokens["refresh_token"], **who)
    assert following.status_code == 200
    assert browser.refresh(tokens["refresh_token"], **who).json()["error"] == "invalid_grant"

"""Refresh tokens against whoever may show one: which client, with which token, asking for what (OI-10, OI-11)."""

import pytest
from django.utils import timezone

from idp.models import AccessToken, Client, Grant, User
from tests.conftest import make_client
from tests.idp.oidc.conftest import basic
from tests.idp.oidc.test_races import at_once, elsewhere, racer  # noqa: F401 -- a fixture is asked for by name

OFFLINE = "openid profile offline_access"


@pytest.fixture
def tokens(signed_in):
    make_client("other", skip_consent=True)
    return signed_in.tokens(scope=OFFLINE)


def shown(tokens, **parameters):
    return {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]} | parameters


#: (what is changed in the request, Authorization, status, error); afterwards the token must still be good.
HARMLESS = [
    ({}, basic(client_id="other"), 400, "invalid_grant"),
    ({}, basic(secret="wrong"), 401, "invalid_client"),
    ({}, "", 401, "invalid_client"),
    ({"client_id": "payroll"}, "", 401, "invalid_client"),
    ({"client_id": "other"}, basic(), 400, "invalid_request"),
    ({"scope": "openid email"}, basic(), 400, "invalid_scope"),
    ({"scope": "openid profile offline_access email"}, basic(), 400, "invalid_scope"),
    ({"scope": "made-up"}, basic(), 400, "invalid_scope"),
    ({"resource": "https://orders.contoso.example/"}, basic(), 400, "invalid_target"),
    ({"refresh_token": ""}, basic(), 400, "invalid_grant"),
    ({"refresh_token": "x"}, basic(), 400, "invalid_grant"),
    ({"refresh_token": ["x", "y"]}, basic(), 400, "invalid_request"),
    ({"refresh_token": "x" * 20_000}, basic(), 400, "invalid_grant"),
    ({"refresh_token": "é.१.x.y"}, basic(), 400, "invalid_grant"),
    ({"grant_type": "authorization_code"}, basic(), 400, "invalid_request"),
    ({"grant_type": "authorization_code", "code": "x"}, basic(), 400, "invalid_grant"),
    ({"client_assertion": "x"}, basic(), 400, "invalid_request"),
]


@pytest.mark.parametrize(("changes", "authorization", "status", "error"), HARMLESS, ids=range(len(HARMLESS)))
def test_a_mistake_or_an_outsider_takes_nothing_away(signed_in, tokens, changes, authorization, status, error):
    before = AccessToken.objects.count()
    response = signed_in.token(authorization=authorization, **shown(tokens, **changes))
    assert (response.status_code, response.json()["error"]) == (status, error)
    assert response["Cache-Control"] == "no-store"
    assert AccessToken.objects.count() == before
    assert signed_in.refresh(tokens["refresh_token"]).status_code == 200


@pytest.mark.parametrize("part", range(5))
def test_no_part_of_it_can_be_changed(signed_in, tokens, part):
    parts = tokens["refresh_token"].split(".", 4)
    parts[part] = parts[part][:-1] + ("2" if parts[part][-1] != "2" else "3")
    assert signed_in.refresh(".".join(parts)).json()["error"] == "invalid_grant"
    assert signed_in.refresh(tokens["refresh_token"]).status_code == 200


def test_another_spelling_of_it_is_another_token(signed_in, tokens):
    """The last of 22 characters holds two bits: sixteen of them decode to the same family."""
    family, generation, rest = tokens["refresh_token"].split(".", 2)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    spelt = [f"{family[:-1]}{letter}.{generation}.{rest}" for letter in alphabet if letter != family[-1]]
    spelt += [f"{family}.{number}.{rest}" for number in ("01", "+1", " 1", "1_0", "१")]
    spelt += [f"{family}=.{generation}.{rest}", f"{family}!.{generation}.{rest}"]
    for token in spelt:
        assert signed_in.refresh(token).json()["error"] == "invalid_grant"
    assert signed_in.refresh(tokens["refresh_token"]).status_code == 200


NARROWER = [
    ("openid", {"id_token", "refresh_token"}),
    ("openid profile", {"id_token", "refresh_token"}),
    ("profile", {"refresh_token"}),
    ("offline_access openid profile", {"id_token", "refresh_token"}),
    ("openid openid", {"id_token", "refresh_token"}),
]


@pytest.mark.parametrize(("scope", "more"), NARROWER)
def test_a_narrower_scope_is_for_one_access_token(signed_in, tokens, scope, more):
    narrow = signed_in.refresh(tokens["refresh_token"], scope=scope).json()
    assert set(narrow) == {"access_token", "token_type", "expires_in", "scope", *more}
    assert narrow["scope"] == " ".join(dict.fromkeys(scope.split()))
    assert signed_in.refresh(narrow["refresh_token"]).json()["scope"] == OFFLINE


def disabled(_jane):
    for client in Client.objects.filter(client_id="payroll"):
        client.disabled_at = timezone.now()
        client.save()


def not_for_refreshing(_jane):
    for client in Client.objects.filter(client_id="payroll"):
        client.grant_types = ["authorization_code"]
        client.save()


def suspended(jane):
    User.objects.filter(pk=jane.pk).update(status=User.Status.SUSPENDED)


def ended(_jane):
    Grant.objects.update(ended_at=timezone.now(), ended_by="consent")


def idle(_jane):
    Grant.objects.update(refresh_expires_at=timezone.now())


def a_year_old(_jane):
    Grant.objects.update(expires_at=timezone.now())


OVER = [
    (disabled, "invalid_client"),
    (not_for_refreshing, "unauthorized_client"),
    (suspended, "invalid_grant"),
    (ended, "invalid_grant"),
    (idle, "invalid_grant"),
    (a_year_old, "invalid_grant"),
]


@pytest.mark.parametrize(("happens", "error"), OVER)
def test_what_is_over_is_over(signed_in, tokens, jane, happens, error):
    happens(jane)
    assert signed_in.refresh(tokens["refresh_token"]).json()["error"] == error


@pytest.mark.parametrize("happens", [suspended, ended, idle, a_year_old])
def test_also_where_it_does_not_rotate(signed_in, payroll, jane, happens):
    """The profile keeps one refresh token; everything else about it is the same."""
    from idp.oidc.clients import RelyingParty
    from tests.idp.oidc.proofs import proof
    from tests.idp.oidc.test_bound_tokens import redeem

    payroll.profile = "fapi2"
    assert not RelyingParty(payroll).rotates
    payroll.profile = ""
    payroll.save()
    tokens = redeem(signed_in, signed_in.code(scope=OFFLINE), shown=proof()).json()
    payroll.profile = "fapi2"
    payroll.save()

    def refresh():
        headers = {"authorization": basic(), "dpop": proof()}
        return signed_in.http.post("/token", shown(tokens), headers=headers, secure=True)

    assert refresh().status_code == 200
    assert refresh().status_code == 200
    happens(jane)
    assert refresh().json()["error"] == "invalid_grant"


@pytest.mark.django_db(transaction=True)
def test_revoking_while_refreshing_leaves_nothing_alive(racer):  # noqa: F811
    tokens = racer.tokens(scope=OFFLINE)

    def act():
        other = elsewhere(racer)
        revoked = other.http.post(
            "/revoke", {"token": tokens["refresh_token"]}, headers={"authorization": basic()}, secure=True
        )
        return revoked.status_code, other.refresh(tokens["refresh_token"])

    answers = at_once(act, times=8)
    assert {status for status, _ in answers} == {200}
    for _status, response in answers:
        if response.status_code == 200:
            following = response.json()
            assert racer.userinfo(following["access_token"]).status_code == 401
            assert racer.refresh(following["refresh_token"]).json()["error"] == "invalid_grant"
    assert racer.userinfo(tokens["access_token"]).status_code == 401

"""Asking what a token is worth (RFC 7662), and ending it (RFC 7009): one's own, and nobody else's."""

from base64 import b64encode

import pytest
from django.utils import timezone

from idp.models import AccessToken, Grant, User
from tests.conftest import CALLBACK, CLIENT_SECRET, make_client
from tests.idp.oidc.conftest import ISSUER, basic
from tests.idp.oidc.proofs import key_for, proof
from tests.idp.oidc.test_bound_tokens import bound

OFFLINE = "openid profile offline_access"
ORDERS = "https://orders.contoso.example/"
INACTIVE = {"active": False}


@pytest.fixture
def tokens(signed_in, payroll):
    payroll.resources = [ORDERS]
    payroll.save()
    return signed_in.tokens(scope=OFFLINE)


@pytest.fixture
def other(db):
    return make_client("other", skip_consent=True)


@pytest.fixture
def orders(db):
    return make_client("orders", grant_types=[], redirect_uris=[], scope="", resources=[ORDERS])


def ask(browser, path, token, *, who="payroll", authorization=None, **more):
    headers = {"authorization": authorization or basic(client_id=who)} if authorization != "" else {}
    body = {"token": token} if token is not None else {}
    return browser.http.post(path, body | more, headers=headers, secure=True)


def introspect(browser, token, **more):
    response = ask(browser, "/introspect", token, **more)
    assert response["Cache-Control"] == "no-store"
    return response.json()


def revoke(browser, token, **more):
    response = ask(browser, "/revoke", token, **more)
    assert response["Cache-Control"] == "no-store"
    return response.status_code


HINTS = [{}, {"token_type_hint": "access_token"}, {"token_type_hint": "refresh_token"}, {"token_type_hint": "x"}]


@pytest.mark.parametrize("hint", HINTS)
def test_a_client_is_told_of_its_access_token(signed_in, tokens, jane, hint):
    row = AccessToken.objects.get()
    assert introspect(signed_in, tokens["access_token"], **hint) == {
        "active": True,
        "iss": ISSUER,
        "client_id": "payroll",
        "sub": jane.sub,
        "aud": ISSUER,
        "scope": OFFLINE,
        "token_type": "Bearer",
        "iat": int(row.issued_at.timestamp()),
        "exp": int(row.expires_at.timestamp()),
        "auth_time": int(row.grant.auth_time.timestamp()),
        "acr": row.grant.acr,
    }


@pytest.mark.parametrize("hint", HINTS)
def test_a_client_is_told_of_its_refresh_token(signed_in, tokens, jane, hint):
    told = introspect(signed_in, tokens["refresh_token"], **hint)
    assert told["active"]
    assert (told["sub"], told["client_id"], told["scope"]) == (jane.sub, "payroll", OFFLINE)
    assert "token_type" not in told


def test_a_bound_token_says_to_which_key(signed_in):
    token = bound(signed_in)["access_token"]
    told = introspect(signed_in, token)
    assert told["token_type"] == "DPoP"
    assert told["cnf"] == {"jkt": key_for("ES256").thumbprint()}


def ended_by_revocation(browser, tokens, _jane):
    revoke(browser, tokens["refresh_token"])


def ended_by_suspension(_browser, _tokens, jane):
    User.objects.filter(pk=jane.pk).update(status=User.Status.SUSPENDED)


def ended_by_time(_browser, _tokens, _jane):
    now = timezone.now()
    AccessToken.objects.update(expires_at=now)
    Grant.objects.update(refresh_expires_at=now)


def ended_by_reuse(browser, tokens, _jane):
    browser.refresh(tokens["refresh_token"])
    browser.refresh(tokens["refresh_token"])


@pytest.mark.parametrize("end", [ended_by_revocation, ended_by_suspension, ended_by_time, ended_by_reuse])
def test_what_is_over_is_inactive(signed_in, tokens, jane, end):
    end(signed_in, tokens, jane)
    assert introspect(signed_in, tokens["access_token"]) == INACTIVE
    assert introspect(signed_in, tokens["refresh_token"]) == INACTIVE


def test_asking_about_a_replaced_refresh_token_ends_nothing(signed_in, tokens):
    following = signed_in.refresh(tokens["refresh_token"]).json()
    assert introspect(signed_in, tokens["refresh_token"]) == INACTIVE
    assert introspect(signed_in, following["refresh_token"])["active"]
    assert signed_in.refresh(following["refresh_token"]).status_code == 200


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_another_client_learns_nothing(signed_in, tokens, other, kind):
    assert introspect(signed_in, tokens[kind], who="other") == INACTIVE
    assert introspect(signed_in, "never given out", who="other") == INACTIVE


def test_a_resource_server_is_told_of_tokens_for_it(signed_in, tokens, orders, jane):
    for_orders = signed_in.tokens(resource=ORDERS)
    told = introspect(signed_in, for_orders["access_token"], who="orders")
    assert (told["active"], told["aud"], told["sub"]) == (True, ORDERS, jane.sub)
    assert introspect(signed_in, tokens["access_token"], who="orders") == INACTIVE, "not for it"
    assert introspect(signed_in, tokens["refresh_token"], who="orders") == INACTIVE


def test_a_client_that_may_ask_for_a_resource_is_not_that_resource(signed_in, tokens, other):
    other.resources = [ORDERS]
    other.save()
    token = signed_in.tokens(resource=ORDERS)["access_token"]
    assert introspect(signed_in, token, who="other") == INACTIVE


GARBAGE = ["x", "é", "a.b.c.d", "AAAAAAAAAAAAAAAAAAAAAA.1.x.t2.y", "0" * 64, "x" * 20_000]


@pytest.mark.parametrize("path", ["/introspect", "/revoke"])
@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_is_an_unknown_token(signed_in, tokens, path, garbage):
    response = ask(signed_in, path, garbage)
    assert response.status_code == 200
    assert response.json() == (INACTIVE if path == "/introspect" else {})


def test_the_hash_of_a_token_is_not_the_token(signed_in, tokens):
    assert introspect(signed_in, AccessToken.objects.get().token_hash) == INACTIVE


REFUSED = [
    ({"authorization": ""}, 401, "invalid_client"),
    ({"authorization": basic(secret="wrong")}, 401, "invalid_client"),
    ({"authorization": basic(client_id="nobody")}, 401, "invalid_client"),
    ({"authorization": "Bearer x"}, 401, "invalid_client"),
    ({"authorization": "Basic " + b64encode(b"payroll:").decode()}, 401, "invalid_client"),
    ({"client_secret": CLIENT_SECRET}, 400, "invalid_request"),
    ({"client_id": "other"}, 400, "invalid_request"),
    ({"token": None}, 400, "invalid_request"),
    ({"token": ""}, 400, "invalid_request"),
    ({"token": ["a", "b"]}, 400, "invalid_request"),
]


@pytest.mark.parametrize("path", ["/introspect", "/revoke"])
@pytest.mark.parametrize(("changes", "status", "error"), REFUSED, ids=range(len(REFUSED)))
def test_who_does_not_authenticate_or_asks_nothing_is_refused(signed_in, tokens, path, changes, status, error):
    response = ask(signed_in, path, **{"token": tokens["access_token"]} | changes)
    assert (response.status_code, response.json()["error"]) == (status, error)
    assert response["Cache-Control"] == "no-store"
    assert signed_in.userinfo(tokens["access_token"]).status_code == 200


@pytest.mark.parametrize("path", ["/introspect", "/revoke"])
def test_only_a_posted_body_is_read(signed_in, tokens, path):
    got = signed_in.http.get(path, {"token": tokens["access_token"]}, secure=True)
    assert (got.status_code, got["Allow"]) == (405, "POST, OPTIONS")
    queried = signed_in.http.post(
        f"{path}?token={tokens['access_token']}", {}, headers={"authorization": basic()}, secure=True
    )
    assert queried.status_code == 400
    assert signed_in.userinfo(tokens["access_token"]).status_code == 200


@pytest.fixture
def native(db):
    return make_client("native", token_endpoint_auth_method="none", client_secret_hash="", skip_consent=True)


def test_a_public_client_may_revoke_and_not_ask(signed_in, native):
    who = {"authorization": "", "client_id": "native"}
    tokens = signed_in.redeem(signed_in.code(client_id="native", scope=OFFLINE), **who).json()
    assert ask(signed_in, "/introspect", tokens["access_token"], **who).status_code == 401
    assert revoke(signed_in, tokens["access_token"], **who) == 200
    assert signed_in.userinfo(tokens["access_token"]).status_code == 401
    assert revoke(signed_in, tokens["refresh_token"], **who) == 200
    assert signed_in.refresh(tokens["refresh_token"], **who).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("hint", HINTS)
def test_revoking_an_access_token_ends_that_token(signed_in, tokens, hint):
    assert revoke(signed_in, tokens["access_token"], **hint) == 200
    assert signed_in.userinfo(tokens["access_token"]).status_code == 401
    assert signed_in.refresh(tokens["refresh_token"]).status_code == 200


@pytest.mark.parametrize("hint", HINTS)
def test_revoking_a_refresh_token_ends_the_family(signed_in, tokens, hint):
    assert revoke(signed_in, tokens["refresh_token"], **hint) == 200
    assert signed_in.userinfo(tokens["access_token"]).status_code == 401
    assert signed_in.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert Grant.objects.get().ended_by == "client"


def test_revoking_a_replaced_refresh_token_ends_the_family_too(signed_in, tokens):
    following = signed_in.refresh(tokens["refresh_token"]).json()
    assert revoke(signed_in, tokens["refresh_token"]) == 200
    assert signed_in.refresh(following["refresh_token"]).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
@pytest.mark.parametrize("who", ["other", "orders"])
def test_another_client_ends_nothing(signed_in, tokens, other, orders, kind, who):
    assert revoke(signed_in, tokens[kind], who=who) == 200
    assert signed_in.userinfo(tokens["access_token"]).status_code == 200
    assert signed_in.refresh(tokens["refresh_token"]).status_code == 200


def test_revoking_twice_is_as_good_as_once(signed_in, tokens):
    for kind in ("access_token", "refresh_token"):
        assert [revoke(signed_in, tokens[kind]) for _ in range(2)] == [200, 200]


def test_a_code_is_neither(signed_in, payroll):
    code = signed_in.code()
    assert introspect(signed_in, code) == INACTIVE
    assert revoke(signed_in, code) == 200
    assert signed_in.redeem(code).status_code == 200


def test_one_proof_is_not_an_introspection(signed_in, tokens):
    """A proof of possession proves nothing about who asks."""
    response = signed_in.http.post(
        "/introspect", {"token": tokens["access_token"]}, headers={"dpop": proof()}, secure=True
    )
    assert response.status_code == 401


def test_a_resource_server_gets_no_tokens(signed_in, orders):
    assert signed_in.token(authorization=basic(client_id="orders"), grant_type="client_credentials").json() == {
        "error": "unauthorized_client",
        "error_description": "The client is not authorized to use 'grant_type=client_credentials'",
    }
    refused = signed_in.redeem(signed_in.code(), authorization=basic(client_id="orders"), redirect_uri=CALLBACK)
    assert refused.json()["error"] in ("unauthorized_client", "invalid_grant")

"""Tokens for resource servers: by RFC 8707 for whom, by RFC 9068 as JWTs, and for a client itself (RFC 6749 4.4)."""

import json
import time

import pytest
from joserfc import jws, jwt
from joserfc.jwk import KeySet

from idp.models import AccessToken, Grant
from idp.oidc import jose
from tests.conftest import make_client
from tests.idp.oidc.conftest import ISSUER, Browser, basic
from tests.idp.oidc.proofs import key_for, proof
from tests.idp.oidc.test_bound_tokens import bound
from tests.idp.oidc.test_budget import Counted

ORDERS = "https://orders.contoso.example/"
STOCK = "https://stock.contoso.example/api"
OFFLINE = "openid profile offline_access"


@pytest.fixture
def payroll(payroll):
    payroll.resources = [ORDERS, STOCK]
    payroll.access_token_format = "jwt"
    payroll.save()
    return payroll


@pytest.fixture
def nightly(db):
    return make_client("nightly", grant_types=["client_credentials"], redirect_uris=[], scope="", resources=[ORDERS])


def read(token, *, alg="ES256"):
    published = KeySet.import_key_set(json.loads(Browser().http.get("/jwks", secure=True).content))
    return jwt.decode(token, published, registry=jose.registry([alg]))


def for_itself(**parameters):
    who = basic(client_id=parameters.pop("who", "nightly"))
    return Browser().token(authorization=who, grant_type="client_credentials", **parameters)


# --- RFC 9068 ------------------------------------------------------------------------------------------------------


def test_a_jwt_says_who_for_whom_and_what_for(signed_in, payroll, jane):
    tokens = signed_in.tokens(scope=OFFLINE, resource=ORDERS)
    token = read(tokens["access_token"])
    assert token.header["typ"] == "at+jwt"
    claims = token.claims
    grant = Grant.objects.get()
    assert claims.pop("jti")
    assert claims.pop("exp") - claims["iat"] == tokens["expires_in"]
    assert abs(claims.pop("iat") - time.time()) < 10
    assert claims == {
        "iss": ISSUER,
        "sub": jane.sub,
        "aud": ORDERS,
        "client_id": "payroll",
        "scope": OFFLINE,
        "auth_time": int(grant.auth_time.timestamp()),
        "acr": grant.acr,
        "amr": ["pwd"],
    }


def test_without_a_resource_it_is_for_userinfo(signed_in, payroll):
    token = signed_in.tokens()["access_token"]
    assert read(token).claims["aud"] == ISSUER
    assert signed_in.userinfo(token).status_code == 200


def test_it_names_the_key_it_is_bound_to(signed_in, payroll):
    token = bound(signed_in)["access_token"]
    assert read(token).claims["cnf"] == {"jkt": key_for("ES256").thumbprint()}
    assert len(token) > 400


def test_it_ends_like_any_other(signed_in, payroll):
    token = signed_in.tokens()["access_token"]
    signed_in.http.post("/revoke", {"token": token}, headers={"authorization": basic()}, secure=True)
    assert signed_in.userinfo(token).status_code == 401


def test_it_is_neither_an_id_token_nor_the_other_way_round(signed_in, payroll):
    tokens = signed_in.tokens()
    assert "invalid_request" in signed_in.authorize(id_token_hint=tokens["access_token"])["Location"]
    assert signed_in.userinfo(tokens["id_token"]).status_code == 401


@pytest.mark.parametrize("alg", ["ES256", "PS256", "EdDSA", "RS256"])
def test_it_is_signed_as_the_client_registered(signed_in, payroll, alg):
    payroll.id_token_signed_response_alg = alg
    payroll.save()
    token = signed_in.tokens()["access_token"]
    assert jws.extract_compact(token.encode()).headers()["alg"] == alg
    assert read(token, alg=alg).claims["aud"] == ISSUER


def test_an_altered_one_is_unknown(signed_in, payroll):
    token = signed_in.tokens()["access_token"]
    assert signed_in.userinfo(token[:-2] + ("AA" if token[-2:] != "AA" else "BB")).status_code == 401


def test_signing_costs_no_statement(signed_in, payroll):
    signed_in.tokens()
    code = signed_in.code()
    with Counted() as counted:
        signed_in.redeem(code)
    assert len(counted.statements) == 2, counted.statements


# --- RFC 8707 --------------------------------------------------------------------------------------------------------


def test_a_token_for_another_does_not_open_userinfo(signed_in, payroll):
    tokens = signed_in.tokens(scope=OFFLINE, resource=ORDERS)
    refused = signed_in.userinfo(tokens["access_token"])
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_token")
    ours = signed_in.refresh(tokens["refresh_token"], resource=ISSUER).json()
    assert signed_in.userinfo(ours["access_token"]).status_code == 200


def test_each_token_is_for_some_of_what_was_granted(signed_in, payroll):
    tokens = signed_in.tokens(scope=OFFLINE, resource=[ORDERS, STOCK])
    assert read(tokens["access_token"]).claims["aud"] == [ORDERS, STOCK]
    one = signed_in.refresh(tokens["refresh_token"], resource=STOCK).json()
    assert read(one["access_token"]).claims["aud"] == STOCK
    both = signed_in.refresh(one["refresh_token"], resource=[STOCK, ORDERS, STOCK]).json()
    assert read(both["access_token"]).claims["aud"] == [STOCK, ORDERS]
    again = signed_in.refresh(both["refresh_token"]).json()
    assert read(again["access_token"]).claims["aud"] == [ORDERS, STOCK]


@pytest.mark.parametrize(
    "resource", [STOCK, "https://evil.example/", "x", ORDERS + "#x", [ORDERS, STOCK], [ORDERS, ISSUER]]
)
def test_nothing_that_was_not_granted_and_asking_costs_nothing(signed_in, payroll, resource):
    tokens = signed_in.tokens(scope=OFFLINE, resource=ORDERS)
    refused = signed_in.refresh(tokens["refresh_token"], resource=resource)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_target")
    assert signed_in.refresh(tokens["refresh_token"]).status_code == 200


def test_a_code_is_redeemed_for_some_of_what_was_granted(signed_in, payroll):
    code = signed_in.code(resource=[ORDERS, STOCK])
    assert read(signed_in.redeem(code, resource=STOCK).json()["access_token"]).claims["aud"] == STOCK
    code = signed_in.code(resource=ORDERS)
    assert signed_in.redeem(code, resource=STOCK).json()["error"] == "invalid_target"


# --- For the client itself ---------------------------------------------------------------------------------------


def test_a_client_gets_a_token_of_its_own(nightly):
    response = for_itself()
    assert response.json() == {
        "access_token": response.json()["access_token"],
        "token_type": "Bearer",
        "expires_in": 600,
    }
    assert response["Cache-Control"] == "no-store"
    grant = Grant.objects.get()
    assert (grant.user, grant.sub, AccessToken.objects.get().resources) == (None, "nightly", [ORDERS])


def test_as_a_jwt_it_speaks_of_the_client(nightly, jane):
    nightly.access_token_format = "jwt"
    nightly.save()
    claims = read(for_itself().json()["access_token"]).claims
    assert (claims["sub"], claims["client_id"], claims["aud"]) == ("nightly", "nightly", ORDERS)
    assert not {"auth_time", "acr", "amr", "scope"} & claims.keys()


def test_it_opens_nothing_about_a_person(nightly, signed_in):
    nightly.resources = []
    nightly.save()
    token = for_itself().json()["access_token"]
    assert signed_in.userinfo(token).status_code == 403
    told = signed_in.http.post(
        "/introspect", {"token": token}, headers={"authorization": basic(client_id="nightly")}, secure=True
    ).json()
    assert (told["active"], told["sub"], told["aud"]) == (True, "nightly", ISSUER)


@pytest.mark.parametrize("scope", ["openid", "offline_access", "openid offline_access", "profile", "orders.read"])
def test_there_is_no_scope_without_a_person(nightly, scope):
    assert for_itself(scope=scope).json()["error"] == "invalid_scope"
    assert not AccessToken.objects.exists()


@pytest.mark.parametrize(
    ("changes", "parameters", "error"),
    [
        ({"grant_types": ["authorization_code"]}, {}, "unauthorized_client"),
        ({"token_endpoint_auth_method": "none", "client_secret_hash": ""}, {}, "invalid_client"),
        ({}, {"resource": STOCK}, "invalid_target"),
        ({"dpop_bound_access_tokens": True}, {}, "invalid_dpop_proof"),
    ],
)
def test_what_it_may_not(nightly, changes, parameters, error):
    for name, value in changes.items():
        setattr(nightly, name, value)
    nightly.save()
    assert for_itself(**parameters).json()["error"] == error
    assert not Grant.objects.exists()


def test_a_public_client_has_no_credentials(db):
    make_client("native", token_endpoint_auth_method="none", client_secret_hash="", grant_types=["client_credentials"])
    response = Browser().token(authorization="", client_id="native", grant_type="client_credentials")
    assert response.json()["error"] in ("invalid_client", "unauthorized_client")
    assert not Grant.objects.exists()


def test_it_can_be_bound(nightly):
    response = Browser().http.post(
        "/token",
        {"grant_type": "client_credentials"},
        headers={"authorization": basic(client_id="nightly"), "dpop": proof()},
        secure=True,
    )
    assert response.json()["token_type"] == "DPoP"
    assert AccessToken.objects.get().dpop_jkt == key_for("ES256").thumbprint()


def test_it_costs_two(nightly):
    for_itself()
    with Counted() as counted:
        for_itself()
    assert len(counted.statements) == 2, counted.statements

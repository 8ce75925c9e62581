"""Tokens bound to a key (RFC 9449): what each endpoint asks of whoever shows one."""

import re

import pytest
from joserfc import jws

from idp.models import AccessToken, Grant
from idp.oidc import assertions
from tests.conftest import CALLBACK, make_client
from tests.idp.oidc.conftest import CHALLENGE, VERIFIER, answer, basic
from tests.idp.oidc.proofs import key_for, proof
from tests.idp.oidc.test_assertions import TOKEN, assertion, jwks
from tests.idp.oidc.test_budget import Counted

USERINFO = "https://id.contoso.example/userinfo"
OFFLINE = "openid offline_access"
JKT = key_for("ES256").thumbprint()
OTHER = key_for("ES256", 1)
EXCHANGE = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER}


def post(browser, path="/token", *, headers=None, **parameters):
    return browser.http.post(path, parameters, headers=headers or {}, secure=True)


def redeem(browser, code, *, shown=None, **more):
    headers = {"authorization": basic()} | ({"dpop": shown} if shown is not None else {})
    return post(browser, headers=headers, code=code, **EXCHANGE, **more)


def bound(browser, **changes):
    response = redeem(browser, browser.code(**changes), shown=proof())
    assert response.status_code == 200, response.content
    return response.json()


def read(browser, token, *, scheme="DPoP", shown=None, method="GET"):
    headers = {"authorization": f"{scheme} {token}"} | ({"dpop": shown} if shown is not None else {})
    return browser.http.generic(method, "/userinfo", headers=headers, secure=True)


def good(token, key=None, **changes):
    return proof(key, **{"method": "GET", "url": USERINFO, "token": token} | changes)


def test_a_proof_binds_the_token(signed_in):
    tokens = bound(signed_in)
    assert tokens["token_type"] == "DPoP"
    assert AccessToken.objects.get().dpop_jkt == JKT
    response = read(signed_in, tokens["access_token"], shown=good(tokens["access_token"]))
    assert response.status_code == 200
    assert "DPoP-Nonce" not in response


@pytest.mark.parametrize("scheme", ["DPoP", "dPOP", "dpop", "DPOP"])
def test_the_scheme_has_a_name_in_any_case(signed_in, scheme):
    token = bound(signed_in)["access_token"]
    assert read(signed_in, token, scheme=scheme, shown=good(token)).status_code == 200


REFUSED = {
    "no proof": (lambda _token: None, "DPoP", "invalid_dpop_proof"),
    "the scheme Bearer": (good, "Bearer", "invalid_token"),
    "the scheme Bearer and no proof": (lambda _token: None, "bearer", "invalid_token"),
    "another key": (lambda token: good(token, OTHER), "DPoP", "invalid_token"),
    "no ath": (lambda token: good(token, ath=None), "DPoP", "invalid_dpop_proof"),
    "the ath of another token": (lambda _token: good("another"), "DPoP", "invalid_dpop_proof"),
    "another method": (lambda token: good(token, htm="POST"), "DPoP", "invalid_dpop_proof"),
    "another address": (lambda token: good(token, htu=TOKEN), "DPoP", "invalid_dpop_proof"),
    "two proofs": (lambda token: f"{good(token)}, {good(token)}", "DPoP", "invalid_dpop_proof"),
    "RS256": (lambda token: good(token, alg="RS256"), "DPoP", "invalid_dpop_proof"),
    "not a proof": (lambda _token: "nonsense", "DPoP", "invalid_dpop_proof"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_who_does_not_hold_the_key_reads_nothing_and_its_holder_still_does(signed_in, name):
    make, scheme, error = REFUSED[name]
    token = bound(signed_in)["access_token"]
    response = read(signed_in, token, scheme=scheme, shown=make(token))
    assert (response.status_code, response.json()["error"]) == (401, error)
    assert re.fullmatch(
        rf'DPoP realm="userinfo", error="{error}", error_description="[^"]+", algs="ES256 PS256 EdDSA"',
        response["WWW-Authenticate"],
    )
    assert response["Cache-Control"] == "no-store"
    assert read(signed_in, token, shown=good(token)).status_code == 200


def test_the_same_proof_is_no_use_twice(signed_in):
    token = bound(signed_in)["access_token"]
    shown = good(token)
    assert read(signed_in, token, shown=shown).status_code == 200
    again = read(signed_in, token, shown=shown)
    assert (again.status_code, again.json()["error"]) == (401, "invalid_dpop_proof")


def test_an_unbound_token_is_not_for_the_scheme_dpop(signed_in):
    token = signed_in.tokens()["access_token"]
    assert read(signed_in, token, shown=good(token)).json()["error"] == "invalid_token"
    assert signed_in.userinfo(token).status_code == 200


def test_a_bound_token_is_not_for_the_body(signed_in):
    token = bound(signed_in)["access_token"]
    shown = good(token, method="POST")
    response = post(signed_in, "/userinfo", headers={"dpop": shown}, access_token=token)
    assert response.json()["error"] == "invalid_token"
    assert read(signed_in, token, method="POST", shown=good(token, method="POST")).status_code == 200


def test_a_bad_proof_leaves_the_code_alone(signed_in):
    code = signed_in.code()
    refused = redeem(signed_in, code, shown=proof(htu=USERINFO))
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_dpop_proof")
    assert redeem(signed_in, code, shown=proof()).status_code == 200


# --- The code is bound as well ---------------------------------------------------------------------------------


def test_a_code_bound_to_a_key_goes_with_that_key(signed_in):
    assert redeem(signed_in, signed_in.code(dpop_jkt=JKT), shown=proof()).status_code == 200


@pytest.mark.parametrize("shown", [lambda: None, lambda: proof(OTHER)])
def test_a_code_bound_to_a_key_is_worth_nothing_without_it(signed_in, shown):
    code = signed_in.code(dpop_jkt=JKT)
    assert redeem(signed_in, code, shown=shown()).json()["error"] == "invalid_grant"
    assert redeem(signed_in, code, shown=proof()).json()["error"] == "invalid_grant", "one try"
    assert not AccessToken.objects.exists()


# --- Who must ----------------------------------------------------------------------------------------------------


def test_a_client_that_must_prove_possession_gets_nothing_without(signed_in, payroll):
    payroll.dpop_bound_access_tokens = True
    payroll.save()
    code = signed_in.code(scope=OFFLINE)
    assert redeem(signed_in, code).json()["error"] == "invalid_dpop_proof"
    tokens = redeem(signed_in, code, shown=proof()).json()
    assert signed_in.refresh(tokens["refresh_token"]).json()["error"] == "invalid_dpop_proof"


@pytest.fixture
def native(db):
    return make_client("native", token_endpoint_auth_method="none", client_secret_hash="", skip_consent=True)


def test_a_public_clients_refresh_token_is_bound(signed_in, native):
    code = signed_in.code(client_id="native", scope=OFFLINE)
    first = post(signed_in, headers={"dpop": proof()}, client_id="native", code=code, **EXCHANGE).json()

    def refresh(token, shown):
        headers = {"dpop": shown} if shown else {}
        return post(signed_in, headers=headers, client_id="native", grant_type="refresh_token", refresh_token=token)

    for shown in (None, proof(OTHER)):
        refused = refresh(first["refresh_token"], shown)
        assert refused.json()["error"] == "invalid_grant"
    second = refresh(first["refresh_token"], proof()).json()
    assert second["token_type"] == "DPoP"
    assert refresh(second["refresh_token"], proof()).status_code == 200, "a thief's attempts took nothing away"


def test_a_confidential_clients_refresh_token_is_bound_to_the_client(signed_in):
    tokens = bound(signed_in, scope=OFFLINE, dpop_jkt=JKT)
    again = post(
        signed_in,
        headers={"authorization": basic(), "dpop": proof(OTHER)},
        grant_type="refresh_token",
        refresh_token=tokens["refresh_token"],
    )
    assert again.status_code == 200, "RFC 9449 5: it may change its key"
    assert AccessToken.objects.order_by("issued_at").last().dpop_jkt == OTHER.thumbprint()


# --- The profile ---------------------------------------------------------------------------------------------------


@pytest.fixture
def bank(db):
    return make_client(
        "bank",
        profile="fapi2",
        token_endpoint_auth_method="private_key_jwt",
        client_secret_hash="",
        jwks=jwks(),
        skip_consent=True,
        id_token_signed_response_alg="RS256",
    )


def asserted(**claims):
    made = assertion(iss="bank", sub="bank", **claims)
    return {"client_assertion_type": assertions.TYPE, "client_assertion": made}


def granted(browser, **changes):
    pushed = post(
        browser,
        "/par",
        response_type="code",
        client_id="bank",
        redirect_uri=CALLBACK,
        scope=OFFLINE,
        state="s",
        code_challenge=CHALLENGE,
        code_challenge_method="S256",
        **asserted(),
        **changes,
    )
    assert pushed.status_code == 201, pushed.content
    request = {"client_id": "bank", "request_uri": pushed.json()["request_uri"]}
    response = browser.http.get("/authorize", request, secure=True)
    if response["Location"].startswith("/continue"):
        response = browser.http.get(response["Location"], secure=True)
    return answer(response)["code"]


def test_the_profile_end_to_end(signed_in, bank):
    code = granted(signed_in)
    assert post(signed_in, code=code, **EXCHANGE, **asserted()).json()["error"] == "invalid_dpop_proof"
    tokens = post(signed_in, headers={"dpop": proof()}, code=code, **EXCHANGE, **asserted()).json()
    assert tokens["token_type"] == "DPoP"
    assert jws.extract_compact(tokens["id_token"].encode()).headers()["alg"] == "ES256", "never RS256"
    token = tokens["access_token"]
    assert read(signed_in, token, shown=good(token)).status_code == 200


def test_its_refresh_token_stays_the_same(signed_in, bank):
    tokens = post(signed_in, headers={"dpop": proof()}, code=granted(signed_in), **EXCHANGE, **asserted()).json()
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    for _ in range(3):
        again = post(signed_in, headers={"dpop": proof()}, **refresh, **asserted())
        assert again.status_code == 200
        assert "refresh_token" not in again.json()
    assert Grant.objects.get().refresh_generation == 1
    assert post(signed_in, **refresh, **asserted()).json()["error"] == "invalid_dpop_proof"
    assert post(signed_in, headers={"dpop": proof()}, client_id="bank", **refresh).json()["error"] == "invalid_client"


# --- A nonce, where the policy asks for one ------------------------------------------------------------------------


def test_a_nonce_is_offered_and_taken(signed_in, settings):
    settings.IDP = settings.IDP | {"dpop_nonce_required": True}
    code = signed_in.code()
    first = redeem(signed_in, code, shown=proof())
    assert (first.status_code, first.json()["error"]) == (400, "use_dpop_nonce")
    offered = first["DPoP-Nonce"]
    second = redeem(signed_in, code, shown=proof(nonce=offered))
    assert second.status_code == 200
    assert second["DPoP-Nonce"]
    token = second.json()["access_token"]
    asked = read(signed_in, token, shown=good(token))
    assert (asked.status_code, asked.json()["error"]) == (401, "use_dpop_nonce")
    assert 'error="use_dpop_nonce"' in asked["WWW-Authenticate"]
    assert read(signed_in, token, shown=good(token, nonce=asked["DPoP-Nonce"])).status_code == 200


# --- What it costs ---------------------------------------------------------------------------------------------------


def test_a_proof_costs_one_statement_and_an_assertion_another(signed_in, bank):
    bound(signed_in)
    code = signed_in.code()
    with Counted() as counted:
        tokens = redeem(signed_in, code, shown=proof()).json()
    assert len(counted.statements) == 3, counted.statements
    with Counted() as counted:
        read(signed_in, tokens["access_token"], shown=good(tokens["access_token"]))
    assert len(counted.statements) == 2, counted.statements
    code = granted(signed_in)
    with Counted() as counted:
        assert post(signed_in, headers={"dpop": proof()}, code=code, **EXCHANGE, **asserted()).status_code == 200
    assert len(counted.statements) == 5, counted.statements

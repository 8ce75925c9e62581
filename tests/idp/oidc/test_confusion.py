"""Every kind of token in every place that takes another kind (OI-16): each is good in one place and nowhere else."""

import pytest
from django.utils import timezone

from idp.models import Grant
from idp.oidc import assertions, backchannel
from tests.conftest import CALLBACK
from tests.idp.oidc.conftest import ISSUER, VERIFIER, basic
from tests.idp.oidc.proofs import key_for, proof, public, sign
from tests.idp.oidc.test_assertions import seconds

OFFLINE = "openid offline_access"
KEY = key_for("ES256")


@pytest.fixture
def every(signed_in, payroll):
    """One of each kind, all of the same person, client and key."""
    opaque = signed_in.tokens(scope=OFFLINE)
    payroll.access_token_format = "jwt"
    payroll.jwks = {"keys": [public(KEY, kid="one")]}
    payroll.save()
    claims = {"iss": "payroll", "sub": "payroll", "aud": ISSUER, "jti": "x", "exp": seconds(60)}
    return {
        "access token": opaque["access_token"],
        "JWT access token": signed_in.tokens()["access_token"],
        "ID token": opaque["id_token"],
        "refresh token": opaque["refresh_token"],
        "logout token": backchannel.token(Grant.objects.earliest("created_at"), now=timezone.now()),
        "code": signed_in.code(),
        "assertion": sign({"alg": "ES256", "kid": "one"}, claims, KEY),
        "proof": proof(),
    }


def as_bearer(browser, _client, token):
    return browser.userinfo(token).status_code == 200


def as_bound(browser, _client, token):
    shown = proof(method="GET", url=ISSUER + "/userinfo", token=token)
    headers = {"authorization": f"DPoP {token}", "dpop": shown}
    return browser.http.get("/userinfo", headers=headers, secure=True).status_code == 200


def as_hint(browser, _client, token):
    return "error=" not in browser.authorize(id_token_hint=token)["Location"]


def as_code(browser, _client, token):
    exchange = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    return browser.token(code=token, **exchange).status_code == 200


def as_refresh_token(browser, _client, token):
    return browser.refresh(token).status_code == 200


def as_secret(browser, _client, token):
    response = browser.token(authorization=basic(secret=token), grant_type="refresh_token")
    return response.status_code != 401


def as_assertion(browser, client, token):
    client.token_endpoint_auth_method = "private_key_jwt"
    client.save()
    body = {"client_assertion_type": assertions.TYPE, "client_assertion": token, "grant_type": "refresh_token"}
    return browser.token(authorization="", **body).status_code != 401


def as_proof(browser, _client, token):
    headers = {"authorization": basic(), "dpop": token}
    body = {"grant_type": "authorization_code", "code": "x", "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    response = browser.http.post("/token", body, headers=headers, secure=True)
    return response.json()["error"] != "invalid_dpop_proof"


def as_session(browser, _client, token):
    browser.http.cookies["__Host-regain-session"] = token
    return "code=" in browser.authorize(prompt="none")["Location"]


PLACES = {
    as_bearer: {"access token", "JWT access token"},
    as_bound: set(),
    as_hint: {"ID token"},
    as_code: {"code"},
    as_refresh_token: {"refresh token"},
    as_secret: set(),
    as_assertion: {"assertion"},
    as_proof: {"proof"},
    as_session: set(),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_token_is_good_in_its_own_place(signed_in, payroll, every, place):
    assert {kind for kind, token in every.items() if place(signed_in, payroll, token)} == PLACES[place]

"""The FAPI 2.0 Security Profile from the first request to the last, with private_key_jwt and DPoP."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from idp.models import Grant, Interaction
from idp.oidc import assertions, client_keys
from tests.conftest import CALLBACK, make_client
from tests.idp.oidc.conftest import ISSUER, VERIFIER, answer
from tests.idp.oidc.proofs import key_for, proof
from tests.idp.oidc.pushing import bring, push
from tests.idp.oidc.test_assertions import assertion, jwks, seconds

PAR, TOKEN = f"{ISSUER}/par", f"{ISSUER}/token"
#: Authenticates by a body parameter, and by no header.
BODY = {"authorization": "", "client_assertion_type": assertions.TYPE}


@pytest.fixture(autouse=True)
def _nothing_fetched():
    client_keys.forget()
    yield
    client_keys.forget()


def make_bank(client_id, **fields):
    return make_client(
        client_id,
        **{
            "profile": "fapi2",
            "token_endpoint_auth_method": "private_key_jwt",
            "client_secret_hash": "",
            "jwks": jwks(),
            "skip_consent": True,
            "dpop_bound_access_tokens": True,
            "require_pushed_authorization_requests": True,
            **fields,
        },
    )


@pytest.fixture
def bank(browser, jane):
    make_bank("bank")
    browser.sign_in(jane)
    return browser


def by(client_id="bank", **claims):
    return assertion(**{"iss": client_id, "sub": client_id} | claims)


def push_as(browser, client_id="bank", *, claims=None, **changes):
    value = by(client_id, **(claims or {}))
    return push(browser, **BODY, client_id=client_id, client_assertion=value, **changes)


def code_for(browser, **changes):
    response = push_as(browser, **changes)
    assert response.status_code == 201, response.content
    return answer(bring(browser, response.json()["request_uri"], client_id="bank"))["code"]


def redeem(browser, code, *, key=None, proven=True, client_id="bank", **changes):
    body = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        "client_id": client_id,
        "client_assertion_type": assertions.TYPE,
        "client_assertion": by(client_id),
    } | changes
    headers = {"dpop": proof(key or key_for("ES256"), url=TOKEN)} if proven else {}
    body = {name: value for name, value in body.items() if value is not None}
    return browser.http.post("/token", body, headers=headers, secure=True)


def test_the_happy_flow(bank):
    tokens = redeem(bank, code_for(bank)).json()
    assert tokens["token_type"] == "DPoP"
    shown = {"authorization": f"DPoP {tokens['access_token']}"}
    url = f"{ISSUER}/userinfo"
    good = proof(method="GET", url=url, token=tokens["access_token"])
    assert bank.http.get("/userinfo", headers=shown | {"dpop": good}, secure=True).status_code == 200
    assert bank.http.get("/userinfo", headers=shown, secure=True).status_code == 401
    bearer = {"authorization": f"Bearer {tokens['access_token']}"}
    assert bank.http.get("/userinfo", headers=bearer, secure=True).status_code == 401


def test_the_key_that_was_pushed_is_the_key_that_redeems(bank):
    mine, other = key_for("ES256"), key_for("ES256", 1)
    for bound in (lambda: {"dpop_jkt": mine.thumbprint()}, lambda: {"proof": proof(mine, url=PAR)}):
        assert redeem(bank, code_for(bank, **bound()), key=mine).status_code == 200
        refused = redeem(bank, code_for(bank, **bound()), key=other)
        assert refused.status_code == 400
        assert refused.json()["error"] in ("invalid_grant", "invalid_dpop_proof")


def test_without_a_key_there_are_no_tokens(bank):
    assert redeem(bank, code_for(bank), proven=False).status_code == 400


@pytest.mark.parametrize("verifier", [None, "", "w" * 43])
def test_the_verifier_is_needed_and_right(bank, verifier):
    refused = redeem(bank, code_for(bank), code_verifier=verifier)
    assert refused.status_code == 400
    assert refused.json()["error"] in ("invalid_grant", "invalid_request")


def test_a_code_is_bound_to_its_client_and_its_minute(bank):
    make_bank("other")
    code = code_for(bank)
    assert redeem(bank, code, client_id="other").json()["error"] == "invalid_grant"
    with time_machine.travel(timezone.now() + timedelta(seconds=62)):
        late = redeem(bank, code)
        assert late.json().get("error") == "invalid_grant"


def test_a_code_used_again_a_second_later_ends_its_tokens(bank):
    code = code_for(bank)
    assert redeem(bank, code).status_code == 200
    with time_machine.travel(timezone.now() + timedelta(seconds=1)):
        assert redeem(bank, code).json()["error"] == "invalid_grant"
    assert Grant.objects.get().ended_at


# --- The client's assertion, at the endpoint for pushed requests -----------------------------------------------------

AUDIENCES = [
    (ISSUER, True),
    ([ISSUER], False),
    ([ISSUER, PAR], False),
    (PAR, False),
    (TOKEN, False),
    (f"{ISSUER}/", False),
    ("https://other.example", False),
]


@pytest.mark.parametrize(("audience", "good"), AUDIENCES, ids=[str(each) for each, _ in AUDIENCES])
def test_the_audience_is_the_issuer_as_a_text(bank, audience, good):
    response = push_as(bank, claims={"aud": audience})
    assert response.status_code == (201 if good else 401)
    assert good or response.json()["error"] == "invalid_client"
    assert Interaction.objects.exists() == good


TIMES = [
    ({"nbf": 8}, True),
    ({"nbf": 90}, False),
    ({"iat": 8}, True),
    ({"exp": -300}, False),
]


@pytest.mark.parametrize(("times", "good"), TIMES, ids=[str(each) for each, _ in TIMES])
def test_clocks_may_differ_by_seconds_and_not_by_minutes(bank, times, good):
    claims = {name: seconds(away) for name, away in times.items()}
    assert push_as(bank, claims=claims).status_code == (201 if good else 401)


@pytest.mark.parametrize("alg", ["RS256", "PS256", "EdDSA"])
def test_rs256_is_not_good_enough(bank, alg):
    assert push_as(bank, claims={"alg": alg}).status_code == (401 if alg == "RS256" else 201)


def test_two_clients_are_told_apart(bank):
    make_bank("other", jwks=jwks(1))
    for client_id, named in (("bank", "other"), ("other", "bank")):
        response = push(bank, **BODY, client_id=named, client_assertion=by(client_id))
        assert response.status_code in (400, 401)
    assert not Interaction.objects.exists()

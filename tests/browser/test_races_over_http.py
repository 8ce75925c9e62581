"""What is good once, shown thirty times at once to running processes: real requests, real connections."""

import time
from base64 import urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from secrets import token_urlsafe
from threading import Barrier
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
import requests

from tests.browser.visitor import Visitor, sign_in
from tests.idp.oidc.proofs import key_for, proof, public, sign
from tests.processes import PAPER, register

pytestmark = pytest.mark.processes

AT_ONCE = 30
VERIFIER = "a-verifier-of-43-characters-or-more-as-it-must-be"
CHALLENGE = urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


def at_once(act, times=AT_ONCE):
    """What `act` returned to each of `times` threads that began together."""
    ready = Barrier(times)

    def run(_number):
        ready.wait(30)
        return act()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(run, range(times)))


def token(regain, **parameters):
    client = tuple(quote(regain.paper[name], safe="") for name in ("client_id", "client_secret"))
    return requests.post(f"{regain.issuer}/token", parameters, auth=client, timeout=60)


@pytest.fixture
def code(regain):
    """A fresh code for the application on paper."""
    visitor = Visitor(regain)
    request = {
        "client_id": regain.paper["client_id"],
        "redirect_uri": PAPER,
        "response_type": "code",
        "scope": "openid offline_access",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    visitor.open(f"/authorize?{urlencode(request)}")
    sign_in(visitor, regain.somebody(), until=PAPER)
    if not visitor.url.startswith(PAPER):
        visitor.submit(decision="allow", until=PAPER)
    (code,) = parse_qs(urlsplit(visitor.url).query)["code"]
    return code


def redeem(regain, code):
    exchange = {"grant_type": "authorization_code", "code": code, "redirect_uri": PAPER, "code_verifier": VERIFIER}
    return token(regain, **exchange)


def test_thirty_redemptions_of_one_code_are_one(regain, code):
    answers = at_once(lambda: redeem(regain, code))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * (AT_ONCE - 1)
    (good,) = (answer.json() for answer in answers if answer.status_code == 200)
    bearer = {"Authorization": f"Bearer {good['access_token']}"}
    assert requests.get(f"{regain.issuer}/userinfo", headers=bearer, timeout=20).status_code == 401, "shown twice"
    again = token(regain, grant_type="refresh_token", refresh_token=good["refresh_token"])
    assert again.json()["error"] == "invalid_grant"


def test_thirty_refreshes_with_one_token_are_one(regain, code):
    refresh = {"grant_type": "refresh_token", "refresh_token": redeem(regain, code).json()["refresh_token"]}
    answers = at_once(lambda: token(regain, **refresh))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * (AT_ONCE - 1)


def test_thirty_showings_of_one_assertion_are_one(regain):
    key = key_for("ES256")
    nightly = register(
        regain,
        {
            "client_name": "Nightly",
            "grant_types": ["client_credentials"],
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks": {"keys": [public(key, kid="one")]},
        },
    )["client_id"]
    claims = {"iss": nightly, "sub": nightly, "aud": regain.issuer, "jti": token_urlsafe(9), "exp": time.time() + 60}
    shown = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": sign({"alg": "ES256", "kid": "one"}, claims, key),
    }
    answers = at_once(lambda: requests.post(f"{regain.issuer}/token", shown, timeout=60).status_code)
    assert sorted(answers) == [200] + [401] * (AT_ONCE - 1)


def test_thirty_showings_of_one_proof_are_one(regain):
    machine = register(regain, {"client_name": "Machine", "grant_types": ["client_credentials"]})
    client = tuple(quote(machine[name], safe="") for name in ("client_id", "client_secret"))
    headers = {"DPoP": proof(url=f"{regain.issuer}/token")}
    body = {"grant_type": "client_credentials"}

    def show():
        return requests.post(f"{regain.issuer}/token", body, headers=headers, auth=client, timeout=60).status_code

    assert sorted(at_once(show)) == [200] + [400] * (AT_ONCE - 1)

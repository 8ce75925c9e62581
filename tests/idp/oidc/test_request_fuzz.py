"""Whatever is sent to `/authorize` and `/par`: an answer of the protocol, to a registered place, in words of ours."""

import json
import os
import string
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from idp.oidc import claims_request, supported
from idp.oidc.claims_request import UnreadableError
from tests.idp.oidc.conftest import ask, basic
from tests.idp.oidc.test_authorization_request import DESCRIBABLE

EXAMPLES = int(os.environ.get("REGAIN_FUZZ_EXAMPLES", "150"))
MARK = "canary7"
HOST = "payroll.contoso.example"
_ours = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

NAMES = [
    *("client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce", "prompt", "max_age"),
    *("code_challenge", "code_challenge_method", "claims", "resource", "dpop_jkt", "acr_values", "display"),
    *("id_token_hint", "login_hint", "ui_locales", "claims_locales", "request", "request_uri", "registration"),
]
LIKELY = some.sampled_from(
    [
        *("", "none", "login", "none login", "code", "token", "form_post", "query", "fragment", "S256", "plain", "0"),
        *("openid", "openid offline_access", "-1", "9" * 30, "urn:ietf:params:oauth:request_uri:x", "a" * 5000),
        *('{"id_token":{"sub":{"value":"x"}}}', '{"userinfo":{"email":null}}', '{"a":' * 900, "e30.e30.", "é\u202e\n"),
        *(f"https://{MARK}.example/", f"//{MARK}.example", f"javascript:{MARK}", f"https://{HOST}@{MARK}.example/"),
        *(f'"><script>{MARK}</script>', f"\r\nLocation: https://{MARK}.example/", "\x00", "%00", "\ufffe"),
    ],
)
ANYTHING = some.text(some.characters(exclude_categories=["Cs"]), max_size=60).map(lambda text: MARK + text)
VALUES = LIKELY | ANYTHING | some.lists(LIKELY | ANYTHING, min_size=2, max_size=3)
CHANGES = some.dictionaries(some.sampled_from(NAMES), VALUES | some.none(), max_size=5)

JSON = some.recursive(
    some.none() | some.booleans() | some.floats() | some.integers() | some.text(max_size=20),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)
CLAIM = some.sampled_from([*supported.CLAIMS, "acr", "auth_time", "unknown"])
WISH = some.none() | JSON | some.dictionaries(some.sampled_from(["essential", "value", "values", "x"]), JSON)
CLAIMS = some.dictionaries(some.sampled_from([*claims_request.PLACES, "x"]), some.dictionaries(CLAIM, WISH) | JSON)


@_ours
@given(changes=CHANGES, by_form=some.booleans())
def test_authorize(signed_in, changes, by_form):
    parameters = ask(**changes)
    send = signed_in.http.post if by_form else signed_in.http.get
    response = send("/authorize", parameters, secure=True)
    assert response.status_code in (200, 303, 400), parameters
    target = urlsplit(response.get("Location", ""))
    assert target.netloc in ("", HOST), parameters
    assert "\n" not in response.get("Location", "")
    body = response.content.decode()
    if response.status_code == 200:
        assert f'action="https://{HOST}/callback"' in body, "an answer by form"
    else:
        assert MARK not in body, parameters


@_ours
@given(changes=CHANGES, who=some.sampled_from([basic(), "Basic x", "", "Bearer x", "DPoP x"]))
def test_par(signed_in, changes, who):
    parameters = ask(**changes)
    headers = {"authorization": who} if who else {}
    response = signed_in.http.post("/par", parameters, headers=headers, secure=True)
    assert response.status_code in (201, 400, 401), parameters
    document = response.json()
    assert response["Cache-Control"] == "no-store"
    assert MARK not in response.content.decode(), parameters
    if response.status_code == 201:
        assert set(document) == {"request_uri", "expires_in"}
        brought = {"client_id": "payroll", "request_uri": document["request_uri"]}
        answered = signed_in.http.get("/authorize", brought, secure=True)
        assert answered.status_code in (200, 303), parameters
        assert urlsplit(answered.get("Location", "")).netloc in ("", HOST), parameters
    else:
        assert set(document) <= {"error", "error_description"}
        assert set(document.get("error_description", "")) <= DESCRIBABLE


@_ours
@given(claims=CLAIMS)
def test_claims(signed_in, claims):
    response = signed_in.authorize(claims=json.dumps(claims))
    assert response.status_code == 303
    assert urlsplit(response["Location"]).netloc in ("", HOST)


@_ours
@given(text=some.text() | JSON.map(json.dumps) | some.text(alphabet=string.punctuation, max_size=200))
def test_claims_are_read_or_refused(text):
    try:
        asked = claims_request.read(text)
    except UnreadableError:
        asked = {}
    assert set(asked) <= set(claims_request.PLACES)
    json.dumps(asked, allow_nan=False).encode()


@pytest.mark.parametrize("proof", ["x", "a.b.c", "é", ",", "a" * 9000])
def test_a_header_of_nonsense_is_refused(signed_in, proof):
    headers = {"authorization": basic(), "dpop": proof}
    response = signed_in.http.post("/par", ask(), headers=headers, secure=True)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_dpop_proof")

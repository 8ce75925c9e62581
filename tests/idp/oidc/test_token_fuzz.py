"""Signed nonsense: whatever an assertion or a proof says, the answer is a refusal in order, and never a 500."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.idp.oidc.conftest import Browser, basic
from tests.idp.oidc.proofs import encoded, key_for, proof, public, sign
from tests.idp.oidc.test_assertions import ask, assertion, make_nightly, seconds

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.just("\ud800"),
    st.just("\x00"),
    st.just("nightly"),
    st.just("https://id.contoso.example"),
    st.just("https://[::1"),
    st.just(10**400),
    st.lists(st.text(max_size=5), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=3),
)
CLAIMS = st.dictionaries(
    st.sampled_from(["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "htm", "htu", "ath", "nonce", "x"]),
    ODD,
    max_size=4,
)
HEADER = st.dictionaries(
    st.sampled_from(["typ", "kid", "jwk", "jku", "x5c", "crit", "b64", "cty", "zip", "x"]), ODD, max_size=2
)
JWK = st.dictionaries(
    st.sampled_from(["kty", "crv", "x", "y", "n", "e", "use", "alg", "key_ops", "d"]), ODD, max_size=3
)
FEW = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def in_order(response):
    assert response.status_code in (200, 400, 401), (response.status_code, response.content)
    body = json.loads(response.content)
    description = body.get("error_description", "")
    assert description.isascii()
    assert '"' not in description
    assert "\\" not in description


@FEW
@given(header=HEADER, claims=CLAIMS)
def test_an_assertion_of_nonsense(db, header, claims):
    from idp.models import Client

    if not Client.objects.exists():
        make_nightly()
    in_order(ask(assertion(header=header, **claims)))


@FEW
@given(header=HEADER, claims=CLAIMS, jwk=st.one_of(st.none(), JWK))
def test_a_proof_of_nonsense(signed_in, header, claims, jwk):
    if jwk is not None:
        header = header | {"jwk": public(key_for("ES256")) | jwk}
    made = proof(header=header, **claims)
    headers = {"authorization": basic(), "dpop": made}
    body = {"grant_type": "authorization_code", "code": "x", "redirect_uri": "x", "code_verifier": "x" * 43}
    in_order(signed_in.http.post("/token", body, headers=headers, secure=True))


@FEW
@given(parts=st.lists(st.one_of(st.text(max_size=30), st.binary(max_size=30).map(encoded)), min_size=1, max_size=6))
def test_pieces_of_a_token(signed_in, parts):
    text = ".".join(parts).replace("\r", "").replace("\n", "")
    in_order(ask(text))
    token = text.encode("ascii", "ignore").decode()
    for path in ("/introspect", "/revoke"):
        in_order(signed_in.http.post(path, {"token": text}, headers={"authorization": basic()}, secure=True))
    in_order(Browser().http.get("/userinfo", headers={"authorization": f"DPoP {token}", "dpop": token}, secure=True))


NOT_NUMBERS = [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999"]


@pytest.mark.parametrize("number", NOT_NUMBERS)
@pytest.mark.parametrize("claim", ["exp", "iat", "nbf"])
def test_what_is_not_a_number_is_not_a_time(db, number, claim):
    """NaN is neither before nor after anything, and so passes every comparison."""
    make_nightly()
    claims = {"iss": "nightly", "sub": "nightly", "aud": "https://id.contoso.example", "jti": "x"}
    claims |= {"exp": seconds(60)} | {claim: "HERE"}
    payload = json.dumps(claims).encode().replace(b'"HERE"', number)
    response = ask(sign({"alg": "ES256", "kid": "ES256-0"}, payload, key_for("ES256")))
    assert response.status_code == 401

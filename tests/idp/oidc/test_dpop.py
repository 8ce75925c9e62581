"""Proofs of possession (RFC 9449 4.3): what is taken, what is refused, and that each is taken once."""

import time
from datetime import timedelta

import pytest
from django.test import RequestFactory
from django.utils import timezone
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from idp import tidying
from idp.models import Seen
from idp.oidc import dpop
from tests.idp.oidc.proofs import encoded, key_for, proof, public, sign, without_none
from tests.idp.oidc.test_races import at_once

URL = "https://id.contoso.example/userinfo"
TOKEN = "an access token"


def shown(value, *, token=TOKEN, method="GET", url=URL, name="DPoP"):
    headers = {} if value is None else {name: value}
    request = RequestFactory().generic(method, "/userinfo", headers=headers)
    return dpop.thumbprint(request, method=method, url=url, access_token=token, now=timezone.now())


def good(key=None, **changes):
    return proof(key, **{"method": "GET", "url": URL, "token": TOKEN} | changes)


def seconds(away):
    return int(time.time()) + away


def with_header(**members):
    return good(header=members)


def unsigned():
    head, body, _signature = good().split(".")
    return f"{head}.{body}."


def as_none():
    key = key_for("ES256")
    head = encoded({"typ": "dpop+jwt", "alg": "none", "jwk": public(key)})
    return f"{head}.{good(key).split('.')[1]}."


def tampered():
    head, body, signature = good().split(".")
    return f"{head}.{body}.{('B' if signature[0] == 'A' else 'A') + signature[1:]}"


def with_hmac():
    """Signed with the public key as if it were a secret."""
    key = key_for("ES256")
    return sign({"typ": "dpop+jwt", "alg": "HS256", "jwk": public(key)}, {"jti": "x"}, OctKey.import_key(b"x" * 32))


def a_dear_exponent():
    key = key_for("PS256")
    return good(alg="PS256", header={"jwk": public(key) | {"e": public(key)["n"]}})


def a_small_key():
    with pytest.warns(SecurityWarning):
        key = RSAKey.generate_key(1024)
    return good(key, alg="PS256")


REFUSED = {
    "two of them": lambda: f"{good()}, {good()}",
    "empty": lambda: "",
    "not a JWT": lambda: "nonsense",
    "two dots in nothing": lambda: "..",
    "five parts": lambda: good() + ".a.b",
    "JSON serialisation": lambda: '{"payload":"x"}',
    "no typ": lambda: with_header(typ=None),
    "typ JWT": lambda: with_header(typ="JWT"),
    "no alg": lambda: ".".join([encoded({"typ": "dpop+jwt", "jwk": public(key_for("ES256"))}), *good().split(".")[1:]]),
    "no jwk": lambda: with_header(jwk=None),
    "a jwk that is text": lambda: with_header(jwk="x"),
    "a jwk without a point": lambda: with_header(jwk={"kty": "EC", "crv": "P-256"}),
    "a secret for a key": lambda: with_header(jwk={"kty": "oct", "k": "AAAA"}),
    "the private key": lambda: with_header(jwk=key_for("ES256").as_dict(private=True)),
    "another's key": lambda: with_header(jwk=public(key_for("ES256", 1))),
    "crit": lambda: with_header(crit=["exp"]),
    "b64": lambda: with_header(b64=False),
    "RS256": lambda: good(alg="RS256"),
    "RS512": lambda: good(alg="RS512"),
    "ES384": lambda: good(alg="ES384"),
    "alg none": as_none,
    "HMAC": with_hmac,
    "unsigned": unsigned,
    "a wrong signature": tampered,
    "EdDSA on Ed448": lambda: good(OKPKey.generate_key("Ed448"), alg="EdDSA"),
    "an RSA key of 1024 bits": a_small_key,
    "an RSA key with a long exponent": a_dear_exponent,
    "a payload that is a list": lambda: sign(
        {"typ": "dpop+jwt", "alg": "ES256", "jwk": public(key_for("ES256"))}, b"[]", key_for("ES256")
    ),
    "a payload that is nested": lambda: sign(
        {"typ": "dpop+jwt", "alg": "ES256", "jwk": public(key_for("ES256"))},
        b'{"a":' + b"[" * 2500 + b"]" * 2500 + b"}",
        key_for("ES256"),
    )[:8000],
    "no jti": lambda: good(jti=None),
    "an empty jti": lambda: good(jti=""),
    "a jti that is a number": lambda: good(jti=7),
    "a long jti": lambda: good(jti="x" * 513),
    "no htm": lambda: good(htm=None),
    "another htm": lambda: good(htm="POST"),
    "htm in small letters": lambda: good(htm="get"),
    "no htu": lambda: good(htu=None),
    "another path": lambda: good(htu=URL + "/"),
    "another host": lambda: good(htu="https://evil.example/userinfo"),
    "another scheme": lambda: good(htu=URL.replace("https", "http")),
    "another port": lambda: good(htu=URL.replace(".example", ".example:444")),
    "a user in htu": lambda: good(htu=URL.replace("//", "//x@")),
    "an htu that is no address": lambda: good(htu="https://[::1"),
    "an htu that is a list": lambda: good(htu=[URL]),
    "no iat": lambda: good(iat=None),
    "an iat that is text": lambda: good(iat=str(seconds(0))),
    "an iat that is true": lambda: good(iat=True),
    "an hour old": lambda: good(iat=seconds(-3600)),
    "an hour ahead": lambda: good(iat=seconds(3600)),
    "no end of time": lambda: good(iat=10**400),
    "expired": lambda: good(exp=seconds(-3600)),
    "not valid yet": lambda: good(nbf=seconds(3600)),
    "no ath": lambda: good(token=None),
    "another ath": lambda: good(token="another"),
    "an ath that is a list": lambda: good(ath=[1]),
}


@pytest.mark.parametrize("make", REFUSED.values(), ids=list(REFUSED))
def test_a_bad_proof_is_refused_and_a_good_one_still_works(db, make):
    with pytest.raises(dpop.InvalidProofError) as refused:
        shown(make())
    assert refused.value.error == "invalid_dpop_proof"
    assert not Seen.objects.exists(), "a refused proof uses nothing up"
    assert refused.value(None)[0] == 400
    assert shown(good()) == key_for("ES256").thumbprint()


TAKEN = {
    "plain": good,
    "PS256": lambda: good(alg="PS256"),
    "EdDSA": lambda: good(alg="EdDSA"),
    "more members": lambda: good(header={"kid": "x", "more": {"a": 1}}, extra=[1], nonce="whatever"),
    "members in the key": lambda: with_header(jwk=public(key_for("ES256"), kid="k", use="sig", alg="ES256", more=1)),
    "a query": lambda: good(htu=URL + "?a=b"),
    "a fragment": lambda: good(htu=URL + "#x"),
    "scheme and host in capitals": lambda: good(htu="HTTPS://ID.CONTOSO.example/userinfo"),
    "the port said": lambda: good(htu=URL.replace(".example", ".example:443")),
    "ten seconds old": lambda: good(iat=seconds(-10)),
    "ten seconds ahead": lambda: good(iat=seconds(10)),
    "iat with a fraction": lambda: good(iat=seconds(0) + 0.5),
    "exp and nbf": lambda: good(exp=seconds(60), nbf=seconds(-5)),
}


@pytest.mark.parametrize("make", TAKEN.values(), ids=list(TAKEN))
def test_a_good_proof_is_taken_once(db, make):
    value = make()
    assert dpop.is_thumbprint(shown(value))
    with pytest.raises(dpop.InvalidProofError, match="used already"):
        shown(value)


def test_the_header_has_a_name_in_any_case_and_may_be_missing(db):
    assert shown(good(), name="dPoP")
    assert shown(None) is None


def test_elsewhere_no_hash_of_a_token_is_asked_for(db):
    url = "https://id.contoso.example/token"
    assert shown(proof(), token=None, method="POST", url=url)


def test_two_keys_may_use_the_same_jti(db):
    assert shown(good(jti="one")) != shown(good(ECKey.generate_key("P-256"), jti="one"))


def test_a_proof_names_nobody_in_the_database(db):
    shown(good(jti="telling"))
    assert "telling" not in Seen.objects.get().key


def test_what_was_seen_is_forgotten_when_it_is_too_old_to_be_taken(db):
    shown(good())
    assert tidying.sweep(timezone.now())["seen"] == 0
    assert tidying.sweep(timezone.now() + timedelta(seconds=125))["seen"] == 1


@pytest.fixture
def nonces(settings):
    settings.IDP = settings.IDP | {"dpop_nonce_required": True}


def test_a_nonce_is_asked_for_where_the_policy_says_so(db, nonces):
    for each in (good(), good(nonce="old"), good(nonce=7), good(nonce=[])):
        with pytest.raises(dpop.NonceNeededError) as needed:
            shown(each)
    offered = dict(needed.value.get_headers())["DPoP-Nonce"]
    assert shown(good(nonce=offered))


@pytest.mark.parametrize(("periods", "taken"), [(0, True), (1, True), (2, False)])
def test_a_nonce_is_good_for_this_period_and_the_next(db, nonces, periods, taken):
    offered = dpop.nonce(timezone.now() - timedelta(seconds=periods * 300))
    if taken:
        assert shown(good(nonce=offered))
    else:
        with pytest.raises(dpop.NonceNeededError):
            shown(good(nonce=offered))


@pytest.mark.django_db(transaction=True)
def test_thirty_showings_of_one_proof_at_once_are_one():
    value = good()

    def show():
        try:
            return shown(value)
        except dpop.InvalidProofError:
            return None

    answers = at_once(show)
    assert sum(answer is not None for answer in answers) == 1
    assert Seen.objects.count() == 1


def test_none_is_left_out():
    assert without_none({"a": None, "b": 0}) == {"b": 0}

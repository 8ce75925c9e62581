"""Client authentication by a signed token (private_key_jwt): what is believed, once, and what is not."""

import hmac
import json
import time
from secrets import token_urlsafe

import pytest
from joserfc.jwk import OKPKey

from idp import fetch
from idp.models import AccessToken, Grant, Seen
from idp.oidc import assertions, client_keys
from tests.conftest import CALLBACK, make_client
from tests.idp.oidc.conftest import Browser
from tests.idp.oidc.proofs import encoded, key_for, public, sign, without_none
from tests.idp.oidc.test_races import at_once

ISSUER = "https://id.contoso.example"
TOKEN = ISSUER + "/token"
ALGORITHMS = ("ES256", "PS256", "EdDSA", "RS256")


def jwks(which=0):
    return {"keys": [public(key_for(alg, which), kid=f"{alg}-{which}", alg=alg) for alg in ALGORITHMS]}


@pytest.fixture(autouse=True)
def _nothing_fetched():
    client_keys.forget()
    yield
    client_keys.forget()


@pytest.fixture
def nightly(db):
    return make_nightly()


def make_nightly(client_id="nightly", **fields):
    return make_client(
        client_id,
        **{
            "token_endpoint_auth_method": "private_key_jwt",
            "client_secret_hash": "",
            "grant_types": ["client_credentials"],
            "redirect_uris": [],
            "scope": "",
            "jwks": jwks(),
        }
        | fields,
    )


def seconds(away):
    return int(time.time()) + away


def assertion(alg="ES256", *, key=None, header=None, **claims):
    """A good assertion, with changes; None takes a member away."""
    head = without_none({"alg": alg, "kid": f"{alg}-0"} | (header or {}))
    body = {"iss": "nightly", "sub": "nightly", "aud": ISSUER, "jti": token_urlsafe(12), "exp": seconds(60)}
    return sign(head, without_none(body | claims), key or key_for(alg))


def ask(value, **more):
    body = {
        "grant_type": "client_credentials",
        "client_assertion_type": assertions.TYPE,
        "client_assertion": value,
    } | more
    return Browser().token(authorization="", **without_none(body))


def forged(**changes):
    head, _body, signature = assertion().split(".")
    claims = {"iss": "nightly", "sub": "nightly", "aud": ISSUER, "jti": "x", "exp": seconds(60)} | changes
    return f"{head}.{encoded(claims)}.{signature}"


def with_hmac(key):
    claims = {"iss": "nightly", "sub": "nightly", "aud": ISSUER, "jti": "x", "exp": seconds(60)}
    signing_input = f"{encoded({'alg': 'HS256', 'kid': 'ES256-0'})}.{encoded(claims)}"
    return f"{signing_input}.{encoded(hmac.digest(key, signing_input.encode(), 'sha256'))}"


#: What is refused for every client.
REFUSED = {
    "nothing": lambda: "",
    "not a JWT": lambda: "nonsense",
    "JSON serialisation": lambda: json.dumps({"payload": assertion().split(".")[1], "signatures": []}),
    "no signature": lambda: assertion().rpartition(".")[0] + ".",
    "two parts": lambda: assertion().rpartition(".")[0],
    "a wrong signature": lambda: assertion()[:-4] + "AAAA",
    "other claims under the signature": lambda: forged(exp=seconds(120)),
    "alg none": lambda: f"{encoded({'alg': 'none'})}.{assertion().split('.')[1]}.",
    "alg none, with kid": lambda: f"{encoded({'alg': 'none', 'kid': 'ES256-0'})}.{assertion().split('.')[1]}.",
    "HMAC with the public key": lambda: with_hmac(json.dumps(public(key_for("ES256"))).encode()),
    "HMAC with the public PEM": lambda: with_hmac(key_for("ES256").as_pem(private=False)),
    "RS512": lambda: assertion("RS512", header={"kid": "RS256-0"}),
    "ES384": lambda: assertion("ES384"),
    "Ed448": lambda: assertion("EdDSA", key=OKPKey.generate_key("Ed448")),
    "an unknown kid": lambda: assertion(header={"kid": "other"}),
    "a kid that is a number": lambda: assertion(header={"kid": 7}),
    "the kid of another algorithm": lambda: assertion(header={"kid": "PS256-0"}),
    "a key nobody registered": lambda: assertion(key=key_for("ES256", 1)),
    "its own key": lambda: assertion(key=key_for("ES256", 1), header={"jwk": public(key_for("ES256", 1))}),
    "its good key in the header": lambda: assertion(header={"jwk": public(key_for("ES256"))}),
    "jku": lambda: assertion(header={"jku": "https://evil.example/jwks"}),
    "x5u": lambda: assertion(header={"x5u": "https://evil.example/cert"}),
    "x5c": lambda: assertion(header={"x5c": ["AAAA"]}),
    "crit": lambda: assertion(header={"crit": ["b64"], "b64": True}),
    "crit of something new": lambda: assertion(header={"crit": ["x"], "x": 1}),
    "b64": lambda: assertion(header={"b64": False}),
    "typ of a proof": lambda: assertion(header={"typ": "dpop+jwt"}),
    "typ of a logout token": lambda: assertion(header={"typ": "logout+jwt"}),
    "typ that is a list": lambda: assertion(header={"typ": ["JWT"]}),
    "no iss": lambda: assertion(iss=None),
    "no sub": lambda: assertion(sub=None),
    "another iss": lambda: assertion(iss="other"),
    "another sub": lambda: assertion(sub="other"),
    "sub of a client that is not there": lambda: assertion(iss="ghost", sub="ghost"),
    "iss and sub that are lists": lambda: assertion(iss=["nightly"], sub=["nightly"]),
    "no aud": lambda: assertion(aud=None),
    "another aud": lambda: assertion(aud="https://evil.example"),
    "the issuer with a slash": lambda: assertion(aud=ISSUER + "/"),
    "an endpoint that is not the token endpoint": lambda: assertion(aud=ISSUER + "/par"),
    "an empty list as aud": lambda: assertion(aud=[]),
    "us and somebody else as aud": lambda: assertion(aud=[ISSUER, "https://evil.example"]),
    "aud that is an object": lambda: assertion(aud={"x": ISSUER}),
    "no exp": lambda: assertion(exp=None),
    "exp that is text": lambda: assertion(exp=str(seconds(60))),
    "exp that is true": lambda: assertion(exp=True),
    "expired": lambda: assertion(exp=seconds(-300)),
    "exp in two hours": lambda: assertion(exp=seconds(7200)),
    "exp at no time": lambda: assertion(exp=10**400),
    "exp that is no number": lambda: assertion(exp=float("nan")),
    "exp without end": lambda: assertion(exp=float("inf")),
    "nbf that is no number": lambda: assertion(nbf=float("nan")),
    "nbf over a minute ahead": lambda: assertion(nbf=seconds(65)),
    "nbf that is text": lambda: assertion(nbf="soon"),
    "iat over a minute ahead": lambda: assertion(iat=seconds(65)),
    "no jti": lambda: assertion(jti=None),
    "an empty jti": lambda: assertion(jti=""),
    "a jti that is a number": lambda: assertion(jti=7),
    "a long jti": lambda: assertion(jti="x" * 513),
    "a megabyte": lambda: assertion(more="x" * 9000),
}


@pytest.mark.parametrize("make", REFUSED.values(), ids=list(REFUSED))
@pytest.mark.parametrize("profile", ["", "fapi2"])
def test_what_is_not_believed_is_refused_and_uses_nothing_up(nightly, make, profile):
    nightly.profile = profile
    nightly.save()
    response = ask(make())
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client"), response.content
    assert response["Cache-Control"] == "no-store"
    assert not Seen.objects.exists()
    assert not AccessToken.objects.exists()


TAKEN = {
    **{alg: (lambda alg=alg: assertion(alg)) for alg in ALGORITHMS},
    "no kid": lambda: assertion(header={"kid": None}),
    "typ JWT": lambda: assertion(header={"typ": "JWT"}),
    "its own typ": lambda: assertion(header={"typ": "client-authentication+jwt"}),
    "the token endpoint": lambda: assertion(aud=TOKEN),
    "a list with both": lambda: assertion(aud=[ISSUER, TOKEN]),
    "five minutes": lambda: assertion(exp=seconds(300)),
    "an hour": lambda: assertion(exp=seconds(3600)),
    "nbf eight seconds ahead": lambda: assertion(nbf=seconds(8)),
    "iat eight seconds ahead": lambda: assertion(iat=seconds(8)),
    "more claims": lambda: assertion(more={"a": 1}),
}
#: Of these, what the profile refuses (FAPI 2.0 5.3.2.1, 5.4).
NOT_FAPI = {"RS256", "the token endpoint", "a list with both", "an hour"}


@pytest.mark.parametrize("name", TAKEN)
def test_a_good_assertion_is_taken_once(nightly, name):
    value = TAKEN[name]()
    assert ask(value).status_code == 200
    again = ask(value)
    assert again.json()["error"] == "invalid_client"
    assert "jti has been used already" in again.json()["error_description"]


@pytest.mark.parametrize("name", [*TAKEN, "a list with the issuer", "the endpoint for pushed requests"])
def test_the_profile_takes_less(nightly, name):
    nightly.profile, nightly.dpop_bound_access_tokens = "fapi2", True
    nightly.save()
    more = {
        "a list with the issuer": lambda: assertion(aud=[ISSUER]),
        "the endpoint for pushed requests": lambda: assertion(aud=ISSUER + "/par"),
    }
    response = ask((TAKEN | more)[name]())
    refused = response.json()["error"]
    # Who they are is settled; that a proof of possession is missing comes next.
    assert refused == ("invalid_client" if name in NOT_FAPI | set(more) else "invalid_dpop_proof")


def test_the_algorithm_that_was_registered_is_the_only_one(nightly):
    nightly.token_endpoint_auth_signing_alg = "PS256"
    nightly.save()
    assert ask(assertion("PS256")).status_code == 200
    assert ask(assertion("ES256")).status_code == 401


def test_only_the_holder_of_the_key_hears_what_is_wrong(nightly):
    held = ask(assertion(aud="https://evil.example")).json()
    assert "aud must be the issuer" in held["error_description"]
    others = [assertion(key=key_for("ES256", 1)), assertion(iss="ghost", sub="ghost"), "nonsense"]
    assert {ask(each).content for each in others} == {ask("x").content}


METHODS = [
    ({"client_id": "nightly"}, 200, ""),
    ({"client_id": "other"}, 401, "invalid_client"),
    ({"client_secret": "x"}, 400, "invalid_request"),
    ({"client_assertion_type": None}, 401, "invalid_client"),
    ({"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"}, 401, "invalid_client"),
    ({"client_assertion": None, "client_id": "nightly"}, 401, "invalid_client"),
    ({"client_assertion": None, "client_assertion_type": None, "client_id": "nightly"}, 401, "invalid_client"),
    (
        {"client_assertion": None, "client_assertion_type": None, "client_id": "nightly", "client_secret": "x"},
        401,
        "invalid_client",
    ),
]


@pytest.mark.parametrize(("more", "status", "error"), METHODS, ids=[str(more)[:50] for more, *_ in METHODS])
def test_nothing_else_goes_for_it(nightly, more, status, error):
    response = ask(assertion(), **more)
    assert (response.status_code, response.json().get("error", "")) == (status, error)


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
def test_an_assertion_is_not_for_who_registered_another_method(nightly, method):
    nightly.token_endpoint_auth_method = method
    nightly.save()
    assert ask(assertion()).json()["error"] == "invalid_client"


def test_two_assertions_are_one_too_many(nightly):
    response = ask([assertion(), assertion()])
    assert response.json()["error"] == "invalid_request"


def test_another_clients_assertion_is_its_own(nightly):
    """Client 2 with the credentials of client 1: its own key signs for its own name only."""
    make_nightly("weekly", jwks=jwks(1))
    as_weekly = {"iss": "weekly", "sub": "weekly"}
    assert ask(assertion(key=key_for("ES256", 1), header={"kid": "ES256-1"}, **as_weekly)).status_code == 200
    assert ask(assertion(key=key_for("ES256", 0), header={"kid": "ES256-0"}, **as_weekly)).status_code == 401
    assert ask(assertion(key=key_for("ES256", 1), header={"kid": "ES256-1"})).status_code == 401


@pytest.mark.django_db(transaction=True)
def test_one_assertion_shown_thirty_times_at_once_is_one_use():
    make_nightly()
    value = assertion()
    answers = at_once(lambda: ask(value).status_code)
    assert sorted(answers) == [200] + [401] * 29
    assert Grant.objects.count() == AccessToken.objects.count() == Seen.objects.count() == 1


# --- Keys that are fetched ------------------------------------------------------------------------------------


@pytest.fixture
def served(nightly, monkeypatch):
    """Where the client publishes its keys; `served.asked` counts how often it was asked."""

    class Served:
        document = jwks()
        asked = 0

        def get_json(self, url):
            assert url == "https://nightly.contoso.example/jwks"
            self.asked += 1
            if isinstance(self.document, Exception):
                raise self.document
            return self.document

    nightly.jwks, nightly.jwks_uri = None, "https://nightly.contoso.example/jwks"
    nightly.save()
    served = Served()
    monkeypatch.setattr(fetch, "get_json", served.get_json)
    return served


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 1000.0

    monkeypatch.setattr(client_keys, "monotonic", lambda: Clock.now)
    return Clock


def test_fetched_keys_are_kept(served):
    assert [ask(assertion()).status_code for _ in range(3)] == [200] * 3
    assert served.asked == 1


def test_a_new_key_is_found_and_the_old_one_gone(served, clock):
    ask(assertion())
    served.document = jwks(1)
    new = {"key": key_for("ES256", 1), "header": {"kid": "ES256-1"}}
    assert ask(assertion(**new)).status_code == 401, "a minute has not passed"
    clock.now += 61
    assert ask(assertion(**new)).status_code == 200
    assert ask(assertion()).status_code == 401
    assert served.asked == 2


def test_made_up_kids_knock_once_a_minute(served, clock):
    for number in range(20):
        ask(assertion(header={"kid": f"made up {number}"}))
    assert served.asked == 1
    clock.now += 61
    for number in range(20):
        ask(assertion(header={"kid": f"made up {number}"}))
    assert served.asked == 2


@pytest.mark.parametrize("document", [fetch.Failed("away"), {}, [], {"keys": "x"}, {"keys": [1, None]}, "x"])
def test_what_is_no_key_set_lets_nobody_in(served, document):
    served.document = document
    assert ask(assertion()).status_code == 401


def test_known_keys_outlive_an_outage_for_an_hour(served, clock):
    assert ask(assertion()).status_code == 200
    served.document = fetch.Failed("away")
    clock.now += 50 * 60
    assert ask(assertion()).status_code == 200
    clock.now += 20 * 60
    assert ask(assertion()).status_code == 401


ES, RS = public(key_for("ES256")), public(key_for("RS256"))
SETS = [
    ([ES], "", "ES256", True),
    ([ES | {"kid": "a"}, RS | {"kid": "a"}], "a", "ES256", True),
    ([RS], None, "PS256", True),
    ([RS | {"alg": "PS256"}], None, "RS256", False),
    ([RS | {"alg": "PS256"}], None, "PS256", True),
    ([RS | {"alg": "none"}], None, "PS256", False),
    ([ES | {"use": "sig"}], None, "ES256", True),
    ([ES | {"use": "enc"}], None, "ES256", False),
    ([ES | {"kid": 7}], None, "ES256", False),
    ([ES, ES], None, "ES256", False),
    ([ES | {"kid": "a"}, ES | {"kid": "b"}], None, "ES256", False),
    ([ES | {"kid": "a"}, ES | {"kid": "b"}], "b", "ES256", True),
    ([key_for("ES256").as_dict(private=True)], None, "ES256", False),
    ([{"kty": "oct", "k": "AAAA"}, ES], None, "ES256", True),
    ([{"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA"}, ES], None, "ES256", True),
    ([None, 7, "x", [], ES], None, "ES256", True),
    ([{"kid": str(number)} for number in range(50)] + [ES], None, "ES256", False),
]


@pytest.mark.parametrize(("entries", "kid", "algorithm", "found"), SETS, ids=range(len(SETS)))
def test_one_key_fits_or_none_does(nightly, entries, kid, algorithm, found):
    """RFC 7517 5: what is not understood is passed over. Where several could be meant, none is guessed."""
    nightly.jwks = {"keys": entries}
    nightly.save()
    header = {"alg": algorithm, "kid": kid}
    claims = {"iss": "nightly", "sub": "nightly", "aud": ISSUER, "jti": token_urlsafe(12), "exp": seconds(60)}
    response = ask(sign(without_none(header), claims, key_for(algorithm)))
    assert response.status_code == (200 if found else 401)


def test_it_goes_with_codes_too(signed_in, nightly):
    nightly.grant_types, nightly.redirect_uris, nightly.scope = ["authorization_code"], [CALLBACK], "openid"
    nightly.skip_consent = True
    nightly.save()
    code = signed_in.code(client_id="nightly", scope="openid")
    from tests.idp.oidc.conftest import VERIFIER

    exchange = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER, "code": code}
    assert ask(assertion(), **exchange).status_code == 200

"""What applications are told of people: by scope and by name, to each its own subject, signed as it asked."""

import json
from base64 import urlsafe_b64encode
from hashlib import sha256, sha512

import pytest
from django.utils import timezone
from joserfc import jws, jwt
from joserfc.jwk import KeySet

from idp.keyring import Tampered
from idp.models import SigningKey
from idp.oidc import jose, keys, subjects, supported
from tests.conftest import make_client
from tests.idp.oidc.conftest import Browser, basic

ALL = "openid profile email phone address groups"
EVERYTHING = {
    "given_name": "Jane",
    "family_name": "Doe",
    "middle_name": "Q",
    "nickname": "Janey",
    "profile": "https://contoso.example/jane",
    "picture": "https://contoso.example/jane.png",
    "website": "https://jane.example",
    "gender": "female",
    "birthdate": "1980-02-29",
    "zoneinfo": "Europe/Amsterdam",
    "phone_number": "+31 20 123 45 67",
    "phone_number_verified": True,
    "address": {"formatted": "Keizersgracht 1\nAmsterdam", "country": "NL"},
}
STANDARD = {name for scope in supported.SCOPES for name in scope.claims}


@pytest.fixture
def payroll(payroll):
    payroll.scope = " ".join(supported.SCOPE_VALUES)
    payroll.save()
    return payroll


@pytest.fixture
def known(jane):
    """Jane, with a value for every standard claim."""
    jane.claims, jane.groups, jane.locale = EVERYTHING, ["staff", "board"], "fr"
    jane.save()
    return jane


def told(browser, **changes):
    return browser.userinfo(browser.tokens(**changes)["access_token"]).json()


def id_token(browser, alg="ES256", **changes):
    published = KeySet.import_key_set(json.loads(browser.http.get("/jwks", secure=True).content))
    text = browser.tokens(**changes)["id_token"]
    return jwt.decode(text, published, registry=jose.registry([alg]))


# --- By scope -------------------------------------------------------------------------------------------------------


def test_every_scope_tells_every_claim_there_is(signed_in, payroll, known):
    answer = told(signed_in, scope=ALL)
    assert set(answer) == STANDARD
    assert EVERYTHING.items() <= answer.items()
    assert answer["groups"] == ["staff", "board"]
    assert answer["updated_at"] == int(known.updated_at.timestamp())
    assert answer["email_verified"] is True


@pytest.mark.parametrize("scope", [scope for scope in supported.SCOPES if scope.claims], ids=lambda scope: scope.value)
def test_a_scope_tells_its_claims_and_no_others(signed_in, payroll, known, scope):
    assert set(told(signed_in, scope=f"openid {scope.value}")) == {"sub", *scope.claims}


def test_nothing_empty_is_told(signed_in, payroll, jane):
    jane.name, jane.email, jane.email_verified = "", "", False
    jane.claims = {"nickname": "", "address": {}, "gender": None, "phone_number_verified": True}
    jane.save()
    assert set(told(signed_in, scope=ALL)) == {"sub", "preferred_username", "updated_at"}


@pytest.mark.parametrize("verified", [True, False])
def test_verified_is_what_was_verified(signed_in, payroll, known, verified):
    known.email_verified = verified
    known.claims = EVERYTHING | {"phone_number_verified": verified}
    known.save()
    answer = told(signed_in, scope=ALL)
    assert (answer["email_verified"], answer["phone_number_verified"]) == (verified, verified)


def test_a_number_of_which_nothing_is_said_is_not_verified(signed_in, payroll, known):
    known.claims = {"phone_number": "+31"}
    known.save()
    assert told(signed_in, scope="openid phone")["phone_number_verified"] is False


def test_a_stored_claim_never_stands_for_another(signed_in, payroll, jane):
    """What an import or an error put among the claims is not believed for what we know ourselves."""
    jane.claims = {
        "sub": "admin",
        "email": "boss@contoso.example",
        "email_verified": True,
        "iss": "x",
        "groups": ["root"],
    }
    jane.save()
    answer = told(signed_in, scope=ALL)
    assert (answer["sub"], answer["email"]) == (jane.sub, "jane@contoso.example")
    assert "groups" not in answer
    assert "iss" not in answer


# --- By name --------------------------------------------------------------------------------------------------------


def asking(**places):
    return json.dumps(places)


def test_a_claim_asked_for_by_name_is_told_at_userinfo(signed_in, payroll, known):
    answer = told(signed_in, scope="openid", claims=asking(userinfo={"nickname": None, "picture": {"essential": True}}))
    assert set(answer) == {"sub", "nickname", "picture"}


def test_or_in_the_id_token_and_only_there(signed_in, payroll, known):
    asked = asking(id_token={"email": {"essential": True}, "email_verified": None, "made_up": None})
    token = id_token(signed_in, scope="openid", claims=asked)
    assert token.claims["email"] == "jane@contoso.example"
    assert token.claims["email_verified"] is True
    assert set(token.claims) - set(supported.ID_TOKEN_CLAIMS) == {"sub", "email", "email_verified"}
    assert set(told(signed_in, scope="openid", claims=asked)) == {"sub"}


def test_otherwise_the_id_token_says_nothing_of_the_person(signed_in, payroll, known):
    assert set(id_token(signed_in, scope=ALL).claims) <= {"sub", *supported.ID_TOKEN_CLAIMS}


def test_a_narrower_token_reads_no_more_than_its_scope(signed_in, payroll, known):
    asked = asking(userinfo={"nickname": None})
    tokens = signed_in.tokens(scope="openid email offline_access", claims=asked)
    assert "nickname" in signed_in.userinfo(tokens["access_token"]).json()
    narrow = signed_in.refresh(tokens["refresh_token"], scope="openid").json()
    assert set(signed_in.userinfo(narrow["access_token"]).json()) == {"sub"}


def test_a_refreshed_id_token_repeats_what_was_asked(signed_in, payroll, known):
    tokens = signed_in.tokens(scope="openid offline_access", claims=asking(id_token={"nickname": None}))
    again = signed_in.verified(signed_in.refresh(tokens["refresh_token"]).json()["id_token"])
    assert again.claims["nickname"] == "Janey"


# --- Pairwise subjects ------------------------------------------------------------------------------------------------


@pytest.fixture
def private(payroll):
    payroll.subject_type = "pairwise"
    payroll.save()
    return payroll


def test_one_subject_everywhere(signed_in, private, jane):
    tokens = signed_in.tokens(scope="openid offline_access")
    sub = signed_in.verified(tokens["id_token"]).claims["sub"]
    introspected = signed_in.http.post(
        "/introspect", {"token": tokens["access_token"]}, headers={"authorization": basic()}, secure=True
    ).json()
    again = signed_in.verified(signed_in.refresh(tokens["refresh_token"]).json()["id_token"]).claims["sub"]
    assert sub != jane.sub
    assert {sub} == {signed_in.userinfo(tokens["access_token"]).json()["sub"], introspected["sub"], again}
    assert signed_in.verified(signed_in.tokens()["id_token"]).claims["sub"] == sub, "and next time"


def test_a_hint_names_the_same_person(signed_in, private):
    hint = signed_in.tokens()["id_token"]
    assert "code=" in signed_in.authorize(id_token_hint=hint, prompt="none")["Location"]
    out = signed_in.http.get("/sign-out", {"id_token_hint": hint}, secure=True)
    assert out.status_code == 303, "known, so not a question"


def test_a_subject_can_be_asked_for_by_name(signed_in, private):
    sub = signed_in.verified(signed_in.tokens()["id_token"]).claims["sub"]
    asked = {"claims": asking(id_token={"sub": {"value": sub}}), "prompt": "none"}
    assert "code=" in signed_in.authorize(**asked)["Location"]
    asked["claims"] = asking(id_token={"sub": {"value": "another"}})
    assert "login_required" in signed_in.authorize(**asked)["Location"]


def test_a_sector_is_a_host_or_what_was_verified(jane, db):
    def client(name, host, **fields):
        return make_client(name, subject_type="pairwise", redirect_uris=[f"https://{host}/callback"], **fields)

    here, too = client("here", "a.example"), client("too", "A.example")
    elsewhere = client("elsewhere", "b.example")
    joined = client("joined", "c.example", sector_identifier="a.example")
    public = make_client("public")
    of = {each.client_id: subjects.of(jane, each) for each in (here, too, elsewhere, joined, public)}
    assert of["here"] == of["too"] == of["joined"]
    assert len({of["here"], of["elsewhere"], of["public"]}) == 3
    assert of["public"] == jane.sub
    assert all(len(sub) <= 64 and sub.isascii() for sub in of.values())


# --- Signatures ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alg", supported.SIGNING_ALGORITHMS)
def test_it_is_signed_with_what_was_registered(signed_in, payroll, alg):
    payroll.id_token_signed_response_alg = alg
    payroll.save()
    tokens = signed_in.tokens()
    header = jws.extract_compact(tokens["id_token"].encode()).headers()
    published = {key["kid"]: key for key in signed_in.http.get("/jwks", secure=True).json()["keys"]}
    assert header == {"alg": alg, "kid": header["kid"], "typ": "JWT"}
    assert published[header["kid"]]["alg"] == alg
    assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & published[header["kid"]].keys()
    claims = jwt.decode(
        tokens["id_token"], KeySet.import_key_set({"keys": [*published.values()]}), registry=jose.registry([alg])
    ).claims
    digest = (sha512 if alg == "EdDSA" else sha256)(tokens["access_token"].encode()).digest()
    assert claims["at_hash"] == urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
    # And it comes back as a hint.
    assert "error" not in signed_in.authorize(id_token_hint=tokens["id_token"])["Location"]


def test_there_is_one_key_for_each_algorithm_that_is_used(signed_in, payroll):
    signed_in.tokens()
    assert set(SigningKey.objects.values_list("alg", flat=True)) == {"ES256"}
    payroll.id_token_signed_response_alg = "RS256"
    payroll.save()
    signed_in.tokens()
    signed_in.tokens()
    assert sorted(SigningKey.objects.values_list("alg", flat=True)) == ["ES256", "RS256"]
    kids = [key["kid"] for key in signed_in.http.get("/jwks", secure=True).json()["keys"]]
    assert len(set(kids)) == 2


def test_a_rotation_turns_every_key_in_use(signed_in, payroll):
    keys.in_use("RS256")
    first = {alg: own.kid for alg, own in keys.current().active.items()}
    now = timezone.now()
    published = keys.rotate(now)
    assert [(each.alg, bool(each.published)) for each in published] == [("ES256", True), ("RS256", True)]
    used = keys.rotate(now + keys.PUBLISHED_BEFORE_USE)
    second = {alg: own.kid for alg, own in keys.current().active.items()}
    assert {each.alg: each.used for each in used} == second
    assert {each.alg: each.retired for each in used} == first
    assert SigningKey.objects.count() == 4


def test_a_key_is_used_with_its_own_algorithm_only(signed_in, payroll):
    """The row of an RS256 key that claims to be for PS256 does not open."""
    keys.in_use("RS256")
    SigningKey.objects.filter(alg="RS256").update(alg="PS256")
    keys.forget()
    assert "PS256" not in keys.current().active
    with pytest.raises(Tampered):
        keys.in_use("PS256")
    assert keys.in_use("ES256"), "the others go on"


def test_a_planted_successor_is_not_promoted(signed_in, payroll):
    keys.rotate(timezone.now())
    ours = keys.in_use("ES256").kid
    SigningKey.objects.filter(state="next").update(kid="planted")
    with pytest.raises(Tampered):
        keys.rotate(timezone.now() + keys.PUBLISHED_BEFORE_USE)
    assert keys.in_use("ES256").kid == ours


def test_a_hint_signed_with_the_right_key_and_another_algorithm_is_none_of_ours(signed_in, payroll):
    own = keys.in_use("RS256")
    claims = {"iss": "https://id.contoso.example", "sub": "x", "aud": "payroll"}
    forged = jwt.encode({"alg": "PS256", "kid": own.kid}, claims, own.key, registry=jose.registry(["PS256"]))
    assert "invalid_request" in Browser().authorize(id_token_hint=forged)["Location"]

"""Discovery lists what is enforced: every list comes from its registry, and every value in it is tried."""

import json
from base64 import urlsafe_b64decode

import pytest
from django.conf import settings

from idp.models import AccessToken, Grant
from idp.oidc import assertions, client_keys, supported
from tests.conftest import CALLBACK, make_client, make_person
from tests.idp.oidc.conftest import CHALLENGE, ISSUER, VERIFIER, answer, answered, basic
from tests.idp.oidc.proofs import key_for, proof
from tests.idp.oidc.pushing import push
from tests.idp.oidc.test_assertions import assertion, jwks
from tests.idp.oidc.test_continue import parked
from tests.idp.oidc.test_discovery_and_keys import published

OPENID = "/.well-known/openid-configuration"
OAUTH = "/.well-known/oauth-authorization-server"

#: What each list is made of.
REGISTRIES = {
    "scopes_supported": supported.SCOPE_VALUES,
    "response_types_supported": supported.RESPONSE_TYPES,
    "response_modes_supported": supported.RESPONSE_MODES,
    "grant_types_supported": supported.GRANT_TYPES,
    "subject_types_supported": supported.SUBJECT_TYPES,
    "id_token_signing_alg_values_supported": supported.SIGNING_ALGORITHMS,
    "token_endpoint_auth_methods_supported": supported.CLIENT_AUTH_METHODS,
    "token_endpoint_auth_signing_alg_values_supported": supported.ASSERTION_ALGORITHMS,
    "dpop_signing_alg_values_supported": supported.DPOP_ALGORITHMS,
    "code_challenge_methods_supported": supported.CHALLENGE_METHODS,
    "prompt_values_supported": supported.PROMPTS,
    "acr_values_supported": supported.ACR_VALUES,
}

FLAGS = {
    "claims_parameter_supported": True,
    "authorization_response_iss_parameter_supported": True,
    "backchannel_logout_supported": True,
    "backchannel_logout_session_supported": True,
    "request_parameter_supported": False,
    "request_uri_parameter_supported": False,
    "require_request_uri_registration": False,
    "require_pushed_authorization_requests": False,
}

#: Not built: whoever publishes them without building them is found here.
NOT_THERE = [
    "registration_endpoint",
    "device_authorization_endpoint",
    "backchannel_authentication_endpoint",
    "check_session_iframe",
    "frontchannel_logout_supported",
    "request_object_signing_alg_values_supported",
    "userinfo_signing_alg_values_supported",
    "id_token_encryption_alg_values_supported",
    "introspection_signing_alg_values_supported",
    "tls_client_certificate_bound_access_tokens",
    "mtls_endpoint_aliases",
    "authorization_signing_alg_values_supported",
]
NEVER = {"none", "HS256", "RS1", "plain", "fragment", "token", "id_token", "implicit", "password", "client_secret_jwt"}


@pytest.fixture(autouse=True)
def _nothing_fetched():
    client_keys.forget()
    yield
    client_keys.forget()


@pytest.fixture
def metadata(browser):
    return browser.http.get(OPENID, secure=True).json()


def test_the_lists_are_the_registries(metadata):
    for name, values in REGISTRIES.items():
        assert metadata[name] == list(values), name
        assert len(set(values)) == len(values), name
    assert {name: metadata.get(name) for name in FLAGS} == FLAGS
    assert all(type(metadata[name]) is bool for name in FLAGS)
    assert not [name for name in NOT_THERE if name in metadata]


def test_nothing_weak_is_listed(metadata):
    for name, values in metadata.items():
        if isinstance(values, list) and name not in (
            "token_endpoint_auth_methods_supported",
            "prompt_values_supported",
        ):
            assert not NEVER & set(values) - ({"none"} if name.endswith("auth_methods_supported") else set()), name
    assert "RS256" not in metadata["dpop_signing_alg_values_supported"]
    assert "RS256" in metadata["id_token_signing_alg_values_supported"], "OpenID Connect Core 15.1"
    assert "openid" in metadata["scopes_supported"]


def test_oauth_finds_the_same_document_by_its_name(browser, metadata):
    response = browser.http.get(OAUTH, secure=True)
    assert response["Content-Type"] == "application/json"
    assert response.json() == metadata
    assert metadata["issuer"] == ISSUER
    assert all(metadata[name].startswith("https://") for name in metadata if name.endswith(("_endpoint", "_uri")))


def test_languages_are_written_as_bcp_47_writes_them(browser, payroll, metadata):
    assert metadata["ui_locales_supported"] == ["en", "fr", "zh-Hans"]
    for tag, (code, _name) in zip(metadata["ui_locales_supported"], settings.LANGUAGES, strict=True):
        assert browser.authorize(ui_locales=tag).cookies["__Host-regain-language"].value == code


def test_scopes_and_their_claims(browser, payroll, metadata):
    person = make_person(
        "full",
        email="full@contoso.example",
        locale="fr",
        groups=["Payroll", "Everybody"],
        claims={
            **{name: name for name in ("family_name", "given_name", "middle_name", "nickname", "gender", "birthdate")},
            **{name: f"https://contoso.example/{name}" for name in ("profile", "picture", "website")},
            "zoneinfo": "Europe/Paris",
            "phone_number": "+33 1 23 45 67 89",
            "phone_number_verified": True,
            "address": {"formatted": "1 Main Street", "country": "FR"},
        },
    )
    browser.sign_in(person)
    payroll.scope = " ".join(metadata["scopes_supported"])
    payroll.save()
    for scope in supported.SCOPES:
        tokens = browser.tokens(scope=f"openid {scope.value}" if scope.value != "openid" else "openid")
        told = browser.userinfo(tokens["access_token"]).json()
        assert set(told) == {"sub", *scope.claims}, scope.value
        assert all(value not in ("", None, {}, []) for value in told.values())
        assert not set(browser.verified(tokens["id_token"]).claims) & set(scope.claims) - {"sub"}
    assert set(metadata["claims_supported"]) == {*supported.CLAIMS, *supported.ID_TOKEN_CLAIMS}


@pytest.mark.parametrize("claim", supported.CLAIMS)
def test_each_claim_may_be_asked_for_by_name(signed_in, payroll, claim):
    payroll.scope = " ".join(supported.SCOPE_VALUES)
    payroll.save()
    asked = {"userinfo": {claim: {"essential": True}}, "id_token": {claim: None}}
    signed_in.code(scope="openid", claims=json.dumps(asked))
    assert Grant.objects.get().claims == {"userinfo": {claim: {"essential": True}}, "id_token": {claim: {}}}


def test_modes_prompts_and_challenges(signed_in):
    for mode in supported.RESPONSE_MODES:
        response = signed_in.authorize(response_mode=mode)
        assert (answered(response) if mode == "form_post" else answer(response))["code"]
    for prompt in supported.PROMPTS:
        response = signed_in.authorize(prompt=prompt)
        assert "error" not in response["Location"], prompt
        if prompt in ("login", "select_account"):
            assert parked(response)[0] == "/sign-in"
    for method in supported.CHALLENGE_METHODS:
        assert signed_in.code(code_challenge=CHALLENGE, code_challenge_method=method)


@pytest.mark.parametrize("alg", supported.SIGNING_ALGORITHMS)
def test_id_tokens_are_signed_as_registered(signed_in, payroll, alg):
    payroll.id_token_signed_response_alg = alg
    payroll.save()
    header = signed_in.tokens()["id_token"].split(".")[0]
    decoded = json.loads(urlsafe_b64decode(header + "=="))
    assert decoded["alg"] == alg
    assert [key for key in published(signed_in) if key["kid"] == decoded["kid"] and key["alg"] == alg]


AUTHENTICATED = {
    "client_secret_basic": {},
    "client_secret_post": {"authorization": "", "client_secret": "the secret of payroll, which is long and random"},
    "private_key_jwt": {"authorization": "", "client_assertion_type": assertions.TYPE},
    "none": {"authorization": ""},
}


@pytest.mark.parametrize("method", supported.CLIENT_AUTH_METHODS)
def test_each_way_to_authenticate_goes_where_it_is_registered_and_nowhere_else(browser, method):
    for registered in supported.CLIENT_AUTH_METHODS:
        make_client(
            registered,
            token_endpoint_auth_method=registered,
            jwks=jwks(),
            **({} if registered.startswith("client_secret") else {"client_secret_hash": ""}),
        )
        sent = dict(AUTHENTICATED[method])
        if method == "client_secret_basic":
            sent["authorization"] = basic(registered)
        if method == "private_key_jwt":
            sent["client_assertion"] = assertion(iss=registered, sub=registered)
        response = push(browser, client_id=registered, **sent)
        assert response.status_code == (201 if method == registered else 401), (registered, response.content)


@pytest.mark.parametrize("alg", supported.ASSERTION_ALGORITHMS)
def test_each_algorithm_of_an_assertion(browser, alg):
    make_client("nightly", token_endpoint_auth_method="private_key_jwt", client_secret_hash="", jwks=jwks())
    sent = AUTHENTICATED["private_key_jwt"] | {"client_assertion": assertion(alg)}
    assert push(browser, client_id="nightly", **sent).status_code == 201


@pytest.mark.parametrize("alg", supported.DPOP_ALGORITHMS)
def test_each_algorithm_of_a_proof(signed_in, alg):
    code = signed_in.code()
    body = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    body |= {"code_verifier": VERIFIER}
    headers = {"authorization": basic(), "dpop": proof(alg=alg)}
    response = signed_in.http.post("/token", body, headers=headers, secure=True)
    assert response.json().get("token_type") == "DPoP", response.content
    assert AccessToken.objects.get().dpop_jkt == key_for(alg).thumbprint()


@pytest.mark.parametrize("subject_type", supported.SUBJECT_TYPES)
def test_each_kind_of_subject(signed_in, jane, payroll, subject_type):
    payroll.subject_type, payroll.sector_identifier = subject_type, "payroll.contoso.example"
    payroll.save()
    tokens = signed_in.tokens()
    sub = signed_in.verified(tokens["id_token"]).claims["sub"]
    assert (sub == jane.sub) == (subject_type == "public")
    assert signed_in.userinfo(tokens["access_token"]).json()["sub"] == sub
    asked = json.dumps({"id_token": {"sub": {"value": sub}}})
    assert answer(signed_in.authorize(claims=asked, id_token_hint=tokens["id_token"], prompt="none"))["code"]

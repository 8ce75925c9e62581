"""What an application may say of its keys, its subjects, its tokens and its profile; and what contradicts itself."""

import pytest
from django.utils import timezone
from joserfc.jwk import OctKey

from idp import fetch
from idp.models import Client, SigningKey
from idp.oidc import registration, subjects
from tests.conftest import CALLBACK
from tests.idp.oidc.proofs import key_for, public

BASE = {"client_name": "Payroll", "redirect_uris": [CALLBACK]}
KEYS = {"keys": [public(key_for("ES256"), kid="a"), public(key_for("PS256"), kid="b")]}
WITH_KEYS = BASE | {"token_endpoint_auth_method": "private_key_jwt", "jwks": KEYS}
FAPI = BASE | {"profile": "fapi2", "jwks": KEYS}
SERVICE = {"client_name": "Nightly", "grant_types": ["client_credentials"]}
RESOURCE = {"client_name": "Orders", "grant_types": [], "resources": ["https://orders.contoso.example/"]}
ELSEWHERE = "https://elsewhere.contoso.example/callback"
SECTOR = "https://contoso.example/sector.json"


def nothing(_url):
    raise fetch.Failed("nobody answers")


TAKEN = [
    WITH_KEYS,
    BASE | {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://payroll.contoso.example/jwks"},
    WITH_KEYS | {"token_endpoint_auth_signing_alg": "PS256", "jwks": {"keys": [public(key_for("PS256"))]}},
    FAPI,
    FAPI | {"id_token_signed_response_alg": "PS256", "scope": "profile"},
    SERVICE,
    SERVICE | {"resources": ["https://orders.contoso.example/"], "access_token_format": "jwt"},
    RESOURCE,
    BASE | {"id_token_signed_response_alg": "RS256"},
    BASE | {"subject_type": "pairwise"},
    BASE | {"dpop_bound_access_tokens": True, "require_pushed_authorization_requests": True},
    BASE
    | {"backchannel_logout_uri": "https://payroll.contoso.example/out", "backchannel_logout_session_required": True},
]


@pytest.mark.parametrize("metadata", TAKEN, ids=range(len(TAKEN)))
def test_what_goes_together_is_taken(db, metadata):
    assert registration.faults(metadata, get_json=nothing) == []
    registered = registration.register(metadata, now=timezone.now())
    assert metadata.items() <= registered.metadata.items()
    secret = "client_secret" in registered.metadata
    assert secret == (registered.client.token_endpoint_auth_method == "client_secret_basic")


def test_the_profile_says_the_rest(db):
    client = registration.register(FAPI, now=timezone.now()).client
    assert client.token_endpoint_auth_method == "private_key_jwt"
    assert client.dpop_bound_access_tokens
    assert client.require_pushed_authorization_requests


def test_a_key_for_its_algorithm_is_published_at_once(db):
    registration.register(BASE | {"id_token_signed_response_alg": "EdDSA"}, now=timezone.now())
    assert set(SigningKey.objects.values_list("alg", "state")) == {("ES256", "active"), ("EdDSA", "active")}


REFUSED = [
    (WITH_KEYS | {"jwks_uri": "https://payroll.contoso.example/jwks"}, "not both"),
    (BASE | {"token_endpoint_auth_method": "private_key_jwt"}, "one of jwks and jwks_uri"),
    (WITH_KEYS | {"jwks": []}, "jwks must be"),
    (WITH_KEYS | {"jwks": {}}, "at least one"),
    (WITH_KEYS | {"jwks": {"keys": []}}, "at least one"),
    (WITH_KEYS | {"jwks": {"keys": ["x"]}}, "key 1"),
    (WITH_KEYS | {"jwks": {"keys": [key_for("ES256").as_dict(private=True)]}}, "private part"),
    (WITH_KEYS | {"jwks": {"keys": [OctKey.generate_key(256).as_dict(private=True)]}}, "kty"),
    (WITH_KEYS | {"jwks": {"keys": [public(key_for("ES384"))]}}, "does not go with"),
    (WITH_KEYS | {"jwks": {"keys": [public(key_for("ES256")), public(key_for("ES256", 1))]}}, "kid of its own"),
    (WITH_KEYS | {"jwks": {"keys": [public(key_for("ES256"), kid="a")] * 2}}, "kid of its own"),
    (WITH_KEYS | {"token_endpoint_auth_signing_alg": "HS256"}, "token_endpoint_auth_signing_alg"),
    (WITH_KEYS | {"token_endpoint_auth_signing_alg": "EdDSA"}, "does not go with"),
    (BASE | {"jwks": KEYS}, "only for the authentication method"),
    (BASE | {"token_endpoint_auth_signing_alg": "ES256"}, "only for the authentication method"),
    (
        BASE | {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "http://payroll.contoso.example/"},
        "jwks_uri",
    ),
    (FAPI | {"token_endpoint_auth_method": "client_secret_basic"}, "must be private_key_jwt"),
    (FAPI | {"token_endpoint_auth_method": "none"}, "must be private_key_jwt"),
    (FAPI | {"id_token_signed_response_alg": "RS256"}, "id_token_signed_response_alg"),
    (FAPI | {"token_endpoint_auth_signing_alg": "RS256"}, "token_endpoint_auth_signing_alg"),
    (FAPI | {"dpop_bound_access_tokens": False}, "dpop_bound_access_tokens cannot be false"),
    (FAPI | {"require_pushed_authorization_requests": False}, "cannot be false"),
    (FAPI | {"require_pkce": False}, "require_pkce cannot be false"),
    (BASE | {"profile": "fapi1"}, "profile"),
    (SERVICE | {"token_endpoint_auth_method": "none"}, "client_credentials is not for a public"),
    (SERVICE | {"scope": "profile"}, "scope must be empty"),
    (SERVICE | {"redirect_uris": [CALLBACK]}, "authorization_code"),
    (SERVICE | {"grant_types": ["refresh_token"]}, "refresh tokens come with codes"),
    (RESOURCE | {"resources": []}, "resources must say"),
    (RESOURCE | {"token_endpoint_auth_method": "none"}, "must authenticate"),
    (BASE | {"resources": ["orders"]}, "absolute URI"),
    (BASE | {"resources": ["https://orders.contoso.example/#x"]}, "fragment"),
    (BASE | {"resources": "https://orders.contoso.example/"}, "list of strings"),
    (BASE | {"access_token_format": "saml"}, "access_token_format"),
    (BASE | {"subject_type": "anonymous"}, "subject_type"),
    (BASE | {"subject_type": "pairwise", "redirect_uris": [CALLBACK, ELSEWHERE]}, "need a sector_identifier_uri"),
    (BASE | {"subject_type": "pairwise", "redirect_uris": ["http://127.0.0.1/cb"]}, "native application"),
    (SERVICE | {"subject_type": "pairwise"}, "need a sector_identifier_uri"),
    (BASE | {"sector_identifier_uri": SECTOR}, "only for subject_type pairwise"),
    (BASE | {"subject_type": "pairwise", "sector_identifier_uri": SECTOR}, "could not be read: nobody answers"),
    (BASE | {"subject_type": "pairwise", "sector_identifier_uri": "http://127.0.0.1/s"}, "https://"),
    (BASE | {"backchannel_logout_session_required": True}, "needs a backchannel_logout_uri"),
    (BASE | {"backchannel_logout_uri": "http://payroll.contoso.example/out"}, "backchannel_logout_uri"),
    (BASE | {"backchannel_logout_uri": "https://payroll.contoso.example/out#x"}, "fragment"),
    (BASE | {"dpop_bound_access_tokens": "yes"}, "true or false"),
]


@pytest.mark.parametrize(("metadata", "names"), REFUSED, ids=[names for _, names in REFUSED])
def test_a_contradiction_is_refused_in_a_sentence(metadata, names):
    said = registration.faults(metadata, get_json=nothing)
    assert any(names in sentence for sentence in said), said
    assert all(sentence.endswith(".") for sentence in said)


@pytest.mark.parametrize(
    ("listed", "good"),
    [
        ([CALLBACK, ELSEWHERE], True),
        ([CALLBACK, ELSEWHERE, "https://more.example/"], True),
        ([CALLBACK], False),
        ({"redirect_uris": [CALLBACK, ELSEWHERE]}, False),
        ("x", False),
        ([[CALLBACK], None], False),
    ],
)
def test_the_file_of_the_sector_must_name_every_address(db, listed, good):
    metadata = BASE | {
        "redirect_uris": [CALLBACK, ELSEWHERE],
        "subject_type": "pairwise",
        "sector_identifier_uri": SECTOR,
    }
    said = registration.faults(metadata, get_json=lambda _url: listed)
    assert (said == []) == good
    if good:
        registration.register(metadata, now=timezone.now())
        assert subjects.sector(Client.objects.get()) == "contoso.example"

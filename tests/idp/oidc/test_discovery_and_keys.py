"""What programs read about us, and the keys they trust."""

import json
from datetime import timedelta

import pytest
import time_machine
from authlib.oauth2 import rfc9207
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from authlib.oidc import rpinitiated
from authlib.oidc.discovery import OpenIDProviderMetadata
from django.core.management import call_command
from django.db import IntegrityError
from django.urls import resolve
from django.utils import timezone
from joserfc.jwk import ECKey

from idp import keyring
from idp.models import AuditEntry, SigningKey
from idp.oidc import flows, keys, supported
from tests.idp.oidc.conftest import ISSUER, Browser, answer, answered


def document(browser):
    return browser.http.get("/.well-known/openid-configuration", secure=True).json()


def published(browser):
    return browser.http.get("/jwks", secure=True).json()["keys"]


# --- Discovery -----------------------------------------------------------------------------------------------


def test_authlib_finds_the_document_in_order(browser):
    metadata = document(browser)
    AuthorizationServerMetadata(metadata).validate(
        metadata_classes=[rfc9207.AuthorizationServerMetadata, rpinitiated.OpenIDProviderMetadata],
    )
    OpenIDProviderMetadata(metadata).validate()


def test_every_endpoint_is_where_the_document_says(browser):
    metadata = document(browser)
    assert metadata["issuer"] == ISSUER
    for name in supported.ENDPOINTS:
        assert metadata[name].startswith(ISSUER + "/")
        assert resolve(metadata[name].removeprefix(ISSUER))


def test_every_value_listed_is_true(signed_in, payroll):
    metadata = document(signed_in)
    assert [flow.GRANT_TYPE for flow, _extensions in flows.provider._token_grants] == metadata["grant_types_supported"]
    assert {type_ for flow, _ in flows.provider._authorization_grants for type_ in flow.RESPONSE_TYPES} == set(
        metadata["response_types_supported"],
    )
    for mode in metadata["response_modes_supported"]:
        response = signed_in.authorize(response_mode=mode)
        assert (answered(response) if mode == "form_post" else answer(response))["code"]
    for prompt in metadata["prompt_values_supported"]:
        assert "invalid_request" not in signed_in.authorize(prompt=prompt)["Location"]
    payroll.scope = " ".join(metadata["scopes_supported"])
    payroll.save()
    tokens = signed_in.tokens(scope=payroll.scope)
    assert set(tokens["scope"].split()) == set(metadata["scopes_supported"])
    decoded = signed_in.verified(tokens["id_token"])
    assert decoded.header["alg"] in metadata["id_token_signing_alg_values_supported"]
    told = set(decoded.claims) | set(signed_in.userinfo(tokens["access_token"]).json())
    assert told <= set(metadata["claims_supported"])
    assert set(supported.ID_TOKEN_CLAIMS) <= told
    assert metadata["request_parameter_supported"] is False
    assert metadata["request_uri_parameter_supported"] is False
    assert metadata["authorization_response_iss_parameter_supported"] is True


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/jwks"])
def test_documents_may_be_kept_and_asked_for_again(browser, path, django_assert_num_queries):
    first = browser.http.get(path, secure=True)
    assert first["Cache-Control"].startswith("public, max-age=")
    assert first["Content-Type"] == "application/json"
    with django_assert_num_queries(0):
        again = browser.http.get(path, secure=True, headers={"if-none-match": f'"other", W/{first["ETag"]}'})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    assert browser.http.head(path, secure=True).status_code == 200


def test_userinfo_says_exactly_what_is_wrong(signed_in):
    def ask(**parameters):
        return signed_in.http.post("/userinfo", parameters.pop("body", {}), secure=True, **parameters)

    nothing = signed_in.http.get("/userinfo", secure=True)
    assert nothing.status_code == 401
    assert nothing["WWW-Authenticate"] == 'Bearer realm="userinfo", DPoP realm="userinfo", algs="ES256 PS256 EdDSA"'
    wrong = signed_in.userinfo("wrong")
    assert wrong.status_code == 401
    assert wrong["WWW-Authenticate"] == (
        'Bearer realm="userinfo", error="invalid_token", '
        'error_description="The access token is unknown, expired or was ended."'
    )
    token = signed_in.tokens()["access_token"]
    assert ask(body={"access_token": token}).status_code == 200
    assert ask(headers={"authorization": f"bEARER {token}"}).status_code == 200
    assert ask(headers={"authorization": f"Basic {token}"}).status_code == 401
    both = ask(body={"access_token": token}, headers={"authorization": f"Bearer {token}"})
    assert (both.status_code, both.json()["error"]) == (400, "invalid_request")
    assert signed_in.http.get("/userinfo", {"access_token": token}, secure=True).status_code == 401


def test_an_id_token_is_not_an_access_token(signed_in):
    tokens = signed_in.tokens()
    assert signed_in.userinfo(tokens["id_token"]).status_code == 401
    assert "invalid_request" in signed_in.authorize(id_token_hint=tokens["access_token"])["Location"]


# --- Keys ----------------------------------------------------------------------------------------------------


def test_the_first_key_is_made_when_it_is_needed(browser):
    (key,) = published(browser)
    assert (key["kty"], key["crv"], key["use"], key["alg"]) == ("EC", "P-256", "sig", "ES256")
    assert key["kid"] == ECKey.import_key(key).thumbprint()
    assert "d" not in key
    row = SigningKey.objects.get()
    assert (row.kid, row.state) == (key["kid"], SigningKey.State.ACTIVE)
    assert "d" not in row.public_jwk
    assert "d" in json.loads(keyring.decrypt("signing-key", row.private_ciphertext, row.kid, row.alg))
    assert AuditEntry.objects.filter(name="idp.signing_key.rotated").count() == 1


def test_there_is_one_key_of_a_kind_in_use(browser):
    published(browser)
    row = SigningKey.objects.get()
    row.pk = "another"
    with pytest.raises(IntegrityError):
        row.save(force_insert=True)


def test_rotation_publishes_then_uses_then_retires(signed_in, capsys):
    old = signed_in.tokens()["id_token"]
    (first,) = published(signed_in)

    call_command("rotate_signing_key")
    assert "Published the next key" in capsys.readouterr().out
    second = next(key for key in published(signed_in) if key != first)
    assert signed_in.verified(signed_in.tokens()["id_token"]).header["kid"] == first["kid"], "published only"

    call_command("rotate_signing_key")
    assert "Run this again after" in capsys.readouterr().out, "too early"
    assert signed_in.verified(signed_in.tokens()["id_token"]).header["kid"] == first["kid"]

    with time_machine.travel(timezone.now() + keys.PUBLISHED_BEFORE_USE + timedelta(seconds=1)):
        call_command("rotate_signing_key")
        said = capsys.readouterr().out
        assert f"Key {second['kid']} signs from now on." in said
        assert f"Key {first['kid']} is retired" in said
        assert {key["kid"] for key in published(signed_in)} == {first["kid"], second["kid"]}
        assert signed_in.verified(signed_in.tokens()["id_token"]).header["kid"] == second["kid"]
        assert signed_in.verified(old), "its token is good until it expires"

    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        keys.forget()
        assert [key["kid"] for key in published(signed_in)] == [second["kid"]]
        assert "error" not in signed_in.authorize(id_token_hint=old)["Location"], "but stays a good hint"
    states = AuditEntry.objects.filter(name="idp.signing_key.rotated").order_by("sequence")
    assert [entry.details["state"] for entry in states] == ["active", "next", "retired", "active"]


def test_a_key_planted_in_the_database_is_neither_used_nor_published(browser):
    (ours,) = published(browser)
    planted = ECKey.generate_key("P-256")
    SigningKey.objects.create(
        kid=planted.thumbprint(),
        alg="ES256",
        state=SigningKey.State.NEXT,
        public_jwk=planted.as_dict(private=False),
        private_ciphertext=SigningKey.objects.get().private_ciphertext,
        created_at=timezone.now(),
        state_since=timezone.now(),
    )
    SigningKey.objects.filter(kid=ours["kid"]).update(public_jwk=planted.as_dict(private=False))
    keys.forget()
    assert published(browser) == [ours]


def test_another_process_uses_the_same_key(browser):
    first = published(browser)
    keys.forget()
    assert published(Browser()) == first

"""Registering an application: what is taken, what is refused, and what is said about it."""

import json
from hashlib import sha256

import pytest
from django.core.management import call_command

from idp.models import AuditEntry, Client
from idp.oidc import client_seals
from tests.conftest import CALLBACK
from tests.idp.oidc.conftest import Browser, answer, basic

GOOD = {
    "client_name": "Payroll",
    "redirect_uris": [CALLBACK],
    "post_logout_redirect_uris": ["https://payroll.contoso.example/"],
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
    "token_endpoint_auth_method": "client_secret_basic",
    "scope": "openid profile email offline_access",
    "client_uri": "https://payroll.contoso.example",
    "logo_uri": "https://payroll.contoso.example/logo.svg",
    "policy_uri": "https://payroll.contoso.example/privacy",
    "tos_uri": "https://payroll.contoso.example/terms",
    "initiate_login_uri": "https://payroll.contoso.example/sign-in",
    "default_max_age": 3600,
}


@pytest.fixture
def register(db, tmp_path, capsys):
    def register(metadata):
        file = tmp_path / "client.json"
        file.write_text(metadata if isinstance(metadata, str) else json.dumps(metadata))
        code = 0
        try:
            call_command("register_client", str(file))
        except SystemExit as refused:
            code = refused.code
        said = capsys.readouterr()
        if code:
            assert (code, said.out) == (1, "")
            return said.err
        return json.loads(said.out)

    return register


def test_everything_comes_back_and_the_secret_once(register):
    registered = register(GOOD)
    assert GOOD.items() <= registered.items()
    client = Client.objects.get()
    assert registered["client_id"] == client.client_id
    assert client.client_secret_hash == sha256(registered["client_secret"].encode()).hexdigest()
    assert registered["client_secret_expires_at"] == 0
    assert (client.require_pkce, client.skip_consent, client.default_max_age) == (True, False, 3600)
    event = AuditEntry.objects.get(name="idp.client.registered")
    says = client_seals.digest_of(client)
    assert event.details == {"client_id": client.client_id, "by": None, "reason": "", "says": says}


def test_what_was_registered_works(register, jane):
    registered = register(GOOD | {"skip_consent": True})
    browser = Browser()
    browser.sign_in(jane)
    code = answer(browser.authorize(client_id=registered["client_id"]))["code"]
    who = basic(client_id=registered["client_id"], secret=registered["client_secret"])
    assert browser.redeem(code, authorization=who).status_code == 200


def test_little_is_enough(register):
    registered = register({"client_name": "Small", "redirect_uris": ["http://127.0.0.1:8001/callback"]})
    assert registered["scope"] == "openid"
    assert registered["grant_types"] == ["authorization_code"]
    assert registered["token_endpoint_auth_method"] == "client_secret_basic"


def test_a_public_client_gets_no_secret(register):
    registered = register(GOOD | {"token_endpoint_auth_method": "none"})
    assert "client_secret" not in registered
    assert Client.objects.get().client_secret_hash == ""


REFUSED = [
    # what is changed, what the sentence names
    ({"client_name": ""}, "client_name"),
    ({"client_name": "x" * 101}, "client_name"),
    ({"client_name": "Pay\u202eroll"}, "client_name"),
    ({"client_name": ["Payroll"]}, "client_name"),
    ({"redirect_uris": []}, "redirect_uris"),
    ({"redirect_uris": CALLBACK}, "redirect_uris"),
    ({"redirect_uris": [None]}, "redirect_uris"),
    ({"redirect_uris": ["https://x.example/cb"] * 51}, "redirect_uris"),
    ({"redirect_uris": ["http://payroll.contoso.example/callback"]}, "https"),
    ({"redirect_uris": ["https://*.contoso.example/callback"]}, "wildcard"),
    ({"redirect_uris": ["https://payroll.contoso.example/*"]}, "wildcard"),
    ({"redirect_uris": ["https://payroll.contoso.example/callback#here"]}, "fragment"),
    ({"redirect_uris": ["https://payroll.contoso.example/callback#"]}, "fragment"),
    ({"redirect_uris": ["https://user@payroll.contoso.example/callback"]}, "user name"),
    ({"redirect_uris": ["https://payroll.contoso.example/a/../callback"]}, "path segment"),
    ({"redirect_uris": ["https://payroll.contoso.example/a/%2E%2e/callback"]}, "path segment"),
    ({"redirect_uris": ["javascript:alert(1)"]}, "https"),
    ({"redirect_uris": ["data:text/html,x"]}, "https"),
    ({"redirect_uris": ["com.example.app:/callback"]}, "https"),
    ({"redirect_uris": ["//payroll.contoso.example/callback"]}, "absolute"),
    ({"redirect_uris": ["callback"]}, "absolute"),
    ({"redirect_uris": ["https:///callback"]}, "https"),
    ({"redirect_uris": ["https://payroll.contoso.example:x/"]}, "absolute"),
    ({"redirect_uris": ["https://payroll.contoso.example/ callback"]}, "not a URI"),
    ({"redirect_uris": ["https://päyroll.example/"]}, "not a URI"),
    ({"redirect_uris": ["https://payroll.contoso.example\\@evil.example/"]}, "not a URI"),
    ({"redirect_uris": ["https://[::1/"]}, "absolute"),
    ({"redirect_uris": ["https://x.example/" + "a" * 2000]}, "not a URI"),
    ({"post_logout_redirect_uris": ["javascript:alert(1)"]}, "post_logout_redirect_uris"),
    ({"logo_uri": "javascript:alert(1)"}, "logo_uri"),
    ({"logo_uri": "data:image/svg+xml,x"}, "logo_uri"),
    ({"policy_uri": "http://payroll.contoso.example/"}, "policy_uri"),
    ({"tos_uri": 7}, "tos_uri"),
    ({"initiate_login_uri": "http://payroll.contoso.example/"}, "initiate_login_uri"),
    ({"grant_types": ["implicit"]}, "grant_types"),
    ({"grant_types": ["authorization_code", "password"]}, "password"),
    ({"grant_types": ["refresh_token"]}, "authorization_code"),
    ({"response_types": ["token"]}, "response_types"),
    ({"response_types": []}, "response_types"),
    ({"scope": "openid gruppen"}, "gruppen"),
    ({"scope": "profile"}, "openid"),
    ({"token_endpoint_auth_method": "private_key_jwt"}, "jwks_uri"),
    ({"token_endpoint_auth_method": "client_secret_jwt"}, "token_endpoint_auth_method"),
    ({"default_max_age": -1}, "default_max_age"),
    ({"default_max_age": True}, "default_max_age"),
    ({"default_max_age": "3600"}, "default_max_age"),
    ({"require_pkce": "no"}, "require_pkce"),
    ({"require_pkce": False, "token_endpoint_auth_method": "none"}, "require_pkce"),
    ({"client_id": "mine"}, "client_id is not supported."),
    ({"client_secret": "mine"}, "client_secret is not supported."),
    ({"jwks_uri": "https://payroll.contoso.example/jwks"}, "jwks_uri is only for"),
    ({"id_token_signed_response_alg": "none"}, "id_token_signed_response_alg: 'none' is not supported"),
    ({"colour": "red"}, "colour is not supported."),
]


@pytest.mark.parametrize(("changes", "names"), REFUSED, ids=[str(changes)[:60] for changes, _ in REFUSED])
def test_what_is_unsafe_or_unknown_is_refused_in_a_sentence(register, changes, names):
    said = register(GOOD | changes)
    assert isinstance(said, str), said
    assert names in said
    assert said.strip().endswith(".")
    assert not Client.objects.exists()
    assert not AuditEntry.objects.filter(name="idp.client.registered").exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', "null", "[1]"])
def test_what_is_not_metadata_is_refused(register, text):
    assert register(text).strip().endswith(".")


def test_a_file_that_is_not_there_is_said_to_be(db, capsys):
    with pytest.raises(SystemExit) as refused:
        call_command("register_client", "/nowhere/client.json")
    assert refused.value.code == 1
    assert "cannot be read" in capsys.readouterr().err


def test_every_fault_is_said_at_once(register):
    said = register({"scope": "profile", "redirect_uris": ["http://x.example/"], "colour": "red"})
    assert len(said.strip().splitlines()) >= 4

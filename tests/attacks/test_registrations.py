"""Somebody writes into the table of applications: the application is unknown from then on, and the alarm rings."""

import json

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from idp.models import AuditEntry, Client
from idp.oidc import client_seals, clients, registration
from idp.seals import telling
from tests.conftest import make_client
from tests.idp.oidc.conftest import ask

METADATA = {
    "client_name": "Wiki",
    "redirect_uris": ["https://wiki.example/callback"],
    "post_logout_redirect_uris": ["https://wiki.example/"],
    "grant_types": ["authorization_code", "refresh_token"],
    "scope": "openid profile",
}
#: (column, what is written there)
CHANGES = [
    ("redirect_uris", json.dumps(["https://evil.example/callback"])),
    ("redirect_uris", json.dumps(["https://wiki.example/callback", "https://evil.example/"])),
    ("post_logout_redirect_uris", json.dumps(["https://evil.example/"])),
    ("client_secret_hash", "0" * 64),
    ("previous_secret_hash", "0" * 64),
    ("previous_secret_until", "2100-01-01 00:00:00+00:00"),
    ("client_name", "Payroll"),
    ("token_endpoint_auth_method", "none"),
    ("grant_types", json.dumps(["authorization_code", "refresh_token", "client_credentials"])),
    ("scope", "openid profile email offline_access"),
    ("require_pkce", False),
    ("skip_consent", True),
    ("profile", "fapi2"),
    ("jwks", json.dumps({"keys": []})),
    ("jwks_uri", "https://evil.example/jwks"),
    ("id_token_signed_response_alg", "RS256"),
    ("id_token_signed_response_alg", ""),
    ("subject_type", "pairwise"),
    ("sector_identifier", "evil.example"),
    ("dpop_bound_access_tokens", True),
    ("require_pushed_authorization_requests", True),
    ("access_token_format", "jwt"),
    ("resources", json.dumps(["https://evil.example/api"])),
    ("backchannel_logout_uri", "https://evil.example/tell-me"),
    ("backchannel_logout_session_required", True),
    ("default_acr_values", '["phr"]'),
    ("default_max_age", 1),
    ("logo_uri", "https://evil.example/logo.svg"),
    ("client_id", "another"),
    ("seal", ""),
    ("seal", "t2.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
]


@pytest.fixture
def wiki(db):
    return registration.register(METADATA, now=timezone.now()).client


def write(client, **columns):
    """As somebody with the database's password would."""
    with connection.cursor() as cursor:
        for column, value in columns.items():
            cursor.execute(f"UPDATE idp_client SET {column} = %s WHERE id = %s", [value, client.pk_in_sql])
    clients.forget()


@pytest.fixture(autouse=True)
def _key_as_the_database_has_it(monkeypatch):
    def in_sql(client):
        return client.pk.hex if connection.vendor == "sqlite" else client.pk

    monkeypatch.setattr(Client, "pk_in_sql", property(in_sql), raising=False)
    monkeypatch.setattr(clients, "_alarmed", set())


def test_what_was_registered_is_known(wiki):
    assert clients.find(wiki.client_id)
    assert client_seals.is_intact(Client.objects.get(pk=wiki.pk))


@pytest.mark.parametrize(("column", "value"), CHANGES, ids=[f"{column} {value!s:.20}" for column, value in CHANGES])
def test_a_written_row_is_an_unknown_application(column, value, wiki):
    write(wiki, **{column: value})
    assert clients.find(value if column == "client_id" else wiki.client_id) is None
    telling.tell()
    assert AuditEntry.objects.filter(name="idp.client.seal_invalid").count() == 1


def test_every_column_is_sealed(wiki):
    """A column that is added later is sealed by itself; this test has to be told of it all the same."""
    written = {column for column, _value in CHANGES}
    known = {field.attname for field in Client._meta.concrete_fields}
    beside = {"id", "created_at", "disabled_at", "client_uri", "policy_uri", "tos_uri", "initiate_login_uri"}
    assert known - beside - {"token_endpoint_auth_signing_alg"} == written


def test_switching_on_again_what_was_switched_off_is_seen(wiki):
    wiki.disabled_at = timezone.now()
    wiki.save()
    assert clients.find(wiki.client_id) is None
    write(wiki, disabled_at=None)
    assert clients.find(wiki.client_id) is None


def test_a_row_copied_under_another_name_is_unknown(wiki):
    copy = Client.objects.get(pk=wiki.pk)
    with connection.cursor() as cursor:
        cursor.execute("SELECT seal FROM idp_client WHERE id = %s", [wiki.pk_in_sql])
        seal = cursor.fetchone()[0]
    other = make_client("copied", redirect_uris=copy.redirect_uris)
    write(other, seal=seal)
    assert clients.find("copied") is None


def test_the_alarm_is_told_once_however_often_it_is_asked_for(wiki):
    write(wiki, skip_consent=True)
    for _ in range(5):
        assert clients.find(wiki.client_id) is None
        telling.tell()
    assert AuditEntry.objects.filter(name="idp.client.seal_invalid").count() == 1


def test_no_code_goes_to_an_address_that_was_written_in(wiki, client):
    write(wiki, redirect_uris=json.dumps(["https://evil.example/callback"]))
    request = ask(client_id=wiki.client_id, redirect_uri="https://evil.example/callback", scope="openid")
    response = client.get("/authorize", request, secure=True, headers={"host": "id.contoso.example"})
    assert response.status_code == 400
    assert "evil.example" not in response.get("Location", "")


def test_the_audit_finds_it(wiki, capsys):
    call_command("verify_audit")
    assert "every application is as the history says" in capsys.readouterr().out
    write(wiki, skip_consent=True)
    with pytest.raises(CommandError, match=f"application {wiki.client_id}: its seal does not match"):
        call_command("verify_audit")


def test_a_seal_is_good_with_an_older_root_key(wiki, settings):
    settings.ROOT_KEYS = (("t3", b"a third root key, 32 bytes long!!"), *settings.ROOT_KEYS)
    assert client_seals.is_intact(Client.objects.get(pk=wiki.pk))


def test_the_command_seals(db, tmp_path, capsys):
    file = tmp_path / "wiki.json"
    file.write_text(json.dumps(METADATA))
    call_command("register_client", str(file))
    assert clients.find(json.loads(capsys.readouterr().out)["client_id"])

"""Somebody with the database *and* the keys changes an application: its seal is right, and it has no entry."""

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone

from idp.audit.events import ClientRegistered, Origin
from idp.audit.record import record
from idp.models import AuditEntry, Client, Proposal
from idp.oidc import client_changes, client_seals, registration
from tests.attacks.test_registrations import METADATA
from tests.conftest import make_client

FORGED = {
    "redirect_uris": ["https://evil.example/callback"],
    "post_logout_redirect_uris": ["https://evil.example/"],
    "backchannel_logout_uri": "https://evil.example/tell-me",
    "initiate_login_uri": "https://evil.example/",
    "grant_types": ["authorization_code", "client_credentials"],
    "scope": "openid profile email",
    "skip_consent": True,
    "require_pkce": False,
    "token_endpoint_auth_method": "none",
    "client_secret_hash": "0" * 64,
    "previous_secret_hash": "0" * 64,
    "jwks_uri": "https://evil.example/jwks",
    "resources": ["https://evil.example/api"],
    "sector_identifier": "evil.example",
    "client_name": "Payroll",
}


@pytest.fixture
def wiki(db):
    return registration.register(METADATA, now=timezone.now()).client


def forge(client, **columns):
    """As `client_changes` writes, but without its entry."""
    for name, value in columns.items():
        setattr(client, name, value)
    client_seals.put(client)
    client.save()
    assert client_seals.is_intact(Client.objects.get(pk=client.pk))


def named(client_id, what):
    return pytest.raises(CommandError, match=f"application {client_id}: {what}")


@pytest.mark.parametrize("column", FORGED)
def test_a_change_without_its_entry_is_named(wiki, column):
    call_command("verify_audit")
    forge(wiki, **{column: FORGED[column]})
    with named(wiki.client_id, "it says something else than its last entry"):
        call_command("verify_audit")


def test_every_guarded_member_is_among_them():
    """What `client_changes` guards is all in the digest; those that are not tried here are of the same kind."""
    untried = {"backchannel_logout_session_required", "jwks"}
    assert set(client_changes.GUARDED) - untried <= set(FORGED)


def test_an_application_that_was_never_registered_is_named(wiki):
    make_client("intruder")
    with named("intruder", "the audit has not registered it"):
        call_command("verify_audit")


def test_one_that_was_deleted_is_named(wiki):
    wiki.delete()
    with named(wiki.client_id, "the audit has this application, the table has not"):
        call_command("verify_audit")


def act_on(client, jane):
    """Everything that administrators can do with an application, one after the other."""
    by = client_changes.By(user=jane, reason="asked_by_owner", origin=Origin())
    now, client_id = timezone.now(), client.client_id
    yield client_changes.describe(client_id, {"client_name": "Knowledge"}, by=by)
    row = client_changes.find(client_id)
    with transaction.atomic():
        change = {"redirect_uris": ["https://wiki.example/other"], "skip_consent": True}
        base = client_seals.version_of(row, client_changes.GUARDED)
        yield client_changes.carry_out(Proposal(subject=client_id, change=change, base=base))
    shown = client_changes.secret_version(client_changes.find(client_id))
    yield client_changes.replace_secret(client_id, shown=shown, keep_until=now, by=by)
    yield client_changes.disable(client_id, by=by, now=now)
    yield client_changes.enable(client_id, by=by)


def test_what_administrators_do_has_its_entry(wiki, jane):
    for number, _done in enumerate(act_on(wiki, jane), start=1):
        call_command("verify_audit")
        told = AuditEntry.objects.filter(name__startswith="idp.client.", details__client_id=wiki.client_id)
        assert told.count() == number + 1
        assert told.latest("sequence").details["says"] == client_seals.digest_of(Client.objects.get(pk=wiki.pk))


def test_an_older_row_put_back_is_named(wiki, jane):
    """With its own, genuine seal."""
    before = Client.objects.filter(pk=wiki.pk).values().get()
    by = client_changes.By(user=jane, reason="asked_by_owner", origin=Origin())
    client_changes.disable(wiki.client_id, by=by, now=timezone.now())
    Client.objects.filter(pk=wiki.pk).update(**before)
    with named(wiki.client_id, "it says something else than its last entry"):
        call_command("verify_audit")


def test_a_new_root_key_changes_nothing_that_it_says(wiki, settings):
    settings.ROOT_KEYS = (("t3", b"a third root key, 32 bytes long!!"), *settings.ROOT_KEYS)
    row = Client.objects.get(pk=wiki.pk)
    assert client_seals.SEALED.reseal(row)
    call_command("verify_audit")


def test_an_entry_of_an_earlier_version_tells_nothing_and_that_is_said(wiki, jane, capsys):
    make_client("older")
    with transaction.atomic():
        record(ClientRegistered(client_id="older"))
    call_command("verify_audit")
    assert "does not tell what they say: 1." in capsys.readouterr().out
    by = client_changes.By(user=jane, reason="asked_by_owner", origin=Origin())
    client_changes.disable("older", by=by, now=timezone.now())
    call_command("verify_audit")
    assert "earlier version" not in capsys.readouterr().out

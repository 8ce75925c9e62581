"""Fixtures everybody shares: people with credentials as the one writer makes them, and applications."""

import math

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection
from django.db.models.signals import pre_save
from django.dispatch import receiver
from django.test import TransactionTestCase
from django.urls import get_resolver
from django.utils import timezone, translation

from idp import guards, stuffing, tasks
from idp.accounts import credentials, forgeries
from idp.accounts.proofs import PROOF_LIFETIME, Earned, Proof
from idp.channels import chain
from idp.keyring import fingerprint
from idp.models import Client, User
from idp.oidc import client_seals, clients, keys

PASSWORD = "correct horse battery staple"
NEW_PASSWORD = "quiet harbour lantern 7"
CALLBACK = "https://payroll.contoso.example/callback"
CLIENT_SECRET = "the secret of payroll, which is long and random"


@pytest.fixture(autouse=True, scope="session")
def _guards_make_way_for_flush():
    """Emptying the tables between tests is what the triggers are there to refuse; they are dropped for it.

    Migrations' signal, which Django sends after a flush, writes them again.
    """
    original = TransactionTestCase._fixture_teardown

    def teardown(self):
        drop_guards()
        original(self)

    TransactionTestCase._fixture_teardown = teardown
    yield
    TransactionTestCase._fixture_teardown = original


@pytest.fixture(autouse=True, scope="session")
def _addresses_are_those_of_the_settings():
    """A process reads them once; the first test to ask may be one that has put other plug-ins in place."""
    assert get_resolver().url_patterns


@pytest.fixture(autouse=True)
def _nothing_is_remembered_from_the_test_before():
    """A process keeps clients and keys for seconds; a test that was rolled back had others. So does a language stay.

    And it remembers that Redis did not answer, which it never does here unless a test brings one. Networks are counted
    in the database, which forgets: the Redis of the whole run would count all tests as one afternoon.
    """
    clients.forget()
    keys.forget()
    forgeries.take()
    if apps.is_installed("recovery"):
        from recovery import in_force

        # As in a process that has just read that nothing is announced.
        fresh = in_force._Read(numbers=None, announced=None, until=timezone.now() + in_force._REMEMBERED)
        in_force._remembered[in_force._KEY] = fresh
    translation.deactivate()
    tasks.broker.succeeded()
    chain.forget_trouble()
    stuffing._away[settings.REDIS_URL] = math.inf


def drop_guards(tables=(*guards.GUARDED, *guards.APPENDED)):
    """What somebody does who owns the database."""
    with connection.cursor() as cursor:
        for table in tables:
            if connection.vendor == "sqlite":
                for event in ("insert", "update", "delete"):
                    cursor.execute(f"DROP TRIGGER IF EXISTS {table}_{event}")
            else:
                cursor.execute(f"DROP TRIGGER IF EXISTS {table}_rows ON {table}")
                cursor.execute(f"DROP TRIGGER IF EXISTS {table}_whole ON {table}")


def open_the_audit():
    """Let entries be changed until the test's transaction ends."""
    drop_guards(guards.APPENDED)


def make_person(
    username="jane", *, email="jane@contoso.example", password=PASSWORD, addresses=None, phones=(), **fields
):
    """An account as an import makes it: user, password, and its e-mail (and telephones) as recovery addresses."""
    now = timezone.now()
    user = User.objects.create(
        preferred_username=username,
        email=email,
        email_verified=True,
        created_at=now,
        **{"name": username.title() + " Doe", **fields},
    )

    def proof(kind):
        return Proof(
            user=user.pk,
            kind=kind,
            replaces=0,
            earned=Earned.IMPORT,
            source=user.pk,
            expires_at=now + PROOF_LIFETIME,
        )

    if password:
        credentials.write_password(proof("password"), password, now=now)
    for address in [email] if addresses is None else addresses:
        credentials.write_address(proof("email"), address, channel="email", now=now)
    for phone in phones:
        credentials.write_address(proof("sms"), phone, channel="sms", now=now)
    return user


@receiver(pre_save, sender=Client)
def _sealed_as_a_registration_would(instance, **_signal):
    """Tests write and change applications as they need them; only `register` does so in earnest."""
    client_seals.put(instance)


def make_client(client_id="payroll", **fields):
    return Client.objects.create(
        client_id=client_id,
        created_at=timezone.now(),
        **{
            "client_secret_hash": fingerprint(CLIENT_SECRET),
            "client_name": "Payroll",
            "redirect_uris": [CALLBACK],
            "post_logout_redirect_uris": ["https://payroll.contoso.example/"],
            "token_endpoint_auth_method": "client_secret_basic",
            "grant_types": ["authorization_code", "refresh_token"],
            "scope": "openid profile email offline_access",
            **fields,
        },
    )


@pytest.fixture
def jane(db):
    return make_person()


@pytest.fixture
def payroll(db):
    return make_client(skip_consent=True)

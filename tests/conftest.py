"""Fixtures everybody shares: people with credentials as the one writer makes them, and applications."""

import math

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection, transaction
from django.db.models.signals import pre_save
from django.dispatch import receiver
from django.test import TransactionTestCase
from django.urls import get_resolver
from django.utils import timezone, translation

from idp import guards, stuffing, tasks
from idp.accounts import credentials, forgeries, hashers
from idp.accounts.proofs import PROOF_LIFETIME, Earned, Proof
from idp.audit.events import ClientRegistered
from idp.audit.record import record
from idp.channels import chain
from idp.keyring import fingerprint
from idp.keystore import uri, where
from idp.models import Client, User
from idp.oidc import client_seals, clients, keys
from tests import tokens
from tests.servers import Missing

PASSWORD = "correct horse battery staple"
NEW_PASSWORD = "quiet harbour lantern 7"
CALLBACK = "https://payroll.contoso.example/callback"
CLIENT_SECRET = "the secret of payroll, which is long and random"
_REAL_COST = {name: getattr(hashers.Argon2idHasher, name) for name in ("memory_cost", "time_cost")}
_LEAST_COST = {"memory_cost": 8, "time_cost": 1}


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


@pytest.fixture(autouse=True, scope="session")
def _hashes_cost_little():
    """The same algorithm with the least memory and one pass: otherwise it is what most of the time goes to.

    Programs that tests start are not concerned; they hash as an operator's do.
    """
    hash_at(_LEAST_COST)
    yield
    hash_at(_REAL_COST)


@pytest.fixture(autouse=True)
def _hashes_cost_what_they_cost(request):
    """Where that is what a test is about, and in races, whose parts are to be at work at the same time."""
    if request.node.get_closest_marker("hashing") is None and not is_committed(request.node):
        yield
        return
    hash_at(_REAL_COST)
    yield
    hash_at(_LEAST_COST)


def is_committed(test):
    """Whether others see what it writes: threads and processes beside it."""
    mark = test.get_closest_marker("django_db")
    return "transactional_db" in test.fixturenames or bool(mark and mark.kwargs.get("transaction"))


def hash_at(cost):
    for name, value in cost.items():
        setattr(hashers.Argon2idHasher, name, value)


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


def tell_of_registration(client):
    """Write the entry that `register` writes beside the row."""
    with transaction.atomic():
        record(ClientRegistered(client_id=client.client_id, says=client_seals.digest_of(client)))


@pytest.fixture
def payroll(db):
    return make_client(skip_consent=True)


@pytest.fixture
def soft_token():
    """A token of PKCS#11, empty and ready."""
    try:
        return tokens.soft_token()
    except Missing as missing:
        pytest.skip(str(missing))


@pytest.fixture
def kept_in_a_token(soft_token, settings):
    """The newest root key is in a token; older ones are still there, as before the drill is over."""
    settings.PKCS11_TOKEN = uri.read(soft_token.uri)
    where.create_root_key("h1", settings.PKCS11_TOKEN)
    settings.ROOT_KEYS = (("h1", None), *settings.ROOT_KEYS)
    return soft_token

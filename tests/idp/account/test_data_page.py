"""A copy of one's data: complete, without secrets, for its owner alone, and written as it is read."""

import json
import tracemalloc
from datetime import timedelta

import pytest
import time_machine
from django.apps import apps
from django.db import transaction
from django.utils import timezone

from idp import keyring
from idp.account import export
from idp.accounts import devices
from idp.audit.events import DataDownloaded, Origin
from idp.audit.record import record
from idp.conf import policy
from idp.login import consents
from idp.models import AuditEntry, Credential, Device, RecoveryAddress, SignIn
from tests.conftest import make_client, make_person
from tests.idp.account.conftest import add_address, add_factor, signed_in

PATH = "/account/data/"


@pytest.fixture
def jane(db):
    return make_person(
        claims={"given_name": "Jane", "address": {"locality": "Lyon"}},
        groups=["staff"],
        locale="fr",
    )


def download(person):
    person.open(PATH)
    fields = {name: values[0] for name, values in person.page.parsed.fields.items()}
    return person.post(PATH, fields)


def body(response):
    return b"".join(response.streaming_content).decode()


def test_everything_that_is_kept_is_in_it(jane, hers):
    now = timezone.now()
    add_address(jane, "new@elsewhere.example", now=now, usable_from=now + timedelta(days=7))
    shop = make_client("shop", client_name="Shop")
    consents.remember(jane, shop, ["openid", "email"], now=now, origin=Origin())
    found = json.loads(body(download(hers)))
    assert set(found) == {
        "made_at",
        "account",
        "addresses",
        "credentials",
        "sign_ins",
        "browsers",
        "consents",
        *({"asked_at_sign_in"} if apps.is_installed("recovery") else ()),
        "history",
    }
    assert found["account"]["sub"] == jane.sub
    assert found["account"]["given_name"] == "Jane"
    assert found["account"]["address"] == {"locality": "Lyon"}
    assert found["account"]["groups"] == ["staff"]
    assert {each["address"] for each in found["addresses"]} == {"jane@contoso.example", "new@elsewhere.example"}
    assert [each["kind"] for each in found["credentials"]] == ["password"]
    assert found["sign_ins"][0]["device"] == "Firefox, Linux"
    assert found["browsers"][0]["browser"] == "Firefox, Linux"
    assert found["consents"][0]["application"] == "Shop"
    told = [each["event"] for each in found["history"]]
    assert told[-2:] == ["idp.consent.given", "idp.account.data_downloaded"]
    assert len(told) == AuditEntry.objects.count()
    assert "Shop" in found["history"][-2]["sentence"]


def test_factors_are_named_and_no_secret_is_in_it(jane, hers):
    now = timezone.now()
    add_factor(jane, "totp", name="My phone", now=now)
    text = "".join(export.pieces(jane, now=now, language="en"))
    assert {"kind": "totp", "name": "My phone"}.items() <= json.loads(text)["credentials"][1].items()
    secrets = [
        *Credential.objects.values_list("material", flat=True),
        *Credential.objects.values_list("seal", flat=True),
        *RecoveryAddress.objects.values_list("ciphertext", flat=True),
        *RecoveryAddress.objects.values_list("digest", flat=True),
        *SignIn.objects.values_list("key_hash", flat=True),
        *Device.objects.values_list("key_hash", flat=True),
        *Device.objects.values_list("seal", flat=True),
        hers.http.cookies["__Host-regain-session"].value,
        keyring.fingerprint(hers.http.cookies["__Host-regain-device"].value),
    ]
    assert all(secrets)
    for secret in secrets:
        assert secret not in text


def test_nothing_of_anybody_else_is_in_it(jane, hers):
    john = make_person("john", email="john@contoso.example")
    signed_in("john")
    with transaction.atomic():
        devices.seen(john.pk, "a key", None, origin=Origin(device="Lynx"), now=timezone.now())
    text = body(download(hers))
    assert "john" not in text
    assert "Lynx" not in text
    assert str(john.pk) not in text


def test_it_is_a_file_that_is_not_kept(jane, hers):
    response = download(hers)
    assert response["Content-Type"] == "application/json"
    assert response["Content-Disposition"] == 'attachment; filename="account.json"'
    assert response["Cache-Control"] == "no-store"
    assert response["X-Content-Type-Options"] == "nosniff"
    body(response)


def test_it_takes_somebody_fresh_and_is_told_in_the_history(jane, hers):
    with time_machine.travel(timezone.now() + policy().step_up):
        assert hers.open(PATH).name == "account-data"
        response = download(hers)
        assert response["Location"] == "/sign-in/again?to=%2Faccount%2Fdata%2F"
    assert not AuditEntry.objects.filter(name="idp.account.data_downloaded").exists()
    body(download(hers))
    assert AuditEntry.objects.filter(name="idp.account.data_downloaded").count() == 1


def test_memory_stays_flat_however_long_the_history(jane):
    """Five times the history, and no more memory than two batches take."""

    def peak(entries):
        with transaction.atomic():
            record(*(DataDownloaded(user=jane.pk) for _each in range(entries)))
        size = 0
        tracemalloc.start()
        for piece in export.pieces(jane, now=timezone.now(), language="en"):
            size += len(piece)
        _now, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most, size

    peak(1400)  # imports and caches
    small, small_size = peak(1)
    large, large_size = peak(6000)
    assert large_size > 5 * small_size
    assert large < 1.2 * small


def test_an_address_written_past_the_program_is_not_in_it(jane):
    from tests.conftest import drop_guards

    drop_guards()
    RecoveryAddress.objects.update(seal="t2.made-up")
    assert json.loads("".join(export.pieces(jane, now=timezone.now(), language="en")))["addresses"] == []

"""A new root key: every row is sealed anew, the old key goes, and nobody notices."""

import io

import pytest
from django.conf import settings as shipped
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction
from django.utils import timezone

from idp import keyring
from idp.accounts import credentials, sealing, tombstones
from idp.accounts.proofs import PROOF_LIFETIME, Earned, Proof
from idp.factors import recovery_codes
from idp.models import AuditEntry, AuditHead, Credential, RecoveryAddress
from idp.oidc import keys, registration
from idp.seals import renewal, tables
from tests.attacks.prompt import db_id, sql
from tests.attacks.test_registrations import METADATA
from tests.conftest import drop_guards, make_person
from tests.idp.console.people import appoint
from tests.idp.factors.people import NOW_HERE, factor_of, fresh_sign_in, with_app, with_passkey, with_recovery_codes

FRESH = ("t3", b"test root key number three, 32 by")


@pytest.fixture
def everything(jane, db):
    """Rows of as many kinds as a test can make, sealed with t2."""
    app, codes = with_app(jane), with_recovery_codes(jane)
    with_passkey(jane)
    appoint(jane)
    registration.register(METADATA, now=timezone.now())
    keys.current()
    fresh_sign_in(jane)
    return app, codes


def rotate():
    out = io.StringIO()
    call_command("rotate_root_key", stdout=out)
    return out.getvalue()


def put_in_front(settings):
    settings.ROOT_KEYS = (FRESH, *shipped.ROOT_KEYS)


def take_out(settings):
    """Only the new key seals; the one that finds digests, and the one of saved codes, are retired."""
    settings.RETIRED_KEYS = tuple(key for key in settings.ROOT_KEYS if key[0] != FRESH[0])
    settings.ROOT_KEYS = (FRESH,)
    keys.forget()


def test_afterwards_nothing_needs_the_old_keys(jane, everything, settings):
    _app, codes = everything
    address = RecoveryAddress.objects.get(user=jane).digest
    put_in_front(settings)
    said = rotate()
    assert "in this order: t2, t1\n" in said
    assert "Not before" in said
    take_out(settings)
    assert tables.unopened(timezone.now()) == []
    assert all(table.is_genuine(row) for table in tables.every() for row in table.rows(timezone.now()))
    call_command("verify_audit")
    row = RecoveryAddress.objects.select_related("user").get(user=jane)
    assert sealing.open_address(row).value == jane.email
    assert row.digest == address == sealing.address_digest("email", jane.email)
    code = recovery_codes.read(codes[0])
    assert recovery_codes.is_right([factor_of(jane, "recovery_codes")], code, origin=NOW_HERE, now=timezone.now())
    assert keys.current().active


def test_what_rows_say_stays_and_so_does_their_version(jane, everything, settings):
    before = {row.pk: (row.version, row.proof, row.changed_at, row.kind) for row in Credential.objects.all()}
    put_in_front(settings)
    rotate()
    after = {row.pk: (row.version, row.proof, row.changed_at, row.kind) for row in Credential.objects.all()}
    assert after == before
    assert {row.seal.partition(".")[0] for row in Credential.objects.all()} == {"t3"}


def test_each_batch_stands_in_the_audit(jane, everything, settings):
    put_in_front(settings)
    rotate()
    told = AuditEntry.objects.filter(name="idp.root_key.rows_resealed").values_list("details", flat=True)
    counted = {each["table"]: each["rows"] for each in told}
    assert counted["credential"] == Credential.objects.count()
    assert {each["key"] for each in told} == {"t3"}
    assert AuditHead.objects.get().seal.startswith("t3.")


def test_it_can_be_ended_and_begun_again(db, settings, monkeypatch):
    for number in range(3):
        make_person(f"person{number}", email=f"person{number}@contoso.example")
    put_in_front(settings)
    monkeypatch.setattr(renewal, "ROWS", 2)
    batches = renewal.renew(timezone.now())
    assert next(batches).rows == 2
    batches.close()  # killed
    assert renewal.left(timezone.now())["credential"] == 1
    assert "4 rows were sealed anew" in rotate()
    assert "0 rows were sealed anew" in rotate()


def test_a_password_changed_meanwhile_is_not_put_back(jane, settings, monkeypatch):
    put_in_front(settings)
    stale = Credential.objects.get(user=jane)
    proof = Proof(
        user=jane.pk,
        kind="password",
        replaces=1,
        earned=Earned.RECOVERY,
        source=jane.pk,
        expires_at=timezone.now() + PROOF_LIFETIME,
    )
    credentials.write_password(proof, "quiet harbour lantern 7", now=timezone.now())
    assert not credentials.reseal(stale, material=stale.material)
    assert Credential.objects.get(user=jane).version == 2


@pytest.mark.django_db(transaction=True)
def test_a_forgery_is_not_made_genuine(jane, settings):
    drop_guards()
    sql("UPDATE idp_credential SET material = 'theirs' WHERE user_id = %s", db_id(jane.pk))
    put_in_front(settings)
    with pytest.raises(CommandError, match="Left as they are: 1 of credential"):
        rotate()
    credential = Credential.objects.get(user=jane)
    assert credential.seal.startswith("t2.")
    with pytest.raises(keyring.Tampered):
        credentials.reseal(credential, material=credential.material)


RESEALED_BUT = {
    "other material": "material = 'theirs', seal = 't3.x'",
    "the same key": "seal = 't2.x'",
    "another version": "version = 5, seal = 't3.x'",
    "another time": "changed_at = '2020-01-01 00:00:00+00:00', seal = 't3.x'",
}


@pytest.mark.parametrize("how", RESEALED_BUT)
def test_the_database_lets_nothing_else_through_as_a_new_seal(jane, how):
    with pytest.raises(DatabaseError), transaction.atomic():
        sql(f"UPDATE idp_credential SET {RESEALED_BUT[how]} WHERE user_id = %s", db_id(jane.pk))


def test_a_seal_alone_may_be_that_of_another_key_and_is_looked_at_all_the_same(jane):
    sql("UPDATE idp_credential SET seal = 't3.bm90IG91cnM' WHERE user_id = %s", db_id(jane.pk))
    assert not sealing.is_genuine(Credential.objects.get(user=jane))


def test_names_of_the_deleted_are_found_by_a_retired_key(jane, everything, settings):
    tombstones.bury(jane, now=timezone.now())
    put_in_front(settings)
    rotate()
    take_out(settings)
    assert tombstones.buried([jane.email])


def test_what_a_retired_key_sealed_is_not_believed(jane, settings):
    sealed, kept = keyring.seal("credential", "x"), keyring.encrypt("signing-key", "x", 1)
    put_in_front(settings)
    take_out(settings)
    assert not keyring.is_sealed("credential", sealed, "x")
    with pytest.raises(keyring.Tampered):
        keyring.decrypt("signing-key", kept, 1)
    with pytest.raises(keyring.Tampered):
        keyring.derive("code", key_id="t2")


def test_a_key_that_is_taken_out_too_early_is_missed_at_start(jane, everything, settings):
    settings.ROOT_KEYS = (FRESH,)
    faults = tables.unopened(timezone.now())
    assert any("rows of the kind credential" in fault for fault in faults)
    assert any("saved recovery codes" in fault for fault in faults)
    assert {error.id for error in run_checks(tags=["database"], databases=["default"])} >= {"idp.E007"}


def test_so_is_the_one_that_finds_digests(jane, settings):
    put_in_front(settings)
    rotate()
    settings.ROOT_KEYS = (FRESH,)
    (fault,) = tables.unopened(timezone.now())
    assert "look-up digests" in fault


def test_a_key_that_nobody_needs_may_go_for_good(jane, settings):
    """t2 made no recovery codes and is not the oldest."""
    put_in_front(settings)
    said = rotate()
    assert "in this order: t1\n" in said
    assert "throw away: t2" in said
    settings.ROOT_KEYS, settings.RETIRED_KEYS = (FRESH,), (settings.ROOT_KEYS[-1],)
    assert tables.unopened(timezone.now()) == []
    assert RecoveryAddress.objects.get(user=jane).digest == sealing.address_digest("email", jane.email)


def test_with_one_key_there_is_nothing_to_do(jane, settings):
    settings.ROOT_KEYS = settings.ROOT_KEYS[:1]
    with pytest.raises(CommandError, match="has one key"):
        rotate()


def test_it_refuses_while_a_key_is_missing(jane, settings):
    settings.ROOT_KEYS = (FRESH, settings.ROOT_KEYS[-1])
    with pytest.raises(CommandError, match="lacks a key"):
        rotate()

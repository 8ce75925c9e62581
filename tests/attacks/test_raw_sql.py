"""Somebody with SQL access and without our keys: they can break an account, and cannot enter it.

The database refuses what it can; whatever gets past it does not carry a seal, and is refused when it is used.
"""

import json
import logging
import uuid
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from idp.models import AuditEntry, Credential, User
from recovery.domain.journey import Step
from tests.attacks.prompt import THEIRS, db_id, sql
from tests.conftest import NEW_PASSWORD, PASSWORD
from tests.recovery.walk import walk_to
from tests.story import Person, post_office

# --- How to write a password ------------------------------------------------------------------------------

_COLUMNS = "id, user_id, kind, material, version, proof, seal, changed_at"


def insert(verb, *, tail="", row=None, version=1):
    def write(jane, theirs):
        values = [
            db_id(row(jane) if row else uuid.uuid4()),
            db_id(jane.pk),
            "password",
            theirs,
            version,
            db_id(uuid.uuid4()),
            "t2.c2VhbA",
            timezone.now().replace(tzinfo=None).isoformat(" ") if connection.vendor == "sqlite" else timezone.now(),
        ]
        sql(f"{verb} INTO idp_credential ({_COLUMNS}) VALUES ({', '.join(['%s'] * 8)}) {tail}", *values)

    return write


def update(assignments="material = %s"):
    def write(jane, theirs):
        sql(f"UPDATE idp_credential SET {assignments} WHERE user_id = %s", theirs, db_id(jane.pk))

    return write


def delete_and_insert(jane, theirs):
    sql("DELETE FROM idp_credential WHERE user_id = %s", db_id(jane.pk))
    insert("INSERT")(jane, theirs)


def credential_of(jane):
    return Credential.objects.get(user=jane).pk


_UPSERT = "ON CONFLICT (id) DO UPDATE SET material = excluded.material"
_UPSERT_FULLY = (
    "ON CONFLICT (id) DO UPDATE SET material = excluded.material, version = idp_credential.version + 1, "
    "proof = excluded.proof, seal = excluded.seal"
)
WRITES = {
    "update the hash": update(),
    "update the hash and count on": update("material = %s, version = version + 1"),
    "update everything that is looked at": update(
        "material = %s, version = version + 1, seal = 't2.c2VhbA', proof = '00000000000000000000000000000001'",
    ),
    "delete, then insert": delete_and_insert,
    "insert one more": insert("INSERT"),
    "insert over it": insert("INSERT", row=credential_of, tail=_UPSERT),
    "insert over it and count on": insert("INSERT", row=credential_of, tail=_UPSERT_FULLY),
}
if connection.vendor == "sqlite":
    WRITES |= {
        "replace": insert("INSERT OR REPLACE", row=credential_of),
        "replace by a row of its own": insert("INSERT OR REPLACE"),
        "replace, as a higher version": insert("REPLACE", row=credential_of, version=2),
        "update or replace": lambda jane, theirs: sql(
            "UPDATE OR REPLACE idp_credential SET material = %s WHERE user_id = %s", theirs, db_id(jane.pk)
        ),
    }
#: An UPDATE that counts on and brings a new seal and proof is what our own writer does: only the seal is wrong.
PASSES_THE_TRIGGERS = {"update everything that is looked at"}


def assert_nobody_gets_in(caplog, account, *, alarm):
    """Neither with the attacker's password nor with any other; the account is frozen, and it is said loudly."""
    with caplog.at_level(logging.ERROR):
        for password in (THEIRS, PASSWORD):
            stranger = Person(address="198.51.100.7")
            stranger.open("/sign-in")
            stranger.submit(username=account.preferred_username, password=password)
            assert stranger.page.name == "sign-in"
            assert "That username and password don't match" in stranger.page
    account.refresh_from_db()
    assert account.status == User.Status.FROZEN
    names = list(AuditEntry.objects.filter(user=account.pk).values_list("name", flat=True))
    assert "idp.credential.seal_invalid" in names
    assert names.count("idp.account.frozen") == 1
    assert alarm in caplog.text


@pytest.mark.parametrize("name", [name for name in WRITES if name not in PASSES_THE_TRIGGERS])
def test_the_triggers_refuse_a_password_written_by_sql(jane, theirs, name):
    before = list(Credential.objects.values())
    with pytest.raises(DatabaseError), transaction.atomic():
        WRITES[name](jane, theirs)
    assert list(Credential.objects.values()) == before
    person = Person()
    person.open("/sign-in")
    person.submit(username="jane", password=PASSWORD)
    assert person.page.name == "account"


@pytest.mark.parametrize("name", WRITES)
def test_without_triggers_the_seal_refuses_it_and_raises_the_alarm(jane, theirs, unguarded, caplog, name):
    try:
        with transaction.atomic():
            WRITES[name](jane, theirs)
    except DatabaseError:
        # The table's own constraint: one password for each account.
        assert name in ("insert one more", "replace by a row of its own")
        return
    assert_nobody_gets_in(caplog, jane, alarm="credential.seal_invalid")


@pytest.mark.parametrize("name", sorted(PASSES_THE_TRIGGERS))
def test_what_the_triggers_let_pass_the_seal_refuses(jane, theirs, caplog, name):
    WRITES[name](jane, theirs)
    assert_nobody_gets_in(caplog, jane, alarm="credential.seal_invalid")


if connection.vendor == "sqlite":

    def test_replacing_is_refused_whatever_the_connection_has_set(jane, theirs):
        """A prompt of one's own does not set recursive_triggers, without which REPLACE deletes unseen."""
        for pragma in ("ON", "OFF"):
            sql(f"PRAGMA recursive_triggers = {pragma}")
            for name in ("replace", "replace by a row of its own", "replace, as a higher version"):
                with pytest.raises(DatabaseError), transaction.atomic():
                    WRITES[name](jane, theirs)
        sql("PRAGMA recursive_triggers = ON")


if connection.vendor == "postgresql":

    def test_a_table_is_not_emptied_nor_written_as_a_replica(jane, theirs):
        for statement in (
            "TRUNCATE idp_credential",
            "TRUNCATE idp_user CASCADE",
            "TRUNCATE idp_recoveryaddress CASCADE",
        ):
            with pytest.raises(DatabaseError), transaction.atomic():
                sql(statement)
        for name in ("update the hash", "delete, then insert", "insert over it"):
            with transaction.atomic():
                sql("SET LOCAL session_replication_role = replica")
                with pytest.raises(DatabaseError), transaction.atomic():
                    WRITES[name](jane, theirs)
                transaction.set_rollback(True)
        assert Credential.objects.get(user=jane).version == 1


def test_an_account_is_not_deleted_with_its_credential_by_sql(jane):
    with pytest.raises(DatabaseError), transaction.atomic():
        sql("DELETE FROM idp_credential WHERE user_id = %s", db_id(jane.pk))
    with pytest.raises(DatabaseError), transaction.atomic():
        sql("DELETE FROM idp_recoveryaddress WHERE user_id = %s", db_id(jane.pk))


# --- Genuine rows in the wrong place ----------------------------------------------------------------------


def test_another_accounts_genuine_row_does_not_open_this_one(jane, mallory, unguarded, caplog):
    """The attacker's own password, with its genuine seal, written into the victim's row."""
    mine = Credential.objects.get(user=mallory)
    sql(
        "UPDATE idp_credential SET material = %s, version = %s, proof = %s, seal = %s WHERE user_id = %s",
        mine.material,
        mine.version,
        db_id(mine.proof),
        mine.seal,
        db_id(jane.pk),
    )
    assert_nobody_gets_in(caplog, jane, alarm="credential.seal_invalid")


def test_a_row_moved_over_to_another_account_opens_nothing(jane, mallory, unguarded, caplog):
    sql("DELETE FROM idp_credential WHERE user_id = %s", db_id(jane.pk))
    sql("UPDATE idp_credential SET user_id = %s WHERE user_id = %s", db_id(jane.pk), db_id(mallory.pk))
    assert_nobody_gets_in(caplog, jane, alarm="credential.seal_invalid")


def rolled_back(jane):
    """The genuine row from before a recovery, put back."""
    before = Credential.objects.get(user=jane)
    walk_to(Step.DONE)
    values = (before.material, before.version, db_id(before.proof), before.seal, db_id(jane.pk))
    return lambda: sql(
        "UPDATE idp_credential SET material = %s, version = %s, proof = %s, seal = %s WHERE user_id = %s", *values
    )


def test_the_triggers_refuse_to_put_an_older_password_back(jane):
    put_back = rolled_back(jane)
    with pytest.raises(DatabaseError), transaction.atomic():
        put_back()
    assert Credential.objects.get(user=jane).version == 2


def test_an_older_password_put_back_contradicts_the_history(jane, unguarded):
    """Its seal is genuine, so it opens the account again; that it was replaced stands in the audit, which is sealed."""
    rolled_back(jane)()
    written = AuditEntry.objects.filter(user=jane.pk, name="idp.credential.written", details__kind="password")
    assert written.latest("sequence").details["version"] > Credential.objects.get(user=jane).version
    with pytest.raises((CommandError, SystemExit)):
        call_command("verify_audit")


# --- What becomes of such an account -----------------------------------------------------------------------


def test_a_frozen_account_does_not_come_back_by_recovery(jane, theirs, unguarded, caplog):
    WRITES["update the hash"](jane, theirs)
    assert_nobody_gets_in(caplog, jane, alarm="credential.seal_invalid")
    walk_to(Step.CODE)
    assert post_office() == []


def test_a_recovery_under_way_ends_when_the_account_is_frozen(jane, unguarded):
    person = walk_to(Step.NEW_PASSWORD)
    sql("UPDATE idp_user SET status = 'frozen' WHERE id = %s", db_id(jane.pk))
    person.submit(new_password=NEW_PASSWORD)
    assert person.page.name == "recovery-ended"
    assert Credential.objects.get(user=jane).version == 1


def test_a_forged_row_cannot_be_made_genuine_by_a_recovery_that_was_never_finished(jane, theirs, unguarded):
    """A proof names the version it replaces; a version written by SQL is another one."""
    person = walk_to(Step.NEW_PASSWORD)
    sql("UPDATE idp_credential SET version = 7 WHERE user_id = %s", db_id(jane.pk))
    person.submit(new_password=NEW_PASSWORD)
    assert person.page.name == "recovery-ended"
    assert Credential.objects.get(user=jane).version == 7


def test_audit_of_an_alarm_names_the_row_and_no_secret(jane, theirs, unguarded, caplog):
    WRITES["update the hash"](jane, theirs)
    assert_nobody_gets_in(caplog, jane, alarm="credential.seal_invalid")
    entry = AuditEntry.objects.get(user=jane.pk, name="idp.account.frozen")
    assert entry.details == {"reason": "seal_invalid"}
    assert timezone.now() - entry.at < timedelta(minutes=1)
    said = json.dumps(list(AuditEntry.objects.values_list("details", flat=True)))
    assert theirs not in said
    assert THEIRS not in said

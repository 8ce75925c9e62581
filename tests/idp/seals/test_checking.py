"""Every seal is looked at, whether or not anybody uses its row; a wrong one is said once to every administrator."""

import io

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings
from django.utils import timezone

from idp.models import AuditEntry, ForgedRow, Message, SealCheck, User
from idp.seals import checking, tables
from tests.attacks.prompt import db_id, sql
from tests.conftest import drop_guards, make_person
from tests.idp.console.people import appoint
from tests.idp.factors.people import fresh_sign_in
from tests.story import post_office

NOT_OURS = "t2.bm90IG91cnM"


@pytest.fixture
def boss(db):
    person = make_person("boss", email="boss@contoso.example")
    appoint(person)
    Message.objects.all().delete()
    return person


def check_everything():
    """One round of the worker's, in parts; how many rows were looked at, and how many were forged."""
    checked = [checking.check_some(timezone.now(), most=2)]
    while not checked[-1].finished:
        checked.append(checking.check_some(timezone.now(), most=2))
    return sum(each.rows for each in checked), sum(each.forged for each in checked)


def told(boss):
    return Message.objects.filter(user=boss, kind="idp.forgery_found")


def test_what_we_wrote_is_sealed(jane, boss, payroll):
    fresh_sign_in(jane)
    rows, forged = check_everything()
    assert rows == sum(table.rows(timezone.now()).count() for table in tables.every())
    assert forged == 0
    assert SealCheck.objects.get().finished_at is not None


def test_a_round_goes_on_where_the_last_part_ended(jane, boss):
    first = checking.check_some(timezone.now(), most=1)
    place = SealCheck.objects.get()
    assert (first.rows, place.table) == (1, "credential")
    checking.check_some(timezone.now(), most=1)
    assert SealCheck.objects.get().position != place.position


FORGERIES = {
    "credential": "UPDATE idp_credential SET seal = %s WHERE user_id = %s",
    "recovery_address": "UPDATE idp_recoveryaddress SET seal = %s WHERE user_id = %s",
    "role": "UPDATE idp_role SET seal = %s WHERE user_id = %s",
    "sign_in": "UPDATE idp_signin SET seal = %s WHERE user_id = %s",
}


@pytest.mark.parametrize("table", FORGERIES)
@pytest.mark.django_db(transaction=True)
def test_a_row_that_nobody_uses_is_found(jane, boss, table):
    appoint(jane)
    fresh_sign_in(jane)
    drop_guards()
    sql(FORGERIES[table], NOT_OURS, db_id(jane.pk))
    assert check_everything()[1] == 1
    entry = AuditEntry.objects.get(name="idp.credential.seal_invalid")
    assert (entry.user, entry.details["table"]) == (jane.pk, table)
    jane.refresh_from_db()
    freezes = table != "sign_in"
    assert jane.status == (User.Status.FROZEN if freezes else User.Status.ACTIVE)
    assert told(boss).count() == 1
    (letter,) = [each for each in post_office() if each.to == [boss.email] and "written past" in each.subject]
    assert "does not carry the seal" in letter.body


@pytest.mark.django_db(transaction=True)
def test_it_is_said_once_however_often_it_is_met(jane, boss):
    drop_guards()
    sql("UPDATE idp_recoveryaddress SET seal = %s WHERE user_id = %s", NOT_OURS, db_id(jane.pk))
    for _round in range(2):
        assert check_everything()[1] == 1
    assert told(boss).count() == 1
    assert ForgedRow.objects.count() == 1
    assert AuditEntry.objects.filter(name="idp.credential.seal_invalid").count() == 1


def test_an_application_is_told_by_its_id(boss, payroll):
    sql("UPDATE idp_client SET seal = %s", NOT_OURS)
    assert check_everything()[1] == 1
    assert AuditEntry.objects.get(name="idp.client.seal_invalid").details == {"client_id": "payroll"}
    assert told(boss).count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_worker_without_the_right_keys_freezes_nobody(jane, boss):
    """Who does not know a key cannot tell a forgery from a seal; refused it is where it is used."""
    drop_guards()
    sql("UPDATE idp_credential SET seal = %s WHERE user_id = %s", "t9.bm90IG91cnM", db_id(jane.pk))
    assert check_everything()[1] == 1
    jane.refresh_from_db()
    assert jane.status == User.Status.ACTIVE
    assert told(boss).count() == 1


def test_the_command_says_that_all_is_well(jane, payroll):
    out = io.StringIO()
    call_command("verify_seals", stdout=out)
    assert "Every row carries our seal" in out.getvalue()


@pytest.mark.django_db(transaction=True)
def test_the_command_names_each_bad_row_and_fails(jane, boss):
    drop_guards()
    sql("UPDATE idp_credential SET seal = %s WHERE user_id = %s", NOT_OURS, db_id(jane.pk))
    said = io.StringIO()
    with pytest.raises(CommandError, match="1 rows do not carry our seal"):
        call_command("verify_seals", stderr=said)
    assert "credential " in said.getvalue()
    assert told(boss).count() == 1


def test_numbers_tell_of_forgeries(jane):
    ForgedRow.objects.create(table="role", row="1", found_at=timezone.now())
    (family,) = checking._numbers()
    counted = {sample.labels["table"]: sample.value for sample in family.samples}
    assert (counted["role"], counted["credential"]) == (1, 0)


def test_plug_ins_bring_tables_of_their_own(db):
    with override_settings(IDP_PLUGINS=[]):
        alone = {table.name for table in tables.every()}
    assert {"credential", "recovery_address", "role", "client", "signing_key", "device"} <= alone

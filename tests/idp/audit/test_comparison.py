"""What was exported shows what was rewritten here afterwards, even by somebody who has the keys."""

import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone

from idp.accounts import credentials, roles
from idp.audit import chain, export, targets
from idp.audit.events import AccountFrozen, DataDownloaded
from idp.audit.record import record
from idp.models import AuditEntry, AuditHead, Credential, Role, User
from tests.conftest import drop_guards, open_the_audit
from tests.idp.console.people import appoint
from tests.idp.factors.people import NOW_HERE


@pytest.fixture
def exported(jane, tmp_path, settings):
    path = tmp_path / "audit.jsonl"
    settings.AUDIT_EXPORT = targets.read(f"file://{path}")
    export.export(timezone.now())
    return path


def verify(*files):
    out = io.StringIO()
    call_command("verify_audit", *(("--export", *map(str, files)) if files else ()), stdout=out)
    return out.getvalue()


def refused(*files):
    with pytest.raises(CommandError) as said:
        verify(*files)
    return str(said.value)


def made_anew():
    """The whole chain as somebody makes it who has the root key: nothing here contradicts it."""
    previous = chain.GENESIS
    entry = None
    for entry in AuditEntry.objects.order_by("sequence"):
        entry.previous_hash = previous
        entry.entry_hash = previous = chain.hash_of(entry)
        entry.save()
    head = AuditHead.objects.get(pk=1)
    head.sequence, head.entry_hash = entry.sequence, entry.entry_hash
    chain.move_head(head)


def test_an_untouched_history_agrees(jane, exported):
    assert "The export agrees: 2 entries and 1 anchors, up to entry 2 of 2" in verify(exported)


def test_what_is_newer_than_the_export_is_no_fault(jane, exported):
    with transaction.atomic():
        record(DataDownloaded(user=jane.pk))
    assert "up to entry 2 of 3" in verify(exported)


def test_what_came_twice_is_no_fault(jane, exported):
    exported.write_bytes(exported.read_bytes() * 2)
    assert "The export agrees" in verify(exported)


def test_a_collector_may_have_written_something_before_each_line(jane, exported):
    exported.write_bytes(
        b"".join(b"Nov 26 08:00:00 id regain: " + line for line in exported.read_bytes().splitlines(keepends=True))
    )
    assert "The export agrees: 2 entries" in verify(exported)


def test_a_history_made_anew_with_the_key_is_another_one(jane, exported):
    open_the_audit()
    entry = AuditEntry.objects.get(sequence=1)
    entry.origin["network"] = "203.0.113.0/24"
    entry.save()
    made_anew()
    verify()  # here, everything agrees
    assert "audit entry 1 is another one here than in the export" in refused(exported)


def test_a_database_put_back_to_an_earlier_day_lacks_entries(jane, exported):
    open_the_audit()
    AuditEntry.objects.filter(sequence=2).delete()
    made_anew()
    assert "audit entry 2 is in the export and not here" in refused(exported)


def altered(exported, number, **values):
    said = exported.read_text().splitlines()
    said[number] = json.dumps({**json.loads(said[number]), **values})
    exported.write_text("\n".join(said) + "\n")


def test_a_line_altered_there_is_noticed(jane, exported):
    altered(exported, 0, name="idp.nothing")
    assert "audit entry 1 was altered in the export" in refused(exported)


def test_an_anchor_that_we_did_not_seal_is_noticed(jane, exported):
    altered(exported, 2, at="2020-01-01T00:00:00+00:00")
    assert "has an anchor in the export that we did not seal" in refused(exported)


def test_an_entry_missing_there_is_noticed(jane, exported):
    with transaction.atomic():
        record(DataDownloaded(user=jane.pk))
    export.export(timezone.now())
    said = exported.read_text().splitlines()
    exported.write_text("\n".join((said[0], *said[2:])) + "\n")
    assert "audit entry 2 is missing in the export" in refused(exported)


def test_a_line_that_was_cut_short_hides_nothing(jane, exported):
    whole = exported.read_bytes()
    exported.write_bytes(whole[:40] + b"\n" + whole)
    assert "1 of its lines cannot be read" in verify(exported)


def test_an_empty_file_proves_nothing(jane, tmp_path):
    (tmp_path / "empty").touch()
    assert "holds nothing of ours" in refused(tmp_path / "empty")


# --- Roles and accounts -----------------------------------------------------------------------------------


def test_a_role_that_was_ended_and_put_back_contradicts_the_history(jane, db):
    role = appoint(jane)
    verify()
    with transaction.atomic():
        roles.end_all(jane.pk, by=None, origin=NOW_HERE, now=timezone.now())
    verify()
    Role.objects.filter(pk=role.pk).update(ended_at=None)
    assert "the audit has ended it" in refused()


def test_a_role_that_nobody_granted_contradicts_the_history(jane, db):
    role = appoint(jane)
    open_the_audit()
    AuditEntry.objects.filter(name="idp.role.granted").delete()
    made_anew()
    assert f"role {role.pk} of account {jane.pk}: the audit has not granted it" in refused()


def test_a_frozen_account_opened_by_sql_contradicts_the_history(jane, db):
    with transaction.atomic():
        record(AccountFrozen(user=jane.pk, reason="seal_invalid"))
    User.objects.filter(pk=jane.pk).update(status="frozen")
    verify()
    User.objects.filter(pk=jane.pk).update(status="active")
    assert "the audit has frozen it" in refused()


def test_a_rehash_has_its_entry(jane, db):
    credentials.upgrade_hash(Credential.objects.get(user=jane), "correct horse battery staple", now=timezone.now())
    verify()
    drop_guards()
    AuditEntry.objects.filter(details__earned="rehash").delete()
    made_anew()
    assert "the audit has no such version" in refused()

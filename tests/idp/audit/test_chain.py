"""The history of accounts: what was altered is noticed, and at which entry."""

import io

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from idp.accounts import credentials, evidence
from idp.accounts.proofs import PROOF_LIFETIME, Earned, Proof
from idp.audit import chain
from idp.audit.events import AccountFrozen
from idp.audit.record import record
from idp.models import AuditEntry, AuditHead, Credential
from idp.models.batches import in_batches
from tests.conftest import drop_guards, make_person, open_the_audit


def execute(statement, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def verify():
    out = io.StringIO()
    call_command("verify_audit", stdout=out)
    return out.getvalue()


def test_an_untouched_history_verifies(jane):
    assert "2 entries, all in order" in verify()


def test_an_empty_history_verifies(db):
    assert "0 entries" in verify()


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE idp_auditentry SET name = 'idp.nothing' WHERE sequence = 1", "entry 1 was altered"),
        ("UPDATE idp_auditentry SET details = '{}' WHERE sequence = 2", "entry 2 was altered"),
        ("DELETE FROM idp_auditentry WHERE sequence = 1", "entry 1 missing"),
        ("DELETE FROM idp_auditentry WHERE sequence = 2", "the sealed head is at 2"),
        ("DELETE FROM idp_auditentry", "the sealed head is at 2"),
        ("UPDATE idp_audithead SET sequence = 1", "the seal of the head does not match"),
        ("DELETE FROM idp_audithead", "the sealed head is missing"),
    ],
)
def test_what_was_touched_is_named(jane, statement, said):
    open_the_audit()
    execute(statement)
    with pytest.raises(CommandError, match="Touched: ") as refused:
        verify()
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE idp_auditentry SET name = 'idp.nothing' WHERE sequence = 1",
        "DELETE FROM idp_auditentry WHERE sequence = 2",
        "DELETE FROM idp_auditentry",
    ],
)
def test_the_database_refuses_to_change_what_was_written(jane, statement):
    with pytest.raises(IntegrityError), transaction.atomic():
        execute(statement)
    assert "2 entries, all in order" in verify()


def test_rewriting_every_hash_does_not_help(jane):
    """Somebody who knows the algorithm, but not the key of the seal."""
    entry = AuditEntry.objects.get(sequence=2)
    entry.details = {**entry.details, "earned": "recovery"}
    entry.entry_hash = chain.hash_of(entry)
    open_the_audit()
    entry.save()
    AuditHead.objects.update(entry_hash=entry.entry_hash)
    assert [fault.what for fault in chain.faults()] == ["the seal of the head does not match"]


def test_nothing_security_changing_goes_on_after_a_broken_head(jane):
    AuditHead.objects.update(sequence=7)
    with pytest.raises(chain.Broken), transaction.atomic():
        record(AccountFrozen(user=jane.pk, reason="test"))


@pytest.mark.django_db(transaction=True)
def test_an_event_is_recorded_only_inside_the_transaction_of_its_act(jane):
    with pytest.raises(transaction.TransactionManagementError):
        record(AccountFrozen(user=jane.pk, reason="test"))


def test_a_credential_written_past_the_history_is_named(jane):
    drop_guards()
    Credential.objects.filter(user=jane).update(material="argon2$forged")
    (found,) = evidence.discrepancies()
    assert "its seal does not match" in found.what


def test_an_older_genuine_version_put_back_is_named(jane):
    """The seal of the old row is good; the history knows of a newer one."""
    old = Credential.objects.filter(user=jane).values("material", "version", "proof", "seal").get()
    change_password(jane)
    drop_guards()
    Credential.objects.filter(user=jane).update(**old)
    (found,) = evidence.discrepancies()
    assert "a newer one" in found.what


def change_password(user):
    now = timezone.now()
    proof = Proof(
        user=user.pk,
        kind="password",
        replaces=1,
        earned=Earned.RECOVERY,
        source=user.pk,
        expires_at=now + PROOF_LIFETIME,
    )
    credentials.write_password(proof, "another harbour lantern 8", now=now)


def test_two_people_share_one_chain(jane):
    make_person("john", email="john@contoso.example")
    assert "4 entries" in verify()


def test_a_long_history_is_read_in_batches(jane):
    with transaction.atomic():
        record(*(AccountFrozen(user=jane.pk, reason="test") for _each in range(7)))
    read = [entry.sequence for entry in in_batches(AuditEntry.objects.all(), size=2)]
    assert read == list(range(1, 10))

"""A row that is refused at its use because something else wrote it: said to those who have to know, once."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from idp import tasks
from idp.accounts import forgeries, invitations, proposals, roles
from idp.audit import chain
from idp.audit.events import Origin
from idp.conf import policy
from idp.keystore.keys import KeysAway
from idp.models import AuditEntry, Device, ForgedRow, Invitation, Message, Proposal, Role, User
from idp.seals import checking, telling
from tests.attacks.prompt import db_id, sql
from tests.conftest import make_client, make_person
from tests.idp.account.conftest import signed_in
from tests.idp.console.people import appoint, at_a_browser
from tests.idp.factors.people import with_app
from tests.idp.oidc.conftest import Browser
from tests.story import post_office

NOT_OURS = "t2.bm90IG91cnM"


@pytest.fixture
def boss(db):
    person = make_person("boss", email="boss@contoso.example")
    appoint(person)
    return person


def _a_role(jane):
    appoint(jane)
    person = at_a_browser(with_app(jane))
    sql("UPDATE idp_role SET seal = %s WHERE user_id = %s", NOT_OURS, db_id(jane.pk))
    return lambda: person.open("/console/"), jane.pk


def _a_sign_in(jane):
    person = signed_in()
    sql("UPDATE idp_signin SET seal = %s", NOT_OURS)
    return lambda: person.open("/account/"), jane.pk


def _a_device(jane):
    person = signed_in()
    sql("UPDATE idp_device SET seal = %s", NOT_OURS)

    def sign_in_again():
        person.http.cookies.pop("__Host-regain-session", None)
        person.open("/sign-in")
        person.submit(username="jane", password="not it")

    return sign_in_again, jane.pk


def _an_invitation(jane):
    row = Invitation(user=jane, invited_at=timezone.now(), expires_at=timezone.now() + timedelta(days=1))
    invitations._seal(row)
    row.save()
    sql("UPDATE idp_invitation SET seal = %s", NOT_OURS)
    return lambda: _and_then_the_end(lambda: invitations.address(Invitation.objects.get())), jane.pk


def _a_proposal(jane):
    boss = User.objects.get(preferred_username="boss")
    what = proposals.Change(kind=Proposal.Kind.ADMINISTRATOR, subject=str(jane.pk), change={})
    proposals.propose(what, by=boss, reason="new-colleague", policy=policy(), origin=Origin(), now=timezone.now())
    sql("UPDATE idp_proposal SET seal = %s", NOT_OURS)
    return lambda: _and_then_the_end(lambda: proposals.may_agree(Proposal.objects.get(), uuid4())), boss.pk


def _a_client(_jane):
    make_client()
    sql("UPDATE idp_client SET seal = %s", NOT_OURS)
    return lambda: Browser().authorize(), None


def _and_then_the_end(act):
    """What the end of a request does after it, which closes the connection of a test too."""
    act()
    telling.tell()


MET = {
    "role": _a_role,
    "sign_in": _a_sign_in,
    "device": _a_device,
    "invitation": _an_invitation,
    "proposal": _a_proposal,
    "client": _a_client,
}


@pytest.mark.parametrize("table", MET)
def test_what_is_met_at_its_use_is_said_once(table, jane, boss):
    use, owner = MET[table](jane)
    Message.objects.all().delete()
    for _time in range(4):
        use()
    entries = AuditEntry.objects.filter(name__endswith="seal_invalid")
    assert entries.count() == 1
    assert entries.get().user == owner
    assert list(ForgedRow.objects.values_list("table", flat=True)) == [table]
    (family,) = checking._numbers()
    assert {sample.labels["table"]: sample.value for sample in family.samples}[table] == 1
    assert Message.objects.filter(user=boss, kind="idp.forgery_found").count() == 1
    (letter,) = [each for each in post_office() if each.to == [boss.email] and "written past" in each.subject]
    assert "does not carry the seal" in letter.body


def test_a_role_that_was_written_freezes_its_account(jane, boss):
    use, _owner = _a_role(jane)
    use()
    jane.refresh_from_db()
    assert jane.status == User.Status.FROZEN


def test_a_key_that_is_not_here_freezes_nobody(jane, boss):
    use, _owner = _a_role(jane)
    sql("UPDATE idp_role SET seal = %s WHERE user_id = %s", "t9.bm90IG91cnM", db_id(jane.pk))
    use()
    jane.refresh_from_db()
    assert jane.status == User.Status.ACTIVE
    assert ForgedRow.objects.get().table == "role"


@pytest.mark.django_db(transaction=True)
def test_what_is_undone_around_it_does_not_undo_the_alarm(jane, boss):
    appoint(jane)
    sql("UPDATE idp_role SET seal = %s WHERE user_id = %s", NOT_OURS, db_id(jane.pk))
    with transaction.atomic():
        roles.hold_administrators()
        transaction.set_rollback(True)
    assert not ForgedRow.objects.exists()
    telling.tell()
    assert ForgedRow.objects.get().row == str(Role.objects.get(user=jane).pk)
    assert Message.objects.filter(user=boss, kind="idp.forgery_found").count() == 1


def test_a_task_says_it_when_it_is_over(jane, boss):
    appoint(jane)
    sql("UPDATE idp_role SET seal = %s WHERE user_id = %s", NOT_OURS, db_id(jane.pk))
    roles.administrators()
    tasks.ring_forgotten.apply()
    assert ForgedRow.objects.get().table == "role"


def test_a_right_seal_takes_no_statement(jane, boss):
    person = signed_in()
    person.open("/account/")
    with CaptureQueriesContext(connection) as seen:
        telling.tell()
    assert not seen.captured_queries


def test_rows_by_the_thousand_are_left_to_the_check(jane):
    for number in range(300):
        forgeries.met("device", Device(pk=number))
    assert len(forgeries.take()) == 100
    assert forgeries.take() == []


def test_keys_that_are_away_meanwhile_leave_it_to_the_next_use(jane, boss, monkeypatch):
    """The entry of it is sealed as well; and whoever's request this was has their answer already."""
    use, _owner = _a_device(jane)
    with monkeypatch.context() as away:
        away.setattr(chain, "hold_head", _no_answer)
        use()
    assert not ForgedRow.objects.exists()
    use()
    assert ForgedRow.objects.get().table == "device"


def _no_answer():
    raise KeysAway("the token does not answer")

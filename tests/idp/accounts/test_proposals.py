"""What takes two administrators: who may do which part of it, when it is done, and when it never is."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from idp import decisions, notices
from idp.accounts import proposals, roles
from idp.audit import chain
from idp.audit.events import Origin
from idp.conf import policy
from idp.models import AuditEntry, Message, Proposal, Role, User
from tests.conftest import make_person
from tests.idp.console.people import appoint

DELAY = policy().decision_delay


def _administrator(user):
    appoint(user)
    return user


def _propose(by, about, *, now=None):
    return proposals.propose(
        proposals.Change(kind=Proposal.Kind.ADMINISTRATOR, subject=str(about.pk), change={}),
        by=by,
        reason="new-colleague",
        policy=policy(),
        origin=Origin(),
        now=now or timezone.now(),
    )


def _agree(row, by, *, now=None):
    return proposals.agree(row.pk, by=by, policy=policy(), origin=Origin(), now=now or timezone.now())


def _withdraw(row, by, *, now=None):
    return proposals.withdraw(row.pk, by=by, origin=Origin(), now=now or timezone.now())


@pytest.fixture
def three(db):
    """Two administrators, and somebody who is to become one."""
    ada = _administrator(make_person("ada", email="ada@contoso.example"))
    ben = _administrator(make_person("ben", email="ben@contoso.example"))
    return ada, ben, make_person("jane")


def _carry_out(after):
    return decisions.carry_out_due(timezone.now() + after)


def test_two_administrators_and_a_delay_make_a_third(three):
    ada, ben, jane = three
    row = _propose(ada, jane)
    assert row.due_at is None
    assert _agree(row, ben)
    _carry_out(DELAY - timedelta(minutes=1))
    assert not roles.is_administrator(jane.pk)
    assert _carry_out(DELAY + timedelta(minutes=1)) == {"carried-out": 1, "lapsed": 0}
    assert roles.is_administrator(jane.pk)
    assert Role.objects.get(user=jane).granted_by == ada.pk
    assert _carry_out(DELAY + timedelta(minutes=2)) == {"carried-out": 0, "lapsed": 0}
    assert not list(chain.faults())


def test_every_step_stands_in_the_history_and_goes_to_all_administrators(three):
    ada, ben, jane = three
    row = _propose(ada, jane)
    assert set(_told(notices.DECISION_PROPOSED)) == {ben.pk}
    _agree(row, ben)
    assert set(_told(notices.DECISION_AGREED)) == {ada.pk}
    _carry_out(DELAY + timedelta(minutes=1))
    # The new one is told as an administrator.
    assert set(_told(notices.DECISION_CLOSED)) == {ada.pk, ben.pk, jane.pk}
    entries = AuditEntry.objects.filter(name__startswith="idp.decision.").order_by("sequence")
    assert [(entry.name, entry.user, entry.details.get("by")) for entry in entries] == [
        ("idp.decision.proposed", jane.pk, str(ada.pk)),
        ("idp.decision.agreed", jane.pk, str(ben.pk)),
        ("idp.decision.closed", jane.pk, None),
    ]
    assert "jane@" not in json.dumps([entry.details for entry in entries])


def _told(kind):
    return Message.objects.filter(kind=kind).values_list("user", flat=True)


def test_neither_who_proposed_it_nor_whom_it_is_about_agrees(three):
    ada, ben, jane = three
    row = _propose(ada, jane)
    assert _agree(row, ada) is None
    assert _agree(row, jane) is None
    assert _agree(row, ben)
    # Once is enough: it does not begin anew.
    assert _agree(row, ben) is None


def test_without_a_second_one_it_comes_to_nothing(three):
    ada, _ben, jane = three
    _propose(ada, jane)
    assert _carry_out(policy().decision_lifetime + timedelta(minutes=1)) == {"carried-out": 0, "lapsed": 1}
    assert not roles.is_administrator(jane.pk)


def test_any_administrator_withdraws_it_even_at_the_last_minute(three):
    ada, ben, jane = three
    row = _propose(ada, jane)
    _agree(row, ben)
    assert _withdraw(row, ada, now=timezone.now() + DELAY)
    assert not _withdraw(row, ben)
    assert _carry_out(2 * DELAY) == {"carried-out": 0, "lapsed": 0}
    assert not roles.is_administrator(jane.pk)


def test_there_is_one_proposal_at_a_time_about_somebody(three):
    ada, ben, jane = three
    _withdraw(_propose(ada, jane), ben)
    _propose(ada, jane)
    with pytest.raises(proposals.AlreadyProposed):
        _propose(ben, jane)


@pytest.mark.parametrize("gone", [0, 1])
@pytest.mark.parametrize("how", ["demoted", "suspended"])
def test_it_lapses_with_the_role_of_either(three, gone, how):
    row = _propose(three[0], three[2])
    _agree(row, three[1])
    if how == "demoted":
        Role.objects.filter(user=three[gone]).update(ended_at=timezone.now())
    else:
        User.objects.filter(pk=three[gone].pk).update(status=User.Status.SUSPENDED)
    assert _carry_out(DELAY + timedelta(minutes=1)) == {"carried-out": 0, "lapsed": 1}
    assert not roles.is_administrator(three[2].pk)


def test_it_lapses_if_the_account_may_not_sign_in_any_more(three):
    ada, ben, jane = three
    _agree(_propose(ada, jane), ben)
    User.objects.filter(pk=jane.pk).update(status=User.Status.SUSPENDED)
    assert _carry_out(DELAY + timedelta(minutes=1)) == {"carried-out": 0, "lapsed": 1}
    assert Proposal.objects.get().outcome == Proposal.Outcome.LAPSED


@pytest.mark.parametrize("column", ["subject", "agreed_by", "due_at", "proposed_by", "change"])
def test_what_is_written_past_the_program_is_never_carried_out(three, column):
    ada, ben, jane = three
    mallory = make_person("mallory", email="mallory@contoso.example")
    row, now = _propose(ada, jane), timezone.now()
    if column != "agreed_by":
        _agree(row, ben)
    written = {
        "subject": str(mallory.pk),
        "agreed_by": ben.pk,
        "due_at": now,
        "proposed_by": ben.pk,
        "change": {"everything": True},
    }
    Proposal.objects.update(**{"due_at": now, column: written[column]})
    assert _carry_out(DELAY + timedelta(minutes=1)) == {"carried-out": 0, "lapsed": 1}
    assert roles.administrators() == {ada.pk, ben.pk}


def test_nobody_agrees_to_what_was_written_past_the_program(three):
    ada, ben, jane = three
    row = _propose(ada, jane)
    Proposal.objects.update(subject=str(make_person("mallory", email="m@contoso.example").pk))
    assert _agree(row, ben) is None


def test_the_only_administrator_waits_and_needs_nobody(db):
    ada, jane = _administrator(make_person("ada", email="ada@contoso.example")), make_person("jane")
    row = _propose(ada, jane)
    assert row.due_at is not None
    assert _carry_out(DELAY - timedelta(minutes=1)) == {"carried-out": 0, "lapsed": 0}
    assert _carry_out(DELAY + timedelta(minutes=1)) == {"carried-out": 1, "lapsed": 0}
    assert roles.is_administrator(jane.pk)


def test_what_the_only_administrator_proposed_waits_for_the_second_one_who_came_meanwhile(db):
    ada, jane = _administrator(make_person("ada", email="ada@contoso.example")), make_person("jane")
    row = _propose(ada, jane)
    ben = _administrator(make_person("ben", email="ben@contoso.example"))
    assert _carry_out(DELAY + timedelta(minutes=1)) == {"carried-out": 0, "lapsed": 0}
    assert _agree(row, ben)
    assert _carry_out(DELAY + timedelta(minutes=1)) == {"carried-out": 1, "lapsed": 0}
    assert roles.is_administrator(jane.pk)

"""A recovery of an account whose owner said "it wasn't me": what was under way, and what begins meanwhile."""

from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from django.utils import timezone

from idp import notices, stop_links, tidying
from idp.accounts import intruders
from idp.audit.events import Origin
from idp.models import AuditEntry, Device, Grant, Message, SignIn, User
from idp.stop_links import StopLink
from recovery.domain.journey import Step
from recovery.models import Journey, JourneyProof
from tests.attacks.test_enumeration import Watched, recovery_ends, transcript
from tests.conftest import NEW_PASSWORD, PASSWORD, make_person
from tests.idp.factors.people import with_app
from tests.journeys.test_forgotten_password import authorization_request, redeem
from tests.journeys.test_ways_back import app_on, at_methods, by_email
from tests.photographs import changed, photograph
from tests.recovery.walk import at_once, journey_of, letter, walk_to
from tests.story import Person, post_office


def freeze(user):
    """Somebody opens a link to stop everything, elsewhere, and presses the button. Returns the link."""
    link = StopLink(user=user.pk, event=uuid4(), at=timezone.now())
    person = Person(address="203.0.113.9")
    person.open(link.url)
    person.submit()
    assert person.page.name == "frozen"
    return link


@pytest.fixture
def at_payroll(jane, payroll):
    """Jane at her browser, signed in at payroll, which wants to be told when that is over."""
    payroll.backchannel_logout_uri = "https://payroll.contoso.example/bye"
    payroll.save()
    person = Person()
    person.open(authorization_request())
    person.submit(username="jane", password=PASSWORD)
    _where, answer = person.landed
    assert redeem(answer["code"]).status_code == 200
    return person


def test_everything_ends_and_everybody_hears_of_it(at_payroll, jane):
    link = freeze(jane)
    assert not SignIn.objects.filter(user=jane, ended_at=None).exists()
    assert not Grant.objects.filter(user=jane, ended_at=None).exists()
    assert not Device.objects.filter(user=jane, forgotten_at=None).exists()
    at_payroll.open("/account/")
    assert at_payroll.page.name == "sign-in"
    assert set(Message.objects.values_list("kind", flat=True)) == {"idp.backchannel_logout", notices.FREEZE_PLACED}
    entry = AuditEntry.objects.get(name="idp.freeze.placed")
    assert (entry.user, entry.details) == (jane.pk, {"because_of": str(link.event)})
    assert entry.origin["network"] == "203.0.113.0/24"
    Message.objects.filter(kind="idp.backchannel_logout").delete()
    [told] = post_office()
    assert told.subject == "Your Contoso account is frozen"
    assert "It wasn't me" in told.body


def test_a_hundred_at_once_are_one_freeze(transactional_db):
    jane = make_person()
    person = Person()
    person.open(StopLink(user=jane.pk, event=uuid4(), at=timezone.now()).url)
    form = {"csrfmiddlewaretoken": person.page.parsed.fields["csrfmiddlewaretoken"][0]}
    url = Person._local(person.page.url)
    answers = at_once(*[lambda: person.post(url, form).status_code] * 100)
    assert set(answers) == {303}
    assert AuditEntry.objects.filter(name="idp.freeze.placed").count() == 1
    assert Message.objects.filter(kind=notices.FREEZE_PLACED).count() == 1


def test_a_code_that_was_on_its_way_is_of_no_use_and_the_journey_walks_on_as_a_decoy(jane):
    thief = walk_to(Step.CODE)
    code = letter()
    freeze(jane)
    assert journey_of(thief).subject is None
    thief.submit(code=code)
    assert thief.page.name == "recovery-code"
    assert "4 tries left" in thief.page
    assert not JourneyProof.objects.exists()


def test_a_code_that_was_not_sent_yet_is_not_sent_any_more(jane):
    thief = walk_to(Step.CODE)
    freeze(jane)
    assert [told.subject for told in post_office()] == ["Your Contoso account is frozen"]
    thief.submit(send_again="1")
    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        thief.open("/recovery/code/")
        thief.submit(send_again="1")
        assert post_office() == []


@pytest.mark.parametrize("step", [Step.NEW_PASSWORD, Step.UNLOCK])
def test_what_was_proven_proves_nothing_any_more(jane, step):
    thief = walk_to(step)
    freeze(jane)
    thief.submit(**{"new_password": NEW_PASSWORD} if step is Step.NEW_PASSWORD else {"finish": "1"})
    assert thief.page.name == "recovery-address", thief.page.url
    kinds = AuditEntry.objects.filter(name="idp.credential.written", details__earned="recovery")
    assert not kinds.exists()


def test_a_request_that_read_its_journey_before_sets_no_password(jane, monkeypatch):
    thief = walk_to(Step.NEW_PASSWORD)
    row = journey_of(thief)
    freeze(jane)
    Journey.objects.filter(pk=row.pk).update(subject=jane.pk, revision=row.revision)
    before = photograph(without=["recovery_journey"])
    thief.submit(new_password=NEW_PASSWORD)
    assert thief.page.name == "recovery-ended"
    assert not changed(before, photograph(without=["recovery_journey"]))


def test_a_request_that_read_its_journey_before_replaces_no_factor(jane):
    app = with_app(jane, now=timezone.now() - timedelta(minutes=2))
    thief = at_methods("lost-factor")
    thief.submit(method="password")
    thief.submit(password=PASSWORD)
    by_email(thief)
    thief.click("new-app")
    row = journey_of(thief)
    new = app_on(thief)
    (lost,) = thief.page.parsed.ticked["lost"]
    freeze(jane)
    Journey.objects.filter(pk=row.pk).update(subject=jane.pk, revision=row.revision)
    before = photograph(without=["recovery_journey", "idp_counter"])
    thief.submit(otp=new.code(), lost=lost)
    assert "Something changed meanwhile" in thief.page
    assert not changed(before, photograph(without=["recovery_journey", "idp_counter"]))
    assert app.secret != new.secret


def test_somebody_else_was_in_and_then_it_was_frozen_as_well(jane):
    """Both only take away: nobody signs in until a recovery is finished, and no recovery goes on for three days."""
    with time_machine.travel(timezone.now(), tick=False) as clock:
        by_email(at_methods("intruder"))
        assert User.objects.get().status == User.Status.STOPPED
        freeze(jane)
        person = Person()
        person.open("/sign-in")
        person.submit(username="jane", password=PASSWORD)
        assert person.page.name == "sign-in"
        clock.shift(timedelta(days=3))
        tidying.sweep(timezone.now())
        assert User.objects.get().status == User.Status.STOPPED
        post_office()
        walk_to(Step.DONE)
        assert User.objects.get().status == User.Status.ACTIVE


def test_a_frozen_account_is_not_stopped_on_top_of_it_so_that_its_owner_can_sign_in(jane):
    freeze(jane)
    assert intruders.stop(jane.pk, source=uuid4(), origin=Origin(), now=timezone.now()) is None
    person = Person()
    person.open("/sign-in")
    person.submit(username="jane", password=PASSWORD)
    assert person.page.name == "account"


def test_once_it_is_lifted_recovery_works_again(jane):
    freeze(jane)
    person = Person()
    person.open("/sign-in")
    person.submit(username="jane", password=PASSWORD)
    post_office()
    walk_to(Step.DONE)


def test_if_nobody_signs_in_recovery_works_again_after_three_days(jane):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        freeze(jane)
        clock.shift(timedelta(days=3))
        tidying.sweep(timezone.now())
        post_office()
        walk_to(Step.DONE)


def frozen_before():
    """A recovery of hers was under way, and then she froze the account."""
    jane = make_person()
    walk_to(Step.NEW_PASSWORD, person=Person(address="203.0.113.80"))
    freeze(jane)
    Message.objects.all().delete()


def test_to_whoever_begins_then_it_is_nobodys(db):
    """Byte for byte, statement for statement; the other arrangements are in tests/attacks/test_enumeration.py."""
    transcript(lambda: None, recovery_ends)
    with time_machine.travel(timezone.now(), tick=False):
        unknown = transcript(lambda: None, recovery_ends)
        assert transcript(frozen_before, recovery_ends) == unknown


def test_a_journey_under_way_goes_on_exactly_as_nobodys(db):
    """From its next step on: the same bytes, headers, statements and rows as for a name that nobody has."""
    pages = []
    with time_machine.travel(timezone.now().replace(second=5, microsecond=0), tick=False):
        for known in (False, False, True):
            Message.objects.all().delete()
            person = Watched(address="203.0.113.81")
            user = User.objects.filter(preferred_username="jane").first() or make_person()
            walk_to(Step.METHOD, person=person, identifier="jane" if known else "nobody")
            if known:
                freeze(user)
            person.transcript.clear()
            person.submit(method="email")
            person.submit(address="jane@contoso.example")
            person.submit(code="1234 5678")
            pages.append(person.transcript)
    assert len(pages[1]) > 20
    for line, theirs in zip(pages[1], pages[2], strict=True):
        assert line == theirs


def test_the_page_belongs_to_no_journey(jane):
    thief = walk_to(Step.METHOD)
    thief.open(f"{stop_links.PATH}?t=nothing")
    assert thief.page.status == 400
    assert journey_of(thief).subject == jane.pk

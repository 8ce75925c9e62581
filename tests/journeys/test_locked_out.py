"""Locked out by strangers, and back in with the password one knows: the story, over HTTP."""

import re

import pytest
import time_machine
from django.utils import timezone

from idp.accounts import pauses
from idp.audit.events import Origin
from idp.models import AuditEntry, Counter, Credential, Device, Message, SignIn, User
from recovery import effects, flow, proof
from recovery.conf import policy
from recovery.domain.journey import Step
from recovery.domain.policy import RecoveryPolicy
from recovery.models import Journey, JourneyProof
from recovery.pages import PAGES
from tests.conftest import CALLBACK, NEW_PASSWORD, PASSWORD, make_person
from tests.journeys.test_forgotten_password import authorization_request, recover
from tests.recovery.walk import at_once, walk_to
from tests.story import Person, code_in, post_office


def try_password(person, password, url="/sign-in"):
    person.open(url)
    return person.submit(username="jane", password=password)


def strangers_fail(times=30):
    for number in range(times // 3):
        stranger = Person(address=f"198.51.{number}.1")
        for _try in range(3):
            try_password(stranger, "a guess")


def prove(person):
    """From the page that asks what is wrong, to the code's and beyond."""
    person.submit(problem="locked")
    person.submit(method="email")
    person.submit(address="jane@contoso.example")
    person.submit(code=code_in(post_office()[-1]))


def test_a_person_locked_out_by_strangers_keeps_their_password_and_lands_in_the_application(jane, payroll):
    at_home = Person(address="203.0.113.9")
    assert try_password(at_home, PASSWORD).name == "account"
    with time_machine.travel("2026-11-23T14:20:20Z", tick=False):
        strangers_fail()
        person = Person()
        page = try_password(person, PASSWORD, authorization_request())
        assert (page.status, page.name) == (429, "sign-in")
        assert "You can try again at 14:22. Or get back in now" in page

        person.click("cant-access")
        person.submit(identifier="jane")
        assert "I know my password, but still can't sign in" in person.page
        prove(person)
        assert person.page.name == "recovery-unlock"
        assert "Your account is open again" in person.page
        assert "Your password was not changed" in person.page
        assert "Your password was tried 30 times from browsers your account doesn't know" in person.page
        assert "The last time was 23 November 2026, 14:20" in person.page
        assert "Continue to Payroll" in person.page
        assert SignIn.objects.count() == 1, "the one at home: recovery signs nobody in"

        person.submit(finish="1")
        assert person.page.name == "sign-in"
        person.submit(username="jane", password=PASSWORD)
        where, answer = person.landed
    assert where == CALLBACK
    assert answer["code"]
    assert Credential.objects.get(user=jane).version == 1


def test_the_pause_leads_to_the_problem_it_is(jane):
    person = Person()
    for _try in range(11):
        page = try_password(person, "a guess")
    assert page.href("cant-access") == "/recovery/?problem=locked"
    person.click("cant-access")
    person.submit(identifier="jane")
    assert person.page.name == "recovery-problem"
    assert offered(person.page) == ["locked", "forgot", "lost-factor", "intruder"]


def test_other_links_name_no_problem(jane):
    person = Person()
    assert try_password(person, "a guess").href("cant-access") == "/recovery/"
    person.click("cant-access")
    person.submit(identifier="jane")
    assert offered(person.page) == ["forgot", "locked", "lost-factor", "intruder"]


def offered(page):
    return re.findall(r'name="problem" value="([\w-]+)"', page.response.content.decode())


def test_a_new_password_ends_the_hundred_in_a_row(jane, settings):
    settings.IDP = {**settings.IDP, "sign_in_failures": 5}
    strangers_fail(6)
    assert "no longer opens" in try_password(Person(), PASSWORD)
    person = Person()
    person.open("/recovery/")
    recover(person)
    assert try_password(Person(), NEW_PASSWORD).name == "account"


def test_sessions_and_known_browsers_stay_and_every_address_is_told(jane):
    at_home = Person(address="203.0.113.9")
    try_password(at_home, PASSWORD)
    strangers_fail()
    walk_to(Step.UNLOCK)
    assert at_home.open("/account/").name == "account"
    assert Device.objects.get().forgotten_at is None
    assert not Counter.objects.filter(key__startswith=pauses._account(jane.pk.bytes)).exists()
    letters = {letter.subject: letter.body for letter in post_office()}
    body = letters["Sign-in to your Contoso account was opened again"]
    assert "The password was not changed." in body
    assert "If it wasn't you" in body
    told = AuditEntry.objects.get(name="idp.pauses.ended")
    journey = Journey.objects.get()
    assert (told.user, told.details) == (
        jane.pk,
        {"by_strangers": 30, "by_known_browsers": 0, "source": str(journey.pk)},
    )
    how = AuditEntry.objects.get(name="recovery.unlocked")
    assert how.details == {"journey": str(journey.pk), "methods": ["email"]}


def test_every_kind_of_pause_ends(jane, settings):
    settings.IDP = {**settings.IDP, "sign_in_failures": 4}
    at_home = Person(address="203.0.113.9")
    try_password(at_home, PASSWORD)
    del at_home.http.cookies["__Host-regain-session"]
    for _try in range(3):
        try_password(at_home, "a guess")
    strangers_fail(6)
    assert "no longer opens" in try_password(Person(), PASSWORD)
    person = walk_to(Step.UNLOCK)
    assert "from browsers you signed in with before" in person.page
    assert not Counter.objects.filter(key__startswith=pauses._account(jane.pk.bytes)).exists()
    assert try_password(Person(), PASSWORD).name == "account"


def test_a_new_password_too_with_the_same_proofs(jane):
    strangers_fail()
    person = walk_to(Step.UNLOCK)
    person.submit(new_password_too="1")
    assert person.page.name == "recovery-new-password"
    person.submit(new_password=NEW_PASSWORD)
    assert person.page.name == "recovery-done"
    assert "You're back in" in person.page
    assert try_password(person, NEW_PASSWORD).name == "account"


def test_whoever_comes_to_this_browser_afterwards_finds_nothing_to_use(jane):
    """A shared computer: the person went on to sign in, and left."""
    person = walk_to(Step.UNLOCK)
    form = person.page
    person.submit(finish="1")
    assert JourneyProof.objects.get().consumed_at is not None
    person.page = form
    person.submit(new_password_too="1")
    assert person.page.name == "recovery-done"
    assert "Your account is open again" in person.page
    assert person.page.href("continue-to-app") == "/sign-in"
    assert person.open(PAGES[Step.NEW_PASSWORD]).name == "recovery-done"


def test_nothing_is_opened_for_an_account_that_was_suspended_meanwhile(jane):
    person = walk_to(Step.CODE, problem="locked")
    code = code_in(post_office()[-1])
    User.objects.filter(pk=jane.pk).update(status=User.Status.SUSPENDED)
    person.submit(code=code)
    assert person.page.name == "recovery-ended"
    assert not AuditEntry.objects.filter(name="idp.pauses.ended").exists()
    assert not Message.objects.filter(kind="idp.pauses_ended").exists()


def test_a_decoy_is_one_to_the_end(db):
    person = walk_to(Step.CODE, problem="locked", identifier="nobody", address="nobody@contoso.example")
    post_office()
    assert "5 tries left" in person.page
    person.submit(code="12345678")
    assert person.page.name == "recovery-code"
    assert person.open(PAGES[Step.UNLOCK]).name == "recovery-code"


def test_two_proofs_where_the_tenant_asks_for_two(jane, monkeypatch):
    """One proof is not enough to open anything."""
    two = RecoveryPolicy(methods=("email", "sms"), proofs_to_unlock=2)
    monkeypatch.setattr("recovery.in_force.policy", lambda _now: two)
    strangers_fail()
    person = walk_to(Step.CODE, problem="locked")
    person.submit(code=code_in(post_office()[-1]))
    assert person.page.name == "recovery-stranded", "there is one way only"
    assert not AuditEntry.objects.filter(name="idp.pauses.ended").exists()
    assert try_password(Person(), PASSWORD).status == 429


def test_who_is_asked_for_less_meanwhile_opens_it_themselves(jane):
    """The tenant now asks for one proof instead of two: what was proven before is enough, but nothing was opened."""
    person = walk_to(Step.UNLOCK)
    Journey.objects.update(result={})
    Message.objects.all().delete()
    strangers_fail()
    assert "Open your account again" in person.open(PAGES[Step.UNLOCK])
    person.submit(finish="1")
    assert "Open your account again" in person.page, "not before it is open"
    person.submit(open="1")
    assert "Your password was tried 30 times" in person.page
    assert try_password(Person(), PASSWORD).name == "account"


def test_nothing_is_opened_without_proof(jane):
    person = walk_to(Step.CODE, problem="locked")
    held = flow.journeys.load(person.http.cookies["__Host-regain-recovery"].value, now=timezone.now())
    with pytest.raises(proof.Unearned):
        effects.open_account(held, context=context())


def context():
    return flow.Context(now=timezone.now(), policy=policy(), origin=Origin())


@pytest.mark.django_db(transaction=True)
def test_two_right_codes_at_once_open_it_once():
    make_person()
    person = walk_to(Step.CODE, problem="locked")
    code = code_in(post_office()[-1])
    token = person.page.parsed.fields["csrfmiddlewaretoken"][0]

    def send():
        other = Person()
        other.http.cookies = person.http.cookies.copy()
        return other.post(PAGES[Step.CODE], {"csrfmiddlewaretoken": token, "code": code})["Location"]

    at_once(*[send] * 8)
    assert AuditEntry.objects.filter(name="idp.pauses.ended").count() == 1
    assert Message.objects.filter(kind="idp.pauses_ended").count() == 1
    assert JourneyProof.objects.count() == 1

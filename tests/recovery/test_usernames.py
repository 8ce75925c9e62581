"""I don't remember any of these: a user name goes to its account's own address, and nobody else learns a thing."""

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.utils import timezone

from idp import notices
from idp.channels import gateways, segments
from idp.models import AuditEntry, Message, RecoveryAddress, User
from recovery.models import Journey
from tests.attacks.test_enumeration import PEOPLE, deliver, transcript
from tests.conftest import drop_guards, make_person
from tests.faults.providers import service
from tests.journeys.test_forgotten_password import authorization_request
from tests.recovery.walk import at_once
from tests.story import Person, post_office

PATH = "/recovery/username/"
ADDRESS = "jane@contoso.example"


def ask(address, *, person=None):
    person = person or Person()
    person.open(PATH)
    person.submit(address=address)
    return person


def told():
    """Who was written to, and which names stand in the letter."""
    return [(letter.to[0], names_in(letter)) for letter in post_office()]


def names_in(letter):
    return [line.strip() for line in letter.body.splitlines() if line.startswith("    ")]


def test_somebody_finds_their_user_name_and_goes_on_to_the_application(jane, payroll):
    person = Person()
    person.open(authorization_request())
    person.click("cant-access")
    person.click("no-identifier")
    assert person.page.name == "recovery-username"
    assert "You are signing in to Payroll" in person.page
    person.submit(address="Jane@Contoso.example")
    assert person.page.name == "recovery-username-sent"
    assert "If we know this address, your user name is on its way." in person.page
    assert "You are signing in to Payroll" in person.page
    [letter] = post_office()
    assert letter.to == [ADDRESS]
    assert letter.subject == "Your Contoso user name"
    assert names_in(letter) == ["jane"]
    assert "jane" in letter.alternatives[0][0]
    person.click("another-address")
    assert "You are signing in to Payroll" in person.page
    person.open("/recovery/username/sent/?" + person.page.url.partition("?")[2])
    person.click("continue")
    assert person.page.name == "recovery-identify"
    assert "You are signing in to Payroll" in person.page
    assert not Journey.objects.exists()


def test_an_address_of_several_accounts_is_told_of_each_in_one_letter(db):
    for name in ("jane", "jane.admin", "other"):
        shared = ADDRESS if name != "other" else "other@contoso.example"
        make_person(name, email=f"{name}@claims.example", addresses=[shared])
    ask(ADDRESS)
    assert told() == [(ADDRESS, ["jane", "jane.admin"])]
    asked = AuditEntry.objects.filter(name="recovery.usernames.asked")
    assert {entry.user for entry in asked} == set(
        User.objects.filter(preferred_username__startswith="jane").values_list("pk", flat=True)
    )


def test_it_goes_to_the_recovery_address_and_not_to_what_applications_are_told(db):
    make_person(email=ADDRESS, addresses=["jane@home.example"])
    ask(ADDRESS)
    assert told() == []
    ask("jane@home.example")
    assert told() == [("jane@home.example", ["jane"])]


@pytest.mark.parametrize("status", [each for each in User.Status if each not in User.MAY_RECOVER])
def test_an_account_that_nobody_may_enter_is_told_nothing(db, status):
    make_person(status=status)
    ask(ADDRESS)
    assert told() == []


def test_one_that_was_suspended_meanwhile_is_told_nothing(jane):
    ask(ADDRESS)
    User.objects.update(status=User.Status.SUSPENDED)
    assert told() == []
    assert Message.objects.get().state == Message.State.EXPIRED


def test_an_owner_who_froze_the_account_still_finds_the_name_to_sign_in_with(db):
    make_person(frozen_at=timezone.now())
    ask(ADDRESS)
    assert told() == [(ADDRESS, ["jane"])]


def test_an_address_that_something_else_wrote_is_nobodys(jane):
    drop_guards()
    RecoveryAddress.objects.update(usable_from=timezone.now() - timedelta(days=1))
    ask(ADDRESS)
    assert told() == []


@pytest.mark.parametrize("typed", ["", "jane", "not an address", "+33612345678"])
def test_what_is_no_address_is_said_at_the_field_and_counts_nothing(db, typed):
    person = ask(typed)
    assert person.page.name == "recovery-username"
    assert "Error:" in person.page.parsed.title
    assert not Message.objects.exists()


def test_the_caps_of_letters_hold_and_another_address_goes_on(jane):
    for _again in range(5):
        assert ask(ADDRESS).page.name == "recovery-username-sent"
    person = ask(ADDRESS)
    assert (person.page.status, person.page.name) == (429, "problem")
    assert "You can ask again at" in person.page
    assert ask("jane@home.example").page.name == "recovery-username-sent"
    assert len(told()) == 5


def asked_until_it_pauses(person, clock):
    person.open(PATH)
    person.submit(address="jane")
    for _again in range(6):
        person.open(PATH)
        person.submit(address=ADDRESS)
        deliver(clock)
        person.open(person.page.url)
    assert person.page.status == 429 or person.page.name == "recovery-username"


@pytest.mark.parametrize("who", [name for name in PEOPLE if name != "known"])
def test_nothing_tells_whose_address_it_is(db, who):
    """Byte for byte, header for header, statement for statement and row for row."""
    transcript(lambda: None, asked_until_it_pauses)
    with time_machine.travel(timezone.now(), tick=False):
        known = transcript(PEOPLE["known"], asked_until_it_pauses)
        other = transcript(PEOPLE[who], asked_until_it_pauses)
    assert len(known) > 20
    for line, theirs in zip(known, other, strict=True):
        assert line == theirs


def test_a_hundred_at_once_are_five_letters(transactional_db):
    make_person()
    person = Person()
    person.open(PATH)
    form = {"csrfmiddlewaretoken": person.page.parsed.fields["csrfmiddlewaretoken"][0], "address": ADDRESS}
    answers = at_once(*[lambda: person.post(PATH, form).status_code] * 100)
    assert sorted(answers) == [303] * 5 + [429] * 95
    assert Message.objects.count() == 5


def test_looking_at_the_pages_writes_nothing(jane):
    for path in (PATH, f"{PATH}sent/"):
        person = Person()
        person.open(path)
        assert person.page.status == 200
    assert not Message.objects.exists()
    assert not mail.outbox


# --- By text message --------------------------------------------------------------------------------------


@pytest.fixture
def texting(settings):
    with service() as gateway:
        settings.SMS_GATEWAYS = gateways.read(f"json://127.0.0.1:{gateway.port}/")
        settings.SMS_COUNTRIES = ["FR"]
        yield gateway


def test_where_texts_are_offered_a_telephone_is_told(db, texting):
    make_person(phones=["+33612345678"])
    person = Person()
    person.open(PATH)
    assert "Email address or phone number" in person.page
    person.submit(address="+33 6 12 34 56 78")
    assert person.page.name == "recovery-username-sent"
    post_office()
    assert texting.texts == ["Contoso: you sign in as jane."]


def test_a_number_that_cannot_be_texted_is_said_at_the_field(db, texting):
    person = ask("+49 30 12345678")
    assert person.page.name == "recovery-username"
    assert "We can't send text messages to that country." in person.page


@pytest.mark.parametrize("language", ["en", "fr", "zh-hans"])
@pytest.mark.parametrize("organisation", ["Contoso", "x" * 200])
def test_a_text_is_one_segment(settings, language, organisation):
    settings.TENANT_NAME = organisation
    body = notices.text("recovery/sms/usernames", language=language, names="jane, jane.admin").body
    assert segments.size(body).segments == 1
    assert "jane, jane.admin" in body


@pytest.mark.parametrize(
    ("language", "subject"), [("fr", "Votre nom d’utilisateur Contoso"), ("zh-hans", "你的 Contoso 用户名")]
)
def test_the_letter_speaks_the_language_of_its_owner(db, language, subject):
    make_person(locale=language)
    ask(ADDRESS)
    [letter] = post_office()
    assert letter.subject == subject
    assert names_in(letter) == ["jane"]

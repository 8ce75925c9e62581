"""Codes grow while somebody guesses, instead of the account being closed: waiting is no weapon (OT-04)."""

import re
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import time_machine
from django.core import mail
from django.utils import timezone

from idp import delivery, notices, otp
from idp.channels import gateways, segments
from idp.keyring import derive
from idp.models import Message
from idp.pages import Problem
from recovery import codes
from recovery.conf import policy
from recovery.domain.journey import Step
from recovery.domain.policy import Limit, RecoveryPolicy
from recovery.methods.sms import SmsCode
from recovery.models import Challenge, JourneyProof
from tests.conftest import NEW_PASSWORD, PASSWORD, make_person
from tests.hosted import LANGUAGES, assert_says_what_to_mend, assert_sound, render
from tests.idp.factors.people import with_app, with_recovery_codes
from tests.recovery.test_pages import CODE
from tests.recovery.walk import challenge_of, walk_to, wrong_codes
from tests.story import Person, code_in, post_office

TRIES = policy().otp.tries
GROWS_AT = policy().long_codes_after
LONG_CODE = re.compile(r"\b([0-9A-HJKMNP-TV-Z]{4}) ([0-9A-HJKMNP-TV-Z]{4}) ([0-9A-HJKMNP-TV-Z]{5})\b")
NEVER = "00000 00000 000"


def long_code():
    """The long code in the newest letter."""
    letter = (post_office() or mail.outbox)[-1]
    return LONG_CODE.search(letter.body).group(0)


def guess(count, *, identifier="jane", method="email"):
    """A stranger tries so many short codes at an account, at addresses that are not its own."""
    tried = 0
    while tried < count:
        number = tried // TRIES
        guesser = walk_to(
            Step.CODE,
            identifier=identifier,
            address=f"{number}@else.example",
            person=Person(address=f"198.51.{number}.7"),
        )
        for wrong in wrong_codes("1234 5678", min(TRIES, count - tried)):
            guesser.submit(code=wrong)
            tried += 1
    post_office()


def guess_at_once(count):
    """As `guess`, beyond the number at which codes grow: from journeys that were begun before."""
    guessers = [
        walk_to(Step.CODE, address=f"{number}@else.example", person=Person(address=f"198.51.{number}.7"))
        for number in range(-(-count // TRIES))
    ]
    for guesser in guessers:
        for wrong in wrong_codes("1234 5678", TRIES):
            guesser.submit(code=wrong)
    post_office()


# --- When they grow ---------------------------------------------------------------------------------------


def test_up_to_the_number_of_the_policy_codes_are_short(jane):
    guess(GROWS_AT - 1)
    person = walk_to(Step.CODE)
    assert "Enter the 8-digit code" in person.page
    assert code_in(post_office()[-1])


def test_from_then_on_they_are_long_and_the_page_and_the_letter_say_so(jane):
    guess(GROWS_AT)
    person = walk_to(Step.CODE)
    assert "Enter the code of 13 characters" in person.page
    assert "13 letters and digits" in person.page
    code = long_code()
    assert "Many codes were typed for your account" in mail.outbox[-1].body
    person.submit(code=code)
    assert person.page.name == "recovery-new-password"


@pytest.mark.parametrize(
    "spelling", [str.lower, lambda code: code.replace(" ", ""), lambda code: code.replace(" ", "-")]
)
def test_a_long_code_may_be_typed_small_and_with_or_without_spaces(jane, spelling):
    guess(GROWS_AT)
    person = walk_to(Step.CODE)
    person.submit(code=spelling(long_code()))
    assert person.page.name == "recovery-new-password"


@pytest.mark.parametrize("typed", ["", "1234 5678", "7K3M 9QXT 4B2N", "7K3M 9QXT 4B2NEE", "7K3M 9QXT 4B2NU", "７" * 13])
def test_what_is_no_long_code_costs_no_try(jane, typed):
    guess(GROWS_AT)
    person = walk_to(Step.CODE)
    person.submit(code=typed)
    assert "Enter the 13 letters and digits of the code" in person.page
    assert challenge_of(person).tries_used == 0


def test_a_wrong_long_code_costs_a_try_of_the_journey_and_the_last_one_ends_it(jane):
    guess(GROWS_AT)
    person = walk_to(Step.CODE)
    for left in (4, 3, 2):
        person.submit(code=NEVER)
        assert f"{left} tries left" in person.page
    person.submit(code=NEVER)
    person.submit(code=NEVER)
    assert person.page.name == "recovery-ended"


def test_a_day_later_they_are_short_again(jane):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        guess(GROWS_AT)
        clock.shift(timedelta(days=1))
        walk_to(Step.CODE)
        assert code_in(post_office()[-1])


def test_names_that_are_nobodys_have_the_same_pages(jane):
    guess(GROWS_AT, identifier="nobody")
    person = walk_to(Step.CODE, identifier="nobody", address="nobody@contoso.example")
    assert "Enter the code of 13 characters" in person.page
    for _try in range(TRIES):
        person.submit(code=NEVER)
    assert person.page.name == "recovery-ended"
    assert not JourneyProof.objects.exists()


def test_nobodys_long_code_is_never_right(jane):
    guess(GROWS_AT, identifier="nobody")
    person = walk_to(Step.CODE, identifier="nobody", address="nobody@contoso.example")
    right = codes.code(challenge_of(person), None, 1, digits=8)
    assert len(right) == otp.LONG
    person.submit(code=right)
    assert person.page.name == "recovery-code"
    assert not JourneyProof.objects.exists()


# --- Nobody is kept out -----------------------------------------------------------------------------------


def test_an_owner_gets_in_however_much_was_guessed(jane):
    guess_at_once(60)
    person = walk_to(Step.CODE)
    person.submit(code=long_code())
    assert person.page.name == "recovery-new-password"


def test_whose_short_code_rests_gets_a_long_one_in_the_same_journey(jane):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        person = walk_to(Step.CODE)
        short = code_in(post_office()[-1])
        guess_at_once(40)
        person.submit(code=short)
        assert "Send it again: the next one is longer." in person.page
        clock.shift(timedelta(seconds=61))
        person.submit(send_again="1")
        assert "Enter the code of 13 characters" in person.page
        person.submit(code=long_code())
    assert person.page.name == "recovery-new-password"


def test_a_short_code_that_was_sent_stays_good_beside_a_long_one(jane):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        person = walk_to(Step.CODE)
        short = code_in(post_office()[-1])
        guess(GROWS_AT)
        clock.shift(timedelta(seconds=61))
        person.submit(send_again="1")
        assert long_code()
        person.submit(code=short)
    assert person.page.name == "recovery-new-password"


def test_the_last_code_stays_good_when_no_more_messages_may_be_sent(jane):
    guess(GROWS_AT)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        person = walk_to(Step.CODE)
        code = long_code()
        for number in range(6):
            walk_to(Step.ADDRESS, person=Person(address=f"198.51.{number}.9")).submit(address="jane@contoso.example")
        clock.shift(timedelta(seconds=61))
        person.submit(send_again="1")
        assert "The last one still works" in person.page
        person.submit(code=code)
    assert person.page.name == "recovery-new-password"


def test_where_short_codes_rest_and_no_more_messages_may_be_sent_the_page_does_not_say_that_the_last_one_works(jane):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        person = walk_to(Step.CODE)
        short = code_in(post_office()[-1])
        guess_at_once(40)
        for number in range(6):
            walk_to(Step.ADDRESS, person=Person(address=f"198.51.{number}.9")).submit(address="jane@contoso.example")
        clock.shift(timedelta(seconds=61))
        person.submit(send_again="1")
        assert "A longer one can be sent at" in person.page
        assert "still works" not in person.page
        person.submit(code=short)
    assert person.page.name == "recovery-code"


def test_strangers_who_begin_recoveries_end_none(jane):
    person = walk_to(Step.CODE)
    code = code_in(post_office()[-1])
    for number in range(5):
        walk_to(Step.CODE, address=f"{number}@else.example", person=Person(address=f"198.51.{number}.7"))
    person.submit(code=code)
    assert person.page.name == "recovery-new-password"


def test_no_stranger_sees_by_the_codes_that_an_account_came_back(jane):
    strangers = [
        walk_to(Step.CODE, address=f"{number}@else.example", person=Person(address=f"198.51.{number}.7"))
        for number in range(8)
    ]
    for stranger in strangers:
        for wrong in wrong_codes("1234 5678", TRIES):
            if "short ones rest" not in stranger.page:
                stranger.submit(code=wrong)
    last = strangers[-1]
    assert "short ones rest" in last.page
    owner = walk_to(Step.CODE)
    owner.submit(code=long_code())
    owner.submit(new_password=NEW_PASSWORD)
    assert owner.page.name == "recovery-done"
    last.submit(code="1234 5678")
    assert "short ones rest" in last.page
    assert "13 characters" in walk_to(Step.CODE, address="x@else.example", person=Person(address="198.51.9.7")).page


def test_a_redelivery_repeats_the_long_code(jane):
    guess(GROWS_AT)
    walk_to(Step.CODE)
    first = long_code()
    message = Message.objects.filter(user=jane).latest("created_at")
    Message.objects.filter(pk=message.pk).update(state=Message.State.WAITING, due_at=timezone.now(), bell=None)
    delivery.deliver(message.pk, now=timezone.now())
    assert LONG_CODE.search(mail.outbox[-1].body).group(0) == first
    assert len([letter for letter in mail.outbox if first in letter.body]) == 2


def test_no_long_code_is_kept_anywhere(jane):
    guess(GROWS_AT)
    walk_to(Step.CODE)
    code = long_code()
    kept = repr([*Challenge.objects.values(), *Message.objects.values()])
    assert code not in kept
    assert code.replace(" ", "") not in kept


def test_who_tries_codes_of_an_app_keeps_nobody_from_a_message_nor_the_other_way(jane):
    with_app(jane)
    guess_at_once(40)
    person = walk_to(Step.METHOD)
    person.submit(method="totp")
    person.submit(code="000000")
    assert "tries left" in person.page, "the app has a budget of its own"


def guess_at_the_app(app, count=6):
    for number in range(count):
        guesser = walk_to(Step.METHOD, person=Person(address=f"198.51.{number}.7"))
        guesser.submit(method="totp")
        for _try in range(TRIES):
            guesser.submit(code=app.wrong())


def test_who_has_shown_something_has_a_budget_that_no_stranger_uses_up(jane):
    app = with_app(jane)
    with_recovery_codes(jane)
    guess_at_the_app(app)
    stranger = walk_to(Step.METHOD, person=Person(address="203.0.113.9"))
    stranger.submit(method="totp")
    stranger.submit(code=app.code(steps=1))
    assert stranger.page.name == "recovery-slow"
    assert "This way works again at" in stranger.page
    assert stranger.click("another-way").name == "recovery-method"
    owner = walk_to(Step.CODE, problem="lost-factor")
    owner.submit(code=code_in(post_office()[-1]))
    assert owner.page.name == "recovery-method"
    owner.submit(method="totp")
    owner.submit(code=app.code(steps=1))
    assert owner.page.name == "recovery-factor"


def test_saved_codes_and_passkeys_are_not_counted_over_a_day(jane):
    saved = with_recovery_codes(jane)
    for number in range(8):
        guesser = walk_to(Step.METHOD, person=Person(address=f"198.51.{number}.7"))
        guesser.submit(method="recovery-code")
        for _try in range(TRIES):
            guesser.submit(code="ABCD-ABCD-ABCD-ABCD")
        assert guesser.page.name == "recovery-ended"
    owner = walk_to(Step.METHOD)
    owner.submit(method="recovery-code")
    owner.submit(code=saved[0])
    assert owner.page.name != "recovery-slow"
    assert JourneyProof.objects.get().method == "recovery-code"


def test_the_known_password_is_counted_over_a_day(jane):
    for number in range(7):
        guesser = walk_to(Step.METHOD, problem="lost-factor", person=Person(address=f"198.51.{number}.7"))
        guesser.submit(method="password")
        for _try in range(TRIES):
            if guesser.page.name == "recovery-current-password":
                guesser.submit(password="not this one, sadly")
    assert guesser.page.name == "recovery-slow"
    owner = walk_to(Step.CODE, problem="lost-factor")
    owner.submit(code=code_in(post_office()[-1]))
    owner.submit(method="password")
    owner.submit(password=PASSWORD)
    assert owner.page.name == "recovery-factor"


# --- Arithmetic -------------------------------------------------------------------------------------------


def test_a_long_code_has_thirteen_characters_of_which_all_are_used():
    key = derive("test", key_id="t1")
    made = [otp.long_code(key, generation) for generation in range(2000)]
    assert {len(code) for code in made} == {otp.LONG}
    assert len(set(made)) == len(made)
    for place in range(otp.LONG):
        assert {code[place] for code in made} == set(otp.ALPHABET)


def test_another_key_and_another_generation_make_another_code():
    first, second = derive("test", b"1", key_id="t1"), derive("test", b"2", key_id="t1")
    assert len({otp.long_code(first, 1), otp.long_code(first, 2), otp.long_code(second, 1)}) == 3


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("7K3M 9QXT 4B2NE", "7K3M9QXT4B2NE"),
        ("7k3m-9qxt-4b2ne", "7K3M9QXT4B2NE"),
        ("OI3M 9QXT 4B2NL", "013M9QXT4B2N1"),
        ("7K3M 9QXT 4B2NU", None),
        ("7K3M 9QXT 4B2N", None),
        ("ı" * 13, None),
    ],
)
def test_how_a_long_code_is_read(typed, meant):
    assert otp.normalised_long(typed) == meant


def test_a_long_code_is_read_aloud_in_three_groups():
    assert otp.grouped("7K3M9QXT4B2NE") == "7K3M 9QXT 4B2NE"


@pytest.mark.parametrize("after", [0, 31])
def test_codes_grow_before_short_ones_rest(after):
    with pytest.raises(ValueError, match="long_codes_after"):
        RecoveryPolicy(long_codes_after=after)
    assert replace(RecoveryPolicy(), long_codes_after=20, wrong_codes_per_day=Limit(count=20, per=timedelta(days=1)))


# --- Words ------------------------------------------------------------------------------------------------

LONG_PAGE = CODE | {"characters": otp.LONG}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_asks_for_letters_and_digits(language):
    page = render("recovery/code.html", LONG_PAGE, language=language)
    assert_sound(page, language=language, name="recovery-code")
    field = page.by_id("code")
    assert (field["inputmode"], field["autocomplete"]) == ("text", "one-time-code")
    assert (field["autocapitalize"], field["spellcheck"]) == ("characters", "false")
    assert "13" in page.all("h1")[0]["text"]
    assert "13" in page.by_id("code-hint")["text"]
    mend = render("recovery/code.html", LONG_PAGE | {"problems": [Problem("code", "No")]})
    assert_says_what_to_mend(mend, field="code", message="No")


@pytest.mark.parametrize("digits", [6, 9])
def test_the_page_names_the_number_of_digits_of_the_policy(digits):
    page = render("recovery/code.html", CODE | {"digits": digits})
    assert f"Enter the {digits}-digit code" in page.text
    assert f"{digits} digits. You can paste it" in page.text
    assert "8" not in page.all("title")[0]["text"]


TEXT = {
    "code": "7K3M 9QXT 4B2NE",
    "reference": "K7",
    "until": datetime(2026, 11, 23, 14, 31),  # noqa: DTZ001 -- as a page shows it
    "last_line": "@id.contoso.example #7K3M9QXT4B2NE",
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "name", ["Contoso", "Société générale des eaux de Besançon", "株式会社コントソ" * 4, "x" * 200]
)
def test_a_long_code_is_one_text_message(settings, language, name):
    settings.TENANT_NAME = name
    body = notices.text("recovery/sms/code", language=language, **TEXT).body
    assert segments.size(body).segments == 1
    assert "7K3M 9QXT 4B2NE" in body
    assert "14:31" in body
    assert body.endswith("\n@id.contoso.example #7K3M9QXT4B2NE")


def test_a_text_message_carries_a_long_code(settings, db):
    settings.SMS_GATEWAYS = gateways.read("jsons://gateway.example/")
    settings.SMS_COUNTRIES = ["FR"]
    make_person(phones=["+33612345642"])
    guess(GROWS_AT)
    walk_to(Step.CODE, method="sms", address="+33 6 12 34 56 42")
    message = Message.objects.get(channel="sms", address__isnull=False)
    body = SmsCode().words(message, language="en").body
    code = LONG_CODE.search(body).group(0)
    assert body.splitlines()[-1].endswith(f" #{code.replace(' ', '')}")
    assert segments.size(body).segments == 1

"""Guessing codes: what a try costs, how many there are, and that no number of hands gets more of them."""

from datetime import timedelta
from threading import Lock

import pytest
import redis
import time_machine
from django.core import mail
from django.utils import timezone

from idp import otp
from idp.conf import Policy
from idp.models import Counter, Credential
from recovery.conf import policy
from recovery.domain.journey import Step
from recovery.models import Challenge, Journey, JourneyProof
from tests.conftest import make_person
from tests.idp.factors.people import with_app, with_recovery_codes
from tests.recovery.walk import at_once, challenge_of, letter, walk_to, wrong_codes
from tests.story import Person, code_in, post_office

TRIES = policy().otp.tries
A_DAY = policy().wrong_codes_per_day.count


# --- What a try costs -------------------------------------------------------------------------------------


def test_a_wrong_code_costs_one_try(jane):
    person = walk_to(Step.CODE)
    code = letter()
    for left, wrong in zip((4, 3, 2), wrong_codes(code, 3), strict=True):
        person.submit(code=wrong)
        assert person.page.name == "recovery-code"
        assert f"{left} tries left" in person.page
    person.submit(code=wrong_codes(code, 4)[-1])
    assert "1 try left" in person.page
    person.submit(code=code)
    assert person.page.name == "recovery-new-password"


def test_the_last_wrong_code_ends_the_journey_and_the_right_one_comes_too_late(jane):
    person = walk_to(Step.CODE)
    code = letter()
    for wrong in wrong_codes(code, TRIES):
        form = person.page
        person.submit(code=wrong)
    assert person.page.name == "recovery-ended"
    assert "That was one wrong code too many" in person.page
    person.page = form
    person.submit(code=code)
    assert person.page.name == "recovery-ended"
    assert not JourneyProof.objects.exists()


NO_CODE = {
    "empty": "",
    "spaces": "        ",
    "letters": "abcdefgh",
    "one letter among digits": "1234567a",
    "digits and more": "12345678abc",
    "seven digits": "1234567",
    "nine digits": "123456789",
    "a very large number": "9" * 40,
    "full-width digits": "".join(chr(0xFF10 + int(digit)) for digit in "12345678"),
    "Arabic digits": "".join(chr(0x0660 + int(digit)) for digit in "12345678"),
    "superscript digits": "²" * 8,
    "a sign": "+1234567",
    "a number with a point": "1234567.0",
    "hexadecimal": "0x123456",
    "underscored": "1_234_567",
    "null": "null",
    "true": "true",
    "a list": "['12345678']",
}


@pytest.mark.parametrize("typed", NO_CODE.values(), ids=NO_CODE)
def test_something_that_is_not_a_code_costs_no_try(jane, typed):
    person = walk_to(Step.CODE)
    letter()
    person.submit(code=typed)
    assert person.page.name == "recovery-code"
    assert "Enter the 8 digits of the code" in person.page
    assert challenge_of(person).tries_used == 0


SPELLINGS = {
    "as it is": "{0}{1}",
    "in two groups": "{0} {1}",
    "with a dash": "{0}-{1}",
    "with a no-break space": "{0}\u00a0{1}",
    "with a narrow no-break space": "{0}\u202f{1}",
    "with a no-break hyphen": "{0}\u2011{1}",
    "with an en dash": "{0}\u2013{1}",
    "with a tab": "{0}\t{1}",
    "with spaces around": "  {0}{1}  ",
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_a_code_may_be_typed_with_spaces_and_dashes(jane, spelling):
    person = walk_to(Step.CODE)
    person.submit(code=spelling.format(*letter().split()))
    assert person.page.name == "recovery-new-password"


def test_a_code_is_not_good_without_its_leading_zeros(jane, monkeypatch):
    monkeypatch.setattr(otp, "hotp", lambda *_arguments: 42)
    person = walk_to(Step.CODE)
    assert letter() == "0000 0042"
    for cut in ("42", "042", "0042"):
        person.submit(code=cut)
        assert person.page.name == "recovery-code"
    assert challenge_of(person).tries_used == 0
    person.submit(code="00000042")
    assert person.page.name == "recovery-new-password"


@pytest.mark.parametrize("name", ["code[]", "code[0]", "Code", "otp", "code.value"])
def test_a_code_in_another_field_is_no_code(jane, name):
    person = walk_to(Step.CODE)
    person.submit(**{name: letter()})
    assert person.page.status == 400
    assert challenge_of(person).tries_used == 0
    assert not JourneyProof.objects.exists()


def test_two_codes_in_one_form_are_no_code(jane):
    person = walk_to(Step.CODE)
    code = letter()
    person.submit(code=[code, *wrong_codes(code, 4)])
    assert person.page.status == 400
    assert challenge_of(person).tries_used == 0
    assert not JourneyProof.objects.exists()


# --- How long, and how many are good ----------------------------------------------------------------------


def send_again(person):
    person.submit(send_again="1")
    assert person.page.name == "recovery-code"
    (message,) = post_office()
    return code_in(message)


def test_the_first_code_stays_good_after_another_was_sent(jane):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        person = walk_to(Step.CODE)
        first = letter()
        clock.shift(timedelta(seconds=61))
        assert send_again(person) != first
        person.submit(code=first)
    assert person.page.name == "recovery-new-password"


@pytest.mark.parametrize(("nth", "page"), [(0, "recovery-code"), *[(n, "recovery-new-password") for n in (1, 2, 3)]])
def test_of_four_codes_the_last_three_are_good(jane, nth, page):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        person = walk_to(Step.CODE)
        codes = [letter()]
        for _again in range(3):
            clock.shift(timedelta(seconds=61))
            codes.append(send_again(person))
        assert len(set(codes)) == 4
        person.submit(code=codes[nth])
    assert person.page.name == page


def test_all_codes_of_a_journey_share_one_budget(jane):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        person = walk_to(Step.CODE)
        code = letter()
        guesses = iter(wrong_codes(code, 50))
        for _again in range(2):
            person.submit(code=next(guesses))
            person.submit(code=next(guesses))
            clock.shift(timedelta(seconds=61))
            code = send_again(person)
        assert "1 try left" in person.page
        person.submit(code=next(guesses))
    assert person.page.name == "recovery-ended"


def test_typing_the_address_anew_buys_no_fresh_tries(jane):
    person = walk_to(Step.CODE)
    code = letter()
    for wrong in wrong_codes(code, 3):
        person.submit(code=wrong)
    person.open("/recovery/address/")
    person.submit(address="jane@contoso.example")
    assert person.page.name == "recovery-code"
    assert "2 tries left" in person.page
    person.open("/recovery/address/")
    person.submit(address="somebody@else.example")
    assert "2 tries left" in person.page


def test_a_code_is_no_longer_good_once_another_address_was_typed(jane):
    person = walk_to(Step.CODE)
    code = letter()
    person.open("/recovery/address/")
    person.submit(address="somebody@else.example")
    person.submit(code=code)
    assert person.page.name == "recovery-code"


@pytest.mark.parametrize(("late", "page"), [(-1, "recovery-new-password"), (1, "recovery-code")])
@pytest.mark.parametrize("waited", [0, 240], ids=["handed over at once", "handed over after four minutes"])
def test_a_code_is_good_for_ten_minutes_from_its_hand_over(jane, waited, late, page):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        person = walk_to(Step.CODE)
        clock.shift(timedelta(seconds=waited))
        code = letter()
        clock.shift(policy().otp.lifetime + timedelta(seconds=late))
        person.submit(code=code)
    assert person.page.name == page


def test_a_right_code_after_its_end_costs_a_try_like_any_wrong_one(jane):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        person = walk_to(Step.CODE)
        code = letter()
        clock.shift(policy().otp.lifetime + timedelta(seconds=1))
        person.submit(code=code)
    assert challenge_of(person).tries_used == 1


# --- Many hands -------------------------------------------------------------------------------------------


@pytest.fixture
def comparisons(monkeypatch):
    """How many answers were compared with a code, whoever asked."""
    compared, lock = [], Lock()
    matches = otp.matches

    def counting(answer, codes):
        with lock:
            compared.append(answer)
        return matches(answer, codes)

    monkeypatch.setattr("idp.plugins.otp.matches", counting)
    return compared


def hands(person, answers):
    """Each answer from a connection of its own: the same browser, as a program would use its cookies."""

    def hand(answer):
        other = Person()
        other.http.cookies.update(person.http.cookies)
        other.page = person.page
        return lambda: other.submit(code=answer)

    return [hand(answer) for answer in answers]


@pytest.mark.django_db(transaction=True)
def test_of_two_hundred_guesses_at_once_exactly_the_limit_is_looked_at(comparisons):
    make_person()
    person = walk_to(Step.CODE)
    code = letter()
    wrong = wrong_codes(code, 199)
    guesses = [*wrong[:150], code.replace(" ", ""), *wrong[150:]]
    # The right one is among the last hundred, which are sent once the first hundred are answered.
    for start in range(0, 200, 50):
        pages = at_once(*hands(person, guesses[start : start + 50]))
        assert not [page for page in pages if isinstance(page, Exception)]
    assert len(comparisons) == TRIES
    assert Challenge.objects.get().tries_used == TRIES
    assert Journey.objects.get().ending == "tries"
    assert not JourneyProof.objects.exists()
    person.submit(code=code)
    assert person.page.name == "recovery-ended"


@pytest.mark.django_db(transaction=True)
def test_of_fifty_right_codes_at_once_exactly_one_is_accepted():
    make_person()
    person = walk_to(Step.CODE)
    code = letter()
    pages = at_once(*hands(person, [code] * 50))
    assert not [page for page in pages if isinstance(page, Exception)]
    assert JourneyProof.objects.count() == 1
    assert [page.name for page in pages].count("recovery-new-password") == 1
    assert Journey.objects.get().ending == ""


@pytest.mark.django_db(transaction=True)
def test_a_double_click_on_the_last_try_does_not_end_what_it_proves():
    for username in ("jane", "june", "jean"):
        make_person(username, email=f"{username}@contoso.example")
        person = walk_to(Step.CODE, identifier=username, address=f"{username}@contoso.example")
        code = letter()
        for wrong in wrong_codes(code, TRIES - 1):
            person.submit(code=wrong)
        at_once(*hands(person, [code, code]))
        assert JourneyProof.objects.filter(journey__ending="", journey__subject__isnull=False).count() == 1
        JourneyProof.objects.all().delete()


# --- Many journeys ----------------------------------------------------------------------------------------


def test_the_budget_of_a_day_holds_over_journeys_browsers_and_networks(jane, comparisons):
    """Journeys that got their short codes before anybody guessed; what comes later gets long ones (test_long_codes)."""
    with time_machine.travel(timezone.now() - timedelta(minutes=20), tick=False) as clock:
        people = []
        for number in range(8):
            person = Person(address=f"198.51.{number}.7")
            # Messages have limits of their own; most of these are to addresses that are not hers.
            address = "jane@contoso.example" if number == 0 else f"{number}@else.example"
            name = ("jane", "jane@contoso.example", "JANE")[number % 3]
            people.append(walk_to(Step.CODE, identifier=name, address=address, person=person))
        (hers,) = post_office()
        code = code_in(hers)
        for person in people[1:]:
            for wrong in wrong_codes(code, TRIES):
                if person.page.name == "recovery-code":
                    person.submit(code=wrong)
        assert len(comparisons) == A_DAY
        owner = people[0]
        owner.submit(code=code)
        assert owner.page.name == "recovery-code", "not even the right one"
        assert "Send it again: the next one is longer." in owner.page
        assert challenge_of(owner).tries_used == 0
        assert len(comparisons) == A_DAY
        clock.shift(timedelta(days=1))
        owner = walk_to(Step.CODE, person=Person())
        owner.submit(code=code_in(post_office()[-1]))
    assert owner.page.name == "recovery-new-password"
    assert Credential.objects.get(user=jane).version == 1


def counts():
    """The counts that could be of wrong codes here: nothing else was done three times and once more."""
    return Counter.objects.filter(count=4).count()


def test_a_finished_recovery_leaves_what_strangers_might_have_guessed(jane):
    """They would see that there is such an account, and that it came back; a long code is no guess, and gets in."""
    person = walk_to(Step.CODE)
    code = letter()
    for wrong in wrong_codes(code, 3):
        person.submit(code=wrong)
    person.submit(code=code)
    person.submit(new_password="quiet harbour lantern 7")
    assert person.page.name == "recovery-done"
    assert counts() == 1


def test_a_finished_recovery_forgets_what_was_guessed_after_a_proof(jane):
    app = with_app(jane)
    with_recovery_codes(jane)
    person = walk_to(Step.CODE, problem="lost-factor")
    person.submit(code=letter())
    person.submit(method="totp")
    for _try in range(3):
        person.submit(code=app.wrong())
    person.submit(code=app.code(steps=1))
    assert counts() == 1
    assert person.page.name == "recovery-factor"
    person = walk_to(Step.CODE, person=Person())
    person.submit(code=letter())
    person.submit(new_password="quiet harbour lantern 7")
    assert person.page.name == "recovery-done"
    assert counts() == 0


def test_limits_are_rows_and_no_redis_is_asked(jane, settings, monkeypatch):
    """Redis is at an address where nobody listens (tests.settings), and its client is not even called."""

    def refuse(*_arguments, **_options):
        raise AssertionError("a limit of record asked Redis")

    monkeypatch.setattr(redis.Redis, "execute_command", refuse)
    monkeypatch.setattr("idp.tasks.deliver.apply_async", lambda *_a, **_k: None)
    person = walk_to(Step.CODE)
    code = letter()
    for wrong in wrong_codes(code, TRIES):
        person.submit(code=wrong)
    assert person.page.name == "recovery-ended"


# --- Many letters -----------------------------------------------------------------------------------------


SAME_ADDRESS = [
    "jane@contoso.example",
    "JANE@contoso.example",
    "jane@CONTOSO.example",
    " jane@contoso.example ",
    "jane@ｃontoso.example",
    "jane@cｏntoso.example",
    "jane@coｎtoso.example",
    "jane@conｔoso.example",
    "jane@contｏso.example",
    "jane@contoｓo.example",
    "jane@contosｏ.example",
    "jane@contoso.ｅxample",
]


def test_an_address_gets_five_letters_an_hour_however_it_is_spelt(jane):
    person = walk_to(Step.ADDRESS)
    for typed in SAME_ADDRESS:
        person.open("/recovery/address/")
        person.submit(address=typed)
    assert person.page.name == "recovery-slow"
    post_office()
    assert len(mail.outbox) == Policy().emails_per_hour.count


def test_sending_again_counts_as_one_of_the_five(jane):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        person = walk_to(Step.CODE)
        for _again in range(8):
            clock.shift(timedelta(seconds=61))
            person.open("/recovery/code/")
            person.submit(send_again="1")
        post_office()
        person = walk_to(Step.ADDRESS, person=Person())
        person.submit(address="jane@contoso.example")
        post_office()
    assert len(mail.outbox) == Policy().emails_per_hour.count


def test_another_code_is_sent_once_a_minute(jane):
    person = walk_to(Step.CODE)
    post_office()
    for _again in range(3):
        person.submit(send_again="1")
    assert "Another code can be sent at" in person.page
    post_office()
    assert len(mail.outbox) == 2


NOBODY = ["nobody", "NOBODY", "ｎｏｂｏｄｙ", " nobody ", "Nobody", "nobodY", "noBody"]


@pytest.mark.parametrize(
    "names", [NOBODY, ["jane", "JANE", "ｊａｎｅ", " jane ", "Jane", "janE", "jAne"]], ids=["no", "yes"]
)
def test_a_name_has_one_budget_however_it_is_spelt_be_there_an_account_or_not(jane, comparisons, names):
    people = [
        walk_to(Step.CODE, identifier=spelling, address=f"{number}@else.example", person=Person())
        for number, spelling in enumerate(names)
    ]
    for person in people:
        for wrong in wrong_codes("1234 5678", TRIES):
            if person.page.name == "recovery-code":
                person.submit(code=wrong)
    assert len(comparisons) == A_DAY
    assert "short ones rest" in person.page
    assert [challenge_of(each).tries_used for each in people if each.page.name == "recovery-code"] == [0]

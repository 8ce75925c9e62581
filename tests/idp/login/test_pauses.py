"""Wrong passwords: whom they slow, whom they never touch, and who gets in all the same."""

from datetime import timedelta

import pytest
import structlog
import time_machine
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from idp import notices
from idp.accounts import credentials, devices, hashers
from idp.audit.events import Origin
from idp.conf import Limit, Policy, Slowdown, policy
from idp.keyring import fingerprint
from idp.models import AuditEntry, Counter, Device, Message, SignIn, SpentCode
from tests.conftest import PASSWORD, make_person
from tests.idp.factors.people import with_app, with_recovery_codes
from tests.idp.test_slowing import at_once
from tests.story import Person

WRONG = "not this one, sadly"


@pytest.fixture
def clock(db):
    """Time stands still until it is moved."""
    with time_machine.travel(timezone.now().replace(second=20, microsecond=0), tick=False) as moved:
        yield moved


@pytest.fixture
def known(jane):
    """Somebody at a browser that the account knows, signed out."""
    person = Person(address="203.0.113.9")
    sign_in(person)
    del person.http.cookies["__Host-regain-session"]
    return person


@pytest.fixture
def few(settings):
    """The hundred failures in a row are five."""
    settings.IDP = {**settings.IDP, "sign_in_failures": 5}


@pytest.fixture
def app(jane, clock):
    """Jane has an authenticator app."""
    return with_app(jane)


def sign_in(person, password=PASSWORD, username="jane", **fields):
    person.open("/sign-in")
    return person.submit(username=username, password=password, **fields)


def stranger(number=10):
    """Somebody else, in a network of their own."""
    return Person(address=f"198.51.{number}.1")


def fail(person, times=1, **fields):
    for _try in range(times):
        page = sign_in(person, WRONG, **fields)
    return page


def strangers_fail(times, *, each=1):
    for number in range(times // each):
        fail(stranger(number), each)


def is_in(page):
    return page.name == "account" and page.status == 200


# --- Strangers --------------------------------------------------------------------------------------------


def test_ten_are_free_and_then_each_waits_twice_as_long(jane, clock):
    person = Person()
    for _try in range(10):
        assert fail(person).status == 200
    for minutes in (1, 2, 4, 8, 15, 15):
        page = sign_in(person)
        assert page.status == 429
        assert page.response["Retry-After"] == str(minutes * 60)
        clock.shift(timedelta(minutes=minutes) - timedelta(seconds=1))
        assert sign_in(person).response["Retry-After"] == "1"
        clock.shift(timedelta(seconds=1))
        assert "don't match" in fail(person)
    clock.shift(timedelta(minutes=15))
    assert is_in(sign_in(person))


def test_the_page_says_when_on_the_clock_of_the_tenant_and_never_too_early(jane, settings):
    settings.TIME_ZONE = "Asia/Kolkata"
    with time_machine.travel("2026-11-23T14:20:20Z", tick=False):
        fail(Person(), 10)
        page = sign_in(Person())
    assert "You can try again at 19:52." in page
    assert page.response["Retry-After"] == "60"


def test_a_paused_account_hashes_nothing(jane, clock, monkeypatch):
    fail(Person(), 10)
    monkeypatch.setattr(hashers, "verify_password", None)
    monkeypatch.setattr(hashers, "burn", None)
    assert sign_in(Person()).status == 429


def test_from_many_networks_thirty_are_free_together(jane, clock):
    with structlog.testing.capture_logs() as logs:
        strangers_fail(30, each=3)
        page = fail(stranger(99))
    assert page.status == 429
    assert page.response["Retry-After"] == "60"
    assert [line["alarm"] for line in logs if line.get("alarm") == "guessing"] == ["guessing"]


def test_a_network_that_waits_uses_up_nothing_of_what_is_everybodys(jane, clock):
    fail(Person(), 60)
    assert is_in(sign_in(stranger()))


def test_a_day_without_a_failure_is_a_new_beginning(jane, clock):
    person = Person()
    fail(person, 10)
    clock.shift(timedelta(days=1))
    for _try in range(10):
        assert fail(person).status == 200


def test_a_right_password_forgives_what_failed_before(jane, clock):
    strangers_fail(24, each=6)
    person = stranger(0)
    assert is_in(sign_in(person))
    assert Counter.objects.exclude(key__endswith="0").filter(count__gt=6).count() == 0
    strangers_fail(30, each=3)
    assert fail(stranger(98)).status == 429


# --- Known browsers ---------------------------------------------------------------------------------------


def test_strangers_cannot_keep_an_owner_out_of_a_browser_they_signed_in_with_before(known, clock, few):
    strangers_fail(40, each=5)
    assert sign_in(stranger(98)).status == 429
    assert is_in(sign_in(known))


def test_not_even_from_the_same_network(known, clock):
    neighbour = Person(address="203.0.113.77")
    fail(neighbour, 12)
    assert is_in(sign_in(known))


def test_a_known_browser_waits_for_its_own_failures_and_nobody_else_does(known, clock):
    fail(known, 10)
    page = sign_in(known)
    assert page.status == 429
    assert page.response["Retry-After"] == "60"
    assert is_in(sign_in(stranger())), "its failures are no strangers'"
    clock.shift(timedelta(minutes=1))
    assert is_in(sign_in(known))


def test_the_browser_of_somebody_else_is_a_strangers(known, clock):
    make_person("john", email="john@contoso.example")
    fail(known, 10, username="john")
    assert sign_in(known, username="john").status == 429
    fail(Person(address="203.0.113.9"), 1, username="john")
    assert is_in(sign_in(known)), "and Jane's own budget there is whole"


@pytest.mark.parametrize("how", ["forgotten", "moved", "too old", "edited"])
def test_a_browser_that_is_not_known_any_more_is_a_strangers(known, clock, jane, how):
    device = Device.objects.get()
    if how == "forgotten":
        devices.forget(jane.pk, device.pk, origin=Origin(), now=timezone.now())
    elif how == "moved":
        Device.objects.update(user=make_person("john", email="john@contoso.example"))
    elif how == "too old":
        Device.objects.update(last_seen_at=timezone.now() - policy().device_lifetime)
    else:
        known.http.cookies["__Host-regain-device"] = "another key"
    strangers_fail(30, each=3)
    assert sign_in(known).status == 429


def test_after_a_hundred_failures_in_a_row_a_browser_is_not_known_any_more(known, jane, clock, few):
    Device.objects.update(trusted_until=None)
    fail(known, 5)
    assert Device.objects.get().forgotten_at is None
    page = fail(known)
    assert page.status == 200, "judged, as a stranger's first one"
    assert Device.objects.get().forgotten_at is not None
    entry = AuditEntry.objects.get(name="idp.devices.forgotten")
    assert (entry.user, entry.details["reason"]) == (jane.pk, "failures")
    assert is_in(sign_in(known)), "and may come to be known again"
    assert Device.objects.filter(forgotten_at=None).count() == 1


# --- A hundred in a row -----------------------------------------------------------------------------------


def test_after_a_hundred_failures_in_a_row_a_password_alone_opens_nothing_for_strangers(jane, clock, few):
    strangers_fail(5)
    for wait in (timedelta(0), timedelta(days=2), timedelta(days=1000)):
        clock.shift(wait)
        page = sign_in(stranger(50))
        assert page.status == 429
        assert "a password alone no longer opens this account" in page
        assert "Retry-After" not in page.response.headers
    assert not SignIn.objects.exists()


def test_the_hundred_are_counted_over_days_and_weeks(jane, clock, few):
    for number in range(5):
        assert fail(stranger(number)).status == 200
        clock.shift(timedelta(days=30))
    assert sign_in(stranger(50)).status == 429


def test_the_owner_who_signs_in_at_home_ends_the_row(known, clock, few):
    strangers_fail(5)
    assert is_in(sign_in(known))
    assert is_in(sign_in(stranger(50)))


def test_a_right_password_with_a_right_second_factor_ends_it_too(app, clock, few):
    strangers_fail(5)
    assert is_in(sign_in(stranger(50), otp=app.code()))
    assert sign_in(stranger(51)).name == "sign-in-factor", "the password alone is looked at again"


@pytest.mark.parametrize(
    "numbers",
    [
        {"sign_in_failures": 101},
        {"sign_in_failures": 0},
        {"sign_in_per_network": Slowdown(free=0, first=timedelta(minutes=1), longest=timedelta(minutes=2))},
        {"sign_in_per_account": Slowdown(free=101, first=timedelta(minutes=1), longest=timedelta(minutes=2))},
        {"sign_in_per_account": Slowdown(free=10, first=timedelta(0), longest=timedelta(minutes=2))},
        {"sign_in_per_account": Slowdown(free=10, first=timedelta(minutes=2), longest=timedelta(minutes=1))},
        {"sign_in_per_network": Slowdown(free=10, first=timedelta(minutes=1), longest=timedelta(days=1))},
        {"stuffing_per_network": Limit(count=0, per=timedelta(hours=1))},
    ],
)
def test_numbers_that_lock_people_out_or_let_guessers_in_are_refused(numbers):
    with pytest.raises(ImproperlyConfigured):
        Policy(**numbers)


# --- With a second factor beside the password -------------------------------------------------------------


def test_only_a_page_that_pauses_asks_for_a_code(jane, clock):
    person = Person()
    assert "otp" not in fail(person, 10).parsed.ids
    field = sign_in(person).parsed.ids["otp"]
    assert (field["name"], field["autocomplete"]) == ("otp", "one-time-code")


@pytest.mark.parametrize("who", ["a stranger", "a known browser"])
def test_a_right_password_with_a_right_code_waits_for_nobody(request, app, clock, few, who):
    if who == "a stranger":
        person = Person()
    else:
        person = Person(address="203.0.113.9")
        sign_in(person, otp=app.code())
        del person.http.cookies["__Host-regain-session"]
        clock.shift(timedelta(minutes=1))
        fail(person, 4)
    strangers_fail(5)
    assert is_in(sign_in(person, otp=app.code()))
    key = person.http.cookies["__Host-regain-session"].value
    assert SignIn.objects.get(key_hash=fingerprint(key)).amr == ["pwd", "otp", "mfa"]


def test_a_recovery_code_does_as_well(jane, clock):
    code, *_others = with_recovery_codes(jane)
    person = Person()
    fail(person, 11)
    assert is_in(sign_in(person, otp=code))
    assert "code don't match" in sign_in(stranger(), otp=code), "once"


@pytest.mark.parametrize(("password", "right"), [(WRONG, True), (PASSWORD, False), (WRONG, False)])
def test_which_of_the_two_was_wrong_is_not_told(app, clock, password, right):
    person = Person()
    fail(person, 10)
    sign_in(person)
    page = person.submit(username="jane", password=password, otp=app.code() if right else app.wrong())
    assert page.status == 200
    assert "That username, password and code don't match" in page
    assert "You can try" not in page
    assert "otp" in page.parsed.ids, "and may be tried again at once"
    assert "__Host-regain-session" not in person.http.cookies


def test_a_code_that_came_with_a_mistyped_password_is_still_good(jane, clock):
    code, *_others = with_recovery_codes(jane)
    person = Person()
    sign_in(person, WRONG, otp=code)
    assert not SpentCode.objects.exists()
    assert is_in(sign_in(person, otp=code))


@pytest.mark.parametrize("otp", ["12345", "no code", "1" * 50_000])
def test_what_cannot_be_a_code_costs_neither_a_hash_nor_a_try(app, clock, monkeypatch, otp):
    monkeypatch.setattr(hashers, "verify_password", None)
    monkeypatch.setattr(hashers, "burn", None)
    assert "code don't match" in sign_in(Person(), otp=otp)
    assert not Counter.objects.exists()


def test_strangers_use_up_neither_pauses_nor_codes_of_the_owner(app, clock):
    """Who has neither password nor app uses up what belongs to their own network, and nothing else."""
    for number in range(3):
        statuses = [sign_in(stranger(number), WRONG, otp=app.wrong()).status for _try in range(12)]
        assert statuses == [200] * 10 + [429] * 2
    assert is_in(sign_in(stranger(50), otp=app.code()))
    assert sign_in(stranger(51)).name == "sign-in-factor", "and passwords alone wait for nothing"


def test_who_knows_the_password_and_guesses_codes_has_the_budget_of_the_account_in_all_networks(app, clock):
    """SI-05 by this door: ten codes are looked at, wherever they come from, and the owner is told."""
    with structlog.testing.capture_logs() as logs:
        for number in range(12):
            assert "code don't match" in sign_in(stranger(number), otp=app.wrong())
    assert [line["paused"] for line in logs if line["event"] == "second factor failed"] == [False] * 10 + [True] * 2
    assert "code don't match" in sign_in(stranger(60), otp=app.code()), "the right one comes too late as well"
    assert Message.objects.filter(kind=notices.FACTOR_PAUSED).count() == 1


def test_who_holds_the_app_and_guesses_passwords_is_slowed_in_all_networks_and_nobody_else_is(app, clock, few):
    for number in range(5):
        assert sign_in(stranger(number), WRONG, otp=app.code()).status == 200
    page = sign_in(stranger(60), otp=app.code())
    assert page.status == 429
    assert "no longer opens" in page
    assert sign_in(Person()).name == "sign-in-factor", "the password alone is not paused by it"


@pytest.mark.django_db(transaction=True)
def test_of_forty_passwords_at_once_beside_a_right_code_exactly_ten_are_judged(settings):
    settings.IDP = {
        **settings.IDP,
        "web_threads": 100,
        "hashing_threads": 8,
        "hashing_queue": 60,
        "hashing_patience": timedelta(seconds=30),
    }
    app = with_app(make_person())
    code = app.code()
    people = [stranger(number % 8) for number in range(40)]
    for person in people:
        person.open("/sign-in")
    answers = at_once(*(lambda each=each: each.submit(username="jane", password=WRONG, otp=code) for each in people))
    assert sorted(page.status for page in answers) == [200] * 10 + [429] * 30
    assert not SpentCode.objects.exists()


def test_a_pause_of_the_code_is_shown_like_any_other(app, clock):
    person = Person()
    for _try in range(10):
        sign_in(person, WRONG, otp=app.wrong())
    page = sign_in(person, otp=app.code())
    assert (page.status, page.response["Retry-After"]) == (429, "3600")


# --- Where else a password is asked for -------------------------------------------------------------------


def test_being_asked_again_counts_for_the_browser_as_well(known, clock):
    sign_in(known)
    for _try in range(10):
        known.open("/sign-in/again?to=/account/")
        page = known.submit(password=WRONG)
    page = known.submit(password=PASSWORD)
    assert (page.status, page.name, page.response["Retry-After"]) == (429, "sign-in-again", "60")
    assert "You can try again at" in page


# --- What it costs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("username", ["jane", "nobody"])
def test_a_strangers_failure_is_counted_in_one_statement_for_all_budgets(jane, clock, username):
    person = Person()
    fail(person, username=username)
    with CaptureQueriesContext(connection) as captured:
        person.submit(username=username, password=WRONG)
    statements = [each["sql"] for each in captured if not each["sql"].startswith(("SAVEPOINT", "RELEASE"))]
    # The account with everything, the network (Redis is away in these tests), the pauses.
    assert len(statements) == 3, statements


def test_a_failure_in_a_known_browser_costs_one_statement_less(known, clock):
    fail(known)
    with CaptureQueriesContext(connection) as captured:
        known.submit(username="jane", password=WRONG)
    assert len(captured) == 2, [each["sql"] for each in captured]


def test_factors_are_looked_for_with_the_account_and_their_seals_when_there_are_some(jane, clock):
    person = Person()
    with CaptureQueriesContext(connection) as captured:
        sign_in(person)
    assert not [each for each in captured if "idp_factor" in each["sql"]]
    assert credentials.factors_of(jane) == []


def test_a_success_leaves_nothing_counted(known, clock):
    fail(known)
    sign_in(known)
    sign_in(stranger())
    assert not Counter.objects.filter(count__gt=0).exists()

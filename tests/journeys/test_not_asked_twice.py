"""What was shown in a recovery is not asked for again at the sign-in that follows: there, then, once, beside more."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from idp.factors import excused
from idp.models import Credential, SignIn
from tests.conftest import NEW_PASSWORD, PASSWORD, make_person
from tests.idp.factors.people import with_app, with_passkey
from tests.journeys.test_ways_back import LATER, at_methods, by_app, by_email, by_passkey
from tests.story import Person

COOKIE = "__Host-regain-shown"


@pytest.fixture
def clock():
    with time_machine.travel(timezone.now() + LATER, tick=False) as moving:
        yield moving


@pytest.fixture
def app(jane):
    return with_app(jane, now=timezone.now() - LATER)


def back_in(app, *, password=NEW_PASSWORD):
    """A new password, by a mailbox and the app."""
    person = at_methods()
    by_app(person, app)
    by_email(person)
    person.submit(new_password=password)
    assert person.page.name == "recovery-done"
    return person


def signed_in(user):
    return list(SignIn.objects.filter(user=user, ended_at=None))


def sign_in(person, *, username="jane", password=NEW_PASSWORD):
    person.open("/sign-in")
    return person.submit(username=username, password=password).name


def test_the_app_is_not_asked_for_twice_and_the_sign_in_has_it(clock, app, jane):
    person = back_in(app)
    assert not signed_in(jane), "recovery never signs in"
    assert sign_in(person) == "account"
    assert [set(each.amr) for each in signed_in(jane)] == [{"pwd", "otp", "mfa"}]
    assert COOKIE not in person.http.cookies or not person.http.cookies[COOKIE].value


def test_nor_is_a_passkey(clock, jane):
    authenticator = with_passkey(jane)
    person = at_methods()
    by_passkey(person, authenticator)
    by_email(person)
    person.submit(new_password=NEW_PASSWORD)
    assert sign_in(person) == "account"
    assert ["mfa" in each.amr for each in signed_in(jane)] == [True]


def test_nor_where_sign_in_was_opened_again_and_the_password_stayed(clock, app, jane):
    person = at_methods("locked")
    by_app(person, app)
    assert person.page.name == "recovery-unlock"
    person.submit(finish="1")
    assert sign_in(person, password=PASSWORD) == "account"


def test_a_factor_that_was_not_shown_is_asked_for(clock, app):
    person = at_methods()
    by_email(person)
    person.submit(new_password=NEW_PASSWORD)
    assert COOKIE not in person.http.cookies
    assert sign_in(person) == "sign-in-factor"


def test_it_is_good_once(clock, app):
    person = back_in(app)
    kept = person.http.cookies[COOKIE].value
    assert sign_in(person) == "account"
    person.open("/sign-out")
    person.submit(decision="yes")
    person.http.cookies[COOKIE] = kept
    assert sign_in(person) == "sign-in-factor"


def test_it_is_good_in_the_browser_that_showed_it(clock, app):
    back_in(app)
    assert sign_in(Person(address="198.51.100.9")) == "sign-in-factor"


@pytest.mark.parametrize(("seconds", "page"), [(299, "account"), (300, "sign-in-factor")])
def test_it_is_good_for_five_minutes_from_when_it_was_shown(clock, app, seconds, page):
    person = back_in(app)
    clock.shift(timedelta(seconds=seconds))
    assert sign_in(person) == page


def test_the_password_is_asked_for_all_the_same(clock, app, jane):
    person = back_in(app)
    assert sign_in(person, password="not this one at all") == "sign-in"
    assert not signed_in(jane)


def test_it_is_good_for_one_account(clock, app):
    other = make_person("mallory", email="mallory@contoso.example")
    with_app(other)
    person = back_in(app)
    assert sign_in(person, username="mallory", password=PASSWORD) == "sign-in-factor"


def test_it_is_good_for_the_factor_as_it_was(clock, app, jane):
    person = back_in(app)
    row = Credential.objects.get(user=jane, kind="totp")
    stamp = person.http.cookies[COOKIE].value
    assert excused.spend(stamp.replace(str(row.pk), str(jane.pk)), jane, now=timezone.now()) is None
    assert excused.spend(stamp.replace(".1.", ".2."), jane, now=timezone.now()) is None
    assert excused.spend(f"{stamp}x", jane, now=timezone.now()) is None
    assert excused.spend(stamp, jane, now=timezone.now()) == "totp"


@pytest.mark.parametrize("stamp", ["", ".", "a.b.c.d.e", "1.2.3.four.t2.x", "x" * 400])
def test_what_is_no_stamp_excuses_nobody(jane, stamp):
    assert excused.spend(stamp, jane, now=timezone.now()) is None


def test_a_page_of_ours_that_asks_again_asks_for_it(clock, app):
    """Step-up: the stamp is for beginning a sign-in, not for going on with one."""
    person = back_in(app)
    kept = person.http.cookies[COOKIE].value
    assert sign_in(person) == "account"
    clock.shift(timedelta(minutes=4))
    person.http.cookies[COOKIE] = kept
    person.open("/sign-in/again?to=/account/security/")
    if person.page.name == "sign-in-again":
        assert person.submit(password=NEW_PASSWORD).name == "sign-in-factor"

"""Trying a second factor on its page: it works or it does not, and opens nothing."""

import json
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from idp.conf import policy
from idp.models import AuditEntry, Credential, SignIn
from tests.conftest import PASSWORD, make_person
from tests.hosted import LANGUAGES, Page, assert_says_what_to_mend, assert_sound
from tests.idp.factors.people import with_app, with_passkey, with_recovery_codes
from tests.idp.login.test_factor import sign_in_with
from tests.story import Person

MINUTE = timedelta(minutes=1)


@pytest.fixture
def clock():
    with time_machine.travel(timezone.now() + 2 * MINUTE, tick=False) as moving:
        yield moving


@pytest.fixture
def app(jane):
    return with_app(jane, now=timezone.now() - 4 * MINUTE)


@pytest.fixture
def hers(clock, app):
    person = Person()
    sign_in_with(person, app)
    clock.shift(MINUTE)
    return person


def page_of(person, user, kind):
    row = Credential.objects.get(user=user, kind=kind)
    page = person.open(f"/account/factors/{row.pk}/")
    assert page.name == "factors-one", page.text[:200]
    return row


def submit(person, **fields):
    """The form of the page that tries; the others have the same token."""
    return person.submit(do="try", **fields)


def test_an_app_that_shows_the_right_code_works(hers, app, jane):
    row = page_of(hers, jane, "totp")
    assert "It works" in submit(hers, otp=app.code())
    assert AuditEntry.objects.get(name="idp.factor.tried").details == {"kind": "totp", "row": str(row.pk)}
    assert "was tried, and works" in hers.open("/account/activity/")


def test_a_code_that_was_tried_is_used_up(hers, app, jane):
    page_of(hers, jane, "totp")
    code = app.code()
    submit(hers, otp=code)
    assert "isn't right" in submit(hers, otp=code)


@pytest.mark.parametrize(("typed", "says"), [("", "Enter the 6 digits"), ("abc", "Enter the 6 digits")])
def test_what_is_no_code_costs_no_try(hers, app, jane, typed, says):
    page_of(hers, jane, "totp")
    for _time in range(15):
        page = submit(hers, otp=typed)
    assert says in page
    assert "It works" in submit(hers, otp=app.code())


def test_tries_are_counted_and_pause_nothing_else(hers, app, jane, clock):
    page_of(hers, jane, "totp")
    said = [submit(hers, otp=app.wrong()).text for _time in range(50)]
    assert sum("isn't right" in text for text in said) == policy().factor_tries.count
    assert "too often" in said[-1]
    assert "too often" in submit(hers, otp=app.code()), "not even the right one"
    elsewhere = Person(address="198.51.100.9")
    sign_in_with(elsewhere, app)
    assert elsewhere.page.name == "account", "signing in has its own budget"


def test_the_code_of_another_app_is_not_this_ones(hers, app, jane):
    other = with_app(jane, now=timezone.now() - 4 * MINUTE)
    row = Credential.objects.filter(user=jane, kind="totp").order_by("factor__added_at").first()
    hers.open(f"/account/factors/{row.pk}/")
    assert "isn't right" in submit(hers, otp=other.code())


def options(person, row):
    token = person.page.parsed.fields["csrfmiddlewaretoken"][0]
    answer = person.post(f"/account/factors/{row.pk}/options", {"csrfmiddlewaretoken": token, "purpose": "try"})
    assert answer.status_code == 200
    return json.loads(answer.content)


def test_a_passkey_that_answers_works(hers, jane):
    authenticator = with_passkey(jane)
    row = page_of(hers, jane, "passkey")
    answer = authenticator.get(options(hers, row))
    assert "It works" in submit(hers, passkey=answer)
    assert "no longer works" in submit(hers, passkey=answer), "a challenge is good once"


def test_a_passkey_of_somebody_else_does_not(hers, jane):
    with_passkey(jane)
    theirs = with_passkey(make_person("mallory", email="mallory@contoso.example"))
    row = page_of(hers, jane, "passkey")
    asked = options(hers, row) | {"allowCredentials": []}
    assert "no longer works" in submit(hers, passkey=theirs.get(asked))


def test_a_challenge_for_trying_signs_nobody_in(hers, jane):
    authenticator = with_passkey(jane)
    row = page_of(hers, jane, "passkey")
    answer = authenticator.get(options(hers, row))
    before = SignIn.objects.count()
    stranger = Person(address="198.51.100.9")
    stranger.open("/sign-in")
    stranger.submit(passkey=answer)
    assert stranger.page.name == "sign-in"
    assert SignIn.objects.count() == before


def test_saved_codes_are_not_tried(hers, jane):
    with_recovery_codes(jane)
    page_of(hers, jane, "recovery_codes")
    assert "would use it up" in hers.page
    assert "try-form" not in hers.page.parsed.ids


def test_nobody_tries_what_is_not_theirs(jane, app):
    make_person("mallory", email="mallory@contoso.example")
    row = Credential.objects.get(user=jane, kind="totp")
    person = Person()
    person.open("/sign-in")
    person.submit(username="mallory", password=PASSWORD)
    assert person.page.name == "account"
    assert person.open(f"/account/factors/{row.pk}/").status == 404


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["totp", "passkey", "recovery_codes"])
def test_the_page_is_sound_in_every_language(hers, jane, kind, language):
    with_passkey(jane)
    with_recovery_codes(jane)
    row = page_of(hers, jane, kind)
    response = hers.http.get(f"/account/factors/{row.pk}/?works=1&lang={language}", secure=True)
    assert_sound(Page(response.content.decode()), language=language, name="factors-one")


def test_what_to_mend_is_said_at_the_field(hers, app, jane):
    page_of(hers, jane, "totp")
    submit(hers, otp="")
    page = Page(hers.page.response.content.decode())
    assert_says_what_to_mend(page, field="otp", message="Enter the 6 digits that your app shows")

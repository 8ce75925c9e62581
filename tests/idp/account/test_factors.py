"""The owner's pages for second factors: adding, naming and removing them, over HTTP."""

import re
from base64 import b32decode
from datetime import timedelta
from urllib.parse import unquote

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from idp.accounts import credentials, roles
from idp.factors import enrolment, totp
from idp.models import AuditEntry, Credential, Device, Factor, Message, Role, SignIn
from tests.conftest import PASSWORD, make_person
from tests.idp.factors.people import App, factor_of, with_app, with_recovery_codes
from tests.idp.login.test_factor import DEVICE, SESSION, password_step, sign_in_with
from tests.story import Person, post_office

TOTP, CODES, ADD, DONE = (f"/account/factors/{each}/" for each in ("totp", "recovery-codes", "add", "done"))


@pytest.fixture
def person(jane):
    somebody = Person()
    password_step(somebody)
    return somebody


def app_on(page):
    """What somebody's app knows who scanned this page."""
    return App(b32decode(re.search(r"secret=([A-Z2-7]{32})&", page.href("open-app"))[1]))


def codes_on(page):
    return re.findall(r"[0-9A-Z]{4}(?:-[0-9A-Z]{4}){3}", page.text)


def add_app(person, **fields):
    app = app_on(person.open(TOTP))
    person.submit(otp=app.code(), **fields)
    return app


# --- Adding an app ----------------------------------------------------------------------------------------


def test_an_app_is_added_and_asked_for_from_then_on(person, jane):
    page = person.open(ADD)
    assert page.name == "factors-add"
    page = person.submit(way="totp")
    assert page.name == "factors-totp"
    app = app_on(page)
    assert "".join(page.parsed.text[page.parsed.text.index("Type the key instead") + 1 :][:8]) in totp.spelt(app.secret)
    assert "Contoso" in unquote(page.href("open-app"))
    page = person.submit(otp=app.code(), name="My phone")
    assert page.name == "factors-done"
    assert factor_of(jane, "totp").factor.name == "My phone"
    other = Person()
    assert password_step(other).name == "sign-in-factor"
    assert other.submit(otp=app.code(steps=1)).name == "account"


def test_the_code_that_confirmed_it_signs_nobody_in(person, jane):
    app = app_on(person.open(TOTP))
    code = app.code()
    person.submit(otp=code)
    other = Person()
    password_step(other)
    assert "That code isn't right" in other.submit(otp=code)


def test_every_address_is_told_and_the_history_has_it(person, jane):
    add_app(person, name="My phone")
    letters = [letter for letter in post_office() if "added" in letter.subject]
    assert [letter.to for letter in letters] == [["jane@contoso.example"]]
    assert "My phone" in letters[0].body
    written = AuditEntry.objects.get(name="idp.credential.written", details__kind="totp")
    assert written.details["earned"] == "step_up"


def test_who_added_it_is_not_asked_for_it_again_at_once(person, jane):
    key = person.http.cookies[SESSION].value
    add_app(person)
    assert person.http.cookies[SESSION].value != key, "a new key at the factor step"
    assert person.open(CODES).name == "factors-recovery-codes"
    assert SignIn.objects.order_by("-last_seen_at").first().amr == ["pwd", "otp", "mfa"]


def test_until_it_is_confirmed_nothing_is_kept(person, jane):
    page = person.open(TOTP)
    secret = totp.spelt(app_on(page).secret)
    assert not Credential.objects.filter(kind="totp").exists()
    assert secret not in page.parsed.fields["key"][0]
    person.submit(otp="000000")
    assert not Credential.objects.filter(kind="totp").exists()
    assert totp.spelt(app_on(person.page).secret) == secret, "the key that was scanned is still the one"


@pytest.mark.parametrize("typed", ["", "12345", "abcdef", "1234567"])
def test_what_is_no_code_is_said(person, typed):
    person.open(TOTP)
    assert "Enter the 6 digits that your app shows" in person.submit(otp=typed)


def test_guesses_at_the_confirmation_are_limited(person, jane):
    """OT-17."""
    app = app_on(person.open(TOTP))
    statuses = [person.submit(otp=app.wrong()).status for _guess in range(40)]
    assert statuses == [200] * 10 + [429] * 30
    assert person.submit(otp=app.code()).status == 429
    app = app_on(person.open(TOTP))
    assert person.submit(otp=app.code()).status == 429, "a new key buys no new guesses"
    assert not Credential.objects.filter(kind="totp").exists()


def test_a_key_that_was_shown_to_somebody_else_is_not_taken(person, jane, db):
    make_person("mallory", email="mallory@evil.example")
    mallory = Person(address="198.51.100.1")
    password_step(mallory, "mallory")
    theirs = app_on(mallory.open(TOTP))
    key = mallory.page.parsed.fields["key"][0]
    person.open(TOTP)
    assert "That key has run out" in person.submit(otp=theirs.code(), key=key)
    assert not Credential.objects.filter(kind="totp").exists()


@pytest.mark.parametrize("key", ["", "t2.x", "x" * 3000, "t9.AAAA", "t2.é"])
def test_a_key_that_is_not_ours_is_not_taken(person, key):
    app = app_on(person.open(TOTP))
    assert "That key has run out" in person.submit(otp=app.code(), key=key)


def test_a_key_is_added_once(person, jane):
    page = person.open(TOTP)
    app, data = app_on(page), {name: values[0] for name, values in page.parsed.fields.items()}
    person.submit(otp=app.code())
    again = person.post(TOTP, {**data, "otp": app.code(steps=1)})
    assert again.status_code == 303
    assert Credential.objects.filter(kind="totp").count() == 1


def test_several_apps_have_names_of_their_own(person, jane):
    add_app(person)
    add_app(person)
    names = [name for name in Factor.objects.values_list("name", flat=True).order_by("name") if name]
    assert names == ["Authenticator app", "Authenticator app 2"]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  My \t phone ", "My phone"),
        ("\u202egpj.exe", "gpj.exe"),
        ("x" * 500, "x" * 60),
        ("<b>", "<b>"),
        ("", "Authenticator app"),
    ],
)
def test_a_name_is_one_line_that_shows_what_it_says(person, jane, typed, kept):
    add_app(person, name=typed)
    factor = factor_of(jane, "totp")
    assert factor.factor.name == kept
    page = person.open(f"/account/factors/{factor.pk}/")
    assert kept in page, "and is never markup"


def test_there_is_an_end_to_how_many(person, jane, monkeypatch):
    monkeypatch.setattr(enrolment, "MOST", 1)
    add_app(person)
    app = app_on(person.open(TOTP))
    assert "as many authenticator apps as there can be" in person.submit(otp=app.code())


# --- Who may ----------------------------------------------------------------------------------------------

PAGES = [ADD, TOTP, CODES]


@pytest.mark.parametrize("page", PAGES)
def test_who_signed_in_a_while_ago_is_asked_again_first(person, page):
    """ASVS 7.5.1, SE-10."""
    with time_machine.travel(timezone.now() + timedelta(minutes=11), tick=True):
        assert person.open(page).name == "sign-in-again"
        person.submit(password=PASSWORD)
        assert person.page.url.endswith(page)


@pytest.mark.parametrize("page", PAGES)
def test_who_has_a_second_factor_shows_it_too(person, jane, page):
    app = with_app(jane)
    assert person.open(page).name == "sign-in-again", "signed in before there was one"
    assert person.submit(password=PASSWORD).name == "sign-in-factor"
    person.submit(otp=app.code())
    assert person.page.url.endswith(page)


def test_a_trusted_browser_does_not_stand_in_for_a_second_factor_here(person, jane):
    app = with_app(jane)
    sign_in_with(person, app, trust="1")
    password_step(person)
    assert person.page.name == "account", "trusted at sign-in"
    assert person.open(ADD).name == "sign-in-again"
    assert person.submit(password=PASSWORD).name == "sign-in-factor"
    assert "Don't ask again" not in person.page


@pytest.mark.parametrize("page", [*PAGES, DONE])
def test_nobody_who_is_not_signed_in(db, page):
    assert Person().open(page).name == "sign-in"


@pytest.mark.parametrize("page", PAGES)
def test_where_the_policy_has_none_there_is_nothing_to_add(person, settings, page):
    settings.IDP = {**settings.IDP, "second_factor": "off"}
    assert person.open(page).status == 403
    assert "There is nothing to add here" in person.page


def test_another_persons_factor_is_no_page_of_mine(person, db):
    john = make_person("john", email="john@contoso.example")
    with_app(john)
    row = factor_of(john, "totp").pk
    assert person.open(f"/account/factors/{row}/").status == 404
    data = {"csrfmiddlewaretoken": person.open(TOTP).parsed.fields["csrfmiddlewaretoken"][0], "do": "remove"}
    assert person.post(f"/account/factors/{row}/", data).status_code == 404
    assert factor_of(john, "totp").material


# --- Recovery codes ---------------------------------------------------------------------------------------


def test_codes_are_shown_once_to_print_and_to_save(person, jane):
    person.open(CODES)
    page = person.submit()
    assert page.name == "factors-codes"
    codes = codes_on(page)
    assert len(set(codes)) == 10
    assert page.response.headers["Cache-Control"] == "no-store"
    saved = page.parsed.ids["download"]
    assert saved["download"] == "recovery-codes.txt"
    scheme, _comma, text = saved["href"].partition(",")
    assert scheme == "data:text/plain;charset=utf-8"
    assert re.findall(r"^[0-9A-Z-]{19}$", unquote(text), re.MULTILINE) == codes
    assert not codes_on(person.open("/sign-out")), "nowhere else"
    other = Person()
    password_step(other)
    assert other.submit(otp=codes[7]).name == "account"


def test_the_same_form_sent_again_makes_no_second_set(person, jane):
    page = person.open(CODES)
    data = {name: values[0] for name, values in page.parsed.fields.items()}
    first = codes_on(person.submit())
    # The factor is there now, and is asked for before the page is shown again.
    other = with_fresh(person, jane, first[0])
    again = other.post(CODES, {**data, "csrfmiddlewaretoken": other.page.parsed.fields["csrfmiddlewaretoken"][0]})
    assert again.status_code == 200
    assert "shown already, once" in again.content.decode()
    assert not re.search(r"[0-9A-Z]{4}-[0-9A-Z]{4}-", again.content.decode())
    assert factor_of(jane, "recovery_codes").version == 1


def with_fresh(person, jane, code):
    other = Person()
    password_step(other)
    other.submit(otp=code)
    assert other.open(CODES).name == "factors-recovery-codes"
    return other


def test_a_new_set_ends_the_old_one_and_is_told(person, jane):
    add_app(person)
    person.open(CODES)
    old = codes_on(person.submit())
    person.open(CODES)
    assert "10 codes are left" in person.page
    assert "New codes replace the old ones" in person.page
    new = codes_on(person.submit())
    told = Message.objects.filter(kind="idp.factor_added", facts__factor="recovery_codes")
    assert told.count() == 2
    other = Person()
    password_step(other)
    assert other.submit(otp=old[0]).name == "sign-in-factor"
    assert other.submit(otp=new[0]).name == "account"


def test_when_few_are_left_the_page_says_so(person, jane):
    add_app(person)
    codes = with_recovery_codes(jane)
    for code in codes[:7]:
        other = Person()
        password_step(other)
        other.submit(otp=code)
    page = person.open(CODES)
    assert "3 codes are left" in page
    assert "Make new ones before you need one." in page
    (letter,) = [mail for mail in post_office() if "3 codes are left." in mail.body]
    assert "Make new ones" in letter.body


def test_removed_codes_can_be_made_again(person, jane):
    add_app(person)
    with_recovery_codes(jane)
    person.open(f"/account/factors/{factor_of(jane, 'recovery_codes').pk}/")
    person.submit(do="remove")
    assert {factor.kind for factor in Credential.objects.exclude(material="").exclude(kind="password")} == {"totp"}
    person.open(CODES)
    codes = codes_on(person.submit())
    other = Person()
    password_step(other)
    assert other.submit(otp=codes[0]).name == "account"


# --- Renaming and removing --------------------------------------------------------------------------------


@pytest.fixture
def app(person):
    return add_app(person, name="My phone")


@pytest.fixture
def its_page(jane, app):
    return f"/account/factors/{factor_of(jane, 'totp').pk}/"


def test_a_factor_is_given_another_name(person, jane, its_page):
    page = person.open(its_page)
    assert page.name == "factors-one"
    assert "My phone" in page
    person.submit(do="rename", name="Old phone")
    assert "It has its new name" in person.page
    assert factor_of(jane, "totp").factor.name == "Old phone"
    assert AuditEntry.objects.filter(name="idp.factor.renamed", user=jane.pk).count() == 1
    assert "Enter a name" in person.submit(do="rename", name="  ")


def test_the_page_says_what_removing_means_and_removes(person, jane, its_page, app):
    page = person.open(its_page)
    assert "your password alone will then open your account" in page
    page = person.submit(do="remove")
    assert page.name == "factors-done"
    assert "It was removed" in page
    assert password_step(Person()).name == "account", "not asked for any more"
    letters = [letter for letter in post_office() if "removed" in letter.subject]
    assert len(letters) == 1
    assert "My phone" in letters[0].body
    row = Credential.objects.get(kind="totp")
    assert (row.material, row.version) == ("", 2), "the record of it stays"
    assert not credentials.factors_of(jane)


def test_removing_ends_the_trust_of_every_browser(person, jane, its_page, app):
    with_recovery_codes(jane)
    other = Person()
    password_step(other)
    with time_machine.travel(timezone.now() + timedelta(seconds=61), tick=True):
        other.submit(otp=app.code(), trust="1")
        assert Device.objects.exclude(trusted_until=None).exists()
        person.open(its_page)
        person.submit(do="remove")
        assert not Device.objects.exclude(trusted_until=None).exists()
        assert password_step(other).name == "sign-in-factor"
        assert AuditEntry.objects.filter(name="idp.devices.distrusted", user=jane.pk).exists()
        assert other.http.cookies[DEVICE].value
        assert Device.objects.filter(forgotten_at=None).exists(), "still known, with a budget of its own"


@pytest.mark.parametrize("policy", ["required", "required_for_administrators"])
def test_the_last_factor_stays_where_the_policy_asks_for_one(person, jane, its_page, settings, policy):
    with transaction.atomic():
        roles.grant(jane.pk, Role.Name.ADMINISTRATOR, by=None, now=timezone.now())
    settings.IDP = {**settings.IDP, "second_factor": policy}
    page = person.open(its_page)
    assert "this is your only one" in page
    assert "remove" not in page.parsed.ids
    page = person.submit(do="remove")
    assert "this is your only one" in page
    assert factor_of(jane, "totp").material
    with_recovery_codes(jane)
    person.open(its_page)
    assert person.submit(do="remove").name == "factors-done"


def test_others_than_administrators_may_remove_theirs(person, jane, its_page, settings):
    settings.IDP = {**settings.IDP, "second_factor": "required_for_administrators"}
    person.open(its_page)
    assert person.submit(do="remove").name == "factors-done"


def test_after_a_change_other_browsers_can_be_signed_out(person, jane):
    """ASVS 7.4.3."""
    other = Person(address="198.51.100.1")
    password_step(other)
    add_app(person)
    assert "You are signed in at 1 other browser." in person.page
    assert other.open("/account/").name == "account", "nobody is signed out unasked"
    person.submit(end="others")
    assert "You are signed out everywhere else." in person.page
    assert other.open("/account/").name == "sign-in"
    assert person.open("/account/").name == "account"
    assert AuditEntry.objects.filter(name="idp.sessions.ended", details__reason="owner").count() == 1

"""The page that asks for a second factor: who gets in, who is told what, and what is left behind."""

from datetime import timedelta

import pytest
import time_machine
from django.apps import apps
from django.utils import timezone

from idp.models import Credential, Device, Grant, PendingSignIn, SignIn, User
from tests.conftest import PASSWORD, drop_guards, make_person
from tests.idp.factors.people import with_app, with_recovery_codes
from tests.journeys.test_forgotten_password import authorization_request
from tests.story import Person

SESSION, PENDING, DEVICE = (f"__Host-regain-{name}" for name in ("session", "pending", "device"))


@pytest.fixture
def app(jane):
    return with_app(jane)


@pytest.fixture
def person(jane):
    return Person()


def password_step(person, username="jane", *, at="/sign-in"):
    person.open(at)
    return person.submit(username=username, password=PASSWORD)


def sign_in_with(person, app, **fields):
    password_step(person)
    return person.submit(otp=app.code(), **fields)


def test_a_right_password_and_a_right_code_are_a_sign_in(person, app):
    page = password_step(person)
    assert page.name == "sign-in-factor"
    assert page.parsed.ids["otp"]["name"] == "otp"
    assert page.parsed.ids["verify"]["tag"] == "button"
    assert SESSION not in person.http.cookies
    assert person.submit(otp=app.code()).name == "account"
    newest = SignIn.objects.order_by("-authenticated_at").first()
    assert newest.amr == ["pwd", "otp", "mfa"]


def test_a_password_alone_opens_nothing(person, app, payroll):
    """SI-02."""
    before = SignIn.objects.count()
    assert password_step(person, at=authorization_request()).name == "sign-in-factor"
    waiting = person.page.url
    for url in ("/account/", "/account/applications/", authorization_request()):
        assert person.open(url).name == "sign-in", url
    assert person.open(waiting.replace("/sign-in/factor", "/continue")).name == "sign-in"
    assert person.open(authorization_request(prompt="none")).status == 303
    assert person.landed[1]["error"] == "login_required"
    assert SESSION not in person.http.cookies
    assert SignIn.objects.count() == before
    assert not Grant.objects.exists()


def test_who_has_no_second_factor_is_not_asked_for_one(person):
    assert password_step(person).name == "account"


def test_a_wrong_code_is_said_and_the_next_one_works(person, app):
    password_step(person)
    page = person.submit(otp=app.wrong())
    assert page.name == "sign-in-factor"
    assert "That code isn't right" in page
    assert page.parsed.title.startswith("Error: ")
    assert "value" not in page.parsed.ids["otp"]
    assert person.submit(otp=app.code()).name == "account"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Enter a code"),
        ("12345", "A code of your app has 6 digits"),
        ("x" * 3000, "A code of your app has 6 digits"),
    ],
)
def test_what_is_no_code_costs_no_try(person, app, typed, said):
    password_step(person)
    for _try in range(15):
        assert said in person.submit(otp=typed)
    assert person.submit(otp=app.code()).name == "account"


def test_few_tries_are_counted_down_and_then_this_way_is_paused(person, app):
    password_step(person)
    for _try in range(7):
        page = person.submit(otp=app.wrong())
    assert "You can try 3 more times before this way is paused." in page
    for _try in range(4):
        page = person.submit(otp=app.wrong())
    assert page.status == 429
    assert "This way is paused" in page
    assert "otp" not in page.parsed.ids
    if apps.is_installed("recovery"):
        assert page.href("cant-access").startswith("/recovery/")


def test_a_paused_way_leaves_the_others_open(person, jane, app):
    codes = with_recovery_codes(jane)
    password_step(person)
    for _try in range(11):
        page = person.submit(otp=app.wrong())
    assert "Your other ways work now." in page
    person.open("/sign-in/factor?way=recovery-codes")
    assert "Enter a recovery code" in person.page
    assert person.submit(otp=codes[0]).name == "account"


def test_the_best_way_is_asked_for_first_and_the_other_is_one_step_away(person, jane, app):
    with_recovery_codes(jane)
    page = password_step(person)
    assert "Enter the code from your app" in page
    assert "Use another way" in page
    assert "Use a recovery code" in page


def test_a_recovery_code_typed_into_the_apps_field_is_understood(person, jane, app):
    codes = with_recovery_codes(jane)
    password_step(person)
    assert person.submit(otp=codes[3].lower()).name == "account"
    assert SignIn.objects.order_by("-last_seen_at").first().amr == ["pwd", "mfa"]


def test_a_code_used_at_one_browser_is_used_up_for_all(person, app):
    code = app.code()
    password_step(person)
    other = Person(address="198.51.100.1")
    password_step(other)
    assert person.submit(otp=code).name == "account"
    assert "That code isn't right" in other.submit(otp=code)


def test_looking_at_the_page_changes_nothing(person, app):
    page = password_step(person)
    kept = PendingSignIn.objects.values().get()
    for _time in range(3):
        assert person.open(page.url).name == "sign-in-factor"
    assert PendingSignIn.objects.values().get() == kept


def test_a_password_waits_ten_minutes_for_its_code(person, app):
    page = password_step(person)
    with time_machine.travel(timezone.now() + timedelta(minutes=11), tick=True):
        page = person.submit(otp=app.code())
        assert page.status == 400
        assert "This step has run out" in page
        assert page.href("back") == "/sign-in"
        assert person.open("/account/").name == "sign-in"


def test_a_request_goes_on_waiting_when_the_step_ran_out(person, app, payroll):
    password_step(person, at=authorization_request())
    with time_machine.travel(timezone.now() + timedelta(minutes=11), tick=True):
        person.submit(otp=app.code())
        assert person.click("back").name == "sign-in"
        assert "Payroll" in person.page
        person.submit(username="jane", password=PASSWORD)
        person.submit(otp=app.code(steps=1))
        assert "code" in person.landed[1]


def test_without_a_password_before_it_the_page_leads_to_sign_in(person, app):
    assert person.open("/sign-in/factor").name == "sign-in"
    assert person.open("/sign-in/factor?i=unknown").name == "sign-in"


def test_a_pending_sign_in_is_used_once(person, app):
    password_step(person)
    pending = person.http.cookies[PENDING].value
    fields = person.page.parsed.fields
    person.submit(otp=app.code())
    thief = Person(address="198.51.100.1")
    for name, morsel in person.http.cookies.items():
        thief.http.cookies[name] = morsel.value
    thief.http.cookies[PENDING], thief.http.cookies[SESSION] = pending, ""
    data = {name: values[0] for name, values in fields.items()} | {"otp": app.code(steps=1)}
    assert thief.post("/sign-in/factor", data).status_code == 400
    assert thief.open("/account/").name == "sign-in"


def test_cancelling_goes_back_and_leaves_nothing(person, app, payroll):
    """SI-08: what one person began is of no use to the next at this browser."""
    password_step(person, at=authorization_request())
    pending = person.http.cookies[PENDING].value
    person.submit(cancel="1")
    assert person.landed[1]["error"] == "access_denied"
    assert not person.http.cookies[PENDING].value
    person.http.cookies[PENDING] = pending
    assert person.open("/sign-in/factor").name == "sign-in"


def test_the_next_persons_own_factor_is_asked_for(person, app, db):
    """SI-08."""
    with_app(make_person("john", email="john@contoso.example"))
    password_step(person)
    assert password_step(person, "john").name == "sign-in-factor"
    assert "john@contoso.example" in person.page
    assert "That code isn't right" in person.submit(otp=app.code())
    assert person.open("/account/").name == "sign-in"


@pytest.mark.parametrize("status", [User.Status.SUSPENDED, User.Status.FROZEN])
def test_an_account_that_was_suspended_meanwhile_stays_out(person, jane, app, status):
    password_step(person)
    User.objects.filter(pk=jane.pk).update(status=status)
    assert person.submit(otp=app.code()).status == 400


def test_a_factor_that_something_else_wrote_lets_nobody_in(person, jane, app, db):
    password_step(person)
    drop_guards()
    Credential.objects.filter(kind="totp").update(material="mine")
    assert person.submit(otp=app.code()).status == 400
    jane.refresh_from_db()
    assert jane.status == "frozen"


# --- A browser that is trusted ----------------------------------------------------------------------------


def test_a_trusted_browser_is_asked_for_the_password_alone(person, app):
    sign_in_with(person, app, trust="1")
    person.open("/sign-out")
    person.submit(decision="yes")
    assert password_step(person).name == "account"
    newest = SignIn.objects.filter(ended_at=None).order_by("-last_seen_at").first()
    assert newest.amr == ["pwd"], "what was not shown is not claimed"
    with time_machine.travel(timezone.now() + timedelta(days=31), tick=True):
        assert password_step(person).name == "sign-in-factor"


def test_trust_is_not_given_unasked_nor_where_the_policy_has_none(person, app, settings):
    sign_in_with(person, app)
    assert not Device.objects.exclude(trusted_until=None).exists()
    settings.IDP = {**settings.IDP, "trust_devices_for": timedelta(0)}
    other = Person()
    page = password_step(other)
    assert "Don't ask again" not in page
    other.submit(otp=app.code(steps=1), trust="1")
    assert other.page.name == "account"
    assert not Device.objects.exclude(trusted_until=None).exists()


def test_a_recovery_code_trusts_no_browser(person, jane, app):
    codes = with_recovery_codes(jane)
    password_step(person)
    person.submit(otp=codes[0], trust="1")
    assert not Device.objects.exclude(trusted_until=None).exists()


def trusted_device(person, app):
    sign_in_with(person, app, trust="1")
    return person.http.cookies[DEVICE].value


def test_somebody_elses_trust_is_nobodys(person, app, db):
    """SI-11: the cookie of one account, in another's browser."""
    with_app(make_person("john", email="john@contoso.example"))
    other = Person()
    other.open("/sign-in")
    other.http.cookies[DEVICE] = trusted_device(person, app)
    assert other.submit(username="john", password=PASSWORD).name == "sign-in-factor"


@pytest.mark.parametrize(
    "edit", [lambda key: key[:-1], lambda key: key + "x", lambda key: key.swapcase(), lambda _: "x"]
)
def test_an_edited_trust_is_none(person, app, edit):
    """SI-11."""
    key = trusted_device(person, app)
    other = Person()
    other.open("/sign-in")
    other.http.cookies[DEVICE] = edit(key)
    assert other.submit(username="jane", password=PASSWORD).name == "sign-in-factor"


def test_a_row_moved_or_prolonged_is_no_trust(person, app, db):
    """SI-11, with SQL."""
    key = trusted_device(person, app)
    later = timezone.now() + timedelta(days=300)
    Device.objects.update(trusted_until=later, last_seen_at=later)
    other = Person()
    other.open("/sign-in")
    other.http.cookies[DEVICE] = key
    assert other.submit(username="jane", password=PASSWORD).name == "sign-in-factor"


def test_a_planted_device_key_is_not_the_one_that_is_trusted(person, app):
    """SE-01: whoever put a cookie into this browser beforehand does not share its trust."""
    person.open("/sign-in")
    person.http.cookies[DEVICE] = "a key that somebody else knows as well, long enough"
    sign_in_with(person, app, trust="1")
    assert person.http.cookies[DEVICE].value != "a key that somebody else knows as well, long enough"
    planter = Person(address="198.51.100.1")
    planter.open("/sign-in")
    planter.http.cookies[DEVICE] = "a key that somebody else knows as well, long enough"
    assert planter.submit(username="jane", password=PASSWORD).name == "sign-in-factor"


def test_two_accounts_in_one_browser_keep_their_trust(person, app, db):
    john_app = with_app(make_person("john", email="john@contoso.example"))
    sign_in_with(person, app, trust="1")
    password_step(person, "john")
    person.submit(otp=john_app.code(), trust="1")
    assert password_step(person, "jane").name == "account"
    assert password_step(person, "john").name == "account"


# --- Keys -------------------------------------------------------------------------------------------------


def test_every_key_is_new_after_the_password_and_after_the_code(person, app):
    """SE-01: what was planted before is worth nothing, and what was seen on the way neither."""
    planted = {SESSION: "s" * 43, PENDING: "p" * 43, DEVICE: "d" * 43}
    person.open("/sign-in")
    for name, value in planted.items():
        person.http.cookies[name] = value
    person.submit(username="jane", password=PASSWORD)
    after_password = {name: person.http.cookies[name].value for name in planted}
    assert after_password[PENDING] != planted[PENDING]
    person.submit(otp=app.code())
    after_code = {name: person.http.cookies[name].value for name in planted}
    assert not after_code[PENDING]
    assert after_code[SESSION] not in (planted[SESSION], after_password[SESSION], "")
    assert after_code[DEVICE] not in (planted[DEVICE], "")
    for name, value in [*planted.items(), *after_password.items()]:
        thief = Person(address="198.51.100.1")
        thief.http.cookies[name] = value
        assert thief.open("/account/").name == "sign-in"
        assert thief.open("/sign-in/factor").name == "sign-in"


def test_signing_in_over_a_planted_session_ends_that(person, app, db):
    """SE-01: the planter is signed in as himself, and so is nobody else."""
    make_person("mallory", email="mallory@evil.example")
    planter = Person(address="198.51.100.1")
    password_step(planter, "mallory")
    person.open("/sign-in")
    person.http.cookies[SESSION] = planter.http.cookies[SESSION].value
    sign_in_with(person, app)
    assert person.page.name == "account"
    assert planter.open("/account/").name == "sign-in"

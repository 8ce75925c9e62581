"""How strong a sign-in was, as ID tokens tell it; and what is asked of whom, by policy and by application."""

import json
from datetime import timedelta

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from idp.accounts import roles
from idp.models import Client, Role, SignIn
from tests.conftest import PASSWORD, make_client
from tests.idp.account.test_factors import app_on, codes_on
from tests.idp.factors.people import with_app, with_recovery_codes
from tests.idp.login.test_factor import SESSION, password_step
from tests.journeys.test_forgotten_password import authorization_request, claims, redeem
from tests.story import Person

BY_PASSWORD = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
BY_TWO = "https://refeds.org/profile/mfa"
ESSENTIAL = json.dumps({"id_token": {"acr": {"essential": True, "values": [BY_TWO]}}})
MINUTE = timedelta(minutes=1)


@pytest.fixture
def person(jane, payroll):
    return Person()


@pytest.fixture
def app(jane):
    return with_app(jane)


def told(person):
    """What the ID token says of the sign-in."""
    _where, answer = person.landed
    assert "code" in answer, answer
    token = claims(redeem(answer["code"]).json()["id_token"])
    return {name: token.get(name) for name in ("acr", "amr", "auth_time")}


def ask(person, **changes):
    person.open(authorization_request(**changes))
    return person


def by_policy(settings, value):
    settings.IDP = {**settings.IDP, "second_factor": value}


def the(amr, acr, since):
    return {"amr": amr, "acr": acr, "auth_time": int(since.timestamp())}


@pytest.fixture
def clock():
    with time_machine.travel(timezone.now().replace(microsecond=0), tick=False) as stopped:
        yield stopped


# --- What is told -----------------------------------------------------------------------------------------


def test_a_password_alone(person, clock):
    ask(person).submit(username="jane", password=PASSWORD)
    assert told(person) == the(["pwd"], BY_PASSWORD, timezone.now())


def test_a_password_and_an_app(person, app, clock):
    ask(person).submit(username="jane", password=PASSWORD)
    since = timezone.now()
    clock.shift(MINUTE)
    person.submit(otp=app.code())
    assert told(person) == the(["pwd", "otp", "mfa"], BY_TWO, since), "since the first of it was shown"


def test_a_password_and_a_recovery_code(person, jane, clock):
    codes = with_recovery_codes(jane)
    ask(person).submit(username="jane", password=PASSWORD)
    person.submit(otp=codes[0])
    assert told(person) == the(["pwd", "mfa"], BY_TWO, timezone.now())


def test_a_trusted_browser_is_a_password_and_no_more(person, app, clock):
    ask(person).submit(username="jane", password=PASSWORD)
    person.submit(otp=app.code(), trust="1")
    ask(person, prompt="login").submit(username="jane", password=PASSWORD)
    assert told(person) == the(["pwd"], BY_PASSWORD, timezone.now())


def test_the_acr_that_was_asked_for_is_the_one_that_is_told(person, app):
    ask(person, acr_values=f"{BY_PASSWORD} {BY_TWO}").submit(username="jane", password=PASSWORD)
    person.submit(otp=app.code())
    assert told(person)["acr"] == BY_PASSWORD


# --- What an application asks for -------------------------------------------------------------------------


def trusted_and_signed_in(person, app, clock):
    """By password alone, in a browser that is not asked for more; a while ago."""
    password_step(person)
    person.submit(otp=app.code(), trust="1")
    password_step(person)
    assert SignIn.objects.filter(amr=["pwd"], ended_at=None).count() == 1
    since = timezone.now()
    clock.shift(20 * MINUTE)
    return since


@pytest.mark.parametrize("asked", [{"acr_values": BY_TWO}, {"claims": ESSENTIAL}, {"acr_values": f"phr {BY_TWO}"}])
def test_who_is_signed_in_with_less_shows_the_rest(person, app, clock, asked):
    since = trusted_and_signed_in(person, app, clock)
    before = person.http.cookies[SESSION].value
    assert ask(person, **asked).page.name == "sign-in-factor"
    assert "Payroll" in person.page
    assert "Don't ask again" not in person.page
    person.submit(otp=app.code())
    assert told(person) == the(["pwd", "otp", "mfa"], BY_TWO, since), "the password is as old as it was"
    assert person.http.cookies[SESSION].value != before


def test_looking_at_the_page_for_more_changes_nothing(person, app, clock):
    trusted_and_signed_in(person, app, clock)
    ask(person, acr_values=BY_TWO)
    before = list(SignIn.objects.order_by("pk").values("pk", "key_hash", "amr"))
    for _time in range(3):
        assert person.open(person.page.url).name == "sign-in-factor"
    assert list(SignIn.objects.order_by("pk").values("pk", "key_hash", "amr")) == before
    person.submit(otp=app.code())
    assert told(person)["acr"] == BY_TWO


def test_a_second_factor_alone_does_not_satisfy_prompt_login(person, app, clock):
    """Somebody who opens its page by hand, while the sign-in page is asked for, has shown no password."""
    trusted_and_signed_in(person, app, clock)
    ask(person, prompt="login")
    assert person.page.name == "sign-in"
    person.open(person.page.url.replace("/sign-in", "/sign-in/factor"))
    assert person.page.name == "sign-in-factor"
    assert person.submit(otp=app.code()).name == "sign-in"
    assert "Payroll" in person.page


def test_a_second_factor_alone_does_not_satisfy_max_age(person, app, clock):
    since = trusted_and_signed_in(person, app, clock)
    assert ask(person, max_age="60", acr_values=BY_TWO).page.name == "sign-in"
    person.submit(username="jane", password=PASSWORD)
    assert person.page.name == "sign-in-factor", "trusted, but more was asked for"
    person.submit(otp=app.code())
    assert told(person) == the(["pwd", "otp", "mfa"], BY_TWO, since + 20 * MINUTE)


def test_a_second_factor_alone_prolongs_no_session(person, app, clock):
    since = trusted_and_signed_in(person, app, clock)
    ask(person, acr_values=BY_TWO).submit(otp=app.code())
    newest = SignIn.objects.get(amr=["pwd", "otp", "mfa"], authenticated_at=since)
    assert newest.expires_at == since + timedelta(hours=12)


def test_a_wish_that_cannot_be_had_is_dropped(person):
    ask(person, acr_values="phr").submit(username="jane", password=PASSWORD)
    assert told(person)["acr"] == BY_PASSWORD


def test_what_is_essential_and_not_there_is_set_up_first(person, clock):
    assert ask(person, claims=ESSENTIAL).page.name == "sign-in"
    page = person.submit(username="jane", password=PASSWORD)
    assert page.name == "sign-in-set-up"
    assert "Payroll asks for more than a password" in page
    page = person.submit(way="totp")
    assert page.name == "factors-totp"
    person.submit(otp=app_on(page).code())
    assert told(person) == the(["pwd", "otp", "mfa"], BY_TWO, timezone.now())


def test_setting_it_up_survives_being_asked_again(person, clock):
    """Who signed in long ago confirms who they are first, and still comes back to the application."""
    password_step(person)
    clock.shift(20 * MINUTE)
    assert ask(person, claims=ESSENTIAL).page.name == "sign-in-set-up"
    assert person.submit(way="totp").name == "sign-in-again"
    page = person.submit(password=PASSWORD)
    assert page.name == "factors-totp"
    person.submit(otp=app_on(page).code())
    assert told(person)["acr"] == BY_TWO


def test_what_is_essential_and_switched_off_is_an_error(person, settings):
    by_policy(settings, "off")
    ask(person, claims=ESSENTIAL).submit(username="jane", password=PASSWORD)
    assert person.landed[1]["error"] == "unmet_authentication_requirements"


@pytest.mark.parametrize(
    ("has_app", "asked", "error"),
    [
        (True, {"acr_values": BY_TWO}, "login_required"),
        (True, {"claims": ESSENTIAL}, "login_required"),
        (False, {"claims": ESSENTIAL}, "interaction_required"),
        (False, {"acr_values": BY_TWO}, None),
    ],
)
def test_prompt_none_shows_no_page(person, jane, clock, has_app, asked, error):
    if has_app:
        trusted_and_signed_in(person, with_app(jane), clock)
    else:
        password_step(person)
    ask(person, prompt="none", **asked)
    assert person.landed[1].get("error") == error


def test_an_application_may_say_once_for_all_what_it_wants(person, app, clock):
    Client.objects.get().delete()
    make_client(skip_consent=True, default_acr_values=[BY_TWO])
    trusted_and_signed_in(person, app, clock)
    assert ask(person).page.name == "sign-in-factor"
    person.submit(otp=app.code())
    assert told(person)["acr"] == BY_TWO
    assert told(ask(person, acr_values=BY_PASSWORD))["acr"] == BY_PASSWORD, "a request says otherwise"


# --- What the tenant asks for -----------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["off", "offered", "required_for_administrators"])
def test_who_need_not_have_one_is_not_asked_to(person, settings, value):
    by_policy(settings, value)
    ask(person).submit(username="jane", password=PASSWORD)
    assert told(person)["amr"] == ["pwd"]


@pytest.mark.parametrize("value", ["off", "offered", "required", "required_for_administrators"])
def test_who_has_one_is_always_asked_for_it(person, app, settings, value):
    by_policy(settings, value)
    ask(person).submit(username="jane", password=PASSWORD)
    assert person.page.name == "sign-in-factor"


@pytest.fixture(params=["required", "required_for_administrators"])
def required_of_jane(request, jane, settings):
    with transaction.atomic():
        roles.grant(jane.pk, Role.Name.ADMINISTRATOR, by=None, now=timezone.now())
    by_policy(settings, request.param)


def test_who_must_have_one_sets_it_up_before_going_on(person, required_of_jane):
    page = ask(person).submit(username="jane", password=PASSWORD)
    assert page.name == "sign-in-set-up"
    assert "Contoso asks for more than a password" in page
    assert "Not now" not in page
    page = person.submit(way="totp")
    app = app_on(page)
    person.submit(otp=app.code())
    assert told(person)["acr"] == BY_TWO
    assert "code" in ask(person).landed[1], "and is not asked again"


def test_who_must_have_one_may_begin_with_recovery_codes(person, required_of_jane):
    ask(person).submit(username="jane", password=PASSWORD)
    person.submit(way="recovery-codes")
    page = person.submit()
    assert len(codes_on(page)) == 10
    person.click("saved")
    assert told(person)["amr"] == ["pwd"], "made, but not shown"


def test_it_cannot_be_skipped(person, required_of_jane):
    ask(person).submit(username="jane", password=PASSWORD)
    set_up = person.page.url
    for way in ("later", "", "nothing"):
        assert person.submit(way=way).name == "sign-in-set-up"
    assert person.open(set_up.replace("/sign-in/set-up", "/continue")).name == "sign-in-set-up"
    assert ask(person, prompt="none").landed[1]["error"] == "interaction_required"
    person.open(set_up)
    person.submit(cancel="1")
    assert person.landed[1]["error"] == "access_denied"


def test_the_page_to_set_it_up_is_for_who_is_signed_in(person, required_of_jane):
    ask(person)
    person.open(person.page.url.replace("/sign-in", "/sign-in/set-up"))
    assert person.page.name == "sign-in"
    assert "Payroll" in person.page
    assert Person().open("/sign-in/set-up").name == "sign-in"


def test_a_trusted_browser_is_enough_where_the_policy_asks_for_one(person, app, required_of_jane):
    password_step(person)
    person.submit(otp=app.code(), trust="1")
    password_step(person)
    assert told(ask(person))["amr"] == ["pwd"]

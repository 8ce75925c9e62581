"""At sign-in somebody with too few ways back is asked for another; and whether their addresses still lead to them."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
import time_machine
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from idp import tidying
from idp.accounts import marks, sessions
from idp.audit.events import Origin
from idp.conf import policy
from idp.models import AddressNote, AuditEntry, Credential, Interaction, RecoveryAddress, SignIn, SpentCode
from idp.plugins.visitors import Visitor
from recovery import asking
from recovery.conf import policy as recovery_policy
from recovery.context import Context
from recovery.domain.registration import REST
from recovery.models import Asking
from tests.authenticator import options
from tests.conftest import CALLBACK, PASSWORD, make_person, tell_of_registration
from tests.idp.account.conftest import add_address
from tests.idp.account.test_addresses import NEW
from tests.idp.account.test_phones import TYPED, gateway, texts  # noqa: F401 -- a fixture
from tests.idp.account.test_phones import code_in as texted_code
from tests.idp.factors.people import factor_of, with_app, with_passkey, with_recovery_codes
from tests.idp.oidc.test_races import at_once
from tests.journeys.test_budget import statements
from tests.journeys.test_forgotten_password import authorization_request, redeem
from tests.journeys.test_ways_back import app_on
from tests.story import Person, code_in, post_office

PAGE = "register-way-back"
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _as_it_ships(settings):
    """The other stories ask nobody (tests/settings.py)."""
    settings.RECOVERY = {}


@pytest.fixture
def asked(jane, payroll):
    """Jane, who has one address, on the way to the application."""
    tell_of_registration(payroll)
    return sign_in()


def sign_in(person=None, *, app=None, **request):
    person = person or Person()
    person.open(authorization_request(**request))
    person.submit(username="jane", password=PASSWORD)
    if app:
        person.submit(otp=app.code())
    return person


def again(person=None):
    """Another day at the same browser, whose session is over."""
    person = person or Person()
    person.http.cookies.pop("__Host-regain-session", None)
    return sign_in(person)


def offered(person):
    return person.page.parsed.buttons["way"]


def arrived(person):
    where, answer = person.landed
    return where == CALLBACK and "code" in answer


def mark(address, fault="bounced"):
    marks.mark(address.pk, fault, provider="smtp", now=timezone.now())


def older(user, age):
    """Nobody has confirmed the addresses of `user` for so long."""
    for address in RecoveryAddress.objects.filter(user=user):
        AddressNote.objects.update_or_create(address=address, defaults={"confirmed_at": timezone.now() - age})


# --- Too few ways -----------------------------------------------------------------------------------------


def test_somebody_with_one_address_adds_an_app_and_lands_in_the_application(asked):
    assert asked.page.name == PAGE
    assert "You are signing in to Payroll" in asked.page
    assert "No one can reset your password for you, so set up two ways back in." in asked.page
    assert "1 of 2 ways set up" in asked.page
    assert "Email ja•••@contoso.example is confirmed." in asked.page
    assert "jane@contoso.example" not in asked.page
    assert offered(asked) == ["passkey", "totp", "recovery-codes", "later"]
    asked.submit(way="totp")
    assert urlsplit(asked.page.url).path == "/account/factors/totp/"
    asked.submit(otp=app_on(asked).code(), name="Phone")
    assert arrived(asked)
    assert redeem(asked.landed[1]["code"]).status_code == 200
    assert SignIn.objects.latest("authenticated_at").interruption == "over"


def test_the_next_sign_in_is_not_asked_any_more(asked, jane):
    asked.submit(way="totp")
    app = app_on(asked)
    asked.submit(otp=app.code(), name="Phone")
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        assert arrived(sign_in(Person(), app=app))
    assert Asking.objects.get().since is None, "whoever loses it one day begins with all of their skips"


def test_recovery_codes_are_shown_once_and_lead_on(asked):
    asked.submit(way="recovery-codes")
    asked.submit()
    asked.click("saved")
    assert arrived(asked)


def test_back_from_the_page_that_adds_one_leads_to_the_question(asked):
    asked.submit(way="totp")
    waits = parse_qs(urlsplit(asked.page.url).query)["i"][0]
    assert f"/continue?i={waits}" in asked.page.response.content.decode()
    assert asked.open(f"/continue?i={waits}").name == PAGE


def test_another_address_counts_while_it_waits_for_its_quarantine(jane, payroll, settings):
    """Where nothing but mail is offered, a second mailbox is no second way: nothing could be added."""
    settings.RECOVERY = {"methods": ("email",)}
    assert arrived(sign_in())
    address = RecoveryAddress.objects.get(user=jane)
    person = Person()
    make_person("kofi", email="kofi@contoso.example", addresses=[])
    person.open(authorization_request())
    person.submit(username="kofi", password=PASSWORD)
    assert person.page.name == PAGE, "one is still to be had"
    assert offered(person) == ["email", "later"]
    person.submit(way="email")
    person.submit(address="kofi@home.example")
    person.submit(code=code_in(post_office()[-1]))
    assert arrived(person)
    assert address.usable_from is None


def test_a_telephone_is_offered_where_there_is_a_gateway(jane, payroll, gateway):  # noqa: F811
    person = sign_in()
    assert offered(person) == ["passkey", "totp", "recovery-codes", "phone", "later"]
    person.submit(way="phone")
    assert person.page.name == "account-address-add"
    person.submit(address=TYPED)
    assert person.page.name == "account-address-code"
    person.submit(code=texted_code(texts(gateway)[-1][1]))
    assert arrived(person)
    assert arrived(sign_in(Person())), "it is on its way"


def test_a_telephone_in_quarantine_is_on_its_way(jane, payroll, settings):
    settings.RECOVERY = {"methods": ("email", "sms", "totp")}
    now = timezone.now()
    add_address(jane, "+33612345678", channel="sms", usable_from=now + 7 * DAY, now=now)
    assert arrived(sign_in())


def test_two_mailboxes_are_one_way(jane, payroll):
    add_address(jane, NEW, now=timezone.now())
    assert sign_in().page.name == PAGE


def test_saved_codes_that_are_used_up_are_no_way(jane, payroll):
    with_recovery_codes(jane)
    assert not asking.wanted(jane.pk, recovery_policy(), now=timezone.now()).missing
    codes, now = factor_of(jane, Credential.Kind.RECOVERY_CODES), timezone.now()
    for number in range(10):
        SpentCode.objects.create(credential=codes, version=codes.version, number=number, spent_at=now)
    assert asking.wanted(jane.pk, recovery_policy(), now=timezone.now()).missing


def test_nothing_is_asked_before_the_second_factor(jane, payroll, settings):
    """Three are wanted here, so that somebody with an app has too few."""
    settings.RECOVERY = {"ways_wanted": 3}
    with time_machine.travel(timezone.now() - timedelta(minutes=5)):
        app = with_app(jane)
    person = sign_in()
    assert person.page.name == "sign-in-factor"
    assert person.open("/recovery/register/").name == "sign-in", "nobody is signed in yet"
    assert not Asking.objects.exists()
    person = sign_in(Person(), app=app)
    assert person.page.name == PAGE
    assert "2 of 3 ways set up" in person.page
    assert "Authenticator app" in person.page
    assert offered(person) == ["recovery-codes", "later"], "a passkey is lost with the same phone"


def test_what_the_tenant_does_not_want_is_not_asked(jane, payroll, settings):
    settings.RECOVERY = {"ways_wanted": 0}
    assert arrived(sign_in())


def test_with_recovery_taken_out_nothing_is_asked(jane, payroll, settings):
    reverse("account")  # so that addresses are known before: a process reads them once
    settings.IDP_PLUGINS = []
    assert arrived(sign_in())


# --- Putting it off ---------------------------------------------------------------------------------------


def test_it_can_be_put_off_three_times_and_then_not(asked, jane):
    for left in (3, 2, 1):
        assert f"You can skip this {left} more time" in asked.page
        asked.submit(way="later")
        assert arrived(asked)
        again(asked)
    assert asked.page.name == PAGE
    assert "later" not in offered(asked)
    assert "as often as you can" in asked.page
    asked.submit(way="later")
    assert asked.page.name == PAGE
    assert "You can't put this off any longer." in asked.page
    entries = AuditEntry.objects.filter(name="recovery.registration.put_off").order_by("sequence")
    assert [entry.details["skips_left"] for entry in entries] == [2, 1, 0]
    call_command("verify_audit")
    asked.submit(way="totp")
    asked.submit(otp=app_on(asked).code(), name="Phone")
    assert arrived(asked)


def test_after_fourteen_days_it_cannot_be_put_off(asked):
    asked.submit(way="later")
    with time_machine.travel(timezone.now() + 14 * DAY - timedelta(hours=1)):
        again(asked)
        assert "You can skip this 2 more times" in asked.page
        asked.submit(way="later")
        assert arrived(asked)
    with time_machine.travel(timezone.now() + 14 * DAY + timedelta(hours=1)):
        again(asked)
        assert "later" not in offered(asked)
        asked.submit(way="later")
        assert asked.page.name == PAGE


def test_the_page_says_until_when_in_the_readers_language(asked):
    until = timezone.localtime(timezone.now() + 14 * DAY)
    assert f"until {until.day} {until:%B %Y}." in asked.page
    asked.http.cookies["__Host-regain-language"] = "fr"
    asked.open(asked.page.url)
    assert "Ne perdez pas l’accès" in asked.page
    assert "Vous pouvez encore passer cette étape 3 fois" in asked.page
    asked.http.cookies["__Host-regain-language"] = "zh-hans"
    asked.open(asked.page.url)
    assert "你还可以跳过 3 次" in asked.page


def test_whoever_put_it_off_is_left_alone_in_that_session(asked):
    asked.submit(way="later")
    asked.open(authorization_request())
    assert arrived(asked)
    asked.open(authorization_request(prompt="none"))
    assert arrived(asked)


def test_signing_in_anew_for_another_request_asks_anew(asked):
    asked.submit(way="later")
    asked.open(authorization_request(prompt="login"))
    asked.submit(username="jane", password=PASSWORD)
    assert asked.page.name == PAGE
    assert "You can skip this 2 more times" in asked.page


def test_pressing_it_twice_counts_once(asked):
    page = asked.page
    asked.submit(way="later")
    asked.page = page
    asked.submit(way="later")
    assert Asking.objects.get().skips_used == 1


@pytest.mark.django_db(transaction=True)
def test_a_hundred_at_once_get_no_more_than_is_left():
    jane = make_person()
    now = timezone.now()
    rows = [sessions.begin(jane, amr=["pwd"], origin=Origin(), policy=policy(), now=now).sign_in for _ in range(100)]
    for row in rows:
        sessions.hold(row.pk)
    numbers = recovery_policy()
    asking.begin(jane.pk, asking.wanted(jane.pk, numbers, now=now), now=now)
    wants = asking.wanted(jane.pk, numbers, now=now)
    context = Context(now=now, policy=numbers, origin=Origin())
    left = iter(rows)

    def later():
        return asking.put_off(Visitor(user=jane.pk, sign_in=next(left).pk, is_held=True), wants, context=context)

    assert sum(at_once(later, times=100)) == 3
    assert Asking.objects.get().skips_used == 3
    assert SignIn.objects.filter(interruption="over").count() == 3


# --- What an application sees -----------------------------------------------------------------------------


def test_a_request_that_may_show_no_page_is_told_that_something_is_asked(asked):
    asked.open(authorization_request(prompt="none"))
    assert asked.landed[1]["error"] == "interaction_required"


def test_every_application_meets_the_question_until_it_is_answered(asked):
    first = asked.page.url
    asked.open(authorization_request(state="another"))
    assert asked.page.name == PAGE
    asked.submit(way="later")
    assert arrived(asked)
    asked.open(first)
    assert arrived(asked), "the one that was first waits no longer either"


def test_somebody_who_is_asked_can_use_their_own_pages(asked):
    assert asked.open("/account/security/").name == "account-security"


def test_an_answer_from_a_session_from_before_asks_nothing(jane, payroll, settings):
    settings.RECOVERY = {"ways_wanted": 0}
    person = sign_in()
    settings.RECOVERY = {}
    with CaptureQueriesContext(connection) as captured:
        person.open(authorization_request())
        assert arrived(person)
    assert not [each for each in statements(captured) if "recovery" in each]


def test_a_sign_in_without_an_application_is_asked_too_and_goes_where_it_went(jane):
    person = Person()
    person.open("/account/activity/")
    person.submit(username="jane", password=PASSWORD)
    assert person.page.name == PAGE
    person.submit(way="later")
    assert person.page.url.endswith("/account/activity/")


def test_the_page_leads_to_no_other_site(jane):
    person = Person()
    person.open("/sign-in")
    person.submit(username="jane", password=PASSWORD)
    for target in ("https://evil.example/", "//evil.example/", "/recovery/"):
        SignIn.objects.update(interruption="held")
        person.open(f"/recovery/register/?to={target}")
        token = person.page.parsed.fields["csrfmiddlewaretoken"][0]
        answer = person.post(f"/recovery/register/?to={target}", {"way": "later", "csrfmiddlewaretoken": token})
        assert answer["Location"] == "/account/"


def test_being_asked_again_who_one_is_asks_for_nothing_else(jane):
    person = Person()
    person.open("/sign-in")
    person.submit(username="jane", password=PASSWORD)
    person.submit(way="later")
    with time_machine.travel(timezone.now() + policy().step_up + timedelta(minutes=1)):
        person.open("/account/factors/totp/")
        assert person.page.name == "sign-in-again"
        person.submit(password=PASSWORD)
        assert person.page.name == "factors-totp"


def test_looking_at_the_page_changes_nothing(asked):
    before = list(Asking.objects.values()), list(SignIn.objects.values("interruption"))
    asked.open(asked.page.url)
    assert (list(Asking.objects.values()), list(SignIn.objects.values("interruption"))) == before


def test_a_stranger_sees_the_sign_in_page(db):
    assert Person().open("/recovery/register/").name == "sign-in"


# --- Addresses that may lead nowhere ----------------------------------------------------------------------


@pytest.fixture
def ready(jane, payroll):
    """Jane, who has a passkey as well: nothing is missing."""
    return with_passkey(jane)


def enter(authenticator, person=None):
    """Sign in with the passkey, for the application."""
    person = person or Person()
    person.open(authorization_request())
    person.submit(passkey=authenticator.get(options(person)))
    return person


def test_whoever_has_enough_and_nothing_to_look_at_is_not_asked(ready):
    assert arrived(enter(ready))
    assert not Asking.objects.exists()


def test_mail_that_came_back_is_shown_and_the_code_clears_it(ready, jane):
    mark(RecoveryAddress.objects.get(user=jane))
    person = enter(ready)
    assert person.page.name == PAGE
    assert "Is this still right?" in person.page
    assert "Mail to ja•••@contoso.example came back." in person.page
    (address,) = person.page.parsed.buttons["test"]
    person.submit(test=address)
    assert person.page.name == "account-address-code"
    person.submit(code=code_in(post_office()[-1]))
    assert arrived(person)
    assert not marks.of(jane.pk)


def test_an_address_that_is_lost_can_be_taken_out_on_the_way(ready, jane):
    add_address(jane, NEW, now=timezone.now())
    mark(RecoveryAddress.objects.filter(user=jane).earliest("changed_at"), "complained")
    person = enter(ready)
    assert "was marked as unwanted" in person.page
    person.submit(gone=person.page.parsed.buttons["gone"][0])
    assert person.page.name == "account-address"
    person.submit(act="remove")
    assert arrived(person)


def test_a_doubt_can_always_wait_and_rests_for_a_week(ready, jane):
    mark(RecoveryAddress.objects.get(user=jane))
    person = enter(ready)
    person.submit(way="later")
    assert arrived(person)
    assert AuditEntry.objects.filter(name="recovery.addresses.put_off").count() == 1
    assert arrived(enter(ready))
    with time_machine.travel(timezone.now() + REST + timedelta(minutes=1)):
        person = enter(ready)
        assert person.page.name == PAGE
        assert "You can skip this" not in person.page
        person.submit(way="later")
        assert arrived(person)
        assert Asking.objects.get().skips_used == 0


@pytest.mark.parametrize(
    ("fault", "said"),
    [("bounced", "A text message to •••• 42 could not be delivered."), ("complained", "•••• 42 refused text messages")],
)
def test_a_number_that_texts_do_not_reach_is_shown_where_texts_are_sent(ready, jane, settings, gateway, fault, said):  # noqa: F811
    mark(add_address(jane, "+33612345642", channel="sms", now=timezone.now()), fault)
    assert said in enter(ready).page
    settings.SMS_GATEWAYS = ()
    assert arrived(enter(ready)), "nobody could test it"


def test_a_new_doubt_is_shown_at_once(ready, jane):
    other = add_address(jane, NEW, now=timezone.now())
    mark(RecoveryAddress.objects.filter(user=jane).exclude(pk=other.pk).get())
    person = enter(ready)
    person.submit(way="later")
    with time_machine.travel(timezone.now() + timedelta(minutes=1)):
        mark(other)
        person = enter(ready)
        assert person.page.parsed.buttons["test"] == [str(other.pk)]


def test_after_half_a_year_somebody_is_asked_whether_an_address_is_still_theirs(ready, jane):
    older(jane, 179 * DAY)
    assert arrived(enter(ready))
    older(jane, 181 * DAY)
    person = enter(ready)
    assert "Do you still use ja•••@contoso.example? You last confirmed it on" in person.page
    person.submit(test=person.page.parsed.buttons["test"][0])
    person.submit(code=code_in(post_office()[-1]))
    assert arrived(person)
    assert arrived(enter(ready))


def test_an_address_that_was_never_confirmed_again_is_as_old_as_it_is(ready, jane):
    """What an import brought has no note beside it."""
    assert not AddressNote.objects.filter(address__user=jane).exists()
    with time_machine.travel(timezone.now() + 181 * DAY):
        assert enter(ready).page.name == PAGE


def test_a_tenant_may_never_ask_again(ready, jane, settings):
    settings.RECOVERY = {"reconfirm_after": timedelta(0)}
    older(jane, 1000 * DAY)
    assert arrived(enter(ready))


def test_a_missing_way_and_an_old_address_stand_on_one_page(jane, payroll):
    older(jane, 200 * DAY)
    person = sign_in()
    assert "Don't lose access" in person.page
    assert "Do you still use" in person.page
    assert "is confirmed." not in person.page
    person.submit(way="later")
    assert arrived(person)
    again(person)
    assert "Do you still use" not in person.page


def test_a_test_code_is_not_sent_without_end(ready, jane):
    older(jane, 200 * DAY)
    person = enter(ready)
    (address,) = person.page.parsed.buttons["test"]
    url = person.page.url
    for _code in range(policy().address_codes.count):
        person.open(url)
        person.submit(test=address)
    person.open(url)
    person.submit(test=address)
    assert person.page.name == PAGE
    assert "Another code can be sent at" in person.page


def test_somebody_elses_address_is_nobodys_here(ready, jane):
    older(jane, 200 * DAY)
    theirs = RecoveryAddress.objects.get(user=make_person("kofi", email="kofi@contoso.example"))
    person = enter(ready)
    for button in ("test", "gone"):
        assert person.submit(**{button: str(theirs.pk)}).name == PAGE
    assert not [letter for letter in post_office() if letter.to == ["kofi@contoso.example"]]


# --- What it costs, and what stays ------------------------------------------------------------------------


def test_a_sign_in_that_is_asked_for_nothing_takes_no_statement_more(db, payroll, settings):
    settings.RECOVERY = {"methods": ("email", "sms", "totp")}
    make_person(phones=["+33612345642"])
    redeem(sign_in().landed[1]["code"])
    person = Person()
    sign_in(person)
    del person.http.cookies["__Host-regain-session"]
    with CaptureQueriesContext(connection) as captured:
        sign_in(person)
        assert redeem(person.landed[1]["code"]).status_code == 200
    assert len(statements(captured)) <= 12, "\n".join(statements(captured))


def test_what_was_asked_of_an_account_goes_with_it(asked):
    Asking.objects.create(user=uuid4(), since=timezone.now())
    assert tidying.sweep(timezone.now())["askings"] == 1
    assert Asking.objects.count() == 1


def test_a_request_that_waits_is_bound_to_its_browser(asked):
    elsewhere = Person()
    elsewhere.open("/sign-in")
    elsewhere.submit(username="jane", password=PASSWORD)
    waits = Interaction.objects.latest("created_at").pk
    elsewhere.open(f"/recovery/register/?i={waits}")
    assert "You are signing in to Payroll" not in elsewhere.page

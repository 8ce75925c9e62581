"""The sign-in screen: what it says, what it refuses, and how tries are slowed."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from idp.models import Interaction, SignIn, User
from tests.conftest import PASSWORD, make_client, make_person
from tests.journeys.test_forgotten_password import authorization_request
from tests.story import Person


@pytest.fixture
def person(jane):
    return Person()


def sign_in(person, username="jane", password=PASSWORD):
    person.open("/sign-in")
    return person.submit(username=username, password=password)


@pytest.mark.parametrize("username", ["jane", "JANE", " jane ", "jane@contoso.example", "Jane@Contoso.Example"])
def test_a_user_name_or_an_address_in_any_spelling(person, username):
    assert sign_in(person, username).name == "account"


def test_a_password_is_taken_exactly_as_typed(db):
    make_person(password="  spaces at both ends, please  ")
    assert sign_in(Person(), password="spaces at both ends, please").name == "sign-in"
    assert sign_in(Person(), password="  spaces at both ends, please  ").name == "account"


def test_a_password_does_not_grow_old(person):
    """ASVS 6.2.10: nobody is asked for another one because time has passed."""
    with time_machine.travel(timezone.now() + timedelta(days=3650), tick=True):
        assert sign_in(person).name == "account"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"username": "", "password": "x"}, "Enter your email or username"),
        ({"username": "jane", "password": ""}, "Enter your password"),
        ({"username": "jane", "password": "x" * 2000}, "don't match"),
        ({"username": "j" * 2000, "password": "x"}, "don't match"),
    ],
)
def test_what_is_missing_is_said_and_nothing_typed_is_lost(person, fields, said):
    person.open("/sign-in")
    page = person.submit(**fields)
    assert said in page
    assert page.parsed.title.startswith("Error: ")
    assert not SignIn.objects.exists()


def test_the_name_typed_is_still_there_after_a_wrong_password(person):
    page = sign_in(person, password="not this one")
    assert page.parsed.ids["username"]["value"] == "jane"
    assert page.parsed.ids["password"].get("value") is None


def test_after_several_wrong_tries_sign_in_pauses_and_leads_on(person):
    for _try in range(10):
        page = sign_in(person, password="wrong")
    assert "You can try" not in page
    page = sign_in(person)
    assert page.status == 429
    assert "paused" in page.text.lower()
    assert not SignIn.objects.exists()


def test_the_pause_is_for_this_account_from_this_network(person, db):
    make_person("john", email="john@contoso.example")
    for _try in range(11):
        sign_in(person, password="wrong")
    assert sign_in(Person(address="198.51.100.1")).name == "account"
    assert sign_in(person, "john").name == "account"


def test_the_pause_ends(person):
    for _try in range(11):
        sign_in(person, password="wrong")
    with time_machine.travel(timezone.now() + timedelta(minutes=11), tick=True):
        assert sign_in(person).name == "account"


def test_a_right_password_forgives_the_wrong_ones_before(person):
    for _round in range(3):
        for _try in range(8):
            sign_in(person, password="wrong")
        assert sign_in(person).name == "account"


def test_two_spellings_share_one_budget(person):
    for number in range(10):
        sign_in(person, "jane" if number % 2 else "JANE@contoso.example", password="wrong")
    assert sign_in(person).status == 429


@pytest.mark.parametrize(
    "status", [User.Status.SUSPENDED, User.Status.FROZEN, User.Status.INVITED, User.Status.DELETED]
)
def test_an_account_that_may_not_sign_in_is_told_what_everybody_is_told(person, jane, status):
    User.objects.filter(pk=jane.pk).update(status=status)
    assert "don't match" in sign_in(person)


def test_a_suspended_account_loses_its_session_at_once(person, jane):
    sign_in(person)
    User.objects.filter(pk=jane.pk).update(status=User.Status.SUSPENDED)
    assert person.open("/account/").name == "sign-in"


def test_a_session_ends_when_idle_and_in_any_case(person):
    sign_in(person)
    start = timezone.now()
    with time_machine.travel(start + timedelta(minutes=59), tick=True):
        assert person.open("/account/").name == "account"
    with time_machine.travel(start + timedelta(minutes=59 + 61), tick=True):
        assert person.open("/account/").name == "sign-in"


def test_a_session_ends_after_twelve_hours_even_in_use(person):
    sign_in(person)
    start = timezone.now()
    for half_hours in range(1, 24):
        with time_machine.travel(start + timedelta(minutes=30 * half_hours), tick=True):
            assert person.open("/account/").name == "account"
    with time_machine.travel(start + timedelta(hours=12, minutes=1), tick=True):
        assert person.open("/account/").name == "sign-in"


def test_a_session_row_moved_to_somebody_else_opens_nothing(person, db):
    john = make_person("john", email="john@contoso.example")
    sign_in(person)
    SignIn.objects.update(user=john)
    assert person.open("/account/").name == "sign-in"


def test_the_application_is_named_and_may_be_gone_back_to(person, payroll):
    page = person.open(authorization_request())
    assert "Payroll" in page
    person.submit(cancel="1")
    where, answer = person.landed
    assert where == "https://payroll.contoso.example/callback"
    assert answer["error"] == "access_denied"
    assert answer["state"] == "af0ifjsldkj"


def test_the_hint_of_the_application_is_filled_in(person, payroll):
    page = person.open(authorization_request(login_hint="jane@contoso.example"))
    assert page.parsed.ids["username"]["value"] == "jane@contoso.example"


def test_the_language_the_application_asks_for(person, payroll):
    assert "Connexion" in person.open(authorization_request(ui_locales="se fr"))


def test_another_browser_cannot_go_on_with_a_request(person, payroll):
    """The id of a waiting request is in addresses; it is not a key."""
    person.open(authorization_request())
    stranger = Person(address="198.51.100.1")
    stranger.open(person.page.url)
    assert "Payroll" not in stranger.page
    stranger.submit(username="jane", password=PASSWORD)
    assert stranger.page.name == "account", "signed in, but not for that request"
    assert not Interaction.objects.exclude(sign_in=None).exists()


def test_a_planted_browser_cookie_does_not_give_its_planter_the_answer(person, payroll):
    """Both browsers hold the same pre-sign-in cookie; the one who signs in gets a key the other does not have."""
    planter = Person(address="198.51.100.1")
    planter.open(authorization_request())
    person.http.cookies = planter.http.cookies.copy()
    person.open(planter.page.url)
    person.submit(username="jane", password=PASSWORD)
    assert person.landed
    planter.open(planter.page.url.replace("/sign-in", "/continue"))
    assert planter.page.status not in (302, 303), "no code for the planter"


def test_a_signed_in_person_who_denies_consent_goes_back_without_a_code(person, db):
    make_client(skip_consent=False)
    person.open(authorization_request())
    person.submit(username="jane", password=PASSWORD)
    assert person.page.name == "consent"
    assert "Allow Payroll to use your account?" in person.page
    person.submit(decision="deny")
    _where, answer = person.landed
    assert answer["error"] == "access_denied"
    assert "code" not in answer


def test_consent_is_remembered_until_more_is_asked_for(person, db):
    make_client(skip_consent=False)
    person.open(authorization_request(scope="openid profile"))
    person.submit(username="jane", password=PASSWORD)
    person.submit(decision="allow")
    assert "code" in person.landed[1]
    person.open(authorization_request(scope="openid profile"))
    assert "code" in person.landed[1]
    person.open(authorization_request(scope="openid profile email"))
    assert person.page.name == "consent"


def test_not_you_leads_to_a_sign_in_as_somebody_else(person, db):
    make_client(skip_consent=False)
    make_person("john", email="john@contoso.example")
    person.open(authorization_request())
    person.submit(username="jane", password=PASSWORD)
    person.submit(decision="switch")
    assert person.page.name == "sign-in"
    person.submit(username="john", password=PASSWORD)
    assert person.page.name == "consent"
    assert "john" in person.page

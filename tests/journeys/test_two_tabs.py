"""Two tabs, or two devices, and one recovery: whichever is faster, there is one new password."""

import pytest

from idp.models import Credential
from recovery.models import Journey, JourneyProof
from tests.conftest import NEW_PASSWORD, PASSWORD
from tests.journeys.test_forgotten_password import authorization_request
from tests.story import Person, code_in, post_office


def second_tab(person):
    """Another tab of the same browser: the same cookies, a page of its own."""
    tab = Person()
    tab.http.cookies = person.http.cookies
    return tab


@pytest.fixture
def at_the_code(jane):
    person = Person()
    person.open("/recovery/")
    person.submit(identifier="jane")
    person.submit(problem="forgot")
    person.submit(method="email")
    person.submit(address="jane@contoso.example")
    return person


def test_a_second_tab_finds_the_journey_where_it_stands(at_the_code):
    tab = second_tab(at_the_code)
    tab.open("/recovery/")
    assert tab.page.name == "recovery-code"
    assert Journey.objects.count() == 1


def test_both_tabs_type_the_code_and_one_of_them_counts(at_the_code):
    tab = second_tab(at_the_code)
    tab.open("/recovery/code/")
    (message,) = post_office()
    at_the_code.submit(code=code_in(message))
    tab.submit(code=code_in(message))
    assert at_the_code.page.name == tab.page.name == "recovery-new-password"
    at_the_code.submit(new_password=NEW_PASSWORD)
    assert at_the_code.page.name == "recovery-done"
    tab.submit(new_password="another quiet harbour 9")
    assert tab.page.name == "recovery-done"
    credential = Credential.objects.get()
    assert credential.version == 2


def test_beginning_anew_in_one_tab_takes_the_other_along(at_the_code):
    tab = second_tab(at_the_code)
    tab.open("/recovery/?again=1")
    assert tab.page.name == "recovery-identify"
    tab.submit(identifier="jane")
    (message,) = post_office()[:1] or [None]
    at_the_code.submit(code=code_in(message) if message else "1234 5678")
    assert at_the_code.page.name == "recovery-problem", "the newest journey of this browser, where it stands"
    assert Credential.objects.get().version == 1


def known_browser():
    """Somebody at a browser that they signed in from before."""
    person = Person(address="198.51.100.7")
    person.open("/sign-in")
    person.submit(username="jane", password=PASSWORD)
    person.open("/sign-out")
    person.submit(decision="yes")
    return person


def to_the_code(person, identifier="jane", url="/recovery/"):
    person.open(url)
    person.submit(identifier=identifier)
    person.submit(problem="forgot")
    person.submit(method="email")
    person.submit(address="jane@contoso.example")
    assert person.page.name == "recovery-code"
    return person


def finish_on_the_phone():
    phone = to_the_code(Person(address="203.0.113.9"))
    phone.submit(code=code_in(post_office()[-1]))
    phone.submit(new_password=NEW_PASSWORD)
    assert phone.page.name == "recovery-done"


def test_the_desktop_is_told_that_it_was_finished_on_the_phone(jane, payroll):
    """… and goes on to the application that waits there."""
    desktop = known_browser()
    desktop.open(authorization_request())
    to_the_code(desktop, url=desktop.page.href("cant-access"))
    finish_on_the_phone()
    assert desktop.open("/recovery/code/").name == "recovery-ended"
    assert "You finished on another device" in desktop.page
    assert "Continue to Payroll" in desktop.page
    desktop.click("continue-to-app")
    desktop.submit(username="jane", password=NEW_PASSWORD)
    where, answer = desktop.landed
    assert where.startswith("https://payroll")
    assert answer["code"]


def test_without_a_script_there_is_a_link(jane, payroll):
    desktop = Person(address="198.51.100.7")
    desktop.open(authorization_request())
    to_the_code(desktop, url=desktop.page.href("cant-access"))
    finish_on_the_phone()
    desktop.click("finished-elsewhere")
    desktop.submit(username="jane", password=NEW_PASSWORD)
    assert desktop.landed[1]["code"]


def test_a_stranger_does_not_see_that_an_account_came_back(jane):
    """Whoever has proven nothing, in a browser that the account does not know: their journey goes on as nobody's."""
    stranger, elsewhere = Person(address="198.51.100.7"), Person(address="198.51.100.8")
    to_the_code(stranger)
    (letter,) = post_office()
    to_the_code(elsewhere, identifier="nobody")
    finish_on_the_phone()
    assert stranger.open("/recovery/code/").name == elsewhere.open("/recovery/code/").name == "recovery-code"
    stranger.submit(code=code_in(letter))
    elsewhere.submit(code=code_in(letter))
    assert stranger.page.name == elsewhere.page.name == "recovery-code"
    assert "4 tries left" in stranger.page
    assert "4 tries left" in elsewhere.page
    assert Credential.objects.get().version == 2
    assert not JourneyProof.objects.filter(consumed_at=None).exists()


def test_who_has_proven_something_is_told(jane):
    slower = to_the_code(Person(address="198.51.100.7"))
    slower.submit(code=code_in(post_office()[-1]))
    assert slower.page.name == "recovery-new-password"
    finish_on_the_phone()
    slower.submit(new_password="another quiet harbour 9")
    assert "You finished on another device" in slower.page
    assert Credential.objects.get().version == 2

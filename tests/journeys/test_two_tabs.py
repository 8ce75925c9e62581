"""Two tabs, one recovery: whichever is faster, there is one journey and one new password."""

import pytest

from idp.models import Credential
from recovery.models import Journey
from tests.conftest import NEW_PASSWORD
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


def test_two_browsers_and_the_slower_one_is_told(jane, at_the_code):
    other = Person(address="198.51.100.7")
    other.open("/recovery/")
    other.submit(identifier="jane")
    other.submit(problem="forgot")
    other.submit(method="email")
    other.submit(address="jane@contoso.example")
    first, second = post_office()
    at_the_code.submit(code=code_in(first))
    at_the_code.submit(new_password=NEW_PASSWORD)
    other.submit(code=code_in(second))
    assert other.page.name == "recovery-ended"
    assert "You started again somewhere else" in other.page
    assert Credential.objects.get().version == 2

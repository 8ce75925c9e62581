"""The policy page: the plug-ins' sentences, all of them, for administrators to read."""

import pytest

from idp.plugins import hooks
from tests.hosted import LANGUAGES, Page, assert_sound
from tests.idp.console.people import appoint, at_a_browser
from tests.idp.factors.people import with_app

POLICY = "/console/policy/"


@pytest.fixture
def admin(jane):
    appoint(jane)
    return at_a_browser(with_app(jane))


def look(person, language="en"):
    response = person.http.get(f"{POLICY}?lang={language}", secure=True)
    assert response.status_code == 200
    return Page(response.content.decode())


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_sound_in_every_language(admin, language):
    assert_sound(look(admin, language), language=language, name="console-policy")


def test_it_stands_in_the_menu(admin):
    assert POLICY in [each.get("href") for each in look(admin).all("a")]


def test_where_no_plug_in_tells_of_a_policy_it_is_said_that_nobody_comes_back(admin, monkeypatch):
    monkeypatch.setattr(hooks, "plugins", lambda: ())
    assert "No recovery is installed" in look(admin).text

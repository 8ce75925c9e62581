"""The language of a page: asked for, remembered, preferred; and never that of the request before."""

import pytest

from tests.story import Person


def test_a_page_in_the_language_asked_for_and_so_from_then_on(db):
    person = Person()
    assert "Connexion" in person.open("/sign-in?lang=fr")
    assert "Connexion" in person.open("/sign-in")
    assert "登录" in person.open("/sign-in?lang=zh-hans")


@pytest.mark.parametrize(("preferred", "word"), [("fr-CA,fr;q=0.9", "Connexion"), ("zh-CN", "登录"), ("de", "Sign in")])
def test_a_page_in_the_language_the_browser_prefers(db, preferred, word):
    person = Person()
    person.http.defaults["HTTP_ACCEPT_LANGUAGE"] = preferred
    assert word in person.open("/sign-in")


def test_a_refusal_speaks_the_language_of_its_own_request(db):
    Person().open("/sign-in?lang=fr")
    english = Person()
    assert "We couldn't read that" in english.open("/sign-in?i=a&i=b")


def test_an_unknown_language_is_ignored(db):
    assert "Sign in" in Person().open("/sign-in?lang=xx")

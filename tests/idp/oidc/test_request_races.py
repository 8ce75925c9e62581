"""Pushed requests, tried by many at once: one browser gets each, and one answer comes of it."""

import pytest

from idp.models import Grant, Interaction
from tests.idp.oidc.conftest import SESSION_COOKIE, Browser, answer
from tests.idp.oidc.pushing import bring, pushed
from tests.idp.oidc.test_continue import parked, sign_in_for
from tests.idp.oidc.test_races import at_once, elsewhere, racer  # noqa: F401 -- a fixture

pytestmark = pytest.mark.django_db(transaction=True)

MANY = 10


def codes(responses):
    return [response for response in responses if response.status_code == 303 and "code" in answer(response)]


def test_one_browser_that_comes_ten_times_at_once_gets_one_answer(racer):  # noqa: F811
    name = pushed(racer)
    racer.http.cookies["__Host-regain-browser"] = "a browser, known by this"
    responses = at_once(lambda: bring(elsewhere(racer), name), times=MANY)
    assert len(codes(responses)) == 1
    assert sorted(response.status_code for response in responses) == [303] + [400] * (MANY - 1)
    assert Grant.objects.count() == 1


def test_ten_browsers_that_come_at_once_are_one_that_came_first(racer):  # noqa: F811
    name = pushed(racer)
    session = racer.http.cookies[SESSION_COOKIE].value

    def come():
        browser = Browser()
        browser.http.cookies[SESSION_COOKIE] = session
        return bring(browser, name)

    responses = at_once(come, times=MANY)
    assert len(codes(responses)) == 1
    assert sorted(response.status_code for response in responses) == [303] + [400] * (MANY - 1)
    assert Grant.objects.count() == 1


def test_answered_from_both_sides_at_once_it_is_answered_once(racer):  # noqa: F811
    """One tab opens the address again while the other returns from its page."""
    name = pushed(racer, prompt="login")
    _page, waiting = parked(bring(racer, name))
    sign_in_for(racer, waiting, racer.jane)
    turns = iter(range(MANY))

    def act():
        browser = elsewhere(racer)
        if next(turns) % 2:
            return bring(browser, name)
        return browser.http.get("/continue", {"i": waiting}, secure=True)

    responses = at_once(act, times=MANY)
    assert len(codes(responses)) == 1
    assert sorted(response.status_code for response in responses) == [303] + [400] * (MANY - 1)
    assert Interaction.objects.get().finished_at
    assert Grant.objects.count() == 1

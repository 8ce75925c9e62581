"""What may happen once, tried thirty times at once: real threads, each with a connection of its own."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection, connections

from idp.models import AccessToken, AuditEntry, Grant, Interaction, SigningKey
from idp.oidc import clients, keys
from tests.conftest import make_client, make_person
from tests.idp.oidc.conftest import Browser
from tests.idp.oidc.test_continue import parked, sign_in_for

pytestmark = pytest.mark.django_db(transaction=True)

AT_ONCE = 30


def at_once(act, times=AT_ONCE):
    """What `act` returned to each of `times` threads that began together."""
    ready = Barrier(times)

    def run(_number):
        try:
            ready.wait(20)
            return act()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(run, range(times)))


@pytest.fixture
def racer():
    """Jane's browser again, whose rows every thread can see."""
    browser = Browser()
    jane = make_person()
    make_client(skip_consent=True)
    browser.sign_in(jane)
    browser.jane = jane
    return browser


def elsewhere(browser):
    """The same cookies in a client of its own: Django's is not made for threads."""
    other = Browser()
    other.http.cookies = browser.http.cookies.copy()
    return other


def test_thirty_redemptions_of_one_code_are_one_success(racer):
    code = racer.code()
    answers = at_once(lambda: elsewhere(racer).redeem(code))
    assert sorted(response.status_code for response in answers) == [200] + [400] * (AT_ONCE - 1)
    assert {response.json().get("error") for response in answers} == {None, "invalid_grant"}
    assert AccessToken.objects.count() == 1
    (token,) = (response.json()["access_token"] for response in answers if response.status_code == 200)
    assert racer.userinfo(token).status_code == 401, "shown twice, the family ended"
    assert AuditEntry.objects.filter(name="idp.grant.reuse_detected").count() == 1


def test_twenty_refreshes_of_one_token_are_one_success(racer):
    token = racer.tokens(scope="openid offline_access")["refresh_token"]
    answers = at_once(lambda: elsewhere(racer).refresh(token), times=20)
    assert sorted(response.status_code for response in answers) == [200] + [400] * 19
    grant = Grant.objects.get()
    assert (grant.refresh_generation, grant.ended_by) == (2, "refresh_token_reuse")
    assert AuditEntry.objects.filter(name="idp.grant.reuse_detected").count() == 1


def test_a_waiting_request_is_answered_once(racer):
    _page, waiting = parked(racer.authorize(prompt="login"))
    sign_in_for(racer, waiting, racer.jane)
    answers = at_once(
        lambda: elsewhere(racer).http.get("/continue", {"i": waiting}, secure=True),
        times=10,
    )
    assert sorted(response.status_code for response in answers) == [303] + [400] * 9
    assert Grant.objects.count() == 1
    assert Interaction.objects.get().finished_at


def test_processes_that_need_the_first_key_at_once_make_one():
    keys.forget()
    loaded = at_once(
        lambda: keys._load(connection.timezone and __import__("django.utils.timezone").utils.timezone.now()), 8
    )
    assert len({known.active["ES256"].kid for known in loaded}) == 1
    assert SigningKey.objects.count() == 1
    clients.forget()

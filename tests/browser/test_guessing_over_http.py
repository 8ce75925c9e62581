"""A hundred guesses at once at running processes: how many were judged is counted where they are judged.

Two web processes, and half of the guesses fall to each; then Redis is emptied, and it changes nothing.
"""

import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import redis
import requests

from idp.conf import policy
from tests.browser.conftest import lacking
from tests.browser.visitor import Visitor, sign_in
from tests.processes import PASSWORD, running
from tests.servers import Missing

pytestmark = pytest.mark.processes

AT_ONCE = 100
BUSY = 503
FREE = policy().sign_in_per_network.free


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """A Regain whose web is two processes, so that nothing can be counted in one of them."""
    try:
        with running(tmp_path_factory.mktemp("two"), WEB_CONCURRENCY="2") as whole:
            yield whole
    except Missing as missing:
        lacking(str(missing))


def guesses(regain, username, passwords):
    """The status of every answer, all asked at once by one stranger without a cookie of the account."""
    page = Visitor(regain)
    page.open("/sign-in")
    form = {e["name"]: e.get("value") or "" for e in page.page.all("input") if e.get("type") == "hidden"}
    cookies = dict(page.http.cookies)
    ready = Barrier(len(passwords))

    def guess(password):
        ready.wait(30)
        # Whoever is told that too many sign in at once comes again; nothing was counted.
        while (status := send(password)) == BUSY:
            time.sleep(0.2)
        return status

    def send(password):
        return requests.post(
            f"{regain.issuer}/sign-in",
            form | {"username": username, "password": password},
            cookies=cookies,
            headers={"Origin": regain.issuer},
            allow_redirects=False,
            timeout=60,
        ).status_code

    with ThreadPoolExecutor(len(passwords)) as pool:
        return Counter(pool.map(guess, passwords))


def judged(regain):
    """How many passwords were compared so far and found wrong."""
    lines = (json.loads(line) for line in regain.logs()["web.log"].decode().splitlines() if line.startswith("{"))
    return sum(line.get("event") == "sign-in failed" for line in lines)


@pytest.mark.parametrize("who", ["somebody", "nobody"])
def test_of_a_hundred_guesses_at_once_exactly_ten_are_judged(two, who):
    before = judged(two)
    username = two.somebody().username if who == "somebody" else "nobody-at-all"
    answers = guesses(two, username, [f"guess {number}" for number in range(AT_ONCE)])
    assert answers == {200: FREE, 429: AT_ONCE - FREE}
    assert judged(two) - before == FREE


def test_a_redis_that_forgot_everything_forgives_nobody(two):
    person = two.somebody()
    before = judged(two)
    for _round in range(3):
        guesses(two, person.username, [f"guess {number}" for number in range(FREE)])
        redis.Redis.from_url(two.redis.url).flushall()
    assert judged(two) - before == FREE


def test_the_owner_in_their_own_browser_notices_nothing_while_it_goes_on(two):
    person = two.somebody()
    at_home = Visitor(two)
    at_home.open("/sign-in")
    sign_in(at_home, person)
    assert at_home.name == "account"
    for cookie in [cookie for cookie in at_home.http.cookies if cookie.name == "regain-session"]:
        at_home.http.cookies.clear(cookie.domain, cookie.path, cookie.name)
    with ThreadPoolExecutor(1) as pool:
        attack = pool.submit(guesses, two, person.username, [f"guess {number}" for number in range(AT_ONCE)])
        at_home.open("/sign-in")
        sign_in(at_home, person)
        while at_home.status == BUSY:
            at_home.open("/sign-in")
            sign_in(at_home, person)
        assert at_home.name == "account", at_home.page.text
        assert attack.result()[200] <= FREE
    stranger = Visitor(two)
    stranger.open("/sign-in")
    sign_in(stranger, person, PASSWORD)
    assert stranger.status == 429

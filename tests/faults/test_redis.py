"""Redis forgets, is full, hangs, or goes away in the middle of a letter: the record is in the database."""

import re
import time

import pytest
import redis as redis_client
import requests

from tests.browser.visitor import Visitor, ask_for_a_code, code_in, mail_to, sign_in
from tests.faults.conftest import SWEPT_WITHIN, goes_on, states, until_ready
from tests.processes import METRICS_TOKEN, Inhabitant, Regain
from tests.servers import wait_until

pytestmark = [pytest.mark.processes, pytest.mark.once]

#: What a page takes at most that waits for Redis, and what one takes that does not; on a machine that is busy.
WAITED, NOT_WAITED = 2.5, 1.0
NOBODY = Inhabitant(username="nobody-of-that-name", name="", email="nobody@contoso.example")


def client(regain: Regain) -> redis_client.Redis:
    return redis_client.Redis.from_url(regain.redis.url)


def test_an_emptied_redis_forgets_no_code_and_no_count(regain, mail):
    """FT-04: what was promised comes, and tries used up stay used up."""
    person, guesser = regain.somebody(), regain.somebody()
    visitor, guessing = Visitor(regain), Visitor(regain)
    ask_for_a_code(guessing, guesser)
    right = code_in(mail_to(regain, guesser)).replace(" ", "")
    for wrong in range(1, 4):
        guessing.submit(code=f"{(int(right) + wrong) % 10**8:08}")
    assert "2 tries left" in guessing.page.text
    with regain.without("worker"):
        ask_for_a_code(visitor, person)
        with client(regain) as redis:
            assert redis.llen("otp") == 1
            redis.flushall()
    letter = mail_to(regain, person, seconds=SWEPT_WITHIN + 10)
    assert goes_on(visitor, code_in(letter))
    guessing.submit(code=f"{(int(right) + 4) % 10**8:08}")
    assert "1 try left" in guessing.page.text
    guessing.submit(code=f"{(int(right) + 5) % 10**8:08}")
    assert guessing.name == "recovery-ended"


def test_a_full_redis_delays_codes_and_nothing_else(regain, mail):
    """FT-05: it refuses what is new; nobody is told whether they exist, and it heals by itself."""
    person, visitor, unknown = regain.somebody(), Visitor(regain), Visitor(regain)
    with client(regain) as redis:
        redis.config_set("maxmemory", 1)
        try:
            began = time.monotonic()
            ask_for_a_code(visitor, person)
            ask_for_a_code(unknown, NOBODY)
            assert time.monotonic() - began < 20 * NOT_WAITED, "ten pages"
            assert (visitor.delivery, unknown.delivery) == ("waiting", "waiting")
            assert without_what_differs(visitor) == without_what_differs(unknown)
            elsewhere = Visitor(regain)
            elsewhere.open("/sign-in")
            sign_in(elsewhere, regain.somebody())
            assert elsewhere.name == "account"
            assert not mail.letters
            assert b'"alarm": "broker"' in regain.logs()["web.log"]
        finally:
            redis.config_set("maxmemory", 0)
    letter = mail_to(regain, person, seconds=SWEPT_WITHIN + 15)
    assert goes_on(visitor, code_in(letter))
    assert regain.programs["worker"].running
    wait_until(lambda: said(unknown) == "sent", "the page of somebody unknown")


def test_while_redis_hangs_one_page_waits_for_it_and_the_others_do_not(regain, mail):
    people = [regain.somebody() for _person in range(4)]
    visitors = [at_the_address_page(regain, person) for person in people]
    metrics_before = bells_saved(regain)
    regain.redis.hang()
    try:
        took = []
        for visitor, person in zip(visitors, people, strict=True):
            began = time.monotonic()
            visitor.submit(address=person.email)
            took.append(time.monotonic() - began)
            assert visitor.name == "recovery-code"
            assert visitor.delivery == "waiting"
        assert max(took) < WAITED
        assert sorted(took)[1] < NOT_WAITED, "the breaker is out: only who probes waits"
        began = time.monotonic()
        assert bells_saved(regain) > metrics_before
        assert "regain_breaker_open" in metrics(regain)
        assert re.search(r'regain_breaker_open\{asked="redis"\} 1\.0', metrics(regain))
        assert time.monotonic() - began < 2 * WAITED, "whoever reads metrics does not wait either"
        assert requests.get(f"{regain.issuer}/readyz", timeout=5).status_code == 200
    finally:
        regain.redis.wake()
    for visitor, person in zip(visitors, people, strict=True):
        assert goes_on(visitor, code_in(mail_to(regain, person, seconds=SWEPT_WITHIN + 15)))
        assert len(mail.to(person.email)) == 1


def test_a_redis_that_restarts_in_the_middle_of_a_letter_does_not_make_it_two(regain, mail):
    person, visitor = regain.somebody(), Visitor(regain)
    mail.before = 4
    ask_for_a_code(visitor, person)
    wait_until(lambda: mail.at_work == 1, "the letter to be on the wire")
    regain.redis.stop()
    regain.redis.start()
    letter = mail_to(regain, person)
    wait_until(lambda: states(regain, person) == ["sent"], "the worker to note it")
    assert goes_on(visitor, code_in(letter))
    mail.before = 0
    # The worker is back at work, with no more to say to the first.
    other = regain.somebody()
    ask_for_a_code(Visitor(regain), other)
    mail_to(regain, other, seconds=SWEPT_WITHIN + 15)
    assert len(mail.to(person.email)) == 1


def test_numbers_of_all_processes_are_read_in_one_place(regain, mail):
    until_ready(regain.programs["worker"])
    person = regain.somebody()
    before = number(metrics(regain), 'regain_deliveries_total{outcome="sent",provider="smtp",queue="otp"}')
    ask_for_a_code(Visitor(regain), person)
    mail_to(regain, person)
    wait_until(lambda: states(regain, person) == ["sent"], "the worker to note it")
    wait_until(
        lambda: number(metrics(regain), 'regain_deliveries_total{outcome="sent",provider="smtp",queue="otp"}') > before,
        "what a worker counted, read from the web",
    )
    told = metrics(regain)
    assert number(told, 'regain_bells_total{outcome="heard",queue="otp"}') >= 1
    assert number(told, 'regain_queue_bells{queue="otp"}') == 0
    assert number(told, 'regain_delivery_latency_seconds_count{queue="otp"}') >= 1
    assert person.email not in told
    assert requests.get(f"{regain.issuer}/metrics", timeout=5).status_code == 401
    said_plainly = regain.manage("delivery_status")
    assert "Delivery is on time." in said_plainly
    assert requests.get(f"{regain.issuer}/readyz/delivery", timeout=5).json() == {"status": "on time"}


# --- What the tests do ------------------------------------------------------------------------------------


def at_the_address_page(regain: Regain, person) -> Visitor:
    visitor = Visitor(regain)
    visitor.open("/recovery/")
    visitor.submit(identifier=person.username)
    visitor.submit(problem="forgot")
    visitor.submit(method="email")
    return visitor


def said(visitor: Visitor) -> str:
    visitor.open("/recovery/code/")
    return visitor.delivery


def without_what_differs(visitor: Visitor) -> str:
    return re.sub(r"\b[A-Z]\d\b|\d+:\d+|\d+ s\b", "…", visitor.page.text)


def metrics(regain: Regain) -> str:
    answer = requests.get(f"{regain.issuer}/metrics", headers={"Authorization": f"Bearer {METRICS_TOKEN}"}, timeout=10)
    assert answer.status_code == 200
    return answer.text


def number(told: str, name: str) -> float:
    return next((float(line.rpartition(" ")[2]) for line in told.splitlines() if line.startswith(f"{name} ")), 0.0)


def bells_saved(regain: Regain) -> float:
    return number(metrics(regain), 'regain_bells_total{outcome="saved",queue="otp"}')

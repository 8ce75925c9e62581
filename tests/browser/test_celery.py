"""Codes travel by Celery through Redis: with nothing but an id, and late rather than never."""

import base64
import json
import re
import time
from contextlib import contextmanager
from uuid import UUID

import pytest
import redis as redis_client

from tests.browser.visitor import Visitor, ask_for_a_code, code_in, mail_to, sign_in
from tests.processes import Inhabitant, Regain
from tests.servers import wait_until

pytestmark = [pytest.mark.processes]

#: A page may wait for a Redis that does not answer, but not so long that people notice a fault.
ANSWERS_WITHIN = 2.5
#: The sweeper looks every five seconds; a worker that lost Redis looks for it again after two, four, six.
DELIVERS_WITHIN = 15


def test_a_message_in_redis_is_an_id_and_nothing_else(regain):
    person, visitor = regain.somebody(), Visitor(regain)
    with regain.without("worker"):
        ask_for_a_code(visitor, person)
        (raw,) = queued(regain, "otp")
        ((posted,),) = regain.rows(
            "SELECT CAST(m.id AS text) FROM idp_message m JOIN idp_user u ON u.id = m.user_id"
            " WHERE u.preferred_username = %s",
            person.username,
        )
    envelope = json.loads(raw)
    arguments, named, embedded = json.loads(base64.b64decode(envelope["body"]))
    (message,) = arguments
    assert UUID(message) == UUID(posted)
    assert str(UUID(message)) == message, "spelt as ids are"
    assert named == {}
    assert not any(embedded.values()), "no task comes after, and none is told of errors"
    headers = envelope["headers"]
    assert headers["task"] == "idp.deliver"
    assert headers["argsrepr"] == "(…)", "not even the id is for those who look over the worker's shoulder"
    assert headers["kwargsrepr"] == "{}"
    assert envelope["content-type"] == "application/json"
    clear = raw + base64.b64decode(envelope["body"])
    for personal in (person.email, person.name, person.username, str(UUID(user_id(regain, person.username)))):
        assert personal.encode() not in clear


def test_without_a_worker_the_page_says_so_and_the_code_comes_with_the_worker(regain):
    person, visitor = regain.somebody(), Visitor(regain)
    with regain.without("worker"):
        ask_for_a_code(visitor, person)
        assert visitor.delivery == "waiting"
        assert promised(visitor) == 10, "never more than the message will say"
        # A minute later; the clock is not ours, but the row is.
        a_minute_ago(regain, person.username)
        visitor.open("/recovery/code/")
        assert visitor.delivery == "delayed"
        assert not [letter for letter in regain.mail.letters if letter["To"] == person.email]
    letter = mail_to(regain, person, seconds=30)
    wait_until(lambda: delivery(visitor) == "sent", "the page that waits for the message")
    visitor.submit(code=code_in(letter))
    assert visitor.name == "recovery-new-password"
    assert len([each for each in regain.mail.letters if each["To"] == person.email]) == 1, (
        "one letter, however often it rang"
    )


@pytest.mark.parametrize("away", ["hangs", "is gone"])
def test_without_redis_the_pages_answer_and_the_code_comes_when_it_is_back(regain, away):
    person, visitor = regain.somebody(), Visitor(regain)
    known, unknown = Visitor(regain), Visitor(regain)
    for each, identifier in ((visitor, person.username), (unknown, "nobody-of-that-name")):
        each.open("/recovery/")
        each.submit(identifier=identifier)
        each.submit(problem="forgot")
        each.submit(method="email")
    with without_redis(regain, away):
        took = timed(lambda: visitor.submit(address=person.email))
        assert visitor.name == "recovery-code"
        assert visitor.delivery == "waiting"
        assert took < ANSWERS_WITHIN
        took = timed(lambda: unknown.submit(address="nobody@contoso.example"))
        assert unknown.name == "recovery-code"
        assert unknown.delivery == "waiting"
        assert took < ANSWERS_WITHIN

        known.open("/sign-in")
        took = timed(lambda: sign_in(known, regain.somebody()))
        assert known.name == "account", "password sign-in does not need Redis"
        assert took < ANSWERS_WITHIN
    began = time.monotonic()
    letter = mail_to(regain, person, seconds=60)
    assert time.monotonic() - began < DELIVERS_WITHIN
    visitor.submit(code=code_in(letter))
    assert visitor.name == "recovery-new-password"
    wait_until(lambda: delivery(unknown) == "sent", "the page of somebody unknown, which says the same")


def test_a_mailbox_that_refuses_looks_like_one_that_is_not_there(regain):
    person, stranger = regain.somebody(), Inhabitant(username="nobody", name="", email="nobody@contoso.example")
    visitors = [Visitor(regain), Visitor(regain)]
    regain.mail.refusal = "550 no such mailbox"
    try:
        for visitor, whose in zip(visitors, (person, stranger), strict=True):
            ask_for_a_code(visitor, whose)
        wait_until(lambda: states(regain, person.username) == ["failed"], "the refusal")
    finally:
        regain.mail.refusal = ""
    for visitor in visitors:
        wait_until(lambda visitor=visitor: delivery(visitor) == "sent", "the page")
        assert promised(visitor) == 10
    refused, unknown = (re.sub(r"\b[A-Z]\d\b|\d+:\d+|\d+ s\b", "…", visitor.page.text) for visitor in visitors)
    assert refused == unknown


def test_what_was_delivered_leaves_nothing_in_redis(regain):
    person = regain.somebody()
    ask_for_a_code(Visitor(regain), person)
    mail_to(regain, person)
    assert not queued(regain, "otp")
    with redis_client.Redis.from_url(regain.redis.url) as redis:
        wait_until(lambda: not redis.hlen("unacked"), "the worker's word that it is done")
        assert not [key for key in redis.scan_iter() if key.startswith(b"celery-task-meta")], "results are nobody's"


@contextmanager
def without_redis(regain: Regain, away: str):
    if away == "hangs":
        regain.redis.hang()
    else:
        regain.redis.stop()
    try:
        yield
    finally:
        if away == "hangs":
            regain.redis.wake()
        else:
            regain.redis.start()


def queued(regain: Regain, queue: str) -> list[bytes]:
    with redis_client.Redis.from_url(regain.redis.url) as redis:
        return redis.lrange(queue, 0, -1)


def user_id(regain: Regain, username: str) -> str:
    ((found,),) = regain.rows("SELECT CAST(id AS text) FROM idp_user WHERE preferred_username = %s", username)
    return found


def a_minute_ago(regain: Regain, username: str) -> None:
    """Make this person's message look as if it had waited for more than a minute."""
    whose = "(SELECT id FROM idp_user WHERE preferred_username = %s)"
    if regain.database_files:
        earlier = "strftime('%%Y-%%m-%%d %%H:%%M:%%f', created_at, '-61 seconds')".replace("%%", "%")
    else:
        earlier = "created_at - interval '61 seconds'"
    changed = regain.change(f"UPDATE idp_message SET created_at = {earlier} WHERE user_id = {whose}", username)
    assert changed == 1


def states(regain: Regain, username: str) -> list[str]:
    """How far each message to this person has come."""
    rows = regain.rows(
        "SELECT m.state FROM idp_message m JOIN idp_user u ON u.id = m.user_id WHERE u.preferred_username = %s",
        username,
    )
    return [state for (state,) in rows]


def promised(visitor: Visitor) -> int:
    """For how many minutes the code works, counted from when it was asked for, says the page."""
    said = re.search(r"at (\d+):(\d+)\. It works until (\d+):(\d+)", visitor.page.text)
    assert said, visitor.page.text
    asked_hour, asked, end_hour, end = map(int, said.groups())
    return ((end_hour - asked_hour) * 60 + end - asked) % (24 * 60)


def delivery(visitor: Visitor) -> str:
    visitor.open("/recovery/code/")
    return visitor.delivery


def timed(action) -> float:
    began = time.monotonic()
    action()
    return time.monotonic() - began

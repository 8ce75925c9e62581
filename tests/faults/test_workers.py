"""Workers die, hang, double, tell the wrong time, or are not there. The code comes, and it is one code."""

import json
import os
import signal
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
import redis as redis_client

from tests.browser.visitor import Visitor, ask_for_a_code, code_in, mail_to
from tests.faults.conftest import SWEPT_WITHIN, attempts, goes_on, states, until_ready
from tests.processes import Program, Regain, in_folder, provider
from tests.servers import wait_until

pytestmark = [pytest.mark.processes]

PROMPTLY = 5


# --- A worker that dies -----------------------------------------------------------------------------------


def test_a_worker_that_dies_before_it_claims_is_followed_by_another_at_once(regain, mail):
    person, visitor = regain.somebody(), Visitor(regain)
    hung = children(regain)
    for child in hung:
        os.kill(child, signal.SIGSTOP)
    ask_for_a_code(visitor, person)
    wait_until(lambda: bells(regain, "otp") == 0, "the worker to fetch the bell")
    time.sleep(0.3)
    assert states(regain, person) == ["waiting"]
    began = time.monotonic()
    for child in hung:
        os.kill(child, signal.SIGKILL)
    letter = mail_to(regain, person, seconds=PROMPTLY)
    assert time.monotonic() - began < PROMPTLY
    assert goes_on(visitor, code_in(letter))
    assert len(mail.to(person.email)) == 1


def test_a_worker_that_dies_holding_a_message_is_followed_by_another_at_once(regain, mail):
    person, visitor = regain.somebody(), Visitor(regain)
    mail.before = 60
    ask_for_a_code(visitor, person)
    wait_until(lambda: mail.at_work == 1, "the letter to be on the wire")
    assert states(regain, person) == ["sending"]
    began = time.monotonic()
    kill_children(regain)
    mail.before = 0
    letter = mail_to(regain, person, seconds=PROMPTLY)
    assert time.monotonic() - began < PROMPTLY, "the lease is not waited for: the same bell came back"
    assert goes_on(visitor, code_in(letter))
    # The first attempt's connection was still open; what it carried says the same.
    assert len({code_in(each) for each in mail.to(person.email)}) == 1


def test_a_worker_that_dies_before_it_can_say_that_it_sent_says_the_same_again(regain, mail):
    """FT-17, FT-20: nobody knows whether the first letter arrived."""
    person, visitor = regain.somebody(), Visitor(regain)
    mail.after = 60
    ask_for_a_code(visitor, person)
    mail_to(regain, person)
    kill_children(regain)
    mail.after = 0
    wait_until(lambda: states(regain, person) == ["sent"], "the second letter")
    letters = mail.to(person.email)
    assert len(letters) == 2
    assert len({code_in(each) for each in letters}) == 1
    assert goes_on(visitor, code_in(letters[0]))


def test_what_kills_every_worker_is_not_tried_in_a_circle(regain, mail):
    person = regain.somebody()
    mail.before = 60
    ask_for_a_code(Visitor(regain), person)
    for _death in range(4):
        wait_until(lambda: mail.at_work >= 1 or attempts(regain, person) >= 3, "an attempt")
        time.sleep(0.3)
        kill_children(regain)
        wait_until(lambda: mail.at_work == 0 or attempts(regain, person) >= 3, "its end")
    time.sleep(2)
    assert attempts(regain, person) == 3, "from here on it waits for its lease"
    assert regain.programs["worker"].running
    mail.before = 0
    # Its lease ended, without half a minute of waiting for it.
    regain.change("UPDATE idp_message SET due_at = created_at WHERE state = %s", "sending")
    mail_to(regain, person, seconds=SWEPT_WITHIN)


# --- Many of them, and none -------------------------------------------------------------------------------


def test_two_workers_and_bells_that_ring_twice_make_one_letter_each(regain, mail):
    people = [regain.somebody() for _person in range(3)]
    with running_beside(regain, "worker-otp") as beside:
        both = (beside, regain.programs["worker"])
        for worker in both:
            worker.freeze()
        for person in people:
            ask_for_a_code(Visitor(regain), person)
        ring_all_again(regain, "otp", times=12)
        for worker in both:
            worker.thaw()
        wait_until(lambda: all(states(regain, person) == ["sent"] for person in people), "three letters")
        wait_until(lambda: bells(regain, "otp") == 0, "the queue to be empty")
        time.sleep(0.5)
    assert [len(mail.to(person.email)) for person in people] == [1, 1, 1]
    assert [attempts(regain, person) for person in people] == [1, 1, 1]


def test_without_beat_codes_come_and_what_lost_its_bell_comes_with_beat(regain, mail):
    prompt, forgotten = regain.somebody(), regain.somebody()
    beat = regain.programs["beat"]
    beat.kill()
    try:
        ask_for_a_code(Visitor(regain), prompt)
        mail_to(regain, prompt, seconds=PROMPTLY)
        visitor = Visitor(regain)
        with regain.without("worker"):
            ask_for_a_code(visitor, forgotten)
            flush(regain)
        time.sleep(3)
        visitor.open("/recovery/code/")
        assert visitor.delivery == "waiting"
        assert not mail.to(forgotten.email)
    finally:
        # As whatever looks after processes does; what it was killed in the middle of does not hinder it.
        beat.start()
    letter = mail_to(regain, forgotten, seconds=SWEPT_WITHIN + 6)
    assert goes_on(visitor, code_in(letter))


def test_after_an_hour_without_workers_dead_codes_are_dropped_and_fresh_ones_come(regain, mail):
    """FT-23: hundreds of bells for what nobody can use any more stand before one that somebody waits for."""
    late, fresh = regain.somebody(), regain.somebody()
    too_late, in_time = Visitor(regain), Visitor(regain)
    with regain.without("worker"):
        ask_for_a_code(too_late, late)
        an_hour_ago(regain, late)
        ring_all_again(regain, "otp", times=300)
        too_late.open("/recovery/code/")
        assert too_late.delivery == "failed", "it can no longer come, and the page says so"
        assert "Send it again" in too_late.page.text
        ask_for_a_code(in_time, fresh)
    letter = mail_to(regain, fresh, seconds=45)
    assert goes_on(in_time, code_in(letter))
    assert not mail.to(late.email)
    assert states(regain, late) == ["expired"]


# --- A slow mail server -----------------------------------------------------------------------------------


def test_notices_that_crawl_do_not_delay_a_code(regain, mail):
    """FT-16: every worker of notices hangs in a tarpit; codes have workers of their own."""
    person, visitor = regain.somebody(), Visitor(regain)
    mail.slow = lambda letter: b"password was changed" in letter
    mail.before = 60
    with running_beside(regain, "worker-otp"):
        notices(regain, person, 100)
        wait_until(lambda: mail.at_work == 2, "the tarpit to hold every hand of the worker", seconds=30)
        began = time.monotonic()
        ask_for_a_code(visitor, person)
        letter = regain.mail.wait_for(
            lambda one: one["To"] == person.email and "changed" not in one["Subject"], PROMPTLY
        )
        assert time.monotonic() - began < PROMPTLY
        assert goes_on(visitor, code_in(letter))
        assert mail.at_work == 2
        mail.before = 0
        regain.change("DELETE FROM idp_message WHERE queue = %s AND state = %s", "notice", "waiting")


# --- A clock that is wrong --------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [120, -120], ids=["ahead", "behind"])
def test_a_worker_whose_clock_is_wrong_sends_at_once_and_sweeps_all_the_same(regain, mail, seconds):
    rung, forgotten = regain.somebody(), regain.somebody()
    visitor = Visitor(regain)
    with regain.without("worker"):
        ask_for_a_code(Visitor(regain), forgotten)
        flush(regain)
        with wrong_clock(regain, seconds):
            ask_for_a_code(visitor, rung)
            letter = mail_to(regain, rung, seconds=15)
            wait_until(lambda: states(regain, rung) == ["sent"], "the worker to note it")
            visitor.open("/recovery/code/")
            assert visitor.delivery == "sent"
            assert goes_on(visitor, code_in(letter)), "a code lives from when it was sent, by whichever clock"
            if seconds > 0:
                mail_to(regain, forgotten, seconds=SWEPT_WITHIN)
    mail_to(regain, forgotten, seconds=SWEPT_WITHIN + 6)
    assert len(mail.to(rung.email)) == 1
    assert len({code_in(each) for each in mail.to(forgotten.email)}) == 1


# --- What the tests do ------------------------------------------------------------------------------------


def children(regain: Regain) -> list[int]:
    """The processes in which the worker works."""
    until_ready(regain.programs["worker"])
    pid = regain.programs["worker"].pid
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def kill_children(regain: Regain) -> None:
    for child in children(regain):
        os.kill(child, signal.SIGKILL)


@contextmanager
def running_beside(regain: Regain, name: str):
    """One more program of the Procfile, until the end of the block; once it answers."""
    log = regain.folder / f"{name}-{uuid4().hex[:4]}.log"
    program = Program(in_folder(provider()[name], regain.folder), regain.environment, log)
    program.start()
    try:
        until_ready(program)
        yield program
    finally:
        program.stop()


@contextmanager
def wrong_clock(regain: Regain, seconds: int):
    """The worker of the Procfile, with a clock so many seconds ahead."""
    skewed = f"exec {sys.executable} -m tests.faults.skewed {seconds} "
    command = [word.replace("exec celery ", skewed) for word in provider()["worker"]]
    program = Program(
        in_folder(command, regain.folder),
        regain.environment,
        regain.folder / "skewed.log",
    )
    program.start()
    try:
        yield program
    finally:
        program.stop()


def an_hour_ago(regain: Regain, person) -> None:
    """Everything about this person's message was an hour earlier."""
    columns = ("created_at", "due_at", "not_after")
    if regain.database_files:
        earlier = ", ".join(f"{name} = strftime('%Y-%m-%d %H:%M:%f', {name}, '-1 hour')" for name in columns)
    else:
        earlier = ", ".join(f"{name} = {name} - interval '1 hour'" for name in columns)
    whose = "(SELECT id FROM idp_user WHERE preferred_username = %s)"
    # psycopg reads % in what SQLite's text may hold: only one of the two is ever built.
    assert regain.change(f"UPDATE idp_message SET {earlier} WHERE user_id = {whose}", person.username) == 1


def notices(regain: Regain, person, count: int) -> None:
    """So many notices to one person, as many changes of a password would leave them."""
    program = (
        "from datetime import timedelta; from uuid import uuid4; from django.utils import timezone;"
        "from django.db import transaction; from idp import notices; from idp.audit.events import Origin;"
        "from idp.models import User;"
        f"user = User.objects.get(preferred_username='{person.username}').pk;"
        "origin = Origin(device='', network='', request_id='');"
        f"[notices.password_changed(user, reference=uuid4(), proved_by='', sessions_ended=0, origin=origin,"
        f" now=timezone.now()) for _one in range({count})]"
    )
    regain.manage("shell", "--command", program)


def bells(regain: Regain, queue: str) -> int:
    with redis_client.Redis.from_url(regain.redis.url) as redis:
        return redis.llen(queue)


def ring_all_again(regain: Regain, queue: str, *, times: int) -> None:
    """The same bells so many times more, each a message of its own, before those that come later."""
    with redis_client.Redis.from_url(regain.redis.url) as redis, redis.pipeline() as pipeline:
        for raw in redis.lrange(queue, 0, -1):
            for _time in range(times):
                envelope = json.loads(raw)
                envelope["properties"]["delivery_tag"] = str(uuid4())
                envelope["headers"]["id"] = envelope["properties"]["correlation_id"] = str(uuid4())
                pipeline.lpush(queue, json.dumps(envelope))
        pipeline.execute()


def flush(regain: Regain) -> None:
    with redis_client.Redis.from_url(regain.redis.url) as redis:
        redis.flushall()

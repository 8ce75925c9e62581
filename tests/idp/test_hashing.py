"""The pool that passwords are hashed in: bounded, in order, and nobody's loss when it is full."""

import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from threading import Event, Lock, Thread, current_thread

import pytest
from django.contrib.auth import hashers as django_hashers
from django.core.exceptions import ImproperlyConfigured

from idp import hashing
from idp.accounts import hashers
from idp.conf import Policy, policy
from tests.full import full_pool, occupancy, until

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def of(settings):
    """A pool of other numbers, for this test."""

    def make(**numbers):
        settings.IDP = {**settings.IDP, "web_threads": 100, **numbers}
        return hashing._pool()

    return make


def started(*acts):
    threads = [Thread(target=act) for act in acts]
    for thread in threads:
        thread.start()
    return threads


def ended(threads):
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


# --- Bounded ----------------------------------------------------------------------------------------------


def test_no_more_than_its_threads_hash_at_a_time_and_everybody_has_a_turn(of):
    of(hashing_threads=2, hashing_queue=50)
    lock, now, most, done = Lock(), [0], [0], []

    def work():
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.01)
        with lock:
            now[0] -= 1
            done.append(current_thread().name)

    ended(started(*[lambda: hashing.run(work)] * 20))
    assert most[0] == 2
    assert len(done) == 20
    assert {name.rpartition("_")[0] for name in done} == {"hashing"}, "never in the thread of the caller"


def test_whoever_comes_when_the_line_is_full_is_refused_at_once():
    with full_pool(), hashing.impatient():
        for _again in range(3):
            with pytest.raises(hashing.Busy), hashing.place():
                pytest.fail("there was no place")
    with hashing.impatient():
        assert hashing.run(len, "four") == 4


def test_nobody_in_the_line_is_overtaken(of):
    pool = of(hashing_threads=1, hashing_queue=10)
    came, over = [], Event()

    def first():
        with hashing.place():
            over.wait(60)

    def then(number):
        with hashing.impatient(), hashing.place():
            came.append(number)

    threads = started(first)
    until(lambda: occupancy(pool) == (1, 0))
    for number in range(8):
        threads += started(lambda number=number: then(number))
        until(lambda number=number: occupancy(pool) == (1, number + 1))
    over.set()
    ended(threads)
    assert came == list(range(8))


def test_whoever_waits_too_long_is_refused_and_leaves_the_line(of):
    pool = of(hashing_threads=1, hashing_queue=3, hashing_patience=timedelta(milliseconds=20))
    over = Event()

    def first():
        with hashing.place():
            over.wait(60)

    threads = started(first)
    until(lambda: occupancy(pool) == (1, 0))
    with hashing.impatient(), pytest.raises(hashing.Busy):
        hashing.run(len, "four")
    assert occupancy(pool) == (1, 0)
    over.set()
    ended(threads)
    assert occupancy(pool) == (0, 0)


def test_a_command_waits_however_long_the_line_is(of):
    pool = of(hashing_threads=1, hashing_queue=0, hashing_patience=timedelta(milliseconds=1))
    over, said = Event(), []

    def first():
        with hashing.place():
            over.wait(60)

    threads = started(first, *[lambda: said.append(hashing.run(len, "four"))] * 5)
    until(lambda: sum(occupancy(pool)) == 6)
    time.sleep(0.05)
    assert not said
    over.set()
    ended(threads)
    assert said == [4] * 5


def test_a_place_inside_a_place_is_the_same_place(of):
    pool = of(hashing_threads=1, hashing_queue=0)
    with hashing.impatient(), hashing.place(), hashing.place():
        assert hashing.run(len, "four") == 4
        assert occupancy(pool) == (1, 0)
    assert occupancy(pool) == (0, 0)


def test_an_error_is_the_callers_and_gives_the_place_back():
    def fail():
        raise ValueError("of the work")

    with pytest.raises(ValueError, match="of the work"):
        hashing.run(fail)
    with pytest.raises(ValueError, match="of the block"), hashing.place():
        raise ValueError("of the block")
    assert occupancy(hashing._pool()) == (0, 0)


# --- What goes through it ---------------------------------------------------------------------------------

HASHES = {
    "ours": lambda: hashers.hash_password("a password"),
    "bcrypt": lambda: "bcrypt$$2b$08$" + "a" * 53,
    "pbkdf2": lambda: django_hashers.PBKDF2PasswordHasher().encode("a password", "a salt", iterations=1),
    "pbkdf2, raw": lambda: "pbkdf2_raw_sha256$1$c2FsdHNhbHQ$aGFzaGhhc2g",
    "scrypt": lambda: django_hashers.ScryptPasswordHasher().encode("a password", "a salt", n=2),
}


@pytest.mark.parametrize("scheme", HASHES)
def test_every_scheme_is_verified_in_the_pool(scheme):
    encoded = HASHES[scheme]()
    with full_pool(), hashing.impatient(), pytest.raises(hashing.Busy):
        hashers.verify_password("a password", encoded)


@pytest.mark.parametrize("act", [hashers.hash_password, hashers.burn])
def test_a_new_hash_and_one_for_nobody_are_made_in_the_pool(act):
    with full_pool(), hashing.impatient(), pytest.raises(hashing.Busy):
        act("a password")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives each thread a priority of its own")
def test_tokens_go_before_passwords():
    """The threads that hash have stepped back; the one that asked has not."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    assert hashing.run(os.getpriority, os.PRIO_PROCESS, 0) == min(19, before + hashing._NICENESS)
    assert os.getpriority(os.PRIO_PROCESS, 0) == before


FORKING = """
import os, threading
from idp import hashing
assert threading.active_count() == 1, "importing starts nothing"
assert hashing.run(len, "four") == 4
with hashing.place(), hashing._making:
    child = os.fork()
    if not child:
        os._exit(0 if hashing.run(lambda: threading.current_thread().name).startswith("hashing") else 3)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_child_of_a_process_that_hashed_hashes_with_threads_of_its_own():
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    child = subprocess.run(
        [sys.executable, "-c", FORKING],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (child.stdout.strip(), child.returncode) == ("0", 0), child.stderr


# --- How much, and what is said ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cpus", "processes", "threads", "queue", "hashed_at_a_time"),
    [
        (1, 1, 4, 1, 1),
        (2, 2, 4, 1, 1),
        (1, 2, 4, 1, 1),
        (2, 1, 4, 1, 1),
        (2, 1, 8, 1, 2),
        (64, 2, 4, 1, 1),
        (64, 2, 4, 2, 1),
        (64, 2, 16, 2, 6),
        (64, 8, 32, 4, 8),
    ],
)
def test_a_process_hashes_with_its_share_of_the_processors(cpus, processes, threads, queue, hashed_at_a_time):
    numbers = Policy(web_processes=processes, web_threads=threads, hashing_queue=queue)
    assert hashing.size(numbers, cpus=cpus) == hashed_at_a_time
    assert hashed_at_a_time + queue < threads


def test_the_policy_may_say_how_many():
    assert hashing.size(Policy(hashing_threads=2), cpus=64) == 2


@pytest.mark.parametrize(
    "numbers",
    [
        {"web_threads": 2},
        {"hashing_queue": 3},
        {"hashing_threads": 3},
        {"hashing_threads": -1},
        {"hashing_queue": -1},
        {"web_processes": 0},
        {"hashing_patience": timedelta(0)},
        {"hashing_patience": timedelta(minutes=1)},
    ],
)
def test_a_policy_that_leaves_no_thread_for_tokens_is_refused(numbers):
    with pytest.raises(ImproperlyConfigured, match=r"IDP\["):
        Policy(**numbers)


def test_a_crowd_that_is_refused_is_one_line_in_the_log(caplog, settings):
    settings.IDP = dict(settings.IDP)  # a pool that has said nothing yet
    with full_pool(), hashing.impatient():
        for _one in range(50):
            with pytest.raises(hashing.Busy):
                hashing.run(len, "a password")
    lines = [record for record in caplog.records if record.name == "idp.hashing"]
    assert 1 <= len(lines) <= 3, "one a second at the most"
    said = lines[0].getMessage()
    for part in ("'alarm': 'hashing'", f"'hashing': {hashing.size(policy(), cpus=hashing._cpus())}", "'waiting': 1"):
        assert part in said
    assert "a password" not in caplog.text

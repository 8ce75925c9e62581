"""Pauses as the database counts them: how long each is, and that a try passes all of its budgets or none."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from django.db import connections

from idp import throttle
from idp.conf import Slowdown
from idp.models import Counter
from idp.throttle import Bar

NOW = datetime(2026, 11, 23, 14, 20, 30, 250_000, tzinfo=UTC)
A_DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
AS_SHIPPED = Slowdown(free=10, first=MINUTE, longest=15 * MINUTE)
AT_ONCE = 100


def bar(key="a", slowdown=AS_SHIPPED, kept=A_DAY):
    return Bar(key=key, slowdown=slowdown, kept=kept)


def counts():
    return dict(Counter.objects.values_list("key", "count"))


@pytest.mark.parametrize(
    ("first", "longest", "pauses"),
    [
        (1, 15, [1, 2, 4, 8, 15]),
        (1, 16, [1, 2, 4, 8, 16]),
        (5, 5, [5]),
        (5, 6, [5, 6]),
        (2, 60, [2, 4, 8, 16, 32, 60]),
    ],
)
def test_a_pause_is_twice_the_one_before_up_to_the_longest(first, longest, pauses):
    slowdown = Slowdown(free=3, first=first * MINUTE, longest=longest * MINUTE)
    assert slowdown.pauses == tuple(each * MINUTE for each in pauses)


def test_ten_tries_are_free_and_then_each_waits_twice_as_long(db):
    now = NOW
    for number in range(1, 11):
        assert throttle.slow(bar(), now=now).counts == {"a": number}
    for number, minutes in enumerate((1, 2, 4, 8, 15, 15, 15), 11):
        opens = now + minutes * MINUTE
        for early in (now, opens - timedelta(microseconds=1)):
            held = throttle.slow(bar(), now=early)
            assert not held.allowed
            assert held.held == {"a": opens}
        now = opens
        assert throttle.slow(bar(), now=now).counts == {"a": number}


@pytest.mark.parametrize("microsecond", [0, 1, 250_000, 999_999])
def test_a_pause_ends_to_the_microsecond_however_the_time_is_written(db, microsecond):
    now = NOW.replace(microsecond=microsecond)
    one = bar(slowdown=Slowdown(free=1, first=MINUTE, longest=MINUTE))
    assert throttle.slow(one, now=now).allowed
    assert not throttle.slow(one, now=now + MINUTE - timedelta(microseconds=1)).allowed
    assert throttle.slow(one, now=now + MINUTE).allowed


def test_a_day_after_the_last_try_nothing_is_left_of_them(db):
    for _try in range(10):
        throttle.slow(bar(), now=NOW)
    later = NOW + timedelta(hours=23)
    assert throttle.slow(bar(), now=later).counts == {"a": 11}, "counted on"
    assert throttle.slow(bar(), now=later + A_DAY).counts == {"a": 1}, "forgotten"
    assert throttle.sweep(later + 2 * A_DAY) == 1


def test_a_pause_as_long_as_the_memory_has_no_end(db):
    lasting = bar(slowdown=Slowdown(free=3, first=36_500 * A_DAY, longest=36_500 * A_DAY), kept=36_500 * A_DAY)
    for _try in range(3):
        assert throttle.slow(lasting, now=NOW).allowed
    assert not throttle.slow(lasting, now=NOW + 30_000 * A_DAY).allowed
    assert throttle.sweep(NOW + 30_000 * A_DAY) == 0


def test_a_try_that_one_budget_holds_back_is_counted_at_none(db):
    narrow, wide = bar("1", Slowdown(free=2, first=MINUTE, longest=MINUTE)), bar("2")
    for _try in range(5):
        last = throttle.slow(narrow, wide, now=NOW)
    assert counts() == {"1": 2, "2": 2}
    assert last.held == {"1": NOW + MINUTE}
    for _try in range(8):
        throttle.slow(wide, now=NOW)
    last = throttle.slow(bar("3"), wide, now=NOW)
    assert last.held == {"2": NOW + MINUTE}
    assert counts() == {"1": 2, "2": 10}


def test_what_is_forgotten_is_told_and_nothing_else_is(db):
    for key in ("abc_1", "abc_2", "abcX1", "abd_1"):
        throttle.slow(bar(key), now=NOW)
    throttle.forget("abd_1", "never counted")
    assert throttle.forget_all("abc_") == dict.fromkeys(("abc_1", "abc_2"), (1, NOW + A_DAY))
    assert counts() == {"abcX1": 1}


# --- At once ----------------------------------------------------------------------------------------------


def at_once(*acts):
    ready = Barrier(len(acts))

    def run(act):
        try:
            ready.wait(30)
            return act()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def tries(*keys_of_each):
    """So many tries at once, each at the bars named; how many were let through."""
    slowed = at_once(
        *(lambda keys=keys: throttle.slow(*(bar(key) for key in keys), now=NOW) for keys in keys_of_each),
    )
    return sum(each.allowed for each in slowed)


@pytest.mark.django_db(transaction=True)
def test_of_a_hundred_tries_at_once_exactly_ten_are_let_through():
    assert tries(*[("a",)] * AT_ONCE) == 10
    assert counts() == {"a": 10}


@pytest.mark.django_db(transaction=True)
def test_a_hundred_from_one_network_at_once_use_up_no_more_of_what_is_everybodys():
    assert tries(*[("1", "2", "3")] * AT_ONCE) == 10
    assert counts() == {"1": 10, "2": 10, "3": 10}


@pytest.mark.django_db(transaction=True)
def test_a_hundred_from_many_networks_at_once_are_let_through_as_often_as_everybody_may():
    networks = [f"1{number % 20:02}" for number in range(AT_ONCE)]
    assert tries(*((network, "2", "3") for network in networks)) == 10
    found = counts()
    assert (found.pop("2"), found.pop("3")) == (10, 10)
    assert sum(found.values()) >= 10


@pytest.mark.django_db(transaction=True)
def test_counting_and_forgetting_at_once_wait_for_nobody_for_ever():
    """One order of locks for both: otherwise a database would have to break one of them off."""
    keys = ("1", "2", "3")

    def count():
        return throttle.slow(*(bar(key) for key in keys), now=NOW)

    def forget():
        throttle.forget(*reversed(keys))

    def forget_all():
        throttle.forget_all("")

    for _round in range(3):
        at_once(*[count, count, forget, count, forget_all, count] * 5)

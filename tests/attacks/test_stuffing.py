"""Credential stuffing (SI-01): many accounts, each tried once or twice, with passwords from somewhere else."""

import os
from datetime import timedelta
from itertools import islice
from secrets import token_hex

import pytest
import redis
import structlog
import time_machine
from django.utils import timezone

from idp import stuffing
from idp.accounts import hashers
from idp.conf import Limit, policy
from idp.models import Counter
from tests.conftest import PASSWORD, make_person
from tests.servers import Missing, redis_server
from tests.story import Person

WRONG = "a password from another site's breach"


@pytest.fixture(scope="module")
def server():
    """A Redis of this file's own, which may be stopped and emptied."""
    try:
        with redis_server() as running:
            yield running
    except Missing as missing:
        if os.environ.get("CI", "").lower() in {"1", "true", "yes"}:
            pytest.fail(str(missing))
        pytest.skip(str(missing))


@pytest.fixture
def with_redis(server, settings, _nobody_is_away_yet):
    settings.REDIS_URL = server.url
    redis.Redis.from_url(server.url).flushall()
    return server


@pytest.fixture(autouse=True)
def _nobody_is_away_yet(settings):
    """And nobody answers, unless a test brings this file's own: the Redis of the whole run has counted other tests."""
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    stuffing._away.clear()


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch):
    """It is about how many are judged, not about what that costs."""
    monkeypatch.setattr(hashers, "burn", lambda _raw: None)


@pytest.fixture
def clock(db):
    # In the middle of an hour, so that no period ends by itself.
    moment = timezone.now().replace(minute=30, second=0, microsecond=0)
    with time_machine.travel(moment, tick=False) as moved:
        yield moved


@pytest.fixture
def logs():
    with structlog.testing.capture_logs() as captured:
        yield captured


def at(network, host=1):
    return Person(address=f"10.{network // 200}.{network % 200}.{host}")


def try_at(person, username, password=WRONG):
    if person.page is None:
        person.open("/sign-in")
    return person.submit(username=username, password=password)


def alarms(logs):
    return [line["alarm"] for line in logs if line.get("alarm") == "stuffing"]


def names(prefix="victim"):
    return (f"{prefix}{number}" for number in range(10_000))


def test_five_hundred_pairs_from_fifty_addresses_are_slowed_and_no_account_is_locked(with_redis, clock, logs, settings):
    """SI-01: fifty addresses in twenty networks, five hundred accounts, each once."""
    make_person("victim7", email="victim7@contoso.example")
    make_person()
    settings.IDP = {**settings.IDP, "stuffing_everywhere": Limit(count=200, per=timedelta(hours=1))}
    addresses = [at(number % 20, host=number + 1) for number in range(50)]
    answers = [try_at(addresses[number % 50], name).status for number, name in enumerate(islice(names(), 500))]
    assert answers[:200] == [200] * 200
    assert answers[200:].count(200) == 20, "what ten networks had left of their ten; nothing after that"
    assert alarms(logs)
    assert not Counter.objects.filter(count__gt=1).exists()
    assert try_at(at(90), "jane", PASSWORD).name == "account", "an account nobody touched"
    assert try_at(at(91), "victim7", PASSWORD).name == "account", "and one that was tried"


def test_once_networks_together_fail_at_very_many_each_is_allowed_a_tenth(with_redis, clock, logs, settings):
    settings.IDP = {
        **settings.IDP,
        "stuffing_per_network": Limit(count=20, per=timedelta(hours=1)),
        "stuffing_everywhere": Limit(count=6, per=timedelta(hours=1)),
    }
    name = names()
    answers = {network: [try_at(at(network), next(name)).status for _each in range(4)] for network in range(5)}
    assert answers[0] == [200, 200, 200, 200]
    assert [answers[network] for network in (1, 2, 3, 4)] == [[200, 200, 429, 429]] * 4
    assert alarms(logs)
    assert {line["everywhere"] for line in logs if line.get("alarm") == "stuffing"} == {True}


def test_one_network_fails_at_a_hundred_accounts_and_then_waits(with_redis, clock, logs):
    attacker = at(1)
    for name in islice(names(), 100):
        assert try_at(attacker, name).status == 200
    page = try_at(attacker, "victim100")
    assert page.status == 429
    assert page.response["Retry-After"] == str(30 * 60), "until the hour is over"
    assert alarms(logs) == ["stuffing"]
    assert not Counter.objects.filter(count__gt=1).exists(), "no account has anything held against it"


def test_who_is_held_there_may_come_from_elsewhere_or_in_a_known_browser(with_redis, clock):
    make_person()
    owner = at(1, host=77)
    assert try_at(owner, "jane", PASSWORD).name == "account"
    del owner.http.cookies["__Host-regain-session"]
    attacker = at(1)
    for name in islice(names(), 101):
        try_at(attacker, name)
    assert try_at(at(1, host=78), "jane", PASSWORD).status == 429
    owner.open("/sign-in")
    assert try_at(owner, "jane", PASSWORD).name == "account"
    assert try_at(at(2), "jane", PASSWORD).name == "account"


def test_failing_again_and_again_at_one_account_is_not_stuffing(with_redis, clock, logs):
    person = at(1)
    for _try in range(120):
        try_at(person, "victim1")
    assert not alarms(logs)


def test_who_gets_in_is_not_counted(with_redis, clock, logs, settings):
    """The first morning of an office: everybody comes from one network, in browsers nobody knows yet."""
    settings.IDP = {**settings.IDP, "stuffing_per_network": Limit(count=3, per=timedelta(hours=1))}
    for number in range(8):
        make_person(f"clerk{number}", email=f"clerk{number}@contoso.example")
        clerk = at(1, host=number)
        assert try_at(clerk, f"clerk{number}").status == 200
        assert try_at(clerk, f"clerk{number}", PASSWORD).name == "account"
    assert not alarms(logs)


def test_a_new_period_is_a_new_beginning(with_redis, clock, settings):
    settings.IDP = {**settings.IDP, "stuffing_per_network": Limit(count=1, per=timedelta(hours=1))}
    attacker = at(1)
    assert [try_at(attacker, name).status for name in ("a", "b")] == [200, 429]
    clock.shift(timedelta(minutes=30))
    assert try_at(attacker, "b").status == 200


def test_a_flood_of_names_does_not_fill_redis(with_redis, clock):
    for number in range(400):
        stuffing.admit("10.0.0.0/24", f"name {number}", policy=policy(), now=timezone.now())
    store = redis.Redis.from_url(with_redis.url)
    sizes = {key: store.scard(key) for key in store.keys("regain:stuffing:*")}
    assert sorted(sizes.values()) == [100, 100]
    assert all(0 < store.ttl(key) <= 3600 for key in sizes)


def test_redis_holds_no_name_and_no_network(with_redis, clock):
    secret = token_hex(8)
    try_at(at(7), f"name-{secret}")
    store = redis.Redis.from_url(with_redis.url)
    kept = b" ".join([key + b" " + b" ".join(store.smembers(key)) for key in store.scan_iter()])
    assert kept
    assert secret.encode() not in kept
    assert b"10.0." not in kept


# --- Without Redis ----------------------------------------------------------------------------------------


def test_while_redis_is_away_the_database_counts_and_is_stricter(clock, logs):
    attacker = at(1)
    for name in islice(names(), 50):
        assert try_at(attacker, name).status == 200
    assert try_at(attacker, "victim50").status == 429
    assert alarms(logs) == ["stuffing"]
    assert "broker" in {line.get("alarm") for line in logs}


def test_who_gets_in_while_redis_is_away_is_not_counted_either(clock, settings, logs):
    settings.IDP = {**settings.IDP, "stuffing_per_network": Limit(count=4, per=timedelta(hours=1))}
    for number in range(5):
        make_person(f"clerk{number}", email=f"clerk{number}@contoso.example")
        assert try_at(at(1, host=number), f"clerk{number}", PASSWORD).name == "account"
    assert not alarms(logs)


def test_a_redis_that_answers_nobody_costs_a_sign_in_less_than_a_second(with_redis, db):
    make_person()
    with_redis.hang()
    try:
        began = timezone.now()
        assert try_at(at(1), "jane", PASSWORD).name == "account"
        assert timezone.now() - began < timedelta(seconds=1.5)
        began = timezone.now()
        stuffing.admit("10.0.0.0/24", "another", policy=policy(), now=began)
        assert timezone.now() - began < timedelta(seconds=0.2), "and the next one nothing"
    finally:
        with_redis.wake()


def test_sentinels_that_know_no_master_are_no_reason_to_stop_counting(clock, settings, logs):
    settings.REDIS_URL = "sentinel://127.0.0.1:1/0;sentinel://127.0.0.1:2/0"
    settings.REDIS_SENTINELS = {"master_name": "regain", "sentinel_kwargs": {}}
    assert try_at(at(1), "jane").status == 200
    assert Counter.objects.filter(count=1).count() == 4, "the network, and the three of the name"

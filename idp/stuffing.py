"""Many accounts from one network: the sign of somebody who tries a list of names and passwords from elsewhere.

Each account sees one wrong password or two, so no limit of its own would notice. Counted here is at how many
*different* accounts the unknown browsers of one network failed; beyond the limit, further accounts have to wait there
until the period is over, and the log raises an alarm. If networks together fail at very many, each is allowed a tenth.
No account is closed by it: elsewhere, in known browsers, with a second factor and by recovery everything stays open.

It is coarse, so it is counted in Redis, which answers within a quarter of a second or is taken to be away. Then the
database counts tries instead of accounts, against half the number: stricter, and never off. This is the only module of
ours that speaks to Redis; it keeps digests there, which name nobody.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import redis
import structlog
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from idp import keyring, throttle
from idp.conf import Limit, Policy

log = structlog.get_logger(__name__)

#: Seconds that a sign-in waits for Redis at the most, for each answer.
_PATIENCE = 0.25
#: Seconds that it is left alone after it gave no answer: people should not wait for it one after the other.
_LEFT_ALONE = 5.0
_WITHOUT_REDIS = "stuffing"
#: What is left of a network's number while networks together fail at very many accounts.
_WHILE_ATTACKED = 10


@dataclass(frozen=True, kw_only=True)
class Admitted:
    """The try may go on. `succeeded` wants this back if it was right."""

    network: str
    account: str
    #: Where it was counted in Redis; empty if the database did.
    places: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Held:
    until: datetime


def admit(network: str, account: str, *, policy: Policy, now: datetime) -> Admitted | Held:
    """Count `account`, a digest, among those that unknown browsers of `network` try; say whether this one may."""
    if time.monotonic() >= _away.get(settings.REDIS_URL, 0):
        try:
            return _in_redis(network, account, policy, now)
        except (redis.RedisError, OSError, ValueError) as error:
            # ValueError: an address that Celery understands and this client does not.
            _gave_no_answer(error)
    return _in_database(network, account, policy, now)


def succeeded(admitted: Admitted) -> None:
    """The password was right, so the account is not one that was failed at."""
    if not admitted.places:
        throttle.give_back(_WITHOUT_REDIS, admitted.network)
        return
    try:
        _take_out(admitted.places, admitted.account)
    except (redis.RedisError, OSError) as error:
        _gave_no_answer(error)


#: Until when which Redis is left alone, on the clock that nobody can set.
_away: dict[str, float] = {}


def _gave_no_answer(error: Exception) -> None:
    _away[settings.REDIS_URL] = time.monotonic() + _LEFT_ALONE
    log.warning("networks counted in the database", alarm="broker", error=type(error).__name__)


def _in_redis(network: str, account: str, policy: Policy, now: datetime) -> Admitted | Held:
    here, here_until = _period(f"network:{keyring.digest('stuffing', network)}", policy.stuffing_per_network, now)
    everywhere, _until = _period("everywhere", policy.stuffing_everywhere, now)
    with _server().pipeline() as pipe:
        for place, limit in ((here, policy.stuffing_per_network), (everywhere, policy.stuffing_everywhere)):
            pipe.sadd(place, account)
            pipe.scard(place)
            pipe.expire(place, limit.per)
        new_here, count_here, _set, new_everywhere, count_everywhere, _set = pipe.execute()
    attacked = count_everywhere > policy.stuffing_everywhere.count
    most = policy.stuffing_per_network.count
    if not new_here or count_here <= (max(1, most // _WHILE_ATTACKED) if attacked else most):
        return Admitted(network=network, account=account, places=(here, everywhere))
    # Not failed at, so not counted; and a set never holds more than was let through.
    _take_out((here, everywhere) if new_everywhere else (here,), account)
    return _held(network, here_until, everywhere=attacked)


def _in_database(network: str, account: str, policy: Policy, now: datetime) -> Admitted | Held:
    limit = policy.stuffing_per_network
    stricter = Limit(count=max(1, limit.count // 2), per=limit.per)
    counted = throttle.count(_WITHOUT_REDIS, stricter, network, now=now)
    if counted.allowed:
        return Admitted(network=network, account=account, places=())
    return _held(network, counted.resets_at, everywhere=False)


def _held(network: str, until: datetime, *, everywhere: bool) -> Held:
    log.warning("sign-in held for a network", alarm="stuffing", network=network, everywhere=everywhere)
    return Held(until=until)


def _period(name: str, limit: Limit, now: datetime) -> tuple[str, datetime]:
    """The key of the period that `now` is in, and when it ends. Every process finds the same."""
    length: timedelta = limit.per
    number = int(now.timestamp() // length.total_seconds())
    return f"regain:stuffing:{name}:{number}", datetime.fromtimestamp((number + 1) * length.total_seconds(), UTC)


def _take_out(places: tuple[str, ...], account: str) -> None:
    with _server().pipeline() as pipe:
        for place in places:
            pipe.srem(place, account)
        pipe.execute()


def _server() -> Any:
    return _connected(settings.REDIS_URL)


@lru_cache(maxsize=4)
def _connected(url: str) -> Any:
    return redis.Redis.from_url(
        url,
        socket_timeout=_PATIENCE,
        socket_connect_timeout=_PATIENCE,
        # One try: whoever waits behind it is a person.
        retry=Retry(NoBackoff(), 0),
        protocol=2,
    )

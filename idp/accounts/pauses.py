"""Pauses, not locks: whose tries at a password are slowed together, and what ends a pause.

Strangers (browsers that the account does not know) slow for their network first, and after more failures for all
networks. After a hundred failures in a row a password alone opens nothing for them any more, however long they wait
(NIST SP 800-63B 3.2.2). None of that touches a browser that the account knows: it has the same budget for itself, and
stops being known when a hundred failures in a row came from it. So nobody can keep an owner out: their own browser, a
second factor beside the password, a passkey and recovery stay open, whatever strangers do.

A name that is nobody's has the same budgets as an account, counted in the same statements.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from idp import keyring, notices, throttle
from idp.audit.events import Origin, PausesEnded
from idp.audit.record import record
from idp.conf import Policy, Slowdown
from idp.models import Device, User
from idp.models.user import canonical
from idp.throttle import Bar

#: After this long without another failure everything but the hundred is forgotten.
_A_DAY = timedelta(days=1)
#: Failures in a row of an account have no end but success, a new password or recovery.
_FOR_GOOD = timedelta(days=36_500)
#: Those of names that are nobody's would fill the database; this is longer than anybody waits to learn that they are.
_FOR_NOBODY = timedelta(days=400)


@dataclass(frozen=True, kw_only=True)
class Who:
    """Who tries: at which account or name that is nobody's, from which network, in which browser of theirs."""

    user: User | None
    typed: str
    network: str
    #: The browser, if the account knows it.
    device: Device | None

    @property
    def account(self) -> str:
        """What all bars of the account, or of the typed name, begin with. It names nobody."""
        return _account(self.user.pk.bytes if self.user else canonical(self.typed))


@dataclass(frozen=True, kw_only=True)
class Counted:
    """The try is counted and may be judged."""

    #: How many more may be, before a pause.
    left: int
    #: What is forgiven if it is right.
    bars: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Paused:
    """Not now. `until` is None if waiting does not help: a hundred failed in a row."""

    until: datetime | None
    #: Whether it is more than this network or browser that pauses.
    everywhere: bool


def count(who: Who, *, policy: Policy, now: datetime) -> Counted | Paused:
    """Count a try at the password alone.

    One that is right forgives what failed before it at the same bars. In a known browser it also ends the row of
    failures of strangers, as the standard has it, but not their pauses.
    """
    if who.device is None:
        return _count(_of_strangers(who, policy), now=now)
    return _count(_of_browser(who, policy), also_forgives=(who.account + _FAILURES,), now=now)


def count_with_factor(who: Who, *, policy: Policy, now: datetime) -> Counted | Paused:
    """Count a try at the password by somebody who has just shown the second factor, which strangers cannot.

    So this budget cannot be used up against the owner; it is for whoever holds their phone and guesses. One that is
    right forgives strangers as well: nobody else knows both.
    """
    bars = _pair(who, _WITH_FACTOR, _WITH_FACTOR_FOR_GOOD, "", policy)
    return _count(bars, also_forgives=tuple(bar.key for bar in _of_strangers(who, policy)), now=now)


def succeeded(counted: Counted) -> None:
    """The try was right. One statement."""
    throttle.forget(*counted.bars)


@dataclass(frozen=True, kw_only=True)
class Tries:
    """What was counted before pauses were ended: tries at the password since one was right."""

    by_strangers: int
    by_known_browsers: int
    last_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Opened:
    """Sign-in is open again; what had happened, and how many addresses are told."""

    tries: Tries
    addresses_told: notices.Told


def open_again(user_id: UUID, *, source: UUID, origin: Origin, now: datetime) -> Opened | None:
    """End every pause of an account whose owner has proved, as `source`, that it is theirs. In a transaction.

    The password, sessions and known browsers stay as they are. None if nobody may sign in to it for another reason,
    or its owner froze it.
    """
    if not User.objects.filter(pk=user_id, status=User.Status.ACTIVE, frozen_at=None).exists():
        return None
    tries = end_all(user_id)
    record(
        PausesEnded(
            user=user_id,
            by_strangers=tries.by_strangers,
            by_known_browsers=tries.by_known_browsers,
            source=source,
        ),
        origin=origin,
    )
    told = notices.post(notices.PAUSES_ENDED, user_id, reference=source, origin=origin, now=now)
    return Opened(tries=tries, addresses_told=told)


def end_all(user_id: UUID) -> Tries:
    """End every pause of the account, whoever caused it, the one that waiting does not end as well. One statement."""
    account = _account(user_id.bytes)
    rows = {key.removeprefix(account): row for key, row in throttle.forget_all(account).items()}
    lasting = {key: row for key, row in rows.items() if key[0] in _LASTING}
    return Tries(
        by_strangers=sum(tries for key, (tries, _kept) in lasting.items() if key[0] == _FAILURES),
        by_known_browsers=sum(tries for key, (tries, _kept) in lasting.items() if key[0] != _FAILURES),
        last_at=max((kept - _FOR_GOOD for _tries, kept in lasting.values()), default=None),
    )


# --- Bars -------------------------------------------------------------------------------------------------

#: What follows the account in the key of a bar. Bars that are asked together stand in this order, and are locked in it.
_NETWORK = "1"
_EVERYWHERE = "2"
_FAILURES = "3"
_BROWSER = "4"
_BROWSER_FAILURES = "5"
_WITH_FACTOR = "6"
_WITH_FACTOR_FOR_GOOD = "7"
_LASTING = (_FAILURES, _BROWSER_FAILURES, _WITH_FACTOR_FOR_GOOD)
#: How much of a digest tells the networks of one account apart: 120 bits, and the key fits its column.
_LETTERS = 20


def _of_strangers(who: Who, policy: Policy) -> tuple[Bar, ...]:
    network = keyring.digest("pauses-network", who.network)[:_LETTERS]
    return (
        Bar(key=who.account + _NETWORK + network, slowdown=policy.sign_in_per_network, kept=_A_DAY),
        Bar(key=who.account + _EVERYWHERE, slowdown=policy.sign_in_per_account, kept=_A_DAY),
        _for_good(who, _FAILURES, policy),
    )


def _of_browser(who: Who, policy: Policy) -> tuple[Bar, ...]:
    if who.device is None:
        raise ValueError("A browser that the account does not know has no budget of its own.")
    return _pair(who, _BROWSER, _BROWSER_FAILURES, keyring.digest("pauses-browser", who.device.pk.bytes), policy)


def _pair(who: Who, slow: str, lasting: str, whose: str, policy: Policy) -> tuple[Bar, ...]:
    key = whose[:_LETTERS]
    return (
        Bar(key=who.account + slow + key, slowdown=policy.sign_in_per_network, kept=_A_DAY),
        _for_good(who, lasting + key, policy),
    )


def _for_good(who: Who, key: str, policy: Policy) -> Bar:
    """The bar whose pause lasts as long as it is remembered."""
    kept = _FOR_GOOD if who.user else _FOR_NOBODY
    slowdown = Slowdown(free=policy.sign_in_failures, first=kept, longest=kept)
    return Bar(key=who.account + key, slowdown=slowdown, kept=kept)


def _count(bars: Sequence[Bar], *, also_forgives: tuple[str, ...] = (), now: datetime) -> Counted | Paused:
    slowed = throttle.slow(*bars, now=now)
    if not slowed.allowed:
        lasting = bars[-1].key
        return Paused(
            until=None if lasting in slowed.held else max(slowed.held.values()),
            everywhere=set(slowed.held) != {bars[0].key},
        )
    return Counted(
        left=min(max(0, bar.slowdown.free - slowed.counts[bar.key]) for bar in bars),
        bars=(*(bar.key for bar in bars), *also_forgives),
    )


def _account(subject: keyring.Part) -> str:
    return keyring.digest("pauses", subject)

"""One try at signing in: counted first, then judged; the same work whoever it is for.

A password alone passes the network it comes from (`stuffing`), then the pauses of its account (`accounts.pauses`); in a
browser that the account knows, only that browser's own. A password with the second factor beside it waits for none of
them.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from idp import hashing, keyring, stuffing, throttle
from idp.accounts import credentials, devices, lookup, pauses
from idp.accounts.lookup import FoundHere
from idp.accounts.pauses import Who
from idp.audit.events import Origin
from idp.conf import Policy
from idp.factors import strength, tries
from idp.models import Device, User

log = structlog.get_logger(__name__)

_PASSWORD = "pwd"
_BOTH = "sign-in-both"
#: How many tries left are few enough to be told.
_FEW = 3


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What somebody typed, and where."""

    identifier: str
    password: str = field(repr=False)
    #: The second factor, if it was sent along.
    otp: str = field(default="", repr=False)
    #: By which accounts know the browser.
    device_key: str = field(default="", repr=False)
    origin: Origin


@dataclass(frozen=True, kw_only=True)
class Right:
    user: User
    #: The browser, if the account knows it.
    device: Device | None
    #: What was shown (RFC 8176).
    amr: list[str]
    #: Whether the account has a second factor to ask for.
    has_factor: bool


@dataclass(frozen=True, kw_only=True)
class Wrong:
    #: How many more tries are allowed here; told only when they become few.
    tries_left: int | None = None
    #: Whether a second factor was sent along: which of the two was wrong is not told.
    with_factor: bool = False


@dataclass(frozen=True, kw_only=True)
class Paused:
    #: None if waiting does not help: a password alone opens nothing here.
    until: datetime | None

    @property
    def clock(self) -> datetime | None:
        """`until` as a clock without seconds shows it: never too early."""
        if self.until is None:
            return None
        minute = self.until.replace(second=0, microsecond=0)
        return minute if minute == self.until else minute + timedelta(minutes=1)


@hashing.place()
def try_password(tried: Tried, *, policy: Policy, now: datetime) -> Right | Wrong | Paused:
    """Count a try and say what it was. A paused account hashes nothing.

    Raises hashing.Busy instead, before anything is looked up or counted, if there is no place to hash.
    """
    found = lookup.find_at(tried.identifier, tried.device_key)
    known = found.device is not None and devices.is_known(found.device, policy=policy, now=now)
    who = Who(
        user=found.user,
        typed=tried.identifier,
        network=tried.origin.network,
        device=found.device if known else None,
    )
    if tried.otp:
        return _with_factor(tried, found, who, policy, now)
    if who.device:
        return _in_known_browser(tried, found, who, policy, now)
    return _as_stranger(tried, found, who, policy, now)


def _in_known_browser(
    tried: Tried, found: FoundHere, who: Who, policy: Policy, now: datetime
) -> Right | Wrong | Paused:
    counted = pauses.count(who, policy=policy, now=now)
    if isinstance(counted, pauses.Paused) and counted.until is None:
        return _no_longer_known(tried, found, who, policy, now)
    return _judged(tried, found, who, counted, now)


def _no_longer_known(tried: Tried, found: FoundHere, who: Who, policy: Policy, now: datetime) -> Right | Wrong | Paused:
    """Whoever sits there does not know the password: from now on this browser is like any other."""
    if who.user and who.device:
        devices.forget(who.user.pk, who.device.pk, by="failures", origin=tried.origin, now=now)
        log.warning("browser no longer known", alarm="guessing", user=str(who.user.pk))
    stranger = Who(user=who.user, typed=who.typed, network=who.network, device=None)
    return _as_stranger(tried, found, stranger, policy, now)


def _as_stranger(tried: Tried, found: FoundHere, who: Who, policy: Policy, now: datetime) -> Right | Wrong | Paused:
    admitted = stuffing.admit(who.network, who.account, policy=policy, now=now)
    if isinstance(admitted, stuffing.Held):
        return Paused(until=admitted.until)
    outcome = _judged(tried, found, who, pauses.count(who, policy=policy, now=now), now)
    if isinstance(outcome, Right):
        stuffing.succeeded(admitted)
    return outcome


def _with_factor(tried: Tried, found: FoundHere, who: Who, policy: Policy, now: datetime) -> Right | Wrong | Paused:
    """Both at once: right only if both are, and which of them was wrong is not told, whatever the reason.

    So nobody can guess one without the other. Who has one of them, and guesses, uses up the account's budget for the
    other; strangers, who have neither, use up a budget of the account and their network alone. A code that comes with
    a wrong password is not used up.
    """
    if not tries.has_form(tried.otp):
        return Wrong(with_factor=True)
    subject = (who.account, who.network, who.device.pk.bytes if who.device else None)
    here = throttle.count(_BOTH, policy.factor_tries, *subject, now=now)
    if not here.allowed:
        return Paused(until=here.resets_at)
    counted = None
    if tries.would_be_right(found.user, tried.otp, now=now):
        counted = pauses.count_with_factor(who, policy=policy, now=now)
        if isinstance(counted, pauses.Paused):
            return _paused(who, counted)
    right = credentials.verify_password(found.user, found.credential, tried.password, now=now)
    verdict = tries.judge(
        found.user if right else None,
        tried.otp,
        subject=keyring.canonical(*subject),
        device=who.device,
        policy=policy,
        origin=tried.origin,
        now=now,
    )
    if found.user and counted and isinstance(verdict, tries.Right):
        pauses.succeeded(counted)
        throttle.clear(_BOTH, *subject)
        amr = strength.together([_PASSWORD], verdict.kind, verdict.more)
        return Right(user=found.user, device=who.device, amr=amr, has_factor=True)
    if isinstance(verdict, tries.Paused):
        return Paused(until=verdict.until)
    log.info("sign-in failed", network=who.network, known=found.user is not None, with_factor=True)
    return Wrong(with_factor=True)


def _judged(
    tried: Tried,
    found: FoundHere,
    who: Who,
    counted: pauses.Counted | pauses.Paused,
    now: datetime,
) -> Right | Wrong | Paused:
    """A counted try at the password alone."""
    if isinstance(counted, pauses.Paused):
        return _paused(who, counted)
    if credentials.verify_password(found.user, found.credential, tried.password, now=now) and found.user:
        pauses.succeeded(counted)
        return Right(user=found.user, device=who.device, amr=[_PASSWORD], has_factor=found.has_factor)
    log.info("sign-in failed", network=who.network, known=found.user is not None, with_factor=False)
    return Wrong(tries_left=counted.left if counted.left <= _FEW else None)


def _paused(who: Who, pause: pauses.Paused) -> Paused:
    if pause.everywhere:
        log.warning("sign-in paused everywhere", alarm="guessing", for_good=pause.until is None)
    else:
        log.info("sign-in paused", network=who.network)
    return Paused(until=pause.until)

"""One try at a second factor: counted first, then judged. The limits of record are here, for every way that asks.

A budget belongs to one kind of factor of one account, over all sign-ins, networks and processes; wrong codes of an app
never use up the passkey's or the recovery codes'. A browser that signed in before has a budget of its own, so that a
stranger who knows the password cannot keep the owner out at home.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from django.db import transaction

from idp import hashing, keyring, notices, throttle
from idp.accounts import credentials
from idp.audit.events import FactorPaused, Origin
from idp.audit.record import record
from idp.conf import Limit, Policy
from idp.factors import recovery_codes, totp
from idp.models import Credential, Device, User

log = structlog.get_logger(__name__)

_PER_HOUR: Final = "factor"
_PER_DAY: Final = "factor-day"
_IN_A_ROW: Final = "factor-in-a-row"
_TOLD: Final = "factor-told"
#: NIST SP 800-63B 3.2.2: after this many failures without a success between them it is closed, however slow they were;
#: any second factor of the owner's that is right opens it again.
_MOST_IN_A_ROW: Final = Limit(count=100, per=timedelta(days=3650))
#: However long somebody keeps trying, their victim gets one letter a day about each kind.
_TELL: Final = Limit(count=1, per=timedelta(days=1))
#: How many tries left are few enough to be told.
_FEW: Final = 3
#: Has no factors; looking for them takes as long as looking for somebody's.
_NOBODY: Final = User(id=uuid.UUID(int=0))


@dataclass(frozen=True, kw_only=True)
class Right:
    kind: str
    #: Methods (RFC 8176) that it adds besides those of its kind.
    more: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Wrong:
    #: How many more tries are allowed; told only when they become few.
    tries_left: int | None


@dataclass(frozen=True, kw_only=True)
class Paused:
    until: datetime
    #: Not by time, but until the owner has signed in with another of their factors, or in a browser that is known.
    for_good: bool = False


Outcome = Right | Wrong | Paused


def judge(
    user: User | None,
    answer: str,
    *,
    subject: keyring.Part,
    device: Device | None,
    policy: Policy,
    origin: Origin,
    now: datetime,
) -> Outcome:
    """Say whether `answer` is a code of `user`'s app or a recovery code of theirs; its form tells which.

    `user` is None where there is no such account, or where the rest of what was shown is wrong: then nothing is right,
    with the same work and the same answers. `subject` is what the tries that a person sees are counted under. Where the
    password is proven that is the account's key. Where it may not be (both on one form), choose something that depends
    on what was typed alone, such as account or typed name with the network: the account's own budget is then counted
    beside it, only for `user`, so that nobody without the password uses it up and nobody sees whether it is.

    What has the form of neither is wrong, and costs no try: no code was guessed. Raises hashing.Busy, with nothing
    counted, if a recovery code cannot be looked at now.
    """
    how = {"subject": subject, "device": device, "policy": policy, "origin": origin, "now": now}
    if (digits := totp.read(answer)) is not None:
        return attempt(user, Credential.Kind.TOTP, lambda of: totp.is_right(of, digits, now=now), **how)
    if (code := recovery_codes.read(answer)) is not None:
        kind = Credential.Kind.RECOVERY_CODES
        # A place to hash before anything is counted: a try that is never judged must not pause anybody.
        with hashing.place():
            return attempt(user, kind, lambda of: recovery_codes.is_right(of, code, origin=origin, now=now), **how)
    return Wrong(tries_left=None)


def has_form(answer: str) -> bool:
    """Whether `answer` could be a code at all."""
    return totp.read(answer) is not None or recovery_codes.read(answer) is not None


def would_be_right(user: User | None, answer: str, *, now: datetime) -> bool:
    """Whether `answer` is right at this moment. Counts nothing and uses nothing up, so its answer is never told.

    For whoever has to know who tries before counting it: `judge` decides. Of nobody (None) nothing is right, with the
    same work.
    """
    factors = credentials.factors_of(user or _NOBODY)
    if (digits := totp.read(answer)) is not None:
        return totp.would_be_right([each for each in factors if each.kind == Credential.Kind.TOTP], digits, now=now)
    if (code := recovery_codes.read(answer)) is not None:
        kept = [each for each in factors if each.kind == Credential.Kind.RECOVERY_CODES]
        return recovery_codes.would_be_right(kept, code)
    return False


def attempt(
    user: User | None,
    kind: str,
    is_right: Callable[[list[Credential]], bool],
    *,
    subject: keyring.Part,
    device: Device | None,
    policy: Policy,
    origin: Origin,
    now: datetime,
) -> Outcome:
    """Count a try at `kind`, and if it is within the limits ask `is_right` of the factors of that kind.

    `is_right` gets an empty list for nobody, and does the same work then. See `judge` for the rest.
    """
    here = device.pk.bytes if device is not None else None
    is_own = user is not None and user.pk.bytes == subject
    seen = _count((kind, subject, here), is_own=is_own, policy=policy, now=now)
    if not seen.allowed:
        log.info("second factor paused", kind=kind, network=origin.network)
        return Paused(until=seen.until, for_good=seen.until - now > policy.factor_tries_per_day.per)
    own = _own(user, kind, seen, subject=subject, here=here, policy=policy, now=now)
    factors = [factor for factor in credentials.factors_of(user or _NOBODY) if factor.kind == kind]
    if user is not None and own.allowed and is_right(factors):
        _forgive(user, seen.key, own.key)
        log.info("second factor right", kind=kind, network=origin.network, user=str(user.pk))
        return Right(kind=kind)
    if user is None or not own.allowed:
        is_right([])
    log.info("second factor failed", kind=kind, network=origin.network, paused=not own.allowed)
    if user is not None and factors and own.allowed and not own.left:
        _tell(user, kind, until=own.until, origin=origin, now=now)
    return Wrong(tries_left=seen.left if seen.left <= _FEW else None)


# --- Budgets ----------------------------------------------------------------------------------------------

_Key = tuple[keyring.Part, ...]


@dataclass(frozen=True, kw_only=True)
class _Budget:
    """What a try left of the narrower of two limits."""

    key: _Key
    allowed: bool
    left: int
    until: datetime


def _own(
    user: User | None,
    kind: str,
    seen: _Budget,
    *,
    subject: keyring.Part,
    here: bytes | None,
    policy: Policy,
    now: datetime,
) -> _Budget:
    """The account's own budget; for nobody, one that is as much work to count and holds nobody up."""
    if user is not None and user.pk.bytes == subject:
        return seen
    key = (kind, user.pk.bytes, here) if user is not None else (kind, _NOBODY.pk.bytes, subject)
    return _count(key, is_own=True, policy=policy, now=now)


def _count(key: _Key, *, is_own: bool, policy: Policy, now: datetime) -> _Budget:
    """Count against each limit until one holds: what that one refuses uses up no other."""
    limits = [(_PER_HOUR, policy.factor_tries), (_PER_DAY, policy.factor_tries_per_day)]
    if is_own:
        limits.append((_IN_A_ROW, _MOST_IN_A_ROW))
    narrowest = None
    for name, limit in limits:
        counted = throttle.count(name, limit, *key, now=now)
        if narrowest is None or not counted.allowed or counted.left <= narrowest.left:
            narrowest = counted
        if not counted.allowed:
            break
    return _Budget(key=key, allowed=narrowest.allowed, left=narrowest.left, until=narrowest.resets_at)


def _forgive(user: User, *keys: _Key) -> None:
    """It was right: what went before is forgotten, and of every kind that it had failed so often."""
    counted = [(name, key) for name in (_PER_HOUR, _PER_DAY, _IN_A_ROW) for key in keys]
    counted += [(_IN_A_ROW, (kind, user.pk.bytes, None)) for kind in credentials.FACTORS]
    throttle.clear_each(counted)


def _tell(user: User, kind: str, *, until: datetime, origin: Origin, now: datetime) -> None:
    """The last try that this budget had was wrong."""
    log.warning("second factor paused", alarm="guessing", kind=kind, user=str(user.pk))
    with transaction.atomic():
        record(FactorPaused(user=user.pk, kind=kind, until=until.isoformat()), origin=origin)
        if throttle.count(_TOLD, _TELL, kind, user.pk.bytes, now=now).allowed:
            reference = uuid.uuid4()
            notices.post(notices.FACTOR_PAUSED, user.pk, reference=reference, origin=origin, now=now, factor=kind)

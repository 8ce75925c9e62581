"""Which of two policies is the stricter one, number by number.

A policy that asks for less is a way around the one that people relied on, for whoever may change settings. So it does
not hold before everybody was told and has had time to object (`recovery.in_force`); one that asks for more holds at
once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from recovery.domain.policy import Limit, OtpPolicy, RecoveryPolicy

Numbers = TypeVar("Numbers", RecoveryPolicy, OtpPolicy, Limit)
#: Of an older and a newer value, the one that lets in fewer.
Stricter = Callable[[Any, Any], Any]


def _more(old: Any, new: Any) -> Any:
    return max(old, new)


def _less(old: Any, new: Any) -> Any:
    return min(old, new)


def _in_both(old: tuple[str, ...], new: tuple[str, ...]) -> tuple[str, ...]:
    """What is taken out goes at once, what is put in comes later. Where nothing would be left the old ones stay."""
    return tuple(each for each in new if each in old) or old


def _rarer(old: Limit, new: Limit) -> Limit:
    return Limit(count=min(old.count, new.count), per=max(old.per, new.per))


def _new(_old: Any, new: Any) -> Any:
    """It opens no account, so it holds at once, whichever way it moved."""
    return new


#: For each number of the policy which way is stricter; a test holds the two tables complete.
STRICTER: Final[Mapping[str, Stricter]] = {
    "problems": _in_both,
    "methods": _in_both,
    "proofs_with_second_factor": _more,
    "proofs_without_second_factor": _more,
    "proofs_to_unlock": _more,
    "proofs_to_replace_a_factor": _more,
    "proofs_of_administrators": _more,
    "loosening_delay": _more,
    # What people are asked to have at sign-in, not what opens their account.
    "ways_wanted": _new,
    "skips": _new,
    "skip_within": _new,
    "reconfirm_after": _new,
    "journey_lifetime": _less,
    "otp": lambda old, new: _by(STRICTER_CODES, old, new),
    # How many messages somebody gets, and how busy we are: nobody comes in by that.
    "resend": _new,
    "starts_per_network": _new,
    "work_after": _new,
    "work_after_everywhere": _new,
    "work_wait": _new,
    "waits_per_network": _new,
    "wrong_codes_per_day": _rarer,
    "long_codes_after": _less,
}
STRICTER_CODES: Final[Mapping[str, Stricter]] = {
    "digits": _more,
    "lifetime": _less,
    "tries": _less,
    "live": _less,
    # How late a code may be handed over: its time begins with that.
    "longest_wait": _new,
    "sms_longest_wait": _new,
}


@dataclass(frozen=True, kw_only=True)
class Loosening:
    """A policy that asks for less, and from when on it holds; None: people are still being told."""

    policy: RecoveryPolicy
    announced_at: datetime
    applies_from: datetime | None


def stricter(old: RecoveryPolicy, new: RecoveryPolicy) -> RecoveryPolicy:
    """The policy that holds while `new` is announced to people who live under `old`."""
    return _by(STRICTER, old, new)


def is_looser(new: RecoveryPolicy, *, than: RecoveryPolicy) -> bool:
    """Whether `new` lets in anybody whom `than` keeps out."""
    return stricter(than, new) != new


def _by(table: Mapping[str, Stricter], old: Numbers, new: Numbers) -> Numbers:
    return replace(new, **{name: rule(getattr(old, name), getattr(new, name)) for name, rule in table.items()})


# --- As a row keeps it ------------------------------------------------------------------------------------


def written(policy: RecoveryPolicy) -> dict[str, Any]:
    """The policy as JSON holds it: times in seconds."""
    return {field.name: _plain(getattr(policy, field.name)) for field in fields(policy)}


def read(kept: Mapping[str, Any], *, otherwise: RecoveryPolicy) -> RecoveryPolicy:
    """The policy of `written`; a number that was not kept is that of `otherwise`. Raises ValueError out of bounds."""
    return _filled(otherwise, kept)


def _plain(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    return list(value) if isinstance(value, tuple) else value


def _filled(like: Numbers, kept: Mapping[str, Any]) -> Numbers:
    names = {field.name for field in fields(like)} & kept.keys()
    return replace(like, **{name: _as(getattr(like, name), kept[name]) for name in names})


def _as(like: Any, value: Any) -> Any:
    if isinstance(like, timedelta):
        return timedelta(seconds=value)
    if isinstance(like, tuple):
        return tuple(value)
    if isinstance(like, OtpPolicy):
        return _filled(like, value)
    return _filled(like, value) if isinstance(like, Limit) else value

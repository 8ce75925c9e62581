"""How many guesses an account takes in a day, of what can be guessed: short codes, an app's codes, the password.

Each kind has a budget of its own, so that nobody who uses up one closes another. A recovery in which something was
proven already draws on another one: what strangers use up is not its owner's. Before they are used up, codes that are
sent grow, and take none: so nobody keeps an owner out who can read their messages. The same rows for nobody's account.
"""

from datetime import datetime

from idp.plugins import limits
from recovery.domain.policy import RecoveryPolicy
from recovery.domain.ways import PASSWORD, TOTP, WAYS, Asks
from recovery.journeys import Held
from recovery.models import Journey as Row

_SENT = "sent"
_KINDS = (_SENT, TOTP, PASSWORD)


def count(held: Held, method: str, policy: RecoveryPolicy, *, now: datetime) -> limits.Counted:
    """Count one more guess by `method`, and say whether it may be judged."""
    return limits.count(_name(held, method), policy.wrong_codes_per_day, held.row.counted_as, now=now)


def codes_are_long(held: Held, method: str, policy: RecoveryPolicy, *, now: datetime) -> bool:
    """Whether so much was guessed that the next code which is sent has to be a long one."""
    counted = limits.look(_name(held, method), policy.wrong_codes_per_day, held.row.counted_as, now=now)
    return counted.count >= policy.long_codes_after


def short_codes_rest(held: Held, method: str, policy: RecoveryPolicy, *, now: datetime) -> bool:
    """Whether so much was guessed that no short code is judged any more, not even the right one."""
    counted = limits.look(_name(held, method), policy.wrong_codes_per_day, held.row.counted_as, now=now)
    return counted.count >= policy.wrong_codes_per_day.count


def clear(row: Row) -> None:
    """Its owner came back in: what was guessed by people who had proven something is forgotten.

    What strangers guessed is not: they would see that there is such an account, and that it came back.
    """
    limits.clear_each((_PLACE[True].format(kind), (row.counted_as,)) for kind in _KINDS)


def _name(held: Held, method: str) -> str:
    kind = _SENT if WAYS[method].asks is Asks.MESSAGE else method
    return _PLACE[bool(held.facts.proven)].format(kind)


_PLACE = {False: "recovery-wrong-{}", True: "recovery-wrong-{}-proven"}

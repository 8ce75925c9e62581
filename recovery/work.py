"""A small task for whoever begins while very many do: a proof of work, made here and judged here.

It stands in front of the first step only, once so many have begun in a short time, from one network or from all
together, that machines must be among them. A browser solves it in a second or two and goes on by itself; without
scripts one waits instead, a little longer, and presses the button. Nothing of it depends on what was typed, so it
tells nobody anything.

The task is ALTCHA's (derive keys with PBKDF2 until one has the right beginning): the browser does it with its own
cryptography, and the parameters are signed, so nobody makes them easier. A solution, and a wait, are good once.
"""

import base64
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import randbelow, token_hex

import altcha

from idp.plugins import keys, limits
from idp.plugins.metrics import Counter
from recovery.context import Context
from recovery.domain.policy import Limit

#: Tasks by what became of them: asked for, solved, waited for, refused.
TASKS = Counter("regain_recovery_tasks", "Tasks in front of a recovery, by what became of them.", ["outcome"])

_STARTS, _EVERYWHERE, _WAITS = "recovery-first-steps", "recovery-first-steps-everywhere", "recovery-waits"
_SECRET, _TICKET, _USED = "recovery-work", "recovery-wait", "recovery-work-used"
_ALGORITHM = "PBKDF2/SHA-256"
#: Rounds of one derivation, and how many derivations it takes: about a second on a telephone.
_ROUNDS = 1000
_DERIVATIONS = (200, 400)
#: Each doubling of the crowd doubles the work, up to this level.
_HARDEST = 4
#: How long a task, or a wait, can be handed in.
_LIFETIME = timedelta(minutes=10)
_ONCE = Limit(count=1, per=2 * _LIFETIME)
_LONGEST = 2000


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What has to be done first: `challenge` for a browser's script, and `ticket`, which is good after `seconds`."""

    challenge: str
    ticket: str
    seconds: int


@dataclass(frozen=True, kw_only=True)
class HandedIn:
    """What came back with the form; empty if nothing did."""

    solution: str = ""
    ticket: str = ""


def gate(handed_in: HandedIn, context: Context) -> Asked | limits.Counted | None:
    """Count one more who begins. None: they may. Asked: after this. Counted: too many waited from their network."""
    level = _level(context)
    if not level:
        return None
    if handed_in.solution and _is_solved(handed_in.solution, context):
        TASKS.labels("solved").inc()
        return None
    if handed_in.ticket:
        left = _left(handed_in.ticket, context)
        if left is not None and left > timedelta(0):
            # Pressed too soon: the wait goes on, it does not begin anew.
            return _asked(level, context, ticket=handed_in.ticket, left=left)
        if left is not None and _is_first(_cut(handed_in.ticket)[0], context):
            waited = limits.count(_WAITS, context.policy.waits_per_network, context.origin.network, now=context.now)
            TASKS.labels("waited" if waited.allowed else "refused").inc()
            return None if waited.allowed else waited
    TASKS.labels("asked").inc()
    return _asked(level, context)


def _level(context: Context) -> int:
    """How hard it is: 0 for no task, then one more for each doubling of what set it off."""
    policy, now = context.policy, context.now
    here = limits.count(_STARTS, policy.work_after, context.origin.network, now=now)
    everywhere = limits.count(_EVERYWHERE, policy.work_after_everywhere, now=now)
    crowd = max(each.count / each.limit.count for each in (here, everywhere))
    return 0 if crowd <= 1 else min(_HARDEST, int(crowd).bit_length())


def _asked(level: int, context: Context, *, ticket: str = "", left: timedelta | None = None) -> Asked:
    wait = context.policy.work_wait * level if left is None else left
    least, most = _DERIVATIONS
    task = altcha.create_challenge(
        _ALGORITHM,
        _ROUNDS * 2 ** (level - 1),
        counter=least + randbelow(most - least),
        expires_at=context.now + _LIFETIME,
        hmac_secret=_secret(keys.current_key_id(), "task"),
        hmac_key_secret=_secret(keys.current_key_id(), "answer"),
    )
    return Asked(
        challenge=json.dumps(task.to_dict(), separators=(",", ":")),
        ticket=ticket or _new_ticket(context.now + wait),
        # Rounded up: whoever waits as long as they were told has waited long enough.
        seconds=int(-(-wait.total_seconds() // 1)),
    )


def _is_solved(solution: str, context: Context) -> bool:
    """Whether it is an answer to a task of ours, in time and for the first time."""
    if len(solution) > _LONGEST:
        return False
    key_id = keys.current_key_id()
    judged = altcha.verify_solution(solution, _secret(key_id, "task"), hmac_key_secret=_secret(key_id, "answer"))
    if not judged.verified:
        return False
    # By the task: one answer can be spelt in many ways.
    nonce = json.loads(base64.b64decode(solution))["challenge"]["parameters"]["nonce"]
    return _is_first(nonce, context)


# --- Waiting instead --------------------------------------------------------------------------------------


def _new_ticket(good_from: datetime) -> str:
    said = f"{token_hex(16)}.{int(good_from.timestamp() * 1000)}"
    return f"{said}.{keys.seal(_TICKET, said)}"


def _left(ticket: str, context: Context) -> timedelta | None:
    """How long its bearer has still to wait; None if it is not ours, or too old."""
    said, seal = _cut(ticket)
    if len(ticket) > _LONGEST or not keys.is_sealed(_TICKET, seal, said):
        return None
    left = timedelta(milliseconds=int(said.partition(".")[2])) - timedelta(seconds=context.now.timestamp())
    return left if left > -_LIFETIME else None


def _cut(ticket: str) -> tuple[str, str]:
    """What it says, and its seal: a nonce, a time, and the rest."""
    nonce, _dot, rest = ticket.partition(".")
    time, _dot, seal = rest.partition(".")
    return f"{nonce}.{time}", seal


def _is_first(shown: str, context: Context) -> bool:
    """Whether it was not handed in before: one statement, at any crowd."""
    return limits.count(_USED, _ONCE, keys.fingerprint(shown), now=context.now).allowed


def _secret(key_id: str, what: str) -> bytes:
    return keys.derive(_SECRET, what, key_id=key_id)

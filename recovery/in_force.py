"""The policy that holds now: that of the settings, unless it asks for less than people were told.

Tightening holds at once. Loosening is announced: `advance`, which beat has done every minute, writes to every account,
and once the last one was written to, a delay begins (`loosening_delay`); until it is over the stricter of both holds,
number by number, for everybody. New accounts are not told apart: a page that asked them for less would tell that they
are new.

What is in force is one sealed row, read again every half minute by each process. Where it was written, or taken away,
past the program, the last policy in the history stands in for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from json import dumps
from typing import Any
from uuid import uuid4

import structlog
from django.db import transaction

from idp.plugins import accounts, audit, keys
from idp.plugins.hooks import SealedTable, swap
from recovery.conf import policy as configured
from recovery.domain import events
from recovery.domain.loosening import Loosening, is_looser, read, stricter, written
from recovery.domain.policy import RecoveryPolicy
from recovery.models import PolicyInForce

log = structlog.get_logger(__name__)

#: The kind of the notice in the outbox.
KIND = "recovery.policy_loosened"
_SEAL = "recovery-policy"
_KEY = 1
#: How long a process goes by what it read.
_REMEMBERED = timedelta(seconds=30)
#: How many accounts are written to at a time.
_BATCH = 1000


@dataclass(frozen=True, kw_only=True)
class _Read:
    """What the row said, if it was ours, and until when that is good."""

    numbers: Mapping[str, Any] | None
    announced: Loosening | None
    until: datetime


_remembered: dict[int, _Read] = {}


def policy(now: datetime) -> RecoveryPolicy:
    """The policy that decides. A statement every half minute."""
    wanted, numbers = configured(), _read(now).numbers
    return wanted if numbers is None else stricter(_policy(numbers), wanted)


def coming(now: datetime) -> Loosening | None:
    """What is announced and does not hold yet; for the pages that tell of it."""
    announced = _read(now).announced
    return announced if announced and is_looser(announced.policy, than=policy(now)) else None


def _read(now: datetime) -> _Read:
    known = _remembered.get(_KEY)
    if known is None or now >= known.until:
        row = PolicyInForce.objects.filter(pk=_KEY).first()
        ours = row if row is not None and _is_genuine(row) else None
        known = _remembered[_KEY] = _Read(
            numbers=ours.numbers if ours else _last_in_history(),
            announced=_announced(ours) if ours else None,
            until=now + _REMEMBERED,
        )
    return known


def _announced(row: PolicyInForce) -> Loosening | None:
    if not row.announced or row.announced_at is None:
        return None
    return Loosening(policy=_policy(row.announced), announced_at=row.announced_at, applies_from=row.applies_from)


def forget() -> None:
    """Read the row anew."""
    _remembered.clear()


# --- Every minute -----------------------------------------------------------------------------------------


def advance(now: datetime) -> int:
    """Take the next step between the policy in force and that of the settings. Returns how many accounts were told.

    Safe to be stopped anywhere and to be done twice at once: each step is one transaction that holds the row.
    """
    with transaction.atomic():
        row = PolicyInForce.objects.select_for_update().filter(pk=_KEY).first()
        told = _step(row, configured(), now=now)
    forget()
    return told


def _step(row: PolicyInForce | None, wanted: RecoveryPolicy, *, now: datetime) -> int:
    if row is None:
        last = _last_in_history()
        row = PolicyInForce(pk=_KEY, numbers=written(wanted) if last is None else last, since=now)
        _put(row)
        if last is None:
            audit.record(events.PolicyApplied(numbers=row.numbers))
    elif not _is_genuine(row):
        row.numbers, row.announced, row.applies_from = _last_in_history() or written(wanted), {}, None
        _put(row)
    held = stricter(_policy(row.numbers), wanted)
    if held != _policy(row.numbers):
        _apply(row, held, now=now)
    if not is_looser(wanted, than=held):
        if row.announced:
            # It was taken back, or made stricter again.
            row.announced, row.applies_from = {}, None
            _put(row)
        return 0
    if row.announced != written(wanted):
        _announce(row, wanted, now=now)
    if row.applies_from is None:
        return _tell(row, now=now)
    if row.applies_from <= now:
        _apply(row, wanted, now=now)
    return 0


def _apply(row: PolicyInForce, policy: RecoveryPolicy, *, now: datetime) -> None:
    row.numbers, row.since = written(policy), now
    if row.announced == row.numbers:
        row.announced, row.applies_from = {}, None
    _put(row)
    audit.record(events.PolicyApplied(numbers=row.numbers))


def _announce(row: PolicyInForce, policy: RecoveryPolicy, *, now: datetime) -> None:
    row.announced, row.announced_at, row.applies_from, row.told_up_to = written(policy), now, None, None
    _put(row)
    audit.record(events.PolicyLooseningAnnounced(numbers=row.announced))


def _tell(row: PolicyInForce, *, now: datetime) -> int:
    """Write to the next accounts; the delay begins when there is none left."""
    delay = _policy(row.numbers).loosening_delay
    facts = {
        "from": row.numbers,
        "to": row.announced,
        "not_before": ((row.announced_at or now) + delay).isoformat(),
    }
    batch = accounts.after(row.told_up_to, most=_BATCH)
    for user in batch:
        accounts.tell(user, KIND, reference=uuid4(), origin=audit.Origin(), now=now, **facts)
    if batch:
        row.told_up_to = batch[-1]
    else:
        row.applies_from = now + delay
    _put(row)
    return len(batch)


# --- The row ----------------------------------------------------------------------------------------------


def _policy(kept: Mapping[str, Any]) -> RecoveryPolicy:
    """Numbers that the program no longer accepts are those of the settings."""
    try:
        return read(kept, otherwise=configured())
    except (TypeError, ValueError):
        log.exception("policy unreadable", alarm="recovery.policy_unreadable")
        return configured()


def _last_in_history() -> dict[str, Any] | None:
    details = audit.last(events.PolicyApplied.name)
    return details["numbers"] if details else None


def _put(row: PolicyInForce) -> None:
    row.seal = keys.seal(_SEAL, *_parts(row))
    row.save()


def _is_genuine(row: PolicyInForce) -> bool:
    return keys.is_sealed(_SEAL, row.seal, *_parts(row)) or keys.forgery_refused(
        "recovery_policy", row, alarm="recovery.policy_seal_invalid"
    )


def _parts(row: PolicyInForce) -> tuple[keys.Part, ...]:
    return (
        dumps(row.numbers, sort_keys=True),
        dumps(row.announced, sort_keys=True),
        row.announced_at.isoformat() if row.announced_at else None,
        row.told_up_to.bytes if row.told_up_to else None,
        row.applies_from.isoformat() if row.applies_from else None,
    )


def _reseal(row: PolicyInForce) -> None:
    row.seal = keys.seal(_SEAL, *_parts(row))


#: Its row, for whoever looks at all sealed ones.
SEALED = SealedTable(
    name="recovery_policy",
    rows=lambda _now: PolicyInForce.objects.all(),
    is_genuine=_is_genuine,
    stamped=("seal",),
    reseal=swap(_reseal, "seal"),
    owner=lambda _row: None,
)

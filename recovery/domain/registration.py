"""Whether somebody has as many ways back as the tenant wants, and whether those they have still lead anywhere.

Ways are counted by what they stand on, as in a recovery (`ways`). One that is on its way, because its address is in
quarantine, counts: nobody is asked twice for what they have just done.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from recovery.domain.policy import RecoveryPolicy
from recovery.domain.ways import EMAIL, IN_HAND, PASSKEY, RECOVERY_CODE, SMS, TOTP, roots

#: The order in which they are offered, the best first.
_BEST_FIRST: Final = (PASSKEY, TOTP, RECOVERY_CODE, SMS, EMAIL)
#: For how long nobody is asked again about an address that they were asked about and did not want to look at.
REST: Final = timedelta(days=7)


class Fault(StrEnum):
    """Why an address may lead nowhere."""

    #: A provider could not deliver to it; or its owner called our mail unwanted.
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    #: Nobody has read a code there for long.
    OLD = "old"


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """An address that may lead nowhere, and since when that is to be feared."""

    address: UUID
    fault: Fault
    since: datetime


@dataclass(frozen=True, kw_only=True)
class Asked:
    """How often and since when somebody was asked for another way, and when they last put off looking at addresses."""

    since: datetime | None = None
    skips_used: int = 0
    put_off_at: datetime | None = None


def missing(has: Iterable[str], policy: RecoveryPolicy, *, administrator: bool = False) -> tuple[str, ...]:
    """The methods of which one more is wanted; empty if there is enough, or nothing that could be added.

    Of an administrator one has to be in their own hands, or they could not get back in however many they have.
    """
    held = roots(frozenset(has) & frozenset(policy.methods))
    offered = [way for way in _BEST_FIRST if way in policy.methods and not roots([way]) <= held]
    if policy.ways_wanted and administrator and not held & IN_HAND:
        return tuple(way for way in offered if roots([way]) <= IN_HAND)
    return () if len(held) >= policy.ways_wanted else tuple(offered)


def skips_left(asked: Asked, policy: RecoveryPolicy, *, now: datetime) -> int:
    """How often the question may still be put off; the first time it is asked, as often as the policy says."""
    if asked.since is not None and now >= asked.since + policy.skip_within:
        return 0
    return max(0, policy.skips - asked.skips_used)


def is_due(confirmed_at: datetime, policy: RecoveryPolicy, *, now: datetime) -> bool:
    """Whether it is time to ask if an address is still theirs."""
    return bool(policy.reconfirm_after) and now >= confirmed_at + policy.reconfirm_after


def still_in_doubt(doubts: Iterable[Doubt], asked: Asked, *, now: datetime) -> tuple[Doubt, ...]:
    """Those to ask about: not again so soon what was put off, but at once what is new."""
    rested = asked.put_off_at is None or now >= asked.put_off_at + REST
    return tuple(doubt for doubt in doubts if rested or asked.put_off_at is None or doubt.since > asked.put_off_at)

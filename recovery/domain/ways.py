"""Ways of proving, and what they stand on. Two proofs that stand on the same thing are lost, and stolen, together.

So proofs are counted by their *root*. The plan of a journey (`plan_for`) is made when it begins, before the first code
is sent: from then on nobody adds a way to it, and what is asked for only ever grows.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from recovery.domain.policy import ACTIVATION, FORGOT, INTRUDER, LOCKED, LOST_FACTOR, RecoveryPolicy


class Root(StrEnum):
    """What somebody must hold to give a proof."""

    MAILBOX = "mailbox"
    PHONE_LINE = "phone-line"
    #: An app or a passkey: on the phone, the computer, or a key.
    DEVICE = "device"
    SAVED_CODE = "saved-code"
    #: A password that is known. It helps to replace what is lost, never to replace itself.
    MEMORY = "memory"


class Asks(StrEnum):
    """How a way of proving asks."""

    #: An address, typed in full, and then the code that was sent there.
    MESSAGE = "message"
    #: A code that its owner has already.
    CODE = "code"
    PASSKEY = "passkey"
    PASSWORD = "password"
    #: The link of a letter, which was opened before the journey began.
    LINK = "link"


@dataclass(frozen=True, kw_only=True)
class Way:
    """What the journey has to know of a method."""

    root: Root
    asks: Asks


EMAIL, SMS, TOTP, PASSKEY, RECOVERY_CODE, PASSWORD = "email", "sms", "totp", "passkey", "recovery-code", "password"
INVITATION = "invitation"

WAYS: Final[Mapping[str, Way]] = {
    EMAIL: Way(root=Root.MAILBOX, asks=Asks.MESSAGE),
    SMS: Way(root=Root.PHONE_LINE, asks=Asks.MESSAGE),
    TOTP: Way(root=Root.DEVICE, asks=Asks.CODE),
    PASSKEY: Way(root=Root.DEVICE, asks=Asks.PASSKEY),
    RECOVERY_CODE: Way(root=Root.SAVED_CODE, asks=Asks.CODE),
    PASSWORD: Way(root=Root.MEMORY, asks=Asks.PASSWORD),
    INVITATION: Way(root=Root.MAILBOX, asks=Asks.LINK),
}
#: Of the two that an administrator has to show, one is of these: a mailbox and a telephone are in other people's hands.
_HELD: Final = frozenset({Root.DEVICE, Root.SAVED_CODE})


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What of an account decides how much has to be proven. Of nobody's account: nothing."""

    administrator: bool = False
    #: Its owner stopped everything in a recovery, and has not finished one since.
    stopped: bool = False
    #: The methods that its owner could use today.
    ways: frozenset[str] = frozenset()
    #: On what the second factors stand that sign-in asks for; empty if it asks for none.
    factors: frozenset[Root] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a journey of this account takes, as it was when the journey began."""

    ways: frozenset[str] = frozenset()
    #: How many different roots, for each problem.
    needed: Mapping[str, int] = field(default_factory=dict)


def roots(methods: Iterable[str]) -> frozenset[Root]:
    return frozenset(WAYS[method].root for method in methods if method in WAYS)


def plan_for(standing: Standing, policy: RecoveryPolicy) -> Plan:
    """What each problem takes, of an account that stands so."""
    wanted = {problem: _needed(problem, standing, policy) for problem in policy.problems}
    return Plan(ways=standing.ways, needed=wanted)


def offered(problem: str, policy: RecoveryPolicy) -> tuple[str, ...]:
    """The methods on screen for a problem, before anything is known of the account."""
    if problem == ACTIVATION:
        return (INVITATION,)
    known = (PASSWORD,) if problem == LOST_FACTOR else ()
    return (*known, *policy.methods)


def open_ways(
    problem: str, proven: frozenset[str], plan: Plan, standing: Standing | None, policy: RecoveryPolicy
) -> tuple[str, ...]:
    """What can still be shown. After the first proof only what the account has, on another root than was used."""
    ways = offered(problem, policy)
    if standing is None:
        return ways
    used, has = roots(proven), plan.ways & standing.ways
    return tuple(way for way in ways if way in has and WAYS[way].root not in used)


def is_enough(
    problem: str, proven: frozenset[str], plan: Plan, standing: Standing | None, policy: RecoveryPolicy
) -> bool:
    """Whether what was proven is as much as the policy asks of this account for this problem; only offered ways count.

    One proof is enough for a new password only where sign-in still asks for something that stands on another root, or
    where the account has nothing else.
    """
    if standing is None:
        return False
    if problem == ACTIVATION:
        # The account was never used, so there is nothing else to ask for; who takes it up has the last word on that
        # (`idp.accounts.activation`).
        return INVITATION in proven
    shown = roots(proven & frozenset(offered(problem, policy)))
    if len(shown) < needed(problem, plan, standing, policy):
        return False
    if standing.administrator and not shown & _HELD:
        return False
    if problem in (FORGOT, INTRUDER) and standing.factors:
        return len(shown) > 1 or not shown <= standing.factors
    return True


def is_ready(standing: Standing, policy: RecoveryPolicy) -> bool:
    """Whether its owner, showing all that the account has today, would get a new password, and by as much as is wanted.

    An account without a second factor that has one way only gets back in by it; ready it is when it has as many as the
    policy would ask it for.
    """
    plan, shown = plan_for(standing, policy), standing.ways & frozenset(policy.methods)
    if not standing.factors and len(roots(shown)) < policy.proofs_without_second_factor:
        return False
    return is_enough(FORGOT, shown, plan, standing, policy)


def needed(problem: str, plan: Plan, standing: Standing, policy: RecoveryPolicy) -> int:
    """How many different roots it takes: as many as when the journey began, or more."""
    return max(plan.needed.get(problem, 1), _needed(problem, standing, policy))


def _needed(problem: str, standing: Standing, policy: RecoveryPolicy) -> int:
    if standing.administrator:
        return policy.proofs_of_administrators
    if problem == LOCKED:
        return policy.proofs_to_unlock
    if problem == LOST_FACTOR:
        return policy.proofs_to_replace_a_factor
    if standing.factors:
        return policy.proofs_with_second_factor
    # Whoever registered one way only has to be able to go it; the next sign-in asks for another.
    return min(policy.proofs_without_second_factor, max(1, len(roots(standing.ways & frozenset(policy.methods)))))

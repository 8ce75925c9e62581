"""One attempt, in one browser, to regain an account: facts that are stored, and the step they lead to.

There is no stored step and no flag. NEW_PASSWORD is *defined* as "enough has been proven", and UNLOCK as the same for
somebody who knows their password, so neither can be reached in any other way; the back button is just another request;
a change of policy applies at once.

Instead of a class per step (anybody may write the state) or a stored state with a transition table (state and
facts can disagree, and that is where the bugs live).
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from recovery.domain import ways
from recovery.domain.policy import ACTIVATION, FORGOT, LOCKED, LOST_FACTOR, RecoveryPolicy
from recovery.domain.ways import Asks, Plan, Standing


class Step(StrEnum):
    """The question the journey asks next."""

    IDENTIFY = "identify"
    PROBLEM = "problem"
    METHOD = "method"
    ADDRESS = "address"
    CODE = "code"
    PASSKEY = "passkey"
    #: The password that they know, to replace something else.
    CURRENT_PASSWORD = "current-password"
    NEW_PASSWORD = "password"
    UNLOCK = "unlock"
    NEW_FACTOR = "factor"
    #: Something was proven, more is asked for, and the account has nothing more.
    STRANDED = "stranded"
    DONE = "done"
    ENDED = "ended"


class Ending(StrEnum):
    """How a journey came to its end."""

    DONE = "done"
    #: This browser began anew.
    SUPERSEDED = "superseded"
    #: Another journey of the same account finished.
    ELSEWHERE = "elsewhere"
    #: All tries were used up.
    TRIES = "tries"
    #: The password was changed some other way meanwhile.
    STALE = "stale"


@dataclass(frozen=True, kw_only=True)
class Journey:
    """What has been established. `subject` is None for an account that does not exist: a decoy."""

    id: UUID
    revision: int
    interaction_id: str
    subject: UUID | None
    #: The password this journey may replace, as it was when it began.
    password_version: int
    started_at: datetime
    expires_at: datetime
    problem: str = ""
    method: str = ""
    #: Whether a challenge by `method` is open.
    challenged: bool = False
    #: The methods passed, each by a proof of this very journey, account and browser.
    proven: frozenset[str] = frozenset()
    #: What it takes, as the account stood when the journey began; and how it stands now. Before the first proof nothing
    #: depends on the account, so that is not even asked.
    plan: Plan = field(default_factory=Plan)
    standing: Standing | None = None
    ending: Ending | None = None


def current_step(journey: Journey | None, policy: RecoveryPolicy, *, now: datetime) -> Step:
    """The one question that follows from the facts."""
    if journey is None:
        return Step.IDENTIFY
    if journey.ending is Ending.DONE:
        return Step.DONE
    if journey.ending or now >= journey.expires_at:
        return Step.ENDED
    if journey.problem == ACTIVATION:
        return Step.NEW_PASSWORD if is_enough(journey, policy) else Step.ENDED
    if journey.problem not in policy.problems:
        return Step.PROBLEM
    if is_enough(journey, policy):
        return _GOAL.get(journey.problem, Step.NEW_PASSWORD)
    return _proving(journey, policy)


def _proving(journey: Journey, policy: RecoveryPolicy) -> Step:
    """Where somebody stands who has not proven enough."""
    left = open_ways(journey, policy)
    if not left:
        return Step.STRANDED
    if journey.method not in left:
        return Step.METHOD
    return asked_at(journey.method, challenged=journey.challenged)


def asked_at(method: str, *, challenged: bool = False) -> Step:
    """The page on which this method asks, before and after its challenge is open."""
    asks = ways.WAYS[method].asks
    if asks is Asks.MESSAGE and not challenged:
        return Step.ADDRESS
    return _ANSWERED_AT[asks]


_ANSWERED_AT = {
    Asks.MESSAGE: Step.CODE,
    Asks.CODE: Step.CODE,
    Asks.PASSKEY: Step.PASSKEY,
    Asks.PASSWORD: Step.CURRENT_PASSWORD,
}


#: What enough proofs lead to; to a new password, if nothing else is said.
_GOAL = {LOCKED: Step.UNLOCK, LOST_FACTOR: Step.NEW_FACTOR}


def is_enough(journey: Journey, policy: RecoveryPolicy) -> bool:
    """Whether as much is proven as the policy asks for, of this account and for this problem."""
    return ways.is_enough(journey.problem, journey.proven, journey.plan, journey.standing, policy)


def open_ways(journey: Journey, policy: RecoveryPolicy) -> tuple[str, ...]:
    """The methods that can be chosen now."""
    return ways.open_ways(journey.problem, journey.proven, journey.plan, journey.standing, policy)


def may_have_passkey(journey: Journey) -> bool:
    """Whether what is enough for a new password is enough for a passkey instead, which signs in without anything else.

    Not on one proof where sign-in asks for a second factor, which it would get around; and not where somebody else may
    know the password, for that stays.
    """
    standing = journey.standing
    if standing is None or standing.stopped or journey.problem != FORGOT:
        return False
    return not standing.factors or len(ways.roots(journey.proven)) > 1


#: Pages before a proof, in order: people may go back to an earlier one, and from there forward again.
_BACK = (Step.PROBLEM, Step.METHOD, Step.ADDRESS, Step.CODE)
#: Where a method is tried that has no address: what is before it is what is before an address.
_WITHOUT_ADDRESS = (Step.PASSKEY, Step.CURRENT_PASSWORD)


def may_open(page: Step, step: Step) -> bool:
    """Whether `page` may be shown, and answered, by a journey that stands at `step`."""
    if page is step:
        return True
    at = Step.ADDRESS if step in _WITHOUT_ADDRESS else step
    return page in _BACK and at in _BACK and _BACK.index(page) < _BACK.index(at)

"""One attempt, in one browser, to regain an account: facts that are stored, and the step they lead to.

There is no stored step and no flag. NEW_PASSWORD is *defined* as "enough has been proven", and UNLOCK as the same for
somebody who knows their password, so neither can be reached in any other way; the back button is just another request;
a change of policy applies at once.

Instead of a class per step (anybody may write the state) or a stored state with a transition table (state and
facts can disagree, and that is where the bugs live).
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from recovery.domain.policy import RecoveryPolicy

#: What can stop somebody: they forgot their password; or they know it, but sign-in is paused.
FORGOT = "forgot"
LOCKED = "locked"


class Step(StrEnum):
    """The question the journey asks next."""

    IDENTIFY = "identify"
    PROBLEM = "problem"
    METHOD = "method"
    ADDRESS = "address"
    CODE = "code"
    NEW_PASSWORD = "password"
    UNLOCK = "unlock"
    DONE = "done"
    ENDED = "ended"


class Ending(StrEnum):
    """How a journey came to its end."""

    DONE = "done"
    #: Another journey of the same account finished, or this browser began anew.
    SUPERSEDED = "superseded"
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
    ending: Ending | None = None


def current_step(journey: Journey | None, policy: RecoveryPolicy, *, now: datetime) -> Step:
    """The one question that follows from the facts."""
    if journey is None:
        return Step.IDENTIFY
    if journey.ending is Ending.DONE:
        return Step.DONE
    if journey.ending or now >= journey.expires_at:
        return Step.ENDED
    if journey.problem not in policy.problems:
        return Step.PROBLEM
    if is_enough(journey.proven, policy):
        return Step.UNLOCK if journey.problem == LOCKED else Step.NEW_PASSWORD
    if journey.method not in policy.methods or journey.method in journey.proven:
        return Step.METHOD
    return Step.CODE if journey.challenged else Step.ADDRESS


def is_enough(proven: frozenset[str], policy: RecoveryPolicy) -> bool:
    """Whether the distinct methods passed are as many as the policy asks for; only offered ones count."""
    return len(proven & frozenset(policy.methods)) >= policy.proofs_required


#: Pages before a proof, in order: people may go back to an earlier one, and from there forward again.
_BACK = (Step.PROBLEM, Step.METHOD, Step.ADDRESS, Step.CODE)


def may_open(page: Step, step: Step) -> bool:
    """Whether `page` may be shown, and answered, by a journey that stands at `step`."""
    if page is step:
        return True
    return page in _BACK and step in _BACK and _BACK.index(page) < _BACK.index(step)

"""Whether somebody would get back in after losing something, told before they lose it. Pure: facts in, a verdict out.

Getting back in takes two things: a new password, by the ways that recovery offers; and, where the account has second
factors, one of them that is not lost as well, because recovery removes none. What is not known counts as lost: which
passkey is on the phone nobody can say, so the phone takes one with it.
"""

from dataclasses import dataclass
from enum import StrEnum

from idp.models import Credential
from idp.plugins.hooks import Thing, WayBack


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What an account has today."""

    ways: tuple[WayBack, ...] = ()
    #: Of how many kinds somebody needs ways.
    needed: int = 1
    #: The kind of each second factor.
    factors: tuple[str, ...] = ()


class Outcome(StrEnum):
    """Whether it would do."""

    YES = "yes"
    #: No new password: too few ways are left.
    NO_WAY = "no way"
    #: A new password, but no second factor to sign in with.
    NO_FACTOR = "no factor"


@dataclass(frozen=True, kw_only=True)
class Without:
    """What is left after a loss."""

    outcome: Outcome
    ways: tuple[WayBack, ...]
    #: The kinds of second factors that are left, each once.
    factors: tuple[str, ...]

    @property
    def enough(self) -> bool:
        return self.outcome is Outcome.YES


class Verdict(StrEnum):
    """The one sentence."""

    READY = "ready"
    PHONE_STRANDS = "phone strands"
    MAILBOX_STRANDS = "mailbox strands"
    EITHER_STRANDS = "either strands"
    #: Nothing has to be lost for it but the password.
    NEVER = "never"


@dataclass(frozen=True, kw_only=True)
class Readiness:
    """The verdict and what it rests on."""

    verdict: Verdict
    ways: int
    phone: Without
    mailbox: Without
    both: Without


def judge(facts: Facts) -> Readiness:
    """Simulate the loss of each thing alone, and of both."""
    phone, mailbox = without(facts, Thing.PHONE), without(facts, Thing.MAILBOX)
    return Readiness(
        verdict=_verdict(without(facts), phone, mailbox),
        ways=len(facts.ways),
        phone=phone,
        mailbox=mailbox,
        both=without(facts, Thing.PHONE, Thing.MAILBOX),
    )


def without(facts: Facts, *lost: Thing) -> Without:
    """What is left without these, and whether it would do."""
    ways = tuple(way for way in facts.ways if way.lost_with not in lost)
    factors = _left(facts.factors, phone_lost=Thing.PHONE in lost)
    if len({way.kind for way in ways}) < facts.needed:
        outcome = Outcome.NO_WAY
    elif facts.factors and not factors:
        outcome = Outcome.NO_FACTOR
    else:
        outcome = Outcome.YES
    return Without(outcome=outcome, ways=ways, factors=tuple(dict.fromkeys(factors)))


def _left(factors: tuple[str, ...], *, phone_lost: bool) -> list[str]:
    left = list(factors)
    if phone_lost:
        # An authenticator app is on the phone, all of its keys; of the passkeys, one may be.
        left = [kind for kind in left if kind != Credential.Kind.TOTP]
        if Credential.Kind.PASSKEY in left:
            left.remove(Credential.Kind.PASSKEY)
    return left


def _verdict(today: Without, phone: Without, mailbox: Without) -> Verdict:
    if not today.enough:
        return Verdict.NEVER
    match phone.enough, mailbox.enough:
        case True, True:
            return Verdict.READY
        case False, True:
            return Verdict.PHONE_STRANDS
        case True, False:
            return Verdict.MAILBOX_STRANDS
        case _:
            return Verdict.EITHER_STRANDS

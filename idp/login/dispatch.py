"""What comes next for an authorization request: one pure function over facts.

Facts are stored, the step is computed. No page sets a "next" and no flag says "done": RESPOND is *defined* as
"signed in, recently enough, by the right person, nothing in between, and allowed".
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Step(StrEnum):
    LOGIN = "login"
    #: Signed in, but weaker than is asked for; they have what is missing.
    FACTOR = "factor"
    #: They have to add a second factor first.
    ENROL = "enrol"
    #: A plug-in wants something first, such as registering a second way back in.
    INTERRUPT = "interrupt"
    CONSENT = "consent"
    RESPOND = "respond"
    #: `prompt=none` and something would have to be shown (OIDC Core 3.1.2.1).
    REFUSE = "refuse"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the application asked for, of what decides the next step."""

    prompts: frozenset[str] = frozenset()
    max_age: timedelta | None = None
    #: When the request arrived; a sign-in *for* it happens later.
    at: datetime
    #: The `sub` the application expects, by id_token_hint or the claims parameter; any of these. Empty: anybody's.
    expects_sub: frozenset[str] = frozenset()
    #: How strong the sign-in is to be: one of these, if it can be had (`acr_values`) …
    acr_values: frozenset[str] = frozenset()
    #: … and one of these, or it has failed (OIDC Core 5.5.1.1).
    essential_acr: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known of the person at this browser."""

    signed_in: bool = False
    sub: str = ""
    authenticated_at: datetime | None = None
    #: They signed in for this very request, which satisfies `prompt=login` and any `max_age` (P-02, P-03).
    signed_in_for_this: bool = False
    #: The `acr` values that the sign-in has; that it would have with a second factor of the person's; that it could
    #: have if they added one.
    reached: frozenset[str] = frozenset()
    within_reach: frozenset[str] = frozenset()
    enrollable: frozenset[str] = frozenset()
    #: The policy asks them to have a second factor, and they have none.
    must_enrol: bool = False
    #: The scopes asked for are covered by what they allowed before.
    consent_stands: bool = False
    #: They allowed it on the consent page of this very request, which satisfies `prompt=consent`.
    consented_to_this: bool = False
    interrupted: bool = False


@dataclass(frozen=True, kw_only=True)
class Next:
    """The step; for REFUSE the error code the application gets, and for INTERRUPT whose page it is."""

    step: Step
    error: str = ""
    page: str = ""


def next_step(asked: Asked, known: Known) -> Next:
    """The one decision. Every page leads back to it."""
    if needs_login(asked, known):
        wanted, error = Step.LOGIN, "login_required"
    elif stronger := _stronger(asked, known):
        wanted, error = stronger
    elif known.must_enrol:
        wanted, error = Step.ENROL, "interaction_required"
    elif known.interrupted:
        wanted, error = Step.INTERRUPT, "interaction_required"
    elif needs_consent(asked, known):
        wanted, error = Step.CONSENT, "consent_required"
    else:
        return Next(step=Step.RESPOND)
    if "none" in asked.prompts or wanted is Step.REFUSE:
        return Next(step=Step.REFUSE, error=error)
    return Next(step=wanted)


def needs_login(asked: Asked, known: Known) -> bool:
    if not known.signed_in or known.authenticated_at is None:
        return True
    if asked.expects_sub and known.sub not in asked.expects_sub:
        return True
    if known.signed_in_for_this:
        return False
    if asked.prompts & {"login", "select_account"}:
        return True
    # `max_age=0` is the same as `prompt=login`; ages are compared once, at the time the request arrived.
    return asked.max_age is not None and asked.at - known.authenticated_at >= asked.max_age


def missing_acr(asked: Asked, known: Known) -> frozenset[str]:
    """The `acr` values of which one is still to be reached; empty if the sign-in is as strong as was asked."""
    if asked.essential_acr and not asked.essential_acr & known.reached:
        return asked.essential_acr
    if asked.acr_values and not asked.acr_values & known.reached:
        return asked.acr_values
    return frozenset()


def _stronger(asked: Asked, known: Known) -> tuple[Step, str] | None:
    """What has to happen for a stronger sign-in. A wish that is out of reach is dropped; what is essential is not."""
    missing = missing_acr(asked, known)
    if missing & known.within_reach:
        return Step.FACTOR, "login_required"
    if not missing or missing != asked.essential_acr:
        return None
    if missing & known.enrollable:
        return Step.ENROL, "interaction_required"
    if not known.signed_in_for_this:
        # Perhaps they signed in another way than was asked: a passkey where a password is.
        return Step.LOGIN, "login_required"
    return Step.REFUSE, "unmet_authentication_requirements"


def needs_consent(asked: Asked, known: Known) -> bool:
    if known.consented_to_this:
        return False
    return "consent" in asked.prompts or not known.consent_stands

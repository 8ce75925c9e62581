"""What comes next for an authorization request: facts in, one step out."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from idp.login.dispatch import Asked, Known, Step, next_step

NOW = datetime(2026, 11, 23, 14, 20, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SOMEBODY = Known(signed_in=True, sub="jane", authenticated_at=NOW - 10 * MINUTE, consent_stands=True)


def asked(**changes):
    return Asked(**{"at": NOW, **changes})


def known(**changes):
    return Known(
        **{
            "signed_in": True,
            "sub": "jane",
            "authenticated_at": NOW - 10 * MINUTE,
            "consent_stands": True,
            **changes,
        },
    )


TABLE = [
    ("nobody is signed in", asked(), Known(), Step.LOGIN),
    ("signed in and allowed", asked(), SOMEBODY, Step.RESPOND),
    ("not allowed yet", asked(), known(consent_stands=False), Step.CONSENT),
    ("a plug-in wants something first", asked(), known(interrupted=True), Step.INTERRUPT),
    ("prompt=login asks again", asked(prompts=frozenset({"login"})), SOMEBODY, Step.LOGIN),
    ("… once", asked(prompts=frozenset({"login"})), known(signed_in_for_this=True), Step.RESPOND),
    ("prompt=select_account asks again", asked(prompts=frozenset({"select_account"})), SOMEBODY, Step.LOGIN),
    ("prompt=consent asks again", asked(prompts=frozenset({"consent"})), SOMEBODY, Step.CONSENT),
    ("… once", asked(prompts=frozenset({"consent"})), known(consented_to_this=True), Step.RESPOND),
    (
        "prompt=login consent: the sign-in first",
        asked(prompts=frozenset({"login", "consent"})),
        known(consented_to_this=True),
        Step.LOGIN,
    ),
    ("max_age is longer ago", asked(max_age=5 * MINUTE), SOMEBODY, Step.LOGIN),
    ("max_age is not yet reached", asked(max_age=11 * MINUTE), SOMEBODY, Step.RESPOND),
    ("max_age=0 asks again", asked(max_age=timedelta(0)), known(authenticated_at=NOW), Step.LOGIN),
    ("… and does not loop", asked(max_age=timedelta(0)), known(signed_in_for_this=True), Step.RESPOND),
    ("somebody else is expected", asked(expects_sub={"john"}), SOMEBODY, Step.LOGIN),
    ("… even after a sign-in for this", asked(expects_sub={"john"}), known(signed_in_for_this=True), Step.LOGIN),
    ("the one expected is here", asked(expects_sub={"jane"}), SOMEBODY, Step.RESPOND),
]


@pytest.mark.parametrize(("_why", "request_", "facts", "step"), TABLE, ids=[row[0] for row in TABLE])
def test_the_facts_lead_to_the_step(_why, request_, facts, step):
    assert next_step(request_, facts).step is step


ONE, TWO, PASSKEY = "one factor", "two factors", "a passkey"


def weak(**changes):
    """Signed in by password alone."""
    return known(reached=frozenset({ONE}), **changes)


def wished(*values, **changes):
    return asked(acr_values=frozenset(values), **changes)


def needed(*values, **changes):
    return asked(acr_values=frozenset(values), essential_acr=frozenset(values), **changes)


HAS_APP = {"within_reach": frozenset({ONE, TWO})}
COULD_HAVE = {"enrollable": frozenset({ONE, TWO, PASSKEY})}

STRONGER = [
    ("strong enough as it is", wished(ONE), weak(**HAS_APP), Step.RESPOND),
    ("one of several is enough", wished(PASSKEY, ONE), weak(**HAS_APP), Step.RESPOND),
    ("they have what is wished for", wished(TWO), weak(**HAS_APP), Step.FACTOR),
    ("they have one of what is wished for", wished(PASSKEY, TWO), weak(**HAS_APP), Step.FACTOR),
    ("they have what is needed", needed(TWO), weak(**HAS_APP), Step.FACTOR),
    ("… and showed it", needed(TWO), known(reached=frozenset({ONE, TWO})), Step.RESPOND),
    ("a wish out of reach is dropped", wished(PASSKEY), weak(**HAS_APP), Step.RESPOND),
    ("a wish makes nobody add anything", wished(TWO), weak(**COULD_HAVE), Step.RESPOND),
    ("what is needed can be added", needed(TWO), weak(**COULD_HAVE), Step.ENROL),
    ("… though they have another", needed(PASSKEY), weak(**HAS_APP, **COULD_HAVE), Step.ENROL),
    ("perhaps they sign in another way", needed(PASSKEY), weak(**HAS_APP), Step.LOGIN),
    ("… and if not, it has failed", needed(PASSKEY), weak(signed_in_for_this=True), Step.REFUSE),
    ("the sign-in comes first", needed(TWO, prompts=frozenset({"login"})), weak(**HAS_APP), Step.LOGIN),
    (
        "then the factor",
        needed(TWO, prompts=frozenset({"login"})),
        weak(signed_in_for_this=True, **HAS_APP),
        Step.FACTOR,
    ),
    ("before consent", wished(TWO), weak(consent_stands=False, **HAS_APP), Step.FACTOR),
    ("before what a plug-in wants", wished(TWO), weak(interrupted=True, **HAS_APP), Step.FACTOR),
    ("the policy asks for one", asked(), weak(must_enrol=True), Step.ENROL),
    ("… before consent", asked(), weak(must_enrol=True, consent_stands=False), Step.ENROL),
    ("… and before what a plug-in wants", asked(), weak(must_enrol=True, interrupted=True), Step.ENROL),
    ("… but not of nobody", asked(), Known(must_enrol=True), Step.LOGIN),
]


@pytest.mark.parametrize(("says", "request_", "facts", "step"), STRONGER, ids=[row[0] for row in STRONGER])
def test_how_strong_a_sign_in_has_to_be(says, request_, facts, step):
    assert next_step(request_, facts).step is step


@pytest.mark.parametrize(
    ("request_", "facts", "error"),
    [
        (wished(TWO), weak(**HAS_APP), "login_required"),
        (needed(TWO), weak(**COULD_HAVE), "interaction_required"),
        (needed(PASSKEY), weak(**HAS_APP), "login_required"),
        (needed(PASSKEY), weak(signed_in_for_this=True), "unmet_authentication_requirements"),
        (asked(), weak(must_enrol=True), "interaction_required"),
    ],
)
def test_prompt_none_says_what_would_have_to_be_shown(request_, facts, error):
    answer = next_step(replace(request_, prompts=frozenset({"none"})), facts)
    assert (answer.step, answer.error) == (Step.REFUSE, error)


@pytest.mark.parametrize(
    ("facts", "error"),
    [
        (Known(), "login_required"),
        (known(consent_stands=False), "consent_required"),
        (known(interrupted=True), "interaction_required"),
    ],
)
def test_prompt_none_never_shows_a_page(facts, error):
    """OIDC Core 3.1.2.1."""
    answer = next_step(asked(prompts=frozenset({"none"})), facts)
    assert (answer.step, answer.error) == (Step.REFUSE, error)


def test_prompt_none_answers_somebody_who_is_signed_in_and_allowed():
    assert next_step(asked(prompts=frozenset({"none"})), SOMEBODY).step is Step.RESPOND


def test_prompt_none_with_an_older_sign_in_than_max_age_says_so():
    answer = next_step(asked(prompts=frozenset({"none"}), max_age=MINUTE), SOMEBODY)
    assert answer.error == "login_required"

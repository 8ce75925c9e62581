"""The facts of a journey and the step they lead to: this table is the diagram in recovery/__init__.py."""

import itertools
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

import recovery
from recovery.domain.journey import Ending, Journey, Step, current_step, may_open
from recovery.domain.policy import RecoveryPolicy

NOW = datetime(2026, 11, 23, 14, 20, tzinfo=UTC)
POLICY = RecoveryPolicy()


def journey(**facts):
    return Journey(
        **{
            "id": UUID(int=1),
            "revision": 0,
            "interaction_id": "",
            "subject": UUID(int=2),
            "password_version": 1,
            "started_at": NOW,
            "expires_at": NOW + timedelta(minutes=30),
            **facts,
        },
    )


#: facts beyond a fresh journey → step. Read from top to bottom it is the way of one person.
TABLE = [
    ("a name was typed", {}, Step.PROBLEM),
    ("the problem is known", {"problem": "forgot"}, Step.METHOD),
    ("a method was chosen", {"problem": "forgot", "method": "email"}, Step.ADDRESS),
    ("a code is on its way", {"problem": "forgot", "method": "email", "challenged": True}, Step.CODE),
    ("the code was right", {"problem": "forgot", "method": "email", "proven": frozenset({"email"})}, Step.NEW_PASSWORD),
    ("the password is new", {"problem": "forgot", "proven": frozenset(), "ending": Ending.DONE}, Step.DONE),
    ("the code was right, the password known", {"problem": "locked", "proven": frozenset({"email"})}, Step.UNLOCK),
    ("the password was kept", {"problem": "locked", "proven": frozenset(), "ending": Ending.DONE}, Step.DONE),
    ("all tries are used up", {"problem": "forgot", "ending": Ending.TRIES}, Step.ENDED),
    ("begun anew elsewhere", {"problem": "forgot", "ending": Ending.SUPERSEDED}, Step.ENDED),
    ("the password changed meanwhile", {"problem": "forgot", "ending": Ending.STALE}, Step.ENDED),
    ("time ran out", {"problem": "forgot", "expires_at": NOW}, Step.ENDED),
    ("proven, but time ran out", {"problem": "forgot", "proven": frozenset({"email"}), "expires_at": NOW}, Step.ENDED),
    ("locked, and nothing proven yet", {"problem": "locked"}, Step.METHOD),
    ("locked, and time ran out", {"problem": "locked", "proven": frozenset({"email"}), "expires_at": NOW}, Step.ENDED),
    ("locked, but a new password too", {"problem": "forgot", "proven": frozenset({"email"})}, Step.NEW_PASSWORD),
    ("a proof before a problem", {"proven": frozenset({"email"})}, Step.PROBLEM),
    ("a problem that is not offered", {"problem": "intruder"}, Step.PROBLEM),
    ("a method that is not offered", {"problem": "forgot", "method": "sms", "challenged": True}, Step.METHOD),
    ("proven by what is not offered", {"problem": "forgot", "proven": frozenset({"sms"})}, Step.METHOD),
]


@pytest.mark.parametrize(("_why", "facts", "step"), TABLE, ids=[row[0] for row in TABLE])
def test_the_facts_lead_to_the_step(_why, facts, step):
    assert current_step(journey(**facts), POLICY, now=NOW) is step


def test_nobody_is_asked_who_they_are():
    assert current_step(None, POLICY, now=NOW) is Step.IDENTIFY


def test_a_decoy_walks_the_same_steps():
    for _why, facts, step in TABLE:
        assert current_step(journey(**facts, subject=None), POLICY, now=NOW) is step


def test_both_ends_need_as_many_methods_as_the_policy_asks():
    """All combinations of facts: either appears exactly where enough is proven and nothing has ended."""
    two = RecoveryPolicy(methods=("email", "sms"), proofs_required=2)
    everything = itertools.product(
        ("", "forgot", "locked", "intruder"),
        ("", "email", "sms", "carrier pigeon"),
        (False, True),
        (frozenset(), frozenset({"email"}), frozenset({"sms"}), frozenset({"email", "sms"}), frozenset({"x", "email"})),
        (None, *Ending),
        (NOW + timedelta(minutes=1), NOW),
        (POLICY, two),
    )
    for problem, method, challenged, proven, ending, expires_at, policy in everything:
        facts = journey(
            problem=problem,
            method=method,
            challenged=challenged,
            proven=proven,
            ending=ending,
            expires_at=expires_at,
        )
        enough = len(proven & set(policy.methods)) >= policy.proofs_required
        allowed = enough and ending is None and expires_at > NOW
        step = current_step(facts, policy, now=NOW)
        assert (step is Step.NEW_PASSWORD) == (allowed and problem == "forgot")
        assert (step is Step.UNLOCK) == (allowed and problem == "locked")


def test_one_may_go_back_but_never_ahead():
    order = [Step.PROBLEM, Step.METHOD, Step.ADDRESS, Step.CODE]
    for page, step in itertools.product(Step, Step):
        back = page in order and step in order and order.index(page) <= order.index(step)
        assert may_open(page, step) == (page is step or back)


def diagram():
    """The table above as a drawing."""
    lines = ["stateDiagram-v2", "    [*] --> identify"]
    drawn = [Step.IDENTIFY]
    for why, _facts, step in TABLE[:6]:
        lines.append(f"    {drawn[-1]} --> {step}: {why}")
        drawn.append(step)
    unlock, kept = TABLE[6:8]
    lines.append(f"    code --> {unlock[2]}: {unlock[0]}")
    lines.append(f"    {unlock[2]} --> password: a new one is wanted too")
    lines.append(f"    {unlock[2]} --> {kept[2]}: {kept[0]}")
    lines += [f"    code --> ended: {why}" for why, _facts, step in TABLE[8:12]]
    lines.append("    done --> [*]: sign in, and back to the application")
    return "\n".join(lines)


def test_the_drawing_in_the_package_is_this_table():
    assert diagram() in recovery.__doc__, f"Put this into recovery/__init__.py:\n\n{diagram()}"

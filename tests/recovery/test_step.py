"""The facts of a journey and the step they lead to: this table is the diagram in recovery/__init__.py."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

import recovery
from recovery.domain.journey import Ending, Journey, Step, current_step, is_enough, may_open, open_ways
from recovery.domain.policy import PROBLEMS, RecoveryPolicy
from recovery.domain.ways import WAYS, Root, Standing, offered, plan_for, roots

NOW = datetime(2026, 11, 23, 14, 20, tzinfo=UTC)
POLICY = RecoveryPolicy()
EVERYTHING = RecoveryPolicy(methods=("email", "sms", "totp", "passkey", "recovery-code"))


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


#: Somebody with an address and nothing else; the same with a telephone or an app; and who administers the tenant.
PLAIN = Standing(ways=frozenset({"email", "password"}))
TWO_WAYS = Standing(ways=frozenset({"email", "recovery-code", "password"}), factors=frozenset())
WITH_APP = Standing(ways=frozenset({"email", "totp", "password"}), factors=frozenset({Root.DEVICE}))
ADMIN = replace(WITH_APP, administrator=True)
MAIL, NOTHING = frozenset({"email"}), frozenset()


def stands(standing, **facts):
    """Facts of somebody who has proved something: how the account stands counts from there on."""
    return {"standing": standing, "plan": plan_for(standing, POLICY), **facts}


#: facts beyond a fresh journey → step. Read from top to bottom it is the way of one person.
TABLE = [
    ("a name was typed", {}, Step.PROBLEM),
    ("the problem is known", {"problem": "forgot"}, Step.METHOD),
    ("a method was chosen", {"problem": "forgot", "method": "email"}, Step.ADDRESS),
    ("a code is on its way", {"problem": "forgot", "method": "email", "challenged": True}, Step.CODE),
    ("enough was proven", stands(PLAIN, problem="forgot", method="email", proven=MAIL), Step.NEW_PASSWORD),
    ("the password is new", {"problem": "forgot", "ending": Ending.DONE}, Step.DONE),
    ("enough was proven, the password known", stands(PLAIN, problem="locked", proven=MAIL), Step.UNLOCK),
    ("the password was kept", {"problem": "locked", "ending": Ending.DONE}, Step.DONE),
    ("all tries are used up", {"problem": "forgot", "ending": Ending.TRIES}, Step.ENDED),
    ("begun anew", {"problem": "forgot", "ending": Ending.SUPERSEDED}, Step.ENDED),
    ("finished elsewhere", {"problem": "forgot", "ending": Ending.ELSEWHERE}, Step.ENDED),
    ("the password changed meanwhile", {"problem": "forgot", "ending": Ending.STALE}, Step.ENDED),
    ("time ran out", {"problem": "forgot", "expires_at": NOW}, Step.ENDED),
    ("proven, but time ran out", stands(PLAIN, problem="forgot", proven=MAIL, expires_at=NOW), Step.ENDED),
    ("locked, and nothing proven yet", {"problem": "locked"}, Step.METHOD),
    ("locked, and time ran out", stands(PLAIN, problem="locked", proven=MAIL, expires_at=NOW), Step.ENDED),
    ("a proof before a problem", stands(PLAIN, proven=MAIL), Step.PROBLEM),
    ("a problem that is not offered", {"problem": "boredom"}, Step.PROBLEM),
    ("a method that is not offered", {"problem": "forgot", "method": "sms", "challenged": True}, Step.METHOD),
    ("a password towards another password", {"problem": "forgot", "method": "password"}, Step.METHOD),
    ("an app was chosen", {"problem": "forgot", "method": "totp"}, Step.CODE),
    ("a saved code was chosen", {"problem": "forgot", "method": "recovery-code"}, Step.CODE),
    ("a passkey was chosen", {"problem": "forgot", "method": "passkey"}, Step.PASSKEY),
    ("a known password was chosen", {"problem": "lost-factor", "method": "password"}, Step.CURRENT_PASSWORD),
    ("two ways, and one was proven", stands(TWO_WAYS, problem="forgot", proven=MAIL), Step.METHOD),
    (
        "two ways, and both were proven",
        stands(TWO_WAYS, problem="forgot", proven=frozenset({"email", "recovery-code"})),
        Step.NEW_PASSWORD,
    ),
    ("two ways, and locked: one is enough", stands(TWO_WAYS, problem="locked", proven=MAIL), Step.UNLOCK),
    ("sign-in still asks for the app", stands(WITH_APP, problem="forgot", proven=MAIL), Step.NEW_PASSWORD),
    (
        "the app, which sign-in will ask for: whoever has the phone has both",
        stands(WITH_APP, problem="forgot", proven=frozenset({"totp"})),
        Step.METHOD,
    ),
    (
        "the app, and there is nothing else",
        stands(replace(WITH_APP, ways=frozenset({"totp"})), problem="forgot", proven=frozenset({"totp"})),
        Step.STRANDED,
    ),
    ("the phone is lost, and one is proven", stands(WITH_APP, problem="lost-factor", proven=MAIL), Step.METHOD),
    (
        "the phone is lost, and the password is one",
        stands(WITH_APP, problem="lost-factor", proven=frozenset({"email", "password"})),
        Step.NEW_FACTOR,
    ),
    (
        "a password that was proven is worth nothing towards another",
        stands(TWO_WAYS, problem="forgot", proven=frozenset({"email", "password"})),
        Step.METHOD,
    ),
    ("an administrator, and one is proven", stands(ADMIN, problem="locked", proven=MAIL), Step.METHOD),
    (
        "an administrator, and both are proven",
        stands(ADMIN, problem="forgot", proven=frozenset({"email", "totp"})),
        Step.NEW_PASSWORD,
    ),
    (
        "an administrator needs something in their own hands",
        stands(
            replace(ADMIN, ways=frozenset({"email", "sms", "totp"})),
            problem="forgot",
            proven=frozenset({"email", "sms"}),
        ),
        Step.METHOD,
    ),
    ("somebody else is in, and one is proven", stands(TWO_WAYS, problem="intruder", proven=MAIL), Step.METHOD),
    ("somebody else is in, and there is one way", stands(PLAIN, problem="intruder", proven=MAIL), Step.NEW_PASSWORD),
    (
        "a second way was taken out meanwhile: what it took, it still takes",
        {"problem": "forgot", "proven": MAIL, "plan": plan_for(TWO_WAYS, POLICY), "standing": PLAIN},
        Step.STRANDED,
    ),
    (
        "a second way was added meanwhile: it was not in the plan, and it raises what it takes",
        {"problem": "forgot", "proven": MAIL, "plan": plan_for(PLAIN, POLICY), "standing": TWO_WAYS},
        Step.STRANDED,
    ),
]


@pytest.mark.parametrize(("_why", "facts", "step"), TABLE, ids=[row[0] for row in TABLE])
def test_the_facts_lead_to_the_step(_why, facts, step):
    assert current_step(journey(**facts), POLICY, now=NOW) is step


def test_nobody_is_asked_who_they_are():
    assert current_step(None, POLICY, now=NOW) is Step.IDENTIFY


def test_a_decoy_walks_the_same_steps():
    """Until something is proven, which a decoy never does."""
    for _why, facts, step in TABLE:
        if not facts.get("proven"):
            assert current_step(journey(**facts, subject=None), POLICY, now=NOW) is step


KINDS = {
    "plain": PLAIN,
    "two ways": TWO_WAYS,
    "with an app": WITH_APP,
    "administrator": ADMIN,
    "with everything": Standing(ways=frozenset(WAYS), factors=frozenset({Root.DEVICE, Root.SAVED_CODE})),
    "with nothing": Standing(),
}
SUBSETS = [frozenset(some) for size in range(4) for some in itertools.combinations(WAYS, size)]


@pytest.mark.parametrize("standing", KINDS.values(), ids=KINDS)
def test_two_proofs_never_share_a_root(standing):
    """Whatever was shown: what counts are roots, and what may be chosen next stands on another."""
    for problem, proven in itertools.product(PROBLEMS, SUBSETS):
        facts = journey(**stands(standing, problem=problem, proven=proven))
        used = roots(proven)
        for way in open_ways(facts, EVERYTHING):
            assert WAYS[way].root not in used
            assert way in standing.ways
        twin = {"totp": "passkey", "passkey": "totp"}
        more = proven | {twin[each] for each in proven & set(twin)}
        doubled = journey(**stands(standing, problem=problem, proven=more))
        assert is_enough(doubled, EVERYTHING) == is_enough(facts, EVERYTHING), "an app beside a passkey adds nothing"


POLICIES = {
    "as it comes": POLICY,
    "everything": EVERYTHING,
    "one for everybody": RecoveryPolicy(methods=EVERYTHING.methods, proofs_without_second_factor=1),
    "as strict as can be": RecoveryPolicy(
        methods=EVERYTHING.methods,
        proofs_with_second_factor=2,
        proofs_to_unlock=2,
        proofs_to_replace_a_factor=3,
        proofs_of_administrators=3,
    ),
    "by mail alone": RecoveryPolicy(methods=("email",), problems=("forgot", "locked")),
}


def asked_of(standing, problem, policy):
    """How many roots it takes, written down once more, apart from the code."""
    if standing.administrator:
        return policy.proofs_of_administrators
    if problem in ("locked", "lost-factor"):
        return {"locked": policy.proofs_to_unlock, "lost-factor": policy.proofs_to_replace_a_factor}[problem]
    if standing.factors:
        return policy.proofs_with_second_factor
    has = len(roots(standing.ways & set(policy.methods)))
    return min(policy.proofs_without_second_factor, max(has, 1))


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
@pytest.mark.parametrize("standing", KINDS.values(), ids=KINDS)
def test_each_end_is_reached_with_exactly_the_proofs_that_the_policy_asks(standing, policy):
    """All problems, all sets of proofs however they were come by, all ends, and time: enough, and nothing less."""
    for problem, proven, ending, expires_at in itertools.product(
        PROBLEMS, SUBSETS, (None, *Ending), (NOW + timedelta(minutes=1), NOW)
    ):
        plan = plan_for(standing, policy)
        facts = journey(
            problem=problem, proven=proven, ending=ending, expires_at=expires_at, standing=standing, plan=plan
        )
        counts = set(policy.methods) | ({"password"} if problem == "lost-factor" else set())
        shown = roots(proven & counts)
        enough = len(shown) >= asked_of(standing, problem, policy)
        enough = enough and not (standing.administrator and not shown & {Root.DEVICE, Root.SAVED_CODE})
        if problem in ("forgot", "intruder") and standing.factors:
            enough = enough and (len(shown) > 1 or bool(shown - standing.factors))
        allowed = enough and ending is None and expires_at > NOW and problem in policy.problems
        ends = {"locked": Step.UNLOCK, "lost-factor": Step.NEW_FACTOR}
        step = current_step(facts, policy, now=NOW)
        assert (step in (Step.NEW_PASSWORD, Step.UNLOCK, Step.NEW_FACTOR)) == allowed
        assert not allowed or step is ends.get(problem, Step.NEW_PASSWORD)


def test_before_a_proof_every_account_is_offered_the_same():
    for problem, standing in itertools.product(PROBLEMS, KINDS.values()):
        facts = journey(problem=problem, plan=plan_for(standing, POLICY))
        assert open_ways(facts, POLICY) == offered(problem, POLICY)
        assert not is_enough(facts, POLICY)


def test_one_may_go_back_but_never_ahead():
    order = [Step.PROBLEM, Step.METHOD, Step.ADDRESS, Step.CODE]
    no_address = {Step.PASSKEY: Step.ADDRESS, Step.CURRENT_PASSWORD: Step.ADDRESS}
    for page, step in itertools.product(Step, Step):
        at = no_address.get(step, step)
        back = page in order and at in order and order.index(page) < order.index(at)
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
    lines.append("    code --> factor: enough was proven, a second factor lost")
    lines.append("    factor --> done: the new one works")
    lines.append("    code --> method: one more check is asked for")
    lines.append("    code --> stranded: one more check is asked for, and there is none")
    lines += [f"    code --> ended: {why}" for why, _facts, step in TABLE[8:13]]
    lines.append("    done --> [*]: sign in, and back to the application")
    return "\n".join(lines)


def test_the_drawing_in_the_package_is_this_table():
    assert diagram() in recovery.__doc__, f"Put this into recovery/__init__.py:\n\n{diagram()}"

"""What a code and a proof are good for: one journey, browser, account, address, purpose, version. Nothing else."""

import itertools
import uuid
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from idp import otp
from idp.accounts import credentials
from idp.accounts.password_change import ProofStale, change_password
from idp.accounts.proofs import PROOF_LIFETIME, Earned, Proof
from idp.audit.events import Origin
from idp.conf import policy as idp_policy
from idp.models import AuditEntry, Credential, SignIn, User
from idp.plugins import keys
from recovery import codes, flow, journeys, proof
from recovery.conf import policy
from recovery.domain.journey import Step
from recovery.models import Challenge, Journey, JourneyProof
from tests.conftest import NEW_PASSWORD, PASSWORD, make_person
from tests.recovery.walk import challenge_of, journey_of, key_of, letter, walk_to
from tests.story import Person, code_in, post_office

COOKIE = "__Host-regain-recovery"
ANOTHER_PASSWORD = "seven grey herons on a pier"


# --- A code -----------------------------------------------------------------------------------------------


def walkers():
    """Journeys that differ in one thing each, at the page of their code, with the code that was sent for it."""
    make_person(addresses=["jane@contoso.example", "jane@home.example"])
    make_person("john", email="john@contoso.example", addresses=["john@contoso.example", "shared@contoso.example"])
    make_person("joan", email="joan@contoso.example", addresses=["joan@contoso.example", "shared@contoso.example"])
    ways = {
        "jane": ("jane", "jane@contoso.example"),
        "jane, in another browser": ("jane", "jane@contoso.example"),
        "jane, by her e-mail": ("jane@contoso.example", "jane@contoso.example"),
        "jane, at another address": ("jane", "jane@home.example"),
        "john": ("john", "john@contoso.example"),
        "john, at an address he shares": ("john", "shared@contoso.example"),
        "joan, at an address she shares": ("joan", "shared@contoso.example"),
    }
    return {
        name: (walk_to(Step.CODE, identifier=identifier, address=address), letter())
        for name, (identifier, address) in ways.items()
    }


def test_a_code_opens_the_journey_it_was_sent_for_and_no_other(db):
    everybody = walkers()
    assert len({code for _person, code in everybody.values()}) == len(everybody)
    for (name, (person, _own)), (other, (_person, code)) in itertools.permutations(everybody.items(), 2):
        Challenge.objects.update(tries_used=0)
        person.open("/recovery/code/")
        person.submit(code=code)
        assert person.page.name == "recovery-code", f"the code of {other} was good for {name}"
    assert not JourneyProof.objects.exists()
    for person, code in everybody.values():
        person.open("/recovery/code/")
        person.submit(code=code)
        assert person.page.name == "recovery-new-password"
    assert JourneyProof.objects.count() == len(everybody)


def derivations(challenge, subject):
    """The code of a challenge, and what would be one if any part of what it is derived from did not matter."""
    parts = {
        "challenge": challenge.id.bytes,
        "account": subject.bytes,
        "purpose": "recovery",
        "address": challenge.address.bytes,
        "version": challenge.address_version,
        "nonce": bytes(challenge.nonce),
    }
    changes = {
        "": {},
        "another challenge": {"challenge": uuid.uuid4().bytes},
        "another account": {"account": uuid.uuid4().bytes},
        "to sign in": {"purpose": "sign-in"},
        "to change an address": {"purpose": "address"},
        "to activate": {"purpose": "activation"},
        "for no purpose": {"purpose": ""},
        "another address": {"address": uuid.uuid4().bytes},
        "the same address, verified anew": {"version": challenge.address_version + 1},
        "another asking": {"nonce": bytes(16)},
    }
    found = {}
    for name, change in changes.items():
        made_with = {**parts, **change}
        key = keys.derive("recovery-otp", *made_with.values(), key_id=challenge.key_id, length=20)
        found[name] = otp.code(key, challenge.generation, digits=8)
    for label in ("sign-in-otp", "recovery-proof", "credential", "recovery-ot", ""):
        key = keys.derive(label, *parts.values(), key_id=challenge.key_id, length=20)
        found[f"under the label {label!r}"] = otp.code(key, challenge.generation, digits=8)
    key = keys.derive("recovery-otp", *parts.values(), key_id="t1", length=20)
    found["with another root key"] = otp.code(key, challenge.generation, digits=8)
    key = keys.derive("recovery-otp", *parts.values(), key_id=challenge.key_id, length=20)
    for generation in (0, 2, 3, 10_000_000):
        found[f"of message {generation}"] = otp.code(key, generation, digits=8)
    return found


def test_a_code_made_for_anything_else_is_not_the_code(jane):
    person = walk_to(Step.CODE)
    sent = letter()
    found = derivations(challenge_of(person), jane.pk)
    assert found.pop("") == sent.replace(" ", "")
    for name, code in found.items():
        Challenge.objects.update(tries_used=0)
        person.submit(code=code)
        assert person.page.name == "recovery-code", name
        assert challenge_of(person).tries_used == 1, name
    Challenge.objects.update(tries_used=0)
    person.submit(code=sent)
    assert person.page.name == "recovery-new-password"


def test_a_code_is_good_once(jane):
    person = walk_to(Step.CODE)
    code = letter()
    form = person.page
    person.submit(code=code)
    person.page = form
    person.submit(code=code)
    assert person.page.name == "recovery-new-password", "that is where the journey stands already"
    assert JourneyProof.objects.count() == 1
    row = journey_of(person)
    tried = codes.try_answer(row, "email", code.replace(" ", ""), policy().otp, now=timezone.now())
    assert tried is None


def test_a_code_outlives_a_new_root_key(jane, settings):
    """The worker and the page may have been started before and after it."""
    person = walk_to(Step.CODE)
    code = letter()
    settings.ROOT_KEYS = (("t3", bytes(32)), *settings.ROOT_KEYS)
    person.submit(code=code)
    assert person.page.name == "recovery-new-password"


# --- A browser --------------------------------------------------------------------------------------------


def test_a_journey_is_its_browsers(jane):
    walk_to(Step.CODE)
    code = letter()
    stranger = Person(address="198.51.100.7")
    stranger.open("/recovery/")
    for page in ("problem", "method", "address", "code", "password", "done", "ended"):
        assert stranger.open(f"/recovery/{page}/").name == "recovery-identify"
    stranger.submit(code=code)
    assert not JourneyProof.objects.exists()


@pytest.mark.parametrize("value", ["", "x", "{id}", "{hash}", "null", "0", "' OR 1=1 --", "a" * 10_000])
def test_a_made_up_key_finds_no_journey(jane, value):
    row = journey_of(walk_to(Step.NEW_PASSWORD))
    stranger = Person(address="198.51.100.7")
    stranger.http.cookies[COOKIE] = value.format(id=row.pk, hash=row.browser_hash)
    assert stranger.open("/recovery/password/").name == "recovery-identify"


def test_a_key_copied_before_the_proof_is_dead_after_it(jane):
    """Whoever planted it in this browser, or read it there, is left with nothing."""
    person = walk_to(Step.CODE)
    planted = key_of(person)
    person.submit(code=letter())
    assert person.page.name == "recovery-new-password"
    assert key_of(person) != planted
    thief = Person(address="198.51.100.7")
    thief.http.cookies[COOKIE] = planted
    for page in ("password", "code", "done"):
        assert thief.open(f"/recovery/{page}/").name == "recovery-identify"
    person.submit(new_password=NEW_PASSWORD)
    assert person.page.name == "recovery-done"


def test_a_journey_planted_in_somebodys_browser_does_not_get_their_account(jane, db):
    """The attacker begins for their own account; the victim, in that browser, begins for theirs."""
    make_person("mallory", email="mallory@evil.example")
    mallory = walk_to(Step.CODE, identifier="mallory", address="mallory@evil.example")
    planted = key_of(mallory)
    victim = Person(address="198.51.100.7")
    victim.http.cookies[COOKIE] = planted
    victim.open("/recovery/?again=1")
    victim.submit(identifier="jane")
    assert key_of(victim) != planted
    victim.submit(problem="forgot")
    victim.submit(method="email")
    victim.submit(address="jane@contoso.example")
    victim.submit(code=letter())
    assert victim.page.name == "recovery-new-password"
    assert mallory.open("/recovery/code/").name == "recovery-ended"


# --- A proof ----------------------------------------------------------------------------------------------


def copy_of(row, **changes):
    row.pk = uuid.uuid4()
    row._state.adding = True
    return altered(row, **changes)


def altered(row, **changes):
    for name, value in changes.items():
        setattr(row, name, value)
    return row


#: Each brings a journey without a proof, and a genuine proof of another; and says what is made of it by SQL.
FORGERIES = {
    "moved to this journey": lambda row, journey: altered(row, journey=journey, browser_hash=journey.browser_hash),
    "copied to this journey": lambda row, journey: copy_of(row, journey=journey, browser_hash=journey.browser_hash),
    "moved, and of this account": lambda row, journey: altered(
        row, journey=journey, browser_hash=journey.browser_hash, user=journey.subject
    ),
    "moved, of another browser": lambda row, journey: altered(row, journey=journey),
    "a made-up seal": lambda row, journey: copy_of(
        row, journey=journey, browser_hash=journey.browser_hash, user=journey.subject, seal="t2.AAAA"
    ),
    "no seal": lambda row, journey: copy_of(
        row, journey=journey, browser_hash=journey.browser_hash, user=journey.subject, seal=""
    ),
    "a seal under another label": lambda row, journey: sealed_as("credential", row, journey),
    "a seal by a key that is gone": lambda row, journey: copy_of(
        row, journey=journey, browser_hash=journey.browser_hash, user=journey.subject, seal="t9." + "A" * 43
    ),
}


def sealed_as(label, row, journey):
    made = copy_of(row, journey=journey, browser_hash=journey.browser_hash, user=journey.subject)
    made.seal = keys.seal(label, *proof._parts(made))
    return made


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
@pytest.mark.parametrize("whose", ["of somebody else", "of the same account"])
def test_a_proof_written_by_sql_does_not_count(jane, forge, whose):
    make_person("mallory", email="mallory@evil.example")
    if whose == "of somebody else":
        walk_to(Step.NEW_PASSWORD, identifier="mallory", address="mallory@evil.example", person=Person())
    else:
        walk_to(Step.NEW_PASSWORD, person=Person())
    genuine = JourneyProof.objects.get()
    person = walk_to(Step.CODE, person=Person(address="198.51.100.7"))
    forge(genuine, journey_of(person)).save()
    assert person.open("/recovery/password/").name == "recovery-code"


ALTERATIONS = {
    "of another account": {"user": uuid.UUID(int=7)},
    "by another method": {"method": "sms"},
    "for another purpose": {"purpose": "sign-in"},
    "at another address": {"thing": uuid.UUID(int=7)},
    "at another version of the address": {"thing_version": 2},
    "in another browser": {"browser_hash": "0" * 64},
    "at another time": {"created_at": timezone.now() + timedelta(hours=1)},
    "without its seal": {"seal": ""},
    "used up": {"consumed_at": timezone.now()},
}


@pytest.mark.parametrize("change", ALTERATIONS.values(), ids=ALTERATIONS)
def test_a_proof_that_was_altered_does_not_count(jane, change):
    person = walk_to(Step.NEW_PASSWORD)
    JourneyProof.objects.update(**change)
    assert person.open("/recovery/password/").name in ("recovery-method", "recovery-address")
    assert Credential.objects.get(user=jane).version == 1


def test_a_journey_made_somebody_elses_carries_no_proof(jane):
    make_person("mallory", email="mallory@evil.example")
    person = walk_to(Step.NEW_PASSWORD, identifier="mallory", address="mallory@evil.example")
    Journey.objects.update(subject=jane.pk)
    assert person.open("/recovery/password/").name in ("recovery-method", "recovery-address")


def test_a_journey_given_another_browser_carries_no_proof(jane):
    """Its key's hash is written over by the hash of a key the attacker has."""
    walk_to(Step.NEW_PASSWORD)
    Journey.objects.update(browser_hash=keys.fingerprint("the attacker's key"))
    thief = Person(address="198.51.100.7")
    thief.http.cookies[COOKIE] = "the attacker's key"
    assert thief.open("/recovery/password/").name in ("recovery-method", "recovery-address")


def test_without_enough_proven_no_proof_of_the_password_is_minted(jane):
    person = walk_to(Step.CODE)
    held = journeys.load(key_of(person), now=timezone.now())
    with pytest.raises(proof.Unearned):
        proof.mint(held.facts, policy(), now=timezone.now())
    decoy = walk_to(Step.CODE, identifier="nobody", address="nobody@contoso.example")
    with pytest.raises(proof.Unearned):
        proof.mint(journeys.load(key_of(decoy), now=timezone.now()).facts, policy(), now=timezone.now())


# --- What a proof replaces --------------------------------------------------------------------------------


def spend(jane, *, replaces, raw, now, **changes):
    earned = Proof(
        **{
            "user": jane.pk,
            "kind": "password",
            "replaces": replaces,
            "earned": Earned.RECOVERY,
            "source": uuid.uuid4(),
            "expires_at": now + PROOF_LIFETIME,
            **changes,
        },
    )
    return change_password(earned, raw, proved_by="email", policy=idp_policy(), origin=Origin(), now=now), earned


def test_a_finished_journey_is_not_used_again(jane):
    person = walk_to(Step.NEW_PASSWORD)
    form = person.page
    person.submit(new_password=NEW_PASSWORD)
    person.page = form
    person.submit(new_password=ANOTHER_PASSWORD)
    assert person.page.name == "recovery-done"
    assert Credential.objects.get(user=jane).version == 2
    Journey.objects.update(ending="", password_version=2)
    assert person.open("/recovery/password/").name != "recovery-new-password", "its proof is used up"


def test_one_recovery_ends_the_others_of_the_account(jane):
    first = walk_to(Step.NEW_PASSWORD)
    second = walk_to(Step.NEW_PASSWORD, person=Person(address="198.51.100.7"))
    first.submit(new_password=NEW_PASSWORD)
    assert first.page.name == "recovery-done"
    assert journey_of(second).ending == "elsewhere", "at once, and not when it is used"
    second.submit(new_password=ANOTHER_PASSWORD)
    assert second.page.name == "recovery-ended"
    row = Credential.objects.get(user=jane)
    assert row.version == 2
    assert credentials.verify_password(jane, row, NEW_PASSWORD, now=timezone.now())


def test_a_proof_dies_with_the_password_it_replaces(jane):
    """The password was changed some other way than by a recovery, which knows of no journeys."""
    person = walk_to(Step.NEW_PASSWORD)
    changed, _proof = spend(jane, replaces=1, raw=ANOTHER_PASSWORD, now=timezone.now())
    assert changed.addresses_told.addresses == 1
    before = Credential.objects.values().get(user=jane)
    person.submit(new_password=NEW_PASSWORD)
    assert person.page.name == "recovery-ended"
    assert Credential.objects.values().get(user=jane) == before
    assert "Your password was changed meanwhile" in person.page


def test_a_proof_is_spent_once(jane):
    now = timezone.now()
    _changed, earned = spend(jane, replaces=1, raw=NEW_PASSWORD, now=now)
    before = Credential.objects.values().get(user=jane)
    again = change_password(earned, ANOTHER_PASSWORD, proved_by="email", policy=idp_policy(), origin=Origin(), now=now)
    assert isinstance(again, ProofStale)
    assert Credential.objects.values().get(user=jane) == before
    assert AuditEntry.objects.filter(name="idp.credential.written", details__version=2).count() == 1


@pytest.mark.parametrize(
    "changes",
    [{"replaces": 0}, {"replaces": 2}, {"kind": "totp"}, {"expires_at": timezone.now() - timedelta(seconds=1)}],
    ids=["a first password", "a version to come", "another kind", "out of time"],
)
def test_a_proof_of_anything_else_replaces_nothing(jane, changes):
    before = Credential.objects.values().get(user=jane)
    outcome, _proof = spend(jane, now=timezone.now(), raw=NEW_PASSWORD, **{"replaces": 1, **changes})
    assert isinstance(outcome, ProofStale)
    assert Credential.objects.values().get(user=jane) == before


def test_a_refused_password_costs_no_proof(jane):
    person = walk_to(Step.NEW_PASSWORD)
    person.submit(new_password="short")
    assert JourneyProof.objects.get().consumed_at is None
    person.submit(new_password=NEW_PASSWORD)
    assert person.page.name == "recovery-done"


# --- An account -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [User.Status.SUSPENDED, User.Status.FROZEN, User.Status.DELETED])
@pytest.mark.parametrize("step", [Step.IDENTIFY, Step.CODE, Step.NEW_PASSWORD])
def test_recovery_of_an_account_that_may_not_sign_in_never_ends_in_access(jane, status, step):
    person = walk_to(step)
    code = letter() if step is Step.CODE else ""
    User.objects.update(status=status)
    if step is Step.IDENTIFY:
        walk_to(Step.CODE, person=person)
        assert post_office() == []
    elif step is Step.CODE:
        person.submit(code=code)
        person.submit(new_password=NEW_PASSWORD)
        assert person.page.name == "recovery-ended"
    else:
        person.submit(new_password=NEW_PASSWORD)
        assert person.page.name == "recovery-ended"
    assert Credential.objects.get(user=jane).version == 1
    person.open("/sign-in")
    for password in (PASSWORD, NEW_PASSWORD):
        person.submit(username="jane", password=password)
        assert person.page.name == "sign-in"
    assert not SignIn.objects.exists()


def test_two_tabs_are_one_recovery(jane):
    """One browser, two windows: the second shows where the first one is."""
    one = walk_to(Step.CODE)
    two = Person()
    two.http.cookies = one.http.cookies
    two.open("/recovery/")
    assert two.page.name == "recovery-code"
    code = letter()
    one.submit(code=code)
    two.submit(code=code)
    assert two.page.name == "recovery-new-password"
    two.submit(new_password=NEW_PASSWORD)
    one.submit(new_password=ANOTHER_PASSWORD)
    assert one.page.name == "recovery-done"
    assert Credential.objects.get(user=jane).version == 2


def test_a_slow_tab_changes_nothing_of_a_journey_that_went_on(jane):
    person = walk_to(Step.METHOD)
    slow = journeys.load(key_of(person), now=timezone.now())
    person.submit(method="email")
    person.submit(address="jane@contoso.example")
    with pytest.raises(journeys.Moved):
        flow.choose_problem(slow, "forgot")
    assert person.open("/recovery/code/").name == "recovery-code"


def test_a_letter_for_an_address_given_up_meanwhile_is_not_sent(db):
    make_person(addresses=["jane@contoso.example", "jane@home.example"])
    with time_machine.travel(timezone.now(), tick=False):
        person = walk_to(Step.CODE)
        person.open("/recovery/address/")
        person.submit(address="jane@home.example")
        (sent,) = post_office()
    assert sent.to == ["jane@home.example"]
    person.submit(code=code_in(sent))
    assert person.page.name == "recovery-new-password"

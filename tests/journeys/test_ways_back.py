"""Every way of proving, alone and two together: what is enough for whom, and what it does."""

import itertools
import re
from base64 import b32decode
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from idp.factors import tries
from idp.factors.tries import Paused
from idp.models import AuditEntry, Credential, Message, SpentCode, User
from recovery.domain.policy import RecoveryPolicy
from recovery.models import JourneyProof
from tests.authenticator import Authenticator, options
from tests.conftest import NEW_PASSWORD, PASSWORD, make_person
from tests.idp.console.people import appoint
from tests.idp.factors.people import NOW_HERE, App, factor_of, with_app, with_passkey, with_recovery_codes
from tests.idp.factors.people import policy as idp_policy
from tests.story import Person, code_in, post_office

RECOVER = {"purpose": "recover", "path": "/recovery/passkey/options"}
#: By when an app shows another code than the one with which it was added.
LATER = timedelta(minutes=2)


def at_methods(problem="forgot", *, identifier="jane", person=None):
    person = person or Person()
    person.open("/recovery/")
    person.submit(identifier=identifier)
    person.submit(problem=problem)
    assert person.page.name == "recovery-method"
    return person


def by_email(person, address="jane@contoso.example"):
    person.submit(method="email")
    person.submit(address=address)
    person.submit(code=code_in(post_office()[-1]))


def by_app(person, app):
    person.submit(method="totp")
    person.submit(code=app.code())


def by_saved_code(person, code):
    person.submit(method="recovery-code")
    person.submit(code=code.lower().replace("-", " "))


def by_passkey(person, authenticator):
    person.submit(method="passkey")
    person.submit(passkey=authenticator.get(options(person, **RECOVER)))


def offered(person):
    return person.page.parsed.buttons["method"]


def administrator():
    jane = make_person()
    appoint(jane)
    return jane


@pytest.fixture
def later():
    with time_machine.travel(timezone.now() + LATER, tick=False) as clock:
        yield clock


# --- One is enough where sign-in asks for another ---------------------------------------------------------


def test_a_mailbox_is_enough_where_sign_in_still_asks_for_the_app(jane):
    app = with_app(jane)
    person = at_methods()
    by_email(person)
    assert person.page.name == "recovery-new-password"
    person.submit(new_password=NEW_PASSWORD)
    assert "Your password was changed" in person.page
    person.click("continue-to-app")
    person.submit(username="jane", password=NEW_PASSWORD)
    assert person.page.name == "sign-in-factor", "recovery never takes a second factor away"
    assert factor_of(jane, Credential.Kind.TOTP)
    with time_machine.travel(timezone.now() + LATER):
        person.submit(otp=app.code())
    assert person.page.name == "account"


def test_the_app_alone_is_not_enough_because_sign_in_asks_for_the_same_phone(jane, later):
    app = with_app(jane, now=timezone.now() - LATER)
    person = at_methods()
    by_app(person, app)
    assert person.page.name == "recovery-method"
    assert "One more check" in person.page
    assert "You used: authenticator app" in person.page
    assert offered(person) == ["email"], "what is there, on another root"
    by_email(person)
    assert person.page.name == "recovery-new-password"


def test_an_app_beside_a_passkey_is_the_same_phone_twice(jane, later):
    app = with_app(jane, now=timezone.now() - LATER)
    with_passkey(jane)
    person = at_methods()
    by_app(person, app)
    assert "passkey" not in offered(person)


# --- Two where there are two ------------------------------------------------------------------------------


def test_a_telephone_is_no_second_way_where_there_is_no_gateway(db):
    make_person(phones=["+33612345642"])
    person = at_methods()
    by_email(person)
    assert person.page.name == "recovery-new-password"


def test_a_mailbox_and_a_telephone(db, settings, monkeypatch):
    """Without a second factor, and with two ways registered: both."""
    make_person(phones=["+33612345642"])
    monkeypatch.setattr("recovery.in_force.policy", lambda _now: RecoveryPolicy(methods=("email", "sms")))
    person = at_methods()
    by_email(person)
    assert "Step 2 of 3" in person.page
    assert offered(person) == ["sms"]


def test_a_saved_code_and_a_mailbox(jane):
    codes = with_recovery_codes(jane)
    person = at_methods()
    by_saved_code(person, codes[4])
    assert "One more check" in person.page
    assert SpentCode.objects.count() == 1
    assert Message.objects.filter(kind="idp.recovery_code_used").exists(), "its owner is told"
    by_email(person)
    assert person.page.name == "recovery-new-password"
    person.submit(new_password=NEW_PASSWORD)
    assert AuditEntry.objects.get(name="recovery.completed").details["methods"] == ["email", "recovery-code"]
    assert not JourneyProof.objects.filter(consumed_at=None).exists()


def test_a_saved_code_works_once(jane):
    codes = with_recovery_codes(jane)
    first, second = at_methods(), at_methods(person=Person(address="198.51.100.7"))
    by_saved_code(first, codes[0])
    by_saved_code(second, codes[0])
    assert "One more check" in first.page
    assert "4 tries left" in second.page


def test_a_code_of_the_app_works_once(jane, later):
    app = with_app(jane, now=timezone.now() - LATER)
    first, second = at_methods(), at_methods(person=Person(address="198.51.100.7"))
    by_app(first, app)
    by_app(second, app)
    assert "One more check" in first.page
    assert "4 tries left" in second.page


def test_a_passkey_and_a_mailbox(jane):
    authenticator = with_passkey(jane)
    person = at_methods()
    by_passkey(person, authenticator)
    assert "One more check" in person.page
    assert "You used: passkey" in person.page
    by_email(person)
    assert person.page.name == "recovery-new-password"


def test_a_passkey_of_somebody_else_proves_nothing(jane):
    authenticator = with_passkey(make_person("mallory", email="mallory@evil.example"))
    person = at_methods()
    by_passkey(person, authenticator)
    assert "That didn't work with this passkey" in person.page
    assert not JourneyProof.objects.exists()


def test_a_challenge_for_a_sign_in_is_none_for_a_recovery(jane):
    authenticator = with_passkey(jane)
    person = at_methods()
    person.submit(method="passkey")
    person.submit(passkey=authenticator.get(options(person)))
    assert "That didn't work with this passkey" in person.page


def test_the_page_of_a_passkey_is_the_same_for_everybody(jane):
    with_passkey(jane)
    known, unknown = at_methods(), at_methods(identifier="nobody")
    for person in (known, unknown):
        person.submit(method="passkey")
    first, second = options(known, **RECOVER), options(unknown, **RECOVER)
    assert first.keys() == second.keys()
    assert first["allowCredentials"] == second["allowCredentials"] == []


# --- Administrators ---------------------------------------------------------------------------------------


def test_an_administrator_shows_two_for_anything(db, later):
    jane = administrator()
    app = with_app(jane, now=timezone.now() - LATER)
    for problem, end in (("forgot", "recovery-new-password"), ("locked", "recovery-unlock")):
        later.shift(LATER)
        person = at_methods(problem, person=Person())
        by_email(person)
        assert "One more check" in person.page, problem
        by_app(person, app)
        assert person.page.name == end


def test_an_administrator_with_a_mailbox_only_is_told_what_is_missing(db):
    administrator()
    person = at_methods()
    by_email(person)
    assert person.page.name == "recovery-stranded"
    assert "You used: email." in person.page
    assert not AuditEntry.objects.filter(name="recovery.completed").exists()


def test_a_role_given_on_the_way_counts(jane):
    person = at_methods()
    person.submit(method="email")
    person.submit(address="jane@contoso.example")
    appoint(jane)
    person.submit(code=code_in(post_office()[-1]))
    assert person.page.name == "recovery-stranded"


# --- Each pair --------------------------------------------------------------------------------------------

ROOTS = {"email": "mailbox", "totp": "phone", "passkey": "phone", "recovery-code": "paper"}


@pytest.mark.parametrize(("first", "second"), list(itertools.permutations(ROOTS, 2)), ids=" then ".join)
@pytest.mark.parametrize(
    ("problem", "end"),
    [("forgot", "recovery-new-password"), ("lost-factor", "recovery-factor"), ("intruder", "recovery-new-password")],
)
def test_two_ways_of_an_administrator(db, later, problem, end, first, second):
    """Any two that stand on different things, in either order; and never two that stand on the same."""
    jane = administrator()
    app, authenticator = with_app(jane, now=timezone.now() - LATER), with_passkey(jane)
    codes = with_recovery_codes(jane)
    prove = {
        "email": by_email,
        "totp": lambda person: by_app(person, app),
        "passkey": lambda person: by_passkey(person, authenticator),
        "recovery-code": lambda person: by_saved_code(person, codes[0]),
    }
    person = at_methods(problem)
    prove[first](person)
    assert person.page.name == "recovery-method"
    if ROOTS[first] == ROOTS[second]:
        assert second not in offered(person)
        person.submit(method=second)
        assert person.page.name == "recovery-method"
        assert JourneyProof.objects.count() == 1
    else:
        prove[second](person)
        assert person.page.name == end


# --- Guessing ---------------------------------------------------------------------------------------------


def test_guesses_at_the_app_end_the_journey_and_touch_no_budget_of_sign_in(jane, later):
    app = with_app(jane, now=timezone.now() - LATER)
    person = at_methods()
    person.submit(method="totp")
    person.submit(code="not a code")
    assert "5 tries left" not in person.page
    assert "Enter the 6 digits" in person.page, "which costs no try"
    for left in (4, 3, 2, 1):
        person.submit(code=app.wrong())
        assert f"{left} tr" in person.page
    person.submit(code=app.wrong())
    assert person.page.name == "recovery-ended"
    for _journey in range(3):
        guesser = at_methods(person=Person(address="198.51.100.7"))
        guesser.submit(method="totp")
        for _try in range(5):
            guesser.submit(code=app.wrong())
    outcome = tries.judge(
        jane,
        app.code(),
        subject=jane.pk.bytes,
        device=None,
        policy=idp_policy(),
        origin=NOW_HERE,
        now=timezone.now(),
    )
    assert not isinstance(outcome, Paused), "a stranger's recovery keeps nobody from signing in"


def test_thirty_wrong_answers_a_day_whatever_the_method(jane, later):
    app = with_app(jane, now=timezone.now() - LATER)
    for _journey in range(6):
        guesser = at_methods(person=Person(address="198.51.100.7"))
        guesser.submit(method="totp")
        for _try in range(5):
            guesser.submit(code=app.wrong())
    person = at_methods()
    by_app(person, app)
    assert person.page.name == "recovery-slow"
    assert not JourneyProof.objects.exists()


def test_going_back_and_choosing_again_buys_no_fresh_tries(jane, later):
    app = with_app(jane, now=timezone.now() - LATER)
    person = at_methods()
    person.submit(method="totp")
    for _try in range(4):
        person.submit(code=app.wrong())
    person.open("/recovery/method/")
    person.submit(method="totp")
    assert "1 try left" in person.page
    person.submit(code=app.wrong())
    assert person.page.name == "recovery-ended"


# --- A lost phone -----------------------------------------------------------------------------------------


def test_a_lost_phone_is_replaced_and_the_password_stays(jane, later):
    old = with_app(jane, now=timezone.now() - LATER)
    elsewhere = Person(address="198.51.100.7")
    elsewhere.open("/sign-in")
    elsewhere.submit(username="jane", password=PASSWORD)
    elsewhere.submit(otp=old.code())
    assert elsewhere.page.name == "account"
    person = at_methods("lost-factor")
    assert offered(person)[0] == "password"
    person.submit(method="password")
    person.submit(password="not it")
    assert "4 tries left" in person.page
    person.submit(password=PASSWORD)
    assert "You used: password" in person.page
    by_email(person)
    assert person.page.name == "recovery-factor"
    person.click("new-app")
    assert factor_of(jane, Credential.Kind.TOTP), "the old one goes only once the new one works"
    new = app_on(person)
    (lost,) = person.page.parsed.ticked["lost"]
    person.submit(otp=new.wrong(), lost=lost)
    assert "That code isn't right" in person.page
    assert [factor.pk for factor in factors(jane)] == [factor_of(jane, Credential.Kind.TOTP).pk]
    person.submit(otp=new.code(), name="New phone", lost=lost)
    assert person.page.name == "recovery-done"
    assert "An authenticator app was added" in person.page
    assert "Your password stays as it is" in person.page
    assert [factor.factor.name for factor in factors(jane)] == ["New phone"]
    assert Credential.objects.get(user=jane, kind="password").version == 1
    assert elsewhere.open("/account/").name == "sign-in", "whoever has the phone may be in"
    kinds = set(Message.objects.filter(user=jane).values_list("kind", flat=True))
    assert {"idp.factor_added", "idp.factor_removed"} <= kinds
    assert AuditEntry.objects.get(name="recovery.factor_replaced").details["methods"] == ["email", "password"]
    later.shift(LATER)
    person.click("continue-to-app")
    person.submit(username="jane", password=PASSWORD)
    person.submit(otp=old.code())
    assert person.page.name == "sign-in-factor", "the lost phone opens nothing"
    person.submit(otp=new.code())
    assert person.page.name == "account"


def test_the_codes_that_confirm_a_new_app_are_counted(jane, later):
    """OT-17: as on the account's own page."""
    with_app(jane, now=timezone.now() - LATER)
    person = at_methods("lost-factor")
    person.submit(method="password")
    person.submit(password=PASSWORD)
    by_email(person)
    person.click("new-app")
    new, key = app_on(person), person.page.parsed.fields["key"][0]
    pages = []
    for _guess in range(50):
        pages.append(person.submit(otp=new.wrong(), key=key).name)
        person.open("/recovery/factor/app/")
    assert pages == ["recovery-new-app"] * 10 + ["recovery-slow"] * 40
    assert person.submit(otp=new.code(), key=key).name == "recovery-slow", "not even the right one"
    later.shift(timedelta(hours=1))
    person.open("/recovery/factor/app/")
    assert person.page.name in ("recovery-new-app", "recovery-ended")


def test_a_passkey_takes_the_place_of_a_lost_phone(jane, later):
    with_app(jane, now=timezone.now() - LATER)
    person = at_methods("lost-factor")
    person.submit(method="password")
    person.submit(password=PASSWORD)
    by_email(person)
    person.click("new-passkey")
    authenticator = Authenticator()
    made = authenticator.create(options(person, purpose="register", path="/recovery/factor/passkey/options"))
    person.submit(passkey=made, name="Laptop", lost=person.page.parsed.ticked["lost"][0])
    assert "A passkey was added" in person.page
    assert [factor.kind for factor in factors(jane)] == ["passkey"]


def test_what_is_not_lost_stays(jane, later):
    with_app(jane, now=timezone.now() - LATER)
    with_recovery_codes(jane)
    person = at_methods("lost-factor")
    person.submit(method="password")
    person.submit(password=PASSWORD)
    by_email(person)
    person.click("new-app")
    assert len(person.page.parsed.ticked["lost"]) == 1, "codes are on paper"
    new = app_on(person)
    person.submit(otp=new.code())
    assert sorted(factor.kind for factor in factors(jane)) == ["recovery_codes", "totp", "totp"]


def test_one_proof_replaces_no_factor(jane, later):
    with_app(jane, now=timezone.now() - LATER)
    person = at_methods("lost-factor")
    by_email(person)
    assert person.open("/recovery/factor/").name == "recovery-method"
    assert person.open("/recovery/factor/app/").name == "recovery-method"


def test_a_factor_of_somebody_else_is_not_taken_away(jane, later):
    other = make_person("mallory", email="mallory@evil.example")
    with_app(other)
    with_app(jane, now=timezone.now() - LATER)
    person = at_methods("lost-factor")
    person.submit(method="password")
    person.submit(password=PASSWORD)
    by_email(person)
    person.click("new-app")
    new = app_on(person)
    person.submit(otp=new.code(), lost=str(factor_of(other, Credential.Kind.TOTP).pk))
    assert person.page.name == "recovery-done"
    assert len(factors(other)) == 1


def test_a_key_shown_in_one_recovery_is_none_in_another(jane, later):
    with_app(jane, now=timezone.now() - LATER)
    make_person("mallory", email="mallory@evil.example")
    mine = at_methods("lost-factor")
    theirs = at_methods("lost-factor", identifier="mallory", person=Person(address="198.51.100.7"))
    for person, address in ((mine, "jane@contoso.example"), (theirs, "mallory@evil.example")):
        person.submit(method="password")
        person.submit(password=PASSWORD)
        by_email(person, address)
        person.click("new-app")
    new = app_on(theirs)
    mine.submit(otp=new.code(), key=theirs.page.parsed.fields["key"][0])
    assert "That key has run out" in mine.page


# --- A passkey instead of a password ----------------------------------------------------------------------


def test_a_passkey_instead_of_a_new_password(jane):
    codes = with_recovery_codes(jane)
    person = at_methods()
    by_email(person)
    assert "passkey-instead" not in person.page.parsed.ids, "one proof, and sign-in asks for a code: a way around it"
    assert person.open("/recovery/password/passkey/").name == "recovery-new-password"
    two = at_methods(person=Person(address="198.51.100.7"))
    by_saved_code(two, codes[0])
    by_email(two)
    two.click("passkey-instead")
    made = Authenticator().create(options(two, purpose="register", path="/recovery/password/passkey/options"))
    two.submit(passkey=made)
    assert "From now on your passkey signs you in" in two.page
    assert Credential.objects.get(user=jane, kind="password").version == 1
    assert sorted(factor.kind for factor in factors(jane)) == ["passkey", "recovery_codes"]


def test_who_has_no_second_factor_may_have_a_passkey_on_one_proof(jane):
    person = at_methods()
    by_email(person)
    person.click("passkey-instead")
    person.submit(passkey="nothing of the kind")
    assert "was not saved" in person.page
    made = Authenticator().create(options(person, purpose="register", path="/recovery/password/passkey/options"))
    person.submit(passkey=made)
    assert person.page.name == "recovery-done"
    assert [factor.kind for factor in factors(jane)] == ["passkey"]


def test_no_passkey_instead_where_somebody_else_may_know_the_password(jane):
    person = at_methods("intruder")
    by_email(person)
    assert person.page.name == "recovery-new-password"
    assert "passkey-instead" not in person.page.parsed.ids
    assert person.open("/recovery/password/passkey/").name == "recovery-new-password"


# --- Who is told ------------------------------------------------------------------------------------------


def test_who_is_half_way_is_announced_to_every_address(db):
    """A full recovery is told at its start as well: whoever else reads one of the addresses can stop it."""
    jane = make_person(addresses=["jane@contoso.example", "jane@elsewhere.example"])
    codes = with_recovery_codes(jane)
    post_office()
    person = at_methods()
    by_saved_code(person, codes[0])
    begun = [letter for letter in post_office() if "started getting back" in letter.subject]
    assert sorted(letter.to[0] for letter in begun) == ["jane@contoso.example", "jane@elsewhere.example"]
    assert "One thing was proved: A saved recovery code." in begun[0].body
    by_email(person)
    assert not [letter for letter in post_office() if "started getting back" in letter.subject], "once"


def test_the_other_administrators_hear_of_it(db, later):
    jane = administrator()
    other = make_person("mira", email="mira@contoso.example")
    suspended = make_person("nils", email="nils@contoso.example", status=User.Status.SUSPENDED)
    appoint(other)
    appoint(suspended)
    app = with_app(jane, now=timezone.now() - LATER)
    person = at_methods()
    by_email(person)
    by_app(person, app)
    person.submit(new_password=NEW_PASSWORD)
    told = Message.objects.filter(kind="idp.administrator_recovered")
    assert [message.user_id for message in told] == [other.pk]
    (letter,) = [each for each in post_office() if each.to == ["mira@contoso.example"]]
    assert "jane@contoso.example recovered their account" in letter.body
    assert "A code sent by email, A code of the authenticator app" in letter.body


# --- Somebody else is in ----------------------------------------------------------------------------------


def test_an_intruder_is_stopped_first(jane, later):
    app = with_app(jane, now=timezone.now() - LATER)
    thief = Person(address="198.51.100.7")
    thief.open("/sign-in")
    thief.submit(username="jane", password=PASSWORD)
    thief.submit(otp=app.code())
    later.shift(LATER)
    assert thief.page.name == "account"
    person = at_methods("intruder")
    by_app(person, app)
    assert "We have stopped everything" in person.page
    assert thief.open("/account/").name == "sign-in", "at once, after one proof"
    thief.submit(username="jane", password=PASSWORD)
    assert "don't match" in thief.page
    assert Message.objects.filter(kind="idp.account_stopped").exists()
    by_email(person)
    assert person.page.name == "recovery-new-password"
    assert "Nobody can sign in until you finish here" in person.page
    person.submit(new_password=NEW_PASSWORD)
    assert person.page.name == "recovery-done"
    assert "We signed out" in person.page, "what was stopped at the start counts"
    jane.refresh_from_db()
    assert jane.status == User.Status.ACTIVE
    person.click("continue-to-app")
    person.submit(username="jane", password=NEW_PASSWORD)
    assert person.page.name == "account", "the app was shown a moment ago"
    names = list(AuditEntry.objects.order_by("sequence").values_list("name", flat=True))
    assert names.index("idp.account.stopped") < names.index("recovery.completed")
    assert "idp.account.reopened" in names


def test_whoever_stopped_everything_comes_back_by_any_door_and_finishes_it(jane):
    by_email(at_methods("intruder"))
    again = at_methods("locked", person=Person(address="198.51.100.7"))
    by_email(again)
    assert again.page.name == "recovery-new-password", "opening sign-in is not what is left to do"
    again.submit(new_password=NEW_PASSWORD)
    assert User.objects.get().status == User.Status.ACTIVE


def test_nothing_is_stopped_without_a_proof(jane):
    person = at_methods("intruder")
    person.submit(method="email")
    person.submit(address="jane@contoso.example")
    person.submit(code="12345678")
    jane.refresh_from_db()
    assert jane.status == User.Status.ACTIVE


def test_nothing_is_stopped_of_an_account_that_is_suspended_meanwhile(jane):
    person = at_methods("intruder")
    person.submit(method="email")
    person.submit(address="jane@contoso.example")
    code = code_in(post_office()[-1])
    User.objects.update(status=User.Status.SUSPENDED)
    person.submit(code=code)
    assert person.page.name == "recovery-ended"
    assert User.objects.get().status == User.Status.SUSPENDED


def test_a_stopped_account_and_an_unknown_one_sign_in_alike(jane):
    with_recovery_codes(jane)
    by_email(at_methods("intruder"))
    pages = []
    for name in ("jane", "nobody"):
        person = Person()
        person.open("/sign-in")
        person.submit(username=name, password=PASSWORD)
        pages.append(person.page.text.replace(name, ""))
    assert pages[0] == pages[1]


# --- Helpers ----------------------------------------------------------------------------------------------


def factors(user):
    rows = Credential.objects.filter(user=user).exclude(kind="password").exclude(material="")
    return list(rows.select_related("factor").order_by("changed_at"))


def app_on(person):
    """The app that has scanned the page."""
    return App(b32decode(re.search(r"secret=([A-Z2-7]{32})&", person.page.href("open-app"))[1]))

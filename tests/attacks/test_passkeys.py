"""SI-07: what somebody can try with a passkey's answer, their own or one they caught. Each gets the same words."""

import json
from base64 import urlsafe_b64decode
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
import time_machine
from django.db import connection, connections
from django.utils import timezone

from idp.factors.passkey import adding, challenges
from idp.factors.passkey.challenges import Purpose
from idp.models import AuditEntry, Ceremony, Credential, Factor, SignIn, User
from tests.attacks.test_enumeration import Watched
from tests.authenticator import BE, BS, UP, UV, Authenticator, Held, Key, ask, encoded, options
from tests.conftest import drop_guards, make_person
from tests.idp.factors.people import fresh_sign_in, with_passkey
from tests.story import Person

REFUSED = "That didn't work with this passkey. Try again, or use another way to sign in"


@pytest.fixture
def victim(jane):
    return with_passkey(jane)


@pytest.fixture
def person(victim):
    opened = Person()
    opened.open("/sign-in")
    return opened


def sign_ins():
    """Those over HTTP: enrolling has a sign-in of its own."""
    return [row for row in SignIn.objects.all() if "otp" not in row.amr]


def is_refused(person):
    assert person.page.name == "sign-in"
    assert person.page.status == 200
    assert REFUSED in person.page
    assert not sign_ins()
    return True


# --- Answers that lie -------------------------------------------------------------------------------------

LIES = {
    "another origin": {"origin": "https://evil.example"},
    "a subdomain": {"origin": "https://evil.id.contoso.example"},
    "without tls": {"origin": "http://id.contoso.example"},
    "another relying party": {"rp_id_hash": bytes(32)},
    "not verified": {"flags": UP},
    "not present": {"flags": UV},
    "backed up, which it cannot be": {"flags": UP | UV | BS},
    "can be copied all of a sudden": {"flags": UP | UV | BE},
    "no account named": {"user_handle": None},
    "an empty account": {"user_handle": ""},
    "another account named": {"user_handle": encoded(b"u" * 32)},
    "another key": {"key": Key()},
    "no signature": {"signature": b""},
    "an unknown passkey": {"id": encoded(b"i" * 32)},
    "a registration": {"type": "webauthn.create"},
    "in a frame": {"client_more": {"crossOrigin": True, "topOrigin": "https://evil.example"}},
    "a challenge of its own": {"challenge": encoded(b"c" * 32)},
}


@pytest.mark.parametrize("lie", LIES)
def test_an_answer_with_one_lie_in_it_lets_nobody_in(person, victim, lie):
    person.submit(passkey=victim.get(options(person), **LIES[lie]))
    assert is_refused(person)
    person.submit(passkey=victim.get(options(person)))
    assert person.page.name == "account", "the same without the lie does"


def test_the_lies_are_the_only_difference_in_what_comes_back(person, victim):
    pages = set()
    for lie in LIES.values():
        person.submit(passkey=victim.get(options(person), **lie))
        pages.add(person.page.text)
    assert len(pages) == 1


# --- Challenges -------------------------------------------------------------------------------------------


def test_an_answer_that_was_caught_is_worth_nothing(person, victim):
    caught = victim.get(options(person))
    person.submit(passkey=caught)
    assert person.page.name == "account"
    thief = Person(address="203.0.113.9")
    thief.open("/sign-in")
    thief.submit(passkey=caught)
    assert REFUSED in thief.page
    again = Person()
    again.http.cookies["__Host-regain-browser"] = person.http.cookies["__Host-regain-browser"].value
    again.open("/sign-in")
    again.submit(passkey=caught)
    assert REFUSED in again.page
    assert len(sign_ins()) == 1


def test_an_answer_caught_before_it_arrived_works_in_its_own_browser_only(person, victim):
    caught = victim.get(options(person))
    thief = Person(address="203.0.113.9")
    thief.open("/sign-in")
    thief.submit(passkey=caught)
    assert is_refused(thief)
    person.submit(passkey=caught)
    assert person.page.name == "account", "a stranger does not use it up"


def test_a_challenge_of_the_attackers_browser_is_worth_nothing_in_the_victims(person, victim):
    thief = Person(address="203.0.113.9")
    thief.open("/sign-in")
    person.submit(passkey=victim.get(options(thief)))
    assert is_refused(person)


def test_a_wrong_answer_uses_its_challenge_up(person, victim):
    asked = options(person)
    person.submit(passkey=victim.get(asked, signature=b"x"))
    person.submit(passkey=victim.get(asked))
    assert is_refused(person)


def test_a_challenge_lives_for_five_minutes(person, victim):
    stale, fresh = options(person), options(person)
    with time_machine.travel(timezone.now() + timedelta(minutes=5, seconds=1), tick=True):
        person.submit(passkey=victim.get(stale))
        assert is_refused(person)
    with time_machine.travel(timezone.now() + timedelta(minutes=4, seconds=50), tick=True):
        person.submit(passkey=victim.get(fresh))
        assert person.page.name == "account"


@pytest.mark.parametrize("given", Purpose)
@pytest.mark.parametrize("used", Purpose)
def test_a_challenge_of_one_purpose_answers_no_other(jane, given, used):
    now = timezone.now()
    whose = {Purpose.SIGN_IN: None}
    challenge = challenges.give(given, browser_hash="b", user_id=whose.get(given, jane.pk), now=now)
    answer = {"browser_hash": "b", "user_id": whose.get(used, jane.pk), "now": now}
    assert challenges.answer(challenge, used, **answer) is (given is used)


def test_a_challenge_of_one_account_answers_for_no_other(jane):
    now, john = timezone.now(), make_person("john", email="john@contoso.example")
    challenge = challenges.give(Purpose.FACTOR, browser_hash="b", user_id=jane.pk, now=now)
    for whose in (john.pk, None):
        assert not challenges.answer(challenge, Purpose.FACTOR, browser_hash="b", user_id=whose, now=now)
    assert challenges.answer(challenge, Purpose.FACTOR, browser_hash="b", user_id=jane.pk, now=now)


def test_a_registration_is_no_sign_in(person, jane, victim):
    """Its challenge is for another purpose, whatever is signed with it."""
    now = timezone.now()
    Ceremony.objects.all().delete()
    asked = adding.options(jane, browser_hash="b", now=now)
    Ceremony.objects.update(browser_hash=_browser_of(person))
    person.submit(passkey=victim.get({"challenge": asked["challenge"], "rpId": asked["rp"]["id"]}))
    assert is_refused(person)


def _browser_of(person):
    options(person)
    return Ceremony.objects.get(purpose="sign-in").browser_hash


def test_every_challenge_is_new_and_long(person):
    """ASVS 6.7.2."""
    given = [options(person)["challenge"] for _again in range(5)]
    assert len(set(given)) == 5
    assert all(len(urlsafe_b64decode(challenge + "=" * (-len(challenge) % 4))) == 32 for challenge in given)


def test_the_database_does_not_hold_a_challenge(person):
    asked = options(person)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM idp_ceremony")
        assert asked["challenge"] not in str(cursor.fetchall())


# --- Other people's ---------------------------------------------------------------------------------------


def test_another_persons_passkey_id_with_ones_own_key(person, victim):
    mallory = make_person("mallory", email="mallory@evil.example")
    own = with_passkey(mallory)
    mine, theirs = own.held[0], victim.held[0]
    for handle in (mine.user_handle, theirs.user_handle):
        person.submit(passkey=own.get(options(person), id=theirs.name, user_handle=handle))
        assert is_refused(person)
    person.submit(passkey=own.get(options(person), user_handle=theirs.user_handle))
    assert is_refused(person)


def test_a_passkey_is_one_persons_only(jane, victim):
    """Registering somebody's passkey id for one's own account: the first one has it."""
    mallory, now = make_person("mallory", email="mallory@evil.example"), timezone.now()
    asked = adding.options(mallory, browser_hash="b", now=now)
    copy = Held(Key(), asked["user"]["id"], id=victim.held[0].id)
    answer = Authenticator().create(asked, passkey=copy)
    assert _added(mallory, answer, now=now) == adding.Refused()
    assert Credential.objects.get(kind="passkey").user == jane


def _added(user, answer, *, now):
    from idp.conf import policy
    from tests.idp.factors.people import NOW_HERE

    return adding.add(
        fresh_sign_in(user, now=now),
        answer,
        name="Key",
        browser_hash="b",
        policy=policy(),
        origin=NOW_HERE,
        now=now,
    )


def test_a_registration_is_answered_once_in_its_own_browser_by_its_own_account(jane):
    now, john = timezone.now(), make_person("john", email="john@contoso.example")
    asked = adding.options(jane, browser_hash="b", now=now)
    answer = Authenticator().create(asked)
    assert _added(john, answer, now=now) == adding.Refused()
    Ceremony.objects.update(browser_hash="another")
    assert _added(jane, answer, now=now) == adding.Refused()
    Ceremony.objects.update(browser_hash="b")
    assert isinstance(_added(jane, answer, now=now), adding.Added)
    assert _added(jane, answer, now=now) == adding.Refused()
    assert Credential.objects.filter(kind="passkey").count() == 1


@pytest.mark.parametrize(
    "status", [User.Status.SUSPENDED, User.Status.FROZEN, User.Status.INVITED, User.Status.DELETED]
)
def test_an_account_that_may_not_sign_in_is_like_an_unknown_passkey(person, jane, victim, status):
    User.objects.filter(pk=jane.pk).update(status=status)
    unknown = Authenticator()
    unknown.held.append(Held(Key(), encoded(b"u" * 32)))
    seen = []
    for authenticator in (victim, unknown):
        person.submit(passkey=authenticator.get(options(person)))
        assert is_refused(person)
        seen.append(person.page.text)
    assert seen[0] == seen[1]


def test_a_passkey_that_was_taken_away_opens_nothing(person, jane, victim):
    from idp.conf import policy
    from idp.factors import enrolment
    from tests.idp.factors.people import NOW_HERE, factor_of

    now = timezone.now()
    enrolment.remove(
        fresh_sign_in(jane, now=now), factor_of(jane, "passkey"), policy=policy(), origin=NOW_HERE, now=now
    )
    person.submit(passkey=victim.get(options(person)))
    assert is_refused(person)


# --- Rows that were written past the program --------------------------------------------------------------


@pytest.mark.parametrize("field", ["public_key", "credential_id", "backup_eligible", "user_handle", "algorithm"])
def test_a_passkey_that_was_altered_freezes_its_account(jane, victim, transactional_db, field):
    drop_guards()
    row = Credential.objects.get(kind="passkey")
    kept = json.loads(row.material)
    kept[field] = {"backup_eligible": True, "algorithm": -8}.get(field, encoded(b"x" * 32))
    Credential.objects.filter(pk=row.pk).update(material=json.dumps(kept, sort_keys=True))
    person = Person()
    person.open("/sign-in")
    person.submit(passkey=victim.get(options(person)))
    assert is_refused(person)
    jane.refresh_from_db()
    assert jane.status == User.Status.FROZEN


def test_a_key_put_in_place_of_anothers_opens_nothing(jane, victim, transactional_db):
    """Whoever owns the database has a passkey of their own, and moves it to the victim's account."""
    own = with_passkey(make_person("mallory", email="mallory@evil.example"))
    drop_guards()
    theirs = Credential.objects.get(user__preferred_username="mallory", kind="passkey")
    Credential.objects.filter(pk=theirs.pk).update(user=jane)
    person = Person()
    person.open("/sign-in")
    person.submit(passkey=own.get(options(person)))
    assert is_refused(person)
    jane.refresh_from_db()
    assert jane.status == User.Status.FROZEN


# --- Counting ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("counter", [0, 1, 4])
def test_a_count_that_goes_back_is_refused_and_remembered(person, jane, victim, counter):
    Factor.objects.update(counter=4)
    person.submit(passkey=victim.get(options(person), counter=counter))
    assert is_refused(person)
    (entry,) = AuditEntry.objects.filter(name="idp.passkey.count_went_back")
    assert entry.user == jane.pk
    assert Factor.objects.get().counter == 4
    person.submit(passkey=victim.get(options(person), counter=5))
    assert person.page.name == "account"


def test_the_count_begins_where_the_passkey_was_made(jane):
    authenticator = Authenticator()
    asked = adding.options(jane, browser_hash="b", now=timezone.now())
    _added(jane, authenticator.create(asked, counter=7), now=timezone.now())
    assert Factor.objects.get().counter == 7


# --- Garbage ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        "x",
        "{}",
        "[]",
        "null",
        '"passkey"',
        "{" * 10_000,
        '{"id":{},"rawId":{},"response":{},"type":"public-key"}',
        '{"response":{"clientDataJSON":"e30"}}',
        "\ud800",
        "é" * 10_000,
        "9" * 60_000,
    ],
)
def test_garbage_is_refused_like_everything_else(person, answer):
    person.submit(passkey=answer.encode("utf-8", "replace").decode())
    assert is_refused(person)


def test_a_truncated_answer_is_refused(person, victim):
    whole = victim.get(options(person))
    for length in range(1, len(whole), 37):
        person.submit(passkey=whole[:length])
        assert is_refused(person)


def test_an_answer_that_is_too_long_is_not_read(person):
    page = person.submit(passkey="x" * 70_000)
    assert page.status == 413


# --- Telling --------------------------------------------------------------------------------------------


def test_nothing_before_the_first_proof_depends_on_who_there_is(db):
    """EN-05: the page and the options are the same with one account, with another's passkey and with none."""
    seen = []
    with time_machine.travel(timezone.now().replace(microsecond=0), tick=False):
        for arrange in (list, list, lambda: with_passkey(make_person())):
            arrange()
            person = Watched()
            person.open("/sign-in")
            response = ask(person)
            body = response.json() | {"challenge": "*"}
            seen.append(
                (
                    body,
                    [line[1:] for line in person.transcript if line[1] in ("status", "statements", "rows", "length")],
                )
            )
    # The first is not looked at: what is read once and kept is read then.
    assert seen[1] == seen[2]


# --- At once ----------------------------------------------------------------------------------------------


def test_of_ten_answers_with_the_same_count_one_lets_somebody_in(transactional_db):
    """Each to a challenge of its own, as from two copies of one key."""
    authenticator = with_passkey(make_person())
    people = [Person() for _number in range(10)]
    answers = []
    for person in people:
        person.open("/sign-in")
        answers.append(authenticator.get(options(person), counter=7))
    barrier = Barrier(10)

    def send(number):
        token = people[number].page.parsed.fields["csrfmiddlewaretoken"][0]
        barrier.wait()
        try:
            sent = people[number].post("/sign-in", {"csrfmiddlewaretoken": token, "passkey": answers[number]})
            return sent.status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(10) as pool:
        statuses = sorted(pool.map(send, range(10)))
    assert statuses == [200] * 9 + [303]
    assert len(sign_ins()) == 1
    assert Factor.objects.get().counter == 7


def test_of_thirty_identical_answers_one_lets_somebody_in(transactional_db):
    jane = make_person()
    authenticator = with_passkey(jane, Authenticator(counts=False))
    person = Person()
    person.open("/sign-in")
    answer = authenticator.get(options(person))
    token = person.page.parsed.fields["csrfmiddlewaretoken"][0]
    cookies = {name: morsel.value for name, morsel in person.http.cookies.items()}
    barrier = Barrier(30)

    def send(_number):
        other = Person()
        for name, value in cookies.items():
            other.http.cookies[name] = value
        barrier.wait()
        try:
            return other.post("/sign-in", {"csrfmiddlewaretoken": token, "passkey": answer}).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(30) as pool:
        statuses = sorted(pool.map(send, range(30)))
    assert statuses == [200] * 29 + [303]
    assert len(sign_ins()) == 1

"""Somebody has the password, and tries to do without the second factor (SECURITY, group A)."""

import time
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from idp.accounts import evidence, hashers
from idp.conf import policy
from idp.models import AuditEntry, Counter, Credential, Device, Factor, Message, SignIn, SpentCode
from tests.attacks.test_bad_input import AT_ONCE, FORM
from tests.conftest import NEW_PASSWORD, drop_guards
from tests.idp.factors.people import factor_of, with_app, with_recovery_codes
from tests.idp.login.test_factor import DEVICE, password_step, sign_in_with
from tests.journeys.test_forgotten_password import recover
from tests.story import HOST, Person, post_office


@pytest.fixture
def app(jane):
    return with_app(jane)


def test_guesses_from_many_sessions_and_many_addresses_are_one_budget(jane, app):
    """SI-05: 120 wrong codes over 120 fresh sessions and 60 addresses, the password right each time."""
    before = SignIn.objects.count()
    statuses = []
    for number in range(120):
        guesser = Person(address=f"198.51.{number % 60}.9")
        password_step(guesser)
        statuses.append(guesser.submit(otp=app.wrong()).status)
    assert statuses == [200] * 10 + [429] * 110
    assert SignIn.objects.count() == before
    assert len([letter for letter in post_office() if "knows your Contoso password" in letter.subject]) == 1
    assert AuditEntry.objects.filter(name="idp.factor.paused", user=jane.pk).count() == 1
    with time_machine.travel(timezone.now() + timedelta(hours=1, minutes=1), tick=True):
        owner = Person()
        sign_in_with(owner, app)
        assert owner.page.name == "account"


def test_the_owner_gets_in_at_home_while_strangers_guess(jane, app):
    owner = Person()
    sign_in_with(owner, app)
    guesser = Person(address="198.51.100.9")
    password_step(guesser)
    for _guess in range(12):
        guesser.submit(otp=app.wrong())
    assert guesser.page.status == 429
    password_step(owner)
    assert owner.submit(otp=app.code(steps=1)).name == "account"


def test_recovery_codes_are_guessed_as_slowly_as_anything(jane, app):
    """OT-16: 200 guesses, a password hash for each that is looked at and for no other."""
    with_recovery_codes(jane)
    guesser = Person()
    password_step(guesser)
    statuses = [guesser.submit(otp=f"0000-0000-0000-{number:04}").status for number in range(200)]
    assert statuses == [200] * 10 + [429] * 190
    assert not SpentCode.objects.exists()
    assert Message.objects.filter(kind="idp.factor_paused").count() == 1


def test_a_limit_outlives_everything_but_the_database(jane, app):
    """OT-14: the counters are rows, of which none names anybody."""
    guesser = Person()
    password_step(guesser)
    for _guess in range(11):
        guesser.submit(otp=app.wrong())
    assert Counter.objects.filter(count__gte=10).exists()
    assert not [row for row in Counter.objects.all() if str(jane.pk) in row.key or "jane" in row.key]


# --- SI-11: a browser that is trusted ---------------------------------------------------------------------


def test_trust_does_not_survive_a_recovery(jane, app):
    owner = Person()
    sign_in_with(owner, app, trust="1")
    key = owner.http.cookies[DEVICE].value
    post_office()
    owner.open("/recovery/")
    recover(owner)
    thief = Person()
    thief.open("/sign-in")
    thief.http.cookies[DEVICE] = key
    assert thief.submit(username="jane", password=NEW_PASSWORD).name == "sign-in-factor"


def test_trust_copied_with_sql_from_another_browser_is_none(jane, app):
    owner = Person()
    sign_in_with(owner, app, trust="1")
    thief = Person()
    sign_in_with(thief, App1(app))
    trusted, theirs = Device.objects.exclude(trusted_until=None).get(), Device.objects.filter(trusted_until=None).get()
    for seal in (trusted.seal, theirs.seal):
        Device.objects.filter(pk=theirs.pk).update(trusted_until=trusted.trusted_until, seal=seal)
        assert password_step(thief).name == "sign-in-factor"


class App1:
    """The same app, half a minute later."""

    def __init__(self, app):
        self._app = app

    def code(self):
        return self._app.code(steps=1)


# --- With SQL ---------------------------------------------------------------------------------------------


def test_an_app_planted_with_sql_lets_nobody_in(jane, app, transactional_db):
    """The attacker's own key under the victim's account: neither copied whole nor with a seal that was seen."""
    factor = factor_of(jane, "totp")
    drop_guards()
    copy = Credential.objects.get(pk=factor.pk)
    copy.pk = None
    copy._state.adding = True
    Credential.objects.bulk_create([copy])
    guesser = Person()
    password_step(guesser)
    assert guesser.page.name != "account"
    jane.refresh_from_db()
    assert jane.status == "frozen"


def test_a_second_factor_emptied_with_sql_freezes_the_account(jane, app, transactional_db):
    drop_guards()
    Credential.objects.filter(kind="totp").update(material="mine")
    assert password_step(Person()).name != "account"
    jane.refresh_from_db()
    assert jane.status == "frozen"


def test_a_second_factor_deleted_with_sql_is_missed(jane, app, transactional_db):
    """Who owns the database can do that, and then needs the password alone. It is found out: the audit had it."""
    row = factor_of(jane, "totp").pk
    assert list(evidence.discrepancies()) == []
    drop_guards()
    Factor.objects.all().delete()
    Credential.objects.filter(pk=row).delete()
    (found,) = evidence.discrepancies()
    assert (found.table, found.row, found.user) == ("credential", row, jane.pk)
    assert "deleted" in found.what


# --- SI-10: what no browser sends --------------------------------------------------------------------------

BODIES = {
    "five megabytes": (b"otp=" + b"1" * 5_000_000, FORM, 413),
    "ten thousand fields": (b"&".join(b"f%d=" % number for number in range(9000)), FORM, 400),
    "a NUL": (b"otp=123%00456", FORM, 400),
    "not UTF-8": (b"otp=%ff%fe%31", FORM, 400),
    "JSON": (b'{"otp": "123456"}', "application/json", 400),
    "two codes": (b"otp=123456&otp=654321", FORM, 400),
    "a list": (b"otp[]=123456", FORM, 400),
    "an object": (b"otp[code]=123456", FORM, 400),
    "half a surrogate": (b"otp=%ed%a0%80", FORM, 400),
    "the longest there may be": (b"otp=" + b"1" * 60_000, FORM, 200),
    "letters without end": (("otp=" + "ﷺ" * 6_000).encode(), FORM, 200),
}


@pytest.mark.parametrize(("body", "kind", "status"), BODIES.values(), ids=list(BODIES))
def test_what_no_browser_sends_is_answered_at_once_and_costs_no_hash(jane, app, monkeypatch, body, kind, status):
    with_recovery_codes(jane)
    person = Person()
    password_step(person)
    hashed = []
    monkeypatch.setattr(hashers, "stretch", lambda *given: hashed.append(given))
    began = time.process_time()
    response = person.http.generic(
        "POST",
        "/sign-in/factor",
        body,
        content_type=kind,
        secure=True,
        headers={"origin": f"https://{HOST}", "x-csrftoken": person.http.cookies["__Host-regain-csrf"].value},
    )
    assert time.process_time() - began < AT_ONCE
    assert response.status_code == status
    assert not hashed
    assert not Counter.objects.filter(count__gte=policy().factor_tries.count).exists()
    assert person.submit(otp=app.code()).name == "account"

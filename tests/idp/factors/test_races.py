"""Second factors tried many times at once, from threads with connections of their own, on whichever database."""

from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone

from idp.conf import Limit, policy
from idp.factors import enrolment, recovery_codes, tries
from idp.factors.tries import Paused, Right, Wrong
from idp.models import AuditEntry, Credential, Message, SignIn, SpentCode
from tests.conftest import make_person
from tests.idp.factors.people import NOW_HERE, factor_of, fresh_sign_in, with_app, with_recovery_codes
from tests.idp.login.test_factor import PENDING, password_step
from tests.idp.oidc.test_races import at_once
from tests.story import Person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def somebody():
    return make_person()


def judge(user, answer, *, now):
    return tries.judge(
        user,
        answer,
        subject=user.pk.bytes,
        device=None,
        policy=policy(),
        origin=NOW_HERE,
        now=now,
    )


@pytest.fixture
def patient(settings):
    """Limits that thirty tries at once do not meet."""
    many = Limit(count=100, per=timedelta(hours=1))
    settings.IDP = {**settings.IDP, "factor_tries": many, "factor_tries_per_day": many}


def test_one_code_of_an_app_used_thirty_times_at_once_is_one_success(somebody, patient):
    app, now = with_app(somebody), timezone.now()
    code = app.code(now=now)
    spellings = iter([code, f"{code[:3]} {code[3:]}", "-".join(code)] * 10)
    answers = at_once(lambda: judge(somebody, next(spellings), now=now))
    assert Counter(map(type, answers)) == {Right: 1, Wrong: 29}


def test_one_recovery_code_used_thirty_times_at_once_is_one_success(somebody, patient):
    codes, now = with_recovery_codes(somebody), timezone.now()
    answers = at_once(lambda: judge(somebody, codes[0], now=now))
    assert Counter(map(type, answers)) == {Right: 1, Wrong: 29}
    assert SpentCode.objects.count() == 1
    assert recovery_codes.left(factor_of(somebody, "recovery_codes")) == 9
    assert Message.objects.filter(kind="idp.recovery_code_used").count() == 1
    assert AuditEntry.objects.filter(name="idp.recovery_code.used").count() == 1


def test_of_a_hundred_wrong_codes_at_once_exactly_the_limit_is_looked_at(somebody):
    """And the right one among the last is not (OT-01 for second factors); the owner is told once (SI-05)."""
    app, now = with_app(somebody), timezone.now()
    looked_at = []
    asked = iter(range(100))

    def guess():
        next(asked)
        return tries.attempt(
            somebody,
            Credential.Kind.TOTP,
            lambda factors: bool(looked_at.append(factors)),
            subject=somebody.pk.bytes,
            device=None,
            policy=policy(),
            origin=NOW_HERE,
            now=now,
        )

    answers = at_once(guess, times=100)
    assert Counter(map(type, answers)) == {Wrong: 10, Paused: 90}
    assert len(looked_at) == 10
    assert isinstance(judge(somebody, app.code(now=now), now=now), Paused)
    assert Message.objects.filter(kind="idp.factor_paused").count() == 1


def test_one_code_typed_at_thirty_browsers_at_once_is_one_sign_in(somebody, patient):
    """Over HTTP: each browser has a pending sign-in of its own, and the password was right at each."""
    app = with_app(somebody)
    people = []
    for number in range(12):
        person = Person(address=f"198.51.100.{number}")
        password_step(person)
        people.append(person)
    code, waiting = app.code(), iter(people)
    before = SignIn.objects.count()

    def submit():
        return next(waiting).submit(otp=code).name

    assert Counter(at_once(submit, times=12)) == {"account": 1, "sign-in-factor": 11}
    assert SignIn.objects.count() == before + 1


def test_one_pending_sign_in_finished_at_once_with_several_codes_is_one_sign_in(somebody, patient):
    """Tabs of one browser, each with a code that is right, of an app of its own."""
    codes = [with_app(somebody, name=f"App {number}").code() for number in range(8)]
    person = Person()
    password_step(person)
    before = SignIn.objects.count()
    left = iter(codes)

    def submit():
        tab = Person()
        for name, morsel in person.http.cookies.items():
            tab.http.cookies[name] = morsel.value
        data = {name: values[0] for name, values in person.page.parsed.fields.items()}
        return tab.post("/sign-in/factor", {**data, "otp": next(left)}).status_code

    assert person.http.cookies[PENDING].value
    assert sorted(at_once(submit, times=8)) == [303] + [400] * 7
    assert SignIn.objects.count() == before + 1


def test_of_two_factors_removed_at_once_one_stays_where_the_policy_asks_for_one(somebody, settings):
    settings.IDP = {**settings.IDP, "second_factor": "required"}
    now = timezone.now()
    for name in ("Phone", "Tablet"):
        with_app(somebody, name=name)
    rows = iter(Credential.objects.select_related("factor").filter(kind="totp"))
    here = fresh_sign_in(somebody)

    def remove():
        try:
            enrolment.remove(here, next(rows), policy=policy(), origin=NOW_HERE, now=now)
        except enrolment.LastFactor:
            return "kept"
        return "removed"

    assert sorted(at_once(remove, times=2)) == ["kept", "removed"]


def test_of_two_sets_of_recovery_codes_made_at_once_one_is_kept(somebody):
    here, now = fresh_sign_in(somebody), timezone.now()

    def make():
        try:
            return enrolment.new_recovery_codes(here, replaces=0, policy=policy(), origin=NOW_HERE, now=now)
        except enrolment.ProofStale:
            return None

    made = [codes for codes in at_once(make, times=6) if codes]
    assert len(made) == 1
    assert isinstance(judge(somebody, made[0][0], now=now), Right)

"""One try at a second factor: what is right once, what is wrong, and when it is paused."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from idp.accounts import devices
from idp.conf import policy
from idp.factors import recovery_codes, tries
from idp.factors.tries import Paused, Right, Wrong
from idp.models import AuditEntry, Counter, Message, SpentCode
from tests.conftest import make_person
from tests.idp.factors.people import NOW_HERE, factor_of, with_app, with_recovery_codes

START = timezone.now().replace(second=15, microsecond=0)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def judge(user, answer, *, subject=None, device=None, now=START):
    return tries.judge(
        user,
        answer,
        subject=subject if subject is not None else user.pk.bytes,
        device=device,
        policy=policy(),
        origin=NOW_HERE,
        now=now,
    )


@pytest.fixture
def app(jane):
    return with_app(jane, now=START)


# --- Authenticator app ------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_a_code_is_good_in_its_own_step_and_beside_it(jane, app, steps):
    assert judge(jane, app.code(now=START, steps=steps)) == Right(kind="totp")


@pytest.mark.parametrize("steps", [-10, -2, 2, 10])
def test_a_code_of_another_time_is_wrong(jane, app, steps):
    """SI-04."""
    assert isinstance(judge(jane, app.code(now=START, steps=steps)), Wrong)


def test_a_code_works_once_however_it_is_spelt(jane, app):
    code = app.code(now=START)
    assert isinstance(judge(jane, code), Right)
    wide = code.translate({ord("0") + digit: chr(ord("０") + digit) for digit in range(10)})
    for spelling in (code, f"{code[:3]} {code[3:]}", f" {code[:3]}-{code[3:]} ", "–".join(code), wide):
        assert isinstance(judge(jane, spelling), Wrong), spelling


def test_after_a_code_those_before_it_are_over(jane, app):
    assert isinstance(judge(jane, app.code(now=START)), Right)
    assert isinstance(judge(jane, app.code(now=START, steps=-1)), Wrong)
    assert isinstance(judge(jane, app.code(now=START, steps=1)), Right)


@pytest.mark.parametrize(
    "answer", ["", " ", "12345", "1234567", "abcdef", "12345a", "٠١٢٣٤٥", "0" * 5000, "[]", "null"]
)
def test_what_is_no_code_at_all_is_wrong_and_costs_no_try(jane, app, answer):
    assert judge(jane, answer) == Wrong(tries_left=None)
    assert not Counter.objects.exists()


def test_a_code_is_good_for_any_app_of_the_account_and_for_no_other_account(jane, app, db):
    second = with_app(jane, name="Tablet", now=START)
    john = make_person("john", email="john@contoso.example")
    with_app(john, now=START)
    assert isinstance(judge(john, second.code(now=START)), Wrong)
    assert isinstance(judge(jane, second.code(now=START)), Right)
    assert isinstance(judge(jane, app.code(now=START)), Right)


def test_the_key_is_not_in_the_database(jane, app):
    from idp.factors.totp import spelt

    kept = factor_of(jane, "totp").material
    assert spelt(app.secret) not in kept
    assert app.secret.hex() not in kept


def test_a_row_moved_to_somebody_else_opens_nothing(jane, app, db):
    """Encryption is bound to row and account: even with a seal of its own, the text is unreadable there."""
    from idp import keyring

    factor = factor_of(jane, "totp")
    john = make_person("john", email="john@contoso.example")
    with pytest.raises(keyring.Tampered):
        keyring.decrypt("totp-secret", factor.material, factor.pk.bytes, john.pk.bytes)


# --- Recovery codes ---------------------------------------------------------------------------------------


def test_every_recovery_code_works_once(jane):
    codes = with_recovery_codes(jane, now=START)
    assert len(set(codes)) == 10
    for number, code in enumerate(codes, start=1):
        assert judge(jane, code) == Right(kind="recovery_codes")
        assert recovery_codes.left(factor_of(jane, "recovery_codes")) == 10 - number
        assert isinstance(judge(jane, code), Wrong)
        judge(jane, "x")


def test_a_recovery_code_is_forgiven_its_spelling(jane):
    codes = with_recovery_codes(jane, now=START)
    alike = {"0": "oO", "1": "iIlL"}
    for code, change in zip(
        codes,
        (
            str.lower,
            lambda text: text.replace("-", ""),
            lambda text: text.replace("-", " "),
            lambda text: "  " + " - ".join(text.replace("-", "")) + "  ",
            lambda text: "".join(alike.get(each, each)[0] for each in text),
            lambda text: "".join(alike.get(each, each)[-1] for each in text),
            lambda text: text.replace("-", "‑"),
        ),
        strict=False,
    ):
        assert judge(jane, change(code)) == Right(kind="recovery_codes"), change(code)


def test_a_new_set_replaces_the_old_one(jane):
    old = with_recovery_codes(jane, now=START)
    assert isinstance(judge(jane, old[0]), Right)
    new = with_recovery_codes(jane, now=START)
    assert isinstance(judge(jane, old[1]), Wrong)
    assert recovery_codes.left(factor_of(jane, "recovery_codes")) == 10
    assert isinstance(judge(jane, new[0]), Right)


@pytest.mark.hashing
def test_codes_are_kept_as_a_password_would_be(jane):
    """ASVS 6.5.2: salted, hashed, and sealed with a key that is not in the database."""
    codes = with_recovery_codes(jane, now=START)
    kept = factor_of(jane, "recovery_codes").material
    assert not any(code in kept or code.replace("-", "") in kept for code in codes)
    assert "19456$2$1$" in kept, "Argon2id as for passwords"


def test_the_owner_is_told_that_a_code_was_used_and_how_many_are_left(jane):
    codes = with_recovery_codes(jane, now=START)
    judge(jane, codes[4])
    message = Message.objects.get(kind="idp.recovery_code_used")
    assert message.facts["left"] == 9
    used = AuditEntry.objects.get(name="idp.recovery_code.used")
    assert (used.user, used.details["number"], used.details["left"]) == (jane.pk, 4, 9)


# --- Limits -----------------------------------------------------------------------------------------------


def test_wrong_codes_pause_this_kind_and_no_other(jane, app):
    codes = with_recovery_codes(jane, now=START)
    answers = [judge(jane, app.wrong(now=START)) for _try in range(10)]
    assert [answer.tries_left for answer in answers] == [None] * 6 + [3, 2, 1, 0]
    assert judge(jane, app.code(now=START)) == Paused(until=START + HOUR)
    assert isinstance(judge(jane, codes[0]), Right), "another kind is not paused with it"


def test_recovery_codes_are_slowed_as_any_factor(jane, app):
    """OT-16."""
    codes = with_recovery_codes(jane, now=START)
    answers = [judge(jane, "0" * 12 + f"{number:04}") for number in range(200)]
    assert [type(answer) for answer in answers] == [Wrong] * 10 + [Paused] * 190
    assert isinstance(judge(jane, codes[0]), Paused)
    assert isinstance(judge(jane, app.code(now=START)), Right)
    assert not SpentCode.objects.exists()


def test_in_a_day_no_more_than_the_days_number_is_looked_at(jane, app):
    looked_at = 0
    for hour in range(24):
        now = START + hour * HOUR
        looked_at += sum(isinstance(judge(jane, app.wrong(now=now), now=now), Wrong) for _try in range(15))
    assert looked_at == policy().factor_tries_per_day.count
    now = START + 25 * HOUR
    assert isinstance(judge(jane, app.code(now=now), now=now), Right), "and the next day it is open again"


def test_a_right_code_forgives_the_wrong_ones_before(jane, app):
    for step in (-1, 0, 1):
        for _try in range(9):
            assert isinstance(judge(jane, app.wrong(now=START)), Wrong)
        assert isinstance(judge(jane, app.code(now=START, steps=step)), Right)


def fail_a_hundred_times(user, app):
    """Ten an hour and thirty a day, for as long as it takes. Returns when it is over."""
    now, looked_at = START, 0
    for _hour in range(24 * 5):
        for _try in range(11):
            answer = judge(user, app.wrong(now=now), now=now)
            looked_at += isinstance(answer, Wrong)
        now += HOUR + timedelta(seconds=1)
    assert looked_at == 100
    return now


def test_after_a_hundred_failures_in_a_row_it_is_closed_however_slow_they_were(jane, app):
    """NIST SP 800-63B 3.2.2."""
    now = fail_a_hundred_times(jane, app)
    answer = judge(jane, app.code(now=now), now=now)
    assert isinstance(answer, Paused)
    assert answer.for_good
    later = now + 30 * DAY
    assert judge(jane, app.code(now=later), now=later).for_good


def test_any_other_factor_of_the_owners_opens_it_again(jane, app):
    codes = with_recovery_codes(jane, now=START)
    now = fail_a_hundred_times(jane, app)
    assert isinstance(judge(jane, codes[0], now=now), Right)
    assert isinstance(judge(jane, app.code(now=now + DAY), now=now + DAY), Right)


def test_a_success_in_a_known_browser_opens_it_again(jane, app):
    home = devices.seen(jane.pk, "", None, origin=NOW_HERE, now=START).device
    now = fail_a_hundred_times(jane, app)
    assert isinstance(judge(jane, app.code(now=now), device=home, now=now), Right)
    tomorrow = now + DAY
    assert isinstance(judge(jane, app.code(now=tomorrow), now=tomorrow), Right)


def test_a_known_browser_has_a_budget_of_its_own(jane, app):
    home = devices.seen(jane.pk, "a key of this browser", None, origin=NOW_HERE, now=START).device
    for _try in range(12):
        judge(jane, app.wrong(now=START))
    assert isinstance(judge(jane, app.code(now=START)), Paused)
    assert isinstance(judge(jane, app.code(now=START), device=home), Right)


def test_the_owner_is_told_once_that_somebody_knows_their_password(jane, app):
    """SI-05."""
    for number in range(120):
        now = START + number * timedelta(minutes=10)
        judge(jane, app.wrong(now=now), now=now)
    assert Message.objects.filter(kind="idp.factor_paused").count() == 1
    paused = AuditEntry.objects.filter(name="idp.factor.paused", user=jane.pk)
    assert {entry.details["kind"] for entry in paused} == {"totp"}


def test_nobody_is_told_of_a_factor_that_they_do_not_have(jane):
    for _try in range(12):
        judge(jane, "123456")
    assert not Message.objects.filter(kind="idp.factor_paused").exists()


# --- Where the account may be unknown ---------------------------------------------------------------------


def test_nobody_gets_the_answers_that_somebody_gets(jane, app):
    """The sign-in page asks for password and code together: who is wrong there learns nothing from the answers."""
    with_recovery_codes(jane, now=START)
    wrong = app.wrong(now=START)
    for answer in (wrong, "0000-0000-0000-0000", "nothing"):
        known = [judge(jane, answer, subject=b"jane from here") for _try in range(13)]
        unknown = [judge(None, answer, subject=b"nobody from here") for _try in range(13)]
        assert known == unknown


@pytest.mark.parametrize("answer", ["000000", "0000-0000-0000-0000"])
def test_nobody_costs_what_somebody_costs(jane, answer):
    with_app(jane, now=START)
    with_recovery_codes(jane, now=START)

    def statements(user, subject):
        with CaptureQueriesContext(
            connection,
        ) as asked:
            judge(user, answer, subject=subject)
        return [query["sql"].split()[0] for query in asked]

    assert statements(jane, b"jane from here") == statements(None, b"nobody from here")


def test_who_does_not_know_the_password_cannot_use_up_the_accounts_budget(jane, app):
    for _try in range(50):
        judge(None, app.wrong(now=START), subject=b"jane from there")
    assert isinstance(judge(jane, app.code(now=START), subject=b"jane from here"), Right)
    assert not Message.objects.filter(kind="idp.factor_paused").exists()


def test_who_knows_the_password_gains_no_tries_by_moving_from_network_to_network(jane, app):
    for number in range(40):
        assert isinstance(judge(jane, app.wrong(now=START), subject=f"jane from {number // 5}"), Wrong)
    right = judge(jane, app.code(now=START), subject="jane from elsewhere")
    assert isinstance(right, Wrong), "paused behind it, which the answer does not tell"
    assert Message.objects.filter(kind="idp.factor_paused").count() == 1


def test_nothing_is_right_for_nobody(db):
    assert isinstance(judge(None, "123456", subject=b"x"), Wrong)
    assert isinstance(judge(None, "0123-4567-89AB-CDEF", subject=b"x"), Wrong)

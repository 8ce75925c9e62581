"""A policy that asks for more holds at once, one that asks for less once everybody was told and has had time."""

from dataclasses import fields, replace
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.utils import timezone, translation
from hypothesis import given
from hypothesis import strategies as st

from idp.audit import chain
from idp.models import AuditEntry, Message, User
from recovery import conf, in_force, plugin
from recovery.domain.loosening import STRICTER, STRICTER_CODES, is_looser, read, stricter, written
from recovery.domain.policy import PROBLEMS, Limit, OtpPolicy, RecoveryPolicy
from recovery.models import PolicyInForce
from tests.conftest import make_person
from tests.story import Person, code_in, post_office

DAY = timedelta(days=1)
STRICT = RecoveryPolicy(proofs_with_second_factor=2)


# --- Number by number -------------------------------------------------------------------------------------


def test_every_number_has_a_stricter_way():
    assert STRICTER.keys() == {field.name for field in fields(RecoveryPolicy)}
    assert STRICTER_CODES.keys() == {field.name for field in fields(OtpPolicy)}


@pytest.mark.parametrize(
    ("tight", "loose"),
    [
        ({"proofs_with_second_factor": 2}, {"proofs_with_second_factor": 1}),
        ({"proofs_without_second_factor": 2}, {"proofs_without_second_factor": 1}),
        ({"proofs_to_unlock": 2}, {"proofs_to_unlock": 1}),
        ({"proofs_to_replace_a_factor": 3}, {"proofs_to_replace_a_factor": 2}),
        ({"proofs_of_administrators": 3}, {"proofs_of_administrators": 2}),
        ({"methods": ("email",)}, {"methods": ("email", "sms")}),
        ({"problems": ("forgot",)}, {"problems": PROBLEMS}),
        ({"journey_lifetime": timedelta(minutes=10)}, {"journey_lifetime": timedelta(minutes=60)}),
        ({"wrong_codes_per_day": Limit(count=20, per=DAY)}, {"wrong_codes_per_day": Limit(count=30, per=DAY)}),
        ({"wrong_codes_per_day": Limit(count=20, per=DAY)}, {"wrong_codes_per_day": Limit(count=20, per=DAY / 2)}),
        ({"long_codes_after": 5}, {"long_codes_after": 15}),
        ({"loosening_delay": 7 * DAY}, {"loosening_delay": DAY}),
        ({"otp": OtpPolicy(digits=8)}, {"otp": OtpPolicy(digits=6)}),
        ({"otp": OtpPolicy(lifetime=timedelta(minutes=5))}, {"otp": OtpPolicy(lifetime=timedelta(minutes=10))}),
        ({"otp": OtpPolicy(tries=3)}, {"otp": OtpPolicy(tries=9)}),
        ({"otp": OtpPolicy(live=1)}, {"otp": OtpPolicy(live=3)}),
    ],
)
def test_less_is_looser_and_more_is_not(tight, loose):
    tight, loose = RecoveryPolicy(**tight), RecoveryPolicy(**loose)
    assert is_looser(loose, than=tight)
    assert not is_looser(tight, than=loose)
    assert stricter(tight, loose) == stricter(loose, tight) == tight


@pytest.mark.parametrize(
    "change",
    [
        {"ways_wanted": 0},
        {"skips": 0},
        {"reconfirm_after": timedelta(0)},
        {"resend": Limit(count=9, per=DAY)},
        {"starts_per_network": Limit(count=9, per=DAY)},
        {"otp": OtpPolicy(longest_wait=timedelta(minutes=2))},
    ],
)
def test_what_opens_nothing_holds_at_once(change):
    changed = RecoveryPolicy(**change)
    assert not is_looser(changed, than=RecoveryPolicy())
    assert not is_looser(RecoveryPolicy(), than=changed)


def test_where_no_way_would_be_left_the_old_ones_stay_meanwhile():
    mail_only, text_only = RecoveryPolicy(methods=("email",)), RecoveryPolicy(methods=("sms",))
    assert stricter(mail_only, text_only).methods == ("email",)


POLICIES = st.builds(
    RecoveryPolicy,
    problems=st.lists(st.sampled_from(PROBLEMS), min_size=1, unique=True).map(tuple),
    methods=st.lists(st.sampled_from(["email", "sms", "totp"]), min_size=1, unique=True).map(tuple),
    proofs_with_second_factor=st.integers(1, 2),
    proofs_without_second_factor=st.integers(1, 2),
    proofs_to_unlock=st.integers(1, 2),
    proofs_to_replace_a_factor=st.integers(2, 3),
    proofs_of_administrators=st.integers(2, 3),
    journey_lifetime=st.integers(5, 60).map(lambda n: timedelta(minutes=n)),
    wrong_codes_per_day=st.builds(Limit, count=st.integers(16, 100), per=st.just(DAY)),
    long_codes_after=st.integers(1, 15),
    loosening_delay=st.integers(1, 30).map(lambda n: timedelta(days=n)),
    otp=st.builds(OtpPolicy, digits=st.integers(6, 9), tries=st.integers(1, 10), live=st.integers(1, 3)),
)


@given(POLICIES, POLICIES)
def test_what_holds_meanwhile_is_looser_than_neither(old, new):
    held = stricter(old, new)
    assert not is_looser(held, than=old)
    # Methods and problems that would leave nothing are the one exception: nobody could get back in.
    if set(old.methods) & set(new.methods) and set(old.problems) & set(new.problems):
        assert not is_looser(held, than=new)
    assert stricter(old, held) == held


@given(POLICIES)
def test_a_row_keeps_all_of_it(policy):
    assert read(written(policy), otherwise=RecoveryPolicy()) == policy


# --- From one to the other --------------------------------------------------------------------------------


def deploy(settings, **numbers):
    settings.RECOVERY = {**settings.RECOVERY, **numbers}
    in_force.forget()


def advance(after=timedelta(0)):
    return in_force.advance(timezone.now() + after)


def proofs(after=timedelta(0)):
    in_force.forget()
    return in_force.policy(timezone.now() + after).proofs_with_second_factor


@pytest.fixture
def two_asked(db, settings):
    """People live under a policy that asks for two proofs."""
    deploy(settings, proofs_with_second_factor=2)
    advance()


def test_asking_for_more_holds_at_once(db, settings):
    advance()
    assert proofs() == 1
    deploy(settings, proofs_with_second_factor=2)
    assert proofs() == 2
    advance()
    assert proofs() == 2
    assert not Message.objects.exists()


@pytest.mark.usefixtures("two_asked")
def test_asking_for_less_holds_once_everybody_was_told_and_three_days_are_over(settings):
    make_person()
    deploy(settings, proofs_with_second_factor=1)
    assert proofs() == 2
    assert advance() == 1
    assert proofs() == 2
    assert advance(timedelta(hours=1)) == 0
    # The delay begins when the last one was told.
    advance(3 * DAY)
    assert proofs(3 * DAY) == 2
    advance(3 * DAY + timedelta(hours=2))
    assert proofs() == 1
    names = list(
        AuditEntry.objects.filter(name__startswith="recovery.policy").values_list("name", flat=True).order_by("pk")
    )
    assert names == ["recovery.policy.applied", "recovery.policy.loosening_announced", "recovery.policy.applied"]
    assert not list(chain.faults())


@pytest.mark.usefixtures("two_asked")
def test_without_beat_it_never_holds(settings):
    make_person()
    deploy(settings, proofs_with_second_factor=1)
    assert proofs(365 * DAY) == 2


@pytest.mark.usefixtures("two_asked")
def test_taking_it_back_ends_it(settings):
    make_person()
    deploy(settings, proofs_with_second_factor=1)
    advance()
    deploy(settings, proofs_with_second_factor=2)
    advance()
    deploy(settings, proofs_with_second_factor=1)
    assert proofs() == 2
    assert advance(30 * DAY) == 1, "everybody is told anew"
    assert proofs(30 * DAY) == 2


@pytest.mark.usefixtures("two_asked")
def test_one_number_may_be_loosened_while_another_is_tightened(settings):
    make_person()
    deploy(settings, proofs_with_second_factor=1, proofs_to_unlock=2)
    in_force.forget()
    held = in_force.policy(timezone.now())
    assert (held.proofs_with_second_factor, held.proofs_to_unlock) == (2, 2)
    advance()
    deploy(settings, proofs_with_second_factor=1, proofs_to_unlock=1)
    advance()
    held = in_force.policy(timezone.now())
    assert (held.proofs_with_second_factor, held.proofs_to_unlock) == (2, 2)


@pytest.mark.usefixtures("two_asked")
def test_a_shorter_delay_waits_for_the_longer_one(settings):
    deploy(settings, loosening_delay=DAY, proofs_with_second_factor=1)
    advance()
    advance(2 * DAY)
    assert proofs() == 2
    advance(3 * DAY + timedelta(hours=1))
    assert proofs() == 1


@pytest.mark.usefixtures("two_asked")
def test_everybody_is_told_once_however_often_it_is_stopped(settings, monkeypatch):
    monkeypatch.setattr(in_force, "_BATCH", 2)
    people = [make_person(f"p{n}", email=f"p{n}@contoso.example") for n in range(5)]
    make_person("gone", email="gone@contoso.example", status=User.Status.INVITED)
    deploy(settings, proofs_with_second_factor=1)
    assert advance() == 2

    def fails(*_args, **_kwargs):
        raise RuntimeError

    with monkeypatch.context() as broken:
        broken.setattr(in_force.accounts, "tell", fails)
        with pytest.raises(RuntimeError):
            advance()
    assert [advance() for _time in range(4)] == [2, 1, 0, 0]
    told = Message.objects.filter(kind=in_force.KIND).values_list("user", flat=True)
    assert sorted(told) == sorted(person.pk for person in people)


@pytest.mark.parametrize("how", ["numbers", "applies_from", "deleted", "seal"])
@pytest.mark.usefixtures("two_asked")
def test_what_is_written_past_the_program_loosens_nothing(settings, how):
    make_person()
    deploy(settings, proofs_with_second_factor=1)
    advance()
    if how == "deleted":
        PolicyInForce.objects.all().delete()
    else:
        forged = {
            "numbers": written(replace(STRICT, proofs_with_second_factor=1)),
            "applies_from": timezone.now(),
            "seal": "t2.AAAA",
        }
        PolicyInForce.objects.update(**{how: forged[how]})
    assert proofs() == 2
    advance()
    assert proofs() == 2
    advance(timedelta(minutes=1))
    assert proofs() == 2


def test_a_process_reads_it_again_after_half_a_minute(two_asked, settings, django_assert_num_queries):
    now = timezone.now()
    in_force.policy(now)
    with django_assert_num_queries(0):
        in_force.policy(now + timedelta(seconds=29))
    with django_assert_num_queries(1):
        in_force.policy(now + timedelta(seconds=31))


# --- What people see --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "subject"),
    [
        ("en", "Getting back into your Contoso account will change"),
        ("fr", "Retrouver l’accès à votre compte Contoso va changer"),
        ("zh-hans", "找回你的 Contoso 帐户的方式即将改变"),
    ],
)
@pytest.mark.usefixtures("two_asked")
def test_the_letter_says_what_will_be_new(settings, language, subject):
    make_person(locale=language, phones=["+33612345678"])
    deploy(settings, proofs_with_second_factor=1)
    advance()
    (letter,) = post_office()
    assert letter.subject == subject
    with translation.override(language):
        new = plugin.in_words.new_sentences(STRICT, RecoveryPolicy(), plugin.limits.policy())
    assert new
    for sentence in new:
        assert sentence in letter.body
    assert len(letter.body.splitlines()) < 16


@pytest.mark.usefixtures("two_asked")
def test_the_page_for_everybody_tells_what_holds_and_what_is_coming(settings):
    deploy(settings, proofs_with_second_factor=1)
    before = Person().open("/recovery/how/")
    assert "if you have a second factor: 2 different proofs" in before
    advance()
    page = Person().open("/recovery/how/")
    assert "From " in page.text.split("Nobody can do it for you")[0]
    assert "if you have a second factor: 2 different proofs" in page
    assert "if you have a second factor: 1 proof, on something else" in page
    advance(timedelta(minutes=1))
    with time_machine.travel(timezone.now() + 4 * DAY):
        advance()
        page = Person().open("/recovery/how/")
    assert "if you have a second factor: 2 different proofs" not in page
    assert page.text.count("if you have a second factor: 1 proof") == 1


def test_a_journey_goes_by_the_stricter_one_until_then(db, settings):
    """The whole way over HTTP: a second proof is asked for as long as people rely on it."""
    deploy(settings, proofs_without_second_factor=2, methods=("email", "sms"))
    make_person(phones=["+33612345678"])
    advance()
    deploy(settings, proofs_without_second_factor=1)
    assert conf.policy().proofs_without_second_factor == 1
    assert _after_one_proof().name == "recovery-method"
    post_office()
    mail.outbox.clear()
    advance()
    advance(timedelta(minutes=1))
    advance(3 * DAY + timedelta(hours=1))
    with time_machine.travel(timezone.now() + 3 * DAY + timedelta(hours=2)):
        page = _after_one_proof()
        assert page.name == "recovery-new-password"


def _after_one_proof():
    person = Person()
    person.open("/recovery/")
    person.submit(identifier="jane")
    person.submit(problem="forgot")
    person.submit(method="email")
    person.submit(address="jane@contoso.example")
    letter = post_office()[-1]
    person.submit(code=code_in(letter))
    return person.page

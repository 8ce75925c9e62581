"""Recovery in numbers: those of each account, one by one; every road a recovery can take; and nobody in them."""

from collections import Counter
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from idp import coverage as exported
from idp import tidying
from idp.channels import gateways
from idp.models import Credential, RecoveryAddress, Role, SpentCode, User
from idp.plugins.hooks import Fate, Stage
from recovery import figures, standing
from recovery.conf import policy
from recovery.domain import ways
from recovery.domain.journey import Ending, Step
from recovery.domain.policy import RecoveryPolicy
from recovery.domain.ways import Root, Standing
from recovery.models import Journey
from tests.conftest import NEW_PASSWORD, drop_guards, make_client, make_person
from tests.hosted import Page
from tests.idp.account.conftest import add_address
from tests.idp.console.people import RECOVERY, appoint, at_a_browser
from tests.idp.factors.people import with_app, with_passkey, with_recovery_codes
from tests.journeys.test_forgotten_password import authorization_request
from tests.recovery.walk import journey_of, letter, walk_to, wrong_codes
from tests.story import Person

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _texts_can_be_sent(settings):
    settings.SMS_GATEWAYS = gateways.read("json://127.0.0.1:1/")


def covered(numbers=None):
    return figures.coverage(numbers or policy(), now=timezone.now())


def fared(*, now=None):
    now = now or timezone.now()
    found = figures.funnel(now - 7 * DAY, policy=policy(), now=now)
    return Counter({(each.problem, each.stage, each.fate): each.count for each in found.fared})


def one(number, *, phones=(), **fields):
    name = f"person{number}"
    return make_person(name, email=f"{name}@contoso.example", password=None, phones=phones, **fields)


# --- Coverage ---------------------------------------------------------------------------------------------


def test_nobody_is_nobody(db):
    found = covered()
    assert (found.accounts, found.registered, found.ready, found.administrators) == (0, 0, 0, 0)
    assert [(way.name, way.accounts) for way in found.ways] == [
        (name, 0) for name in ("email", "sms", "totp", "passkey", "recovery-code")
    ]


def test_each_way_is_counted_once_for_each_account(db):
    one(1, phones=["+33612345641", "+33612345642"], addresses=["a@contoso.example", "b@contoso.example"])
    both = one(2)
    with_app(both)
    with_app(both, name="Tablet")
    with_passkey(both)
    with_recovery_codes(both)
    one(3, addresses=())
    found = covered()
    assert {way.name: way.accounts for way in found.ways} == {
        "email": 2,
        "sms": 1,
        "totp": 1,
        "passkey": 1,
        "recovery-code": 1,
    }
    assert (found.accounts, found.registered, found.ready) == (3, 2, 2)


def test_what_could_not_be_used_today_does_not_count(db):
    now = timezone.now()
    waits = one(1, addresses=())
    add_address(waits, "new@contoso.example", now=now, usable_from=now + DAY)
    removed = one(2, addresses=["old@contoso.example"])
    with_app(removed)
    used_up = one(3, addresses=())
    with_recovery_codes(used_up)
    sheet = Credential.objects.get(user=used_up)
    for number in range(10):
        SpentCode.objects.create(credential=sheet, version=sheet.version, number=number, spent_at=now)
    drop_guards()
    RecoveryAddress.objects.filter(user=removed).update(told_until=now + DAY)
    Credential.objects.filter(user=removed).update(material="")
    found = covered()
    assert (found.accounts, found.registered, found.ready) == (3, 0, 0)
    assert not any(way.accounts for way in found.ways)
    with time_machine.travel(now + 2 * DAY):
        assert covered().registered == 1, "the new address is out of its quarantine"
    with_recovery_codes(used_up)
    assert covered().registered == 1, "a new sheet"


@pytest.mark.parametrize("status", [each for each in User.Status if each != User.Status.ACTIVE])
def test_only_active_accounts_count(db, status):
    appoint(one(1, status=status, phones=["+33612345641"]))
    found = covered()
    assert (found.accounts, found.registered, found.ready, found.administrators) == (0, 0, 0, 0)


def test_an_account_that_its_owner_froze_does_not_count(db):
    user = one(1, phones=["+33612345641"])
    assert covered().ready == 1
    User.objects.filter(pk=user.pk).update(frozen_at=timezone.now())
    found = covered()
    assert (found.accounts, found.registered, found.ready, [way.accounts for way in found.ways]) == (0, 0, 0, [0] * 5)


def test_a_way_that_is_not_offered_is_none(db):
    with_app(one(1, addresses=()))
    found = covered(RecoveryPolicy(methods=("email",)))
    assert (found.accounts, found.registered, found.ready) == (1, 0, 0)
    assert [way.name for way in found.ways] == ["email"]


def test_it_says_of_everybody_what_would_be_said_of_each(db):
    """The same as going from account to account, which takes too long of a million."""
    people = []
    for number in range(32):
        phones = [f"+336123456{number:02}"] if number & 2 else ()
        each = one(number, phones=phones, **({} if number & 1 else {"addresses": ()}))
        for bit, add in ((4, with_app), (8, with_passkey), (16, with_recovery_codes)):
            if number & bit:
                add(each)
        people.append(each)
    for each in people[::3]:
        appoint(each)
    found, now = covered(), timezone.now()
    stands = [standing.of(each.pk, has_password=False, now=now) for each in people]
    assert found.accounts == 32
    assert found.registered == sum(bool(each.ways) for each in stands) == 31
    assert found.ready == sum(ways.is_ready(each, policy()) for each in stands)
    of_administrators = [each for each in stands if each.administrator]
    assert found.administrators == len(of_administrators) == 11
    assert found.administrators_ready == sum(ways.is_ready(each, policy()) for each in of_administrators)
    for way in found.ways:
        assert way.accounts == sum(way.name in each.ways for each in stands) == 16


@pytest.mark.parametrize(
    ("held", "administrator", "ready"),
    [
        ("email", False, False),
        ("email sms", False, True),
        ("email totp", False, True),
        ("totp", False, False),
        ("totp passkey", False, False),
        ("totp recovery-code", False, True),
        ("email sms", True, False),
        ("email totp", True, True),
        ("totp passkey", True, False),
        ("email recovery-code", True, True),
        ("", False, False),
    ],
    ids=str,
)
def test_who_is_ready(held, administrator, ready):
    numbers = RecoveryPolicy(methods=("email", "sms", "totp", "passkey", "recovery-code"))
    has = frozenset(held.split())
    factors = ways.roots(has - {"email", "sms"})
    stands = Standing(administrator=administrator, ways=has, factors=factors)
    assert ways.is_ready(stands, numbers) is ready


def test_where_one_is_enough_one_is_ready():
    stands = Standing(ways=frozenset({"email"}))
    assert ways.roots(stands.ways) == {Root.MAILBOX}
    assert ways.is_ready(stands, RecoveryPolicy(proofs_without_second_factor=1))


def test_a_role_that_was_written_past_the_program_makes_no_administrator(db):
    user = one(1, phones=["+33612345641"])
    Role.objects.create(user=user, name=Role.Name.ADMINISTRATOR, granted_at=timezone.now(), seal="t2:forged")
    found = covered()
    assert (found.administrators, found.ready) == (0, 1)


# --- The funnel -------------------------------------------------------------------------------------------


def test_a_recovery_is_counted_as_far_as_it_has_come(jane):
    """The same journey, page by page."""
    expected = [
        (Step.PROBLEM, ("", Stage.STARTED, Fate.RUNNING)),
        (Step.METHOD, ("forgot", Stage.PROBLEM, Fate.RUNNING)),
        (Step.ADDRESS, ("forgot", Stage.PROBLEM, Fate.RUNNING)),
        (Step.CODE, ("forgot", Stage.ASKED, Fate.RUNNING)),
        (Step.NEW_PASSWORD, ("forgot", Stage.ENOUGH, Fate.RUNNING)),
        (Step.DONE, ("forgot", Stage.FINISHED, Fate.FINISHED)),
    ]
    for step, road in expected:
        Journey.objects.all().delete()
        walk_to(step)
        assert fared() == {road: 1}, step


def test_one_proof_of_two_is_a_stage_of_its_own(db):
    make_person(phones=["+33612345642"])
    person = Person()
    person.open("/recovery/")
    for answer in ({"identifier": "jane"}, {"problem": "forgot"}, {"method": "email"}):
        person.submit(**answer)
    person.submit(address="jane@contoso.example")
    person.submit(code=letter())
    assert person.page.name == "recovery-method"
    assert fared() == {("forgot", Stage.PROVED, Fate.RUNNING): 1}


def test_whoever_knows_their_password_is_back_with_the_proof(jane):
    person = walk_to(Step.UNLOCK)
    assert fared() == {("locked", Stage.FINISHED, Fate.FINISHED): 1}
    person.submit(finish="1")
    assert fared() == {("locked", Stage.FINISHED, Fate.FINISHED): 1}


@pytest.mark.parametrize("identifier", ["jane", "nobody"])
def test_those_who_do_not_exist_count_like_all_others(jane, identifier):
    walk_to(Step.CODE, identifier=identifier)
    assert fared() == {("forgot", Stage.ASKED, Fate.RUNNING): 1}


def test_out_of_tries(jane):
    person = walk_to(Step.CODE)
    for code in wrong_codes(letter(), 5):
        person.submit(code=code)
    assert fared() == {("forgot", Stage.ASKED, Fate.TRIES): 1}


def test_begun_anew_and_finished_elsewhere(jane):
    walk_to(Step.METHOD)
    Journey.objects.update(ending="superseded")
    walk_to(Step.PROBLEM)
    Journey.objects.filter(problem="").update(ending="elsewhere")
    assert fared() == {
        ("forgot", Stage.PROBLEM, Fate.SUPERSEDED): 1,
        ("", Stage.STARTED, Fate.SUPERSEDED): 1,
    }


def test_every_ending_has_its_fate(jane):
    """So that a new one is not counted as somebody who is still there."""
    walk_to(Step.PROBLEM)
    for ending in set(Ending) - {Ending.DONE}:
        Journey.objects.update(ending=ending)
        ((_problem, _stage, fate),) = fared()
        assert fate not in (Fate.RUNNING, Fate.EXPIRED), ending


def test_something_else_changed_meanwhile(jane):
    person = walk_to(Step.NEW_PASSWORD)
    Journey.objects.update(password_version=7)
    person.submit(new_password=NEW_PASSWORD)
    assert fared() == {("forgot", Stage.ENOUGH, Fate.STALE): 1}


def test_who_left_is_counted_where_they_left(jane):
    walk_to(Step.CODE)
    later = timezone.now() + policy().journey_lifetime
    assert fared(now=later) == {("forgot", Stage.ASKED, Fate.EXPIRED): 1}


def test_a_problem_that_is_not_offered_any_more_counts_as_not_said(jane):
    walk_to(Step.METHOD)
    Journey.objects.update(problem="boredom")
    assert fared() == {("", Stage.PROBLEM, Fate.RUNNING): 1}


def test_how_long_it_took(jane):
    now = timezone.now()
    for number in range(1, 21):
        row = Journey(browser_hash=str(number), counted_as="", expires_at=now, ending="done")
        row.started_at, row.finished_at = now - timedelta(hours=1), now - timedelta(hours=1, minutes=-number)
        row.save()
    found = figures.funnel(now - DAY, policy=policy(), now=now)
    assert (found.half_within, found.most_within) == (timedelta(minutes=11), timedelta(minutes=20))
    assert figures.funnel(now, policy=policy(), now=now).half_within is None


def test_a_recovery_says_itself_how_long_it_took(jane):
    person = walk_to(Step.NEW_PASSWORD)
    with time_machine.travel(timezone.now() + timedelta(minutes=3)):
        person.submit(new_password=NEW_PASSWORD)
        row = journey_of(person)
    assert timedelta(minutes=3) <= row.finished_at - row.started_at < timedelta(minutes=4)


def test_what_is_counted_is_kept_for_a_week_and_no_longer(jane):
    walk_to(Step.DONE)
    now = timezone.now()
    tidying.sweep(now + 7 * DAY)
    assert fared(now=now + 7 * DAY - timedelta(minutes=1)).total() == 1
    assert Journey.objects.count() == 1
    tidying.sweep(now + 7 * DAY + policy().journey_lifetime + timedelta(minutes=1))
    assert not Journey.objects.exists()


# --- What it costs, and what it tells ---------------------------------------------------------------------


@pytest.mark.parametrize("people", [1, 40])
def test_it_asks_the_same_few_questions_however_many_there_are(jane, people):
    for number in range(people):
        one(number)
        walk_to(Step.CODE, identifier=f"person{number}", person=Person(address=f"192.0.{number}.10"))
    appoint(jane)
    person = at_a_browser(with_app(jane))
    with CaptureQueriesContext(connection) as asked:
        assert person.open(RECOVERY).name == "console-recovery"
    statements = [each["sql"] for each in asked]
    assert len(statements) <= 11, "\n".join(statements)
    assert all(statement.startswith("SELECT") for statement in statements)


def test_nobody_is_on_the_page_or_in_the_metrics(jane):
    make_client()
    make_person("amara", email="amara.okafor@elsewhere.example", phones=("+15555550100",))
    app = with_app(jane)
    appoint(jane)
    stranger = Person()
    stranger.open(authorization_request())
    walk_to(Step.CODE, identifier="amara", address="amara.okafor@elsewhere.example")
    code = letter().replace(" ", "")
    html = at_a_browser(app).http.get(RECOVERY, secure=True).content.decode()
    exported.forget()
    metrics = "".join(str(sample) for metric in exported._recovery() for sample in metric.samples)
    exported.forget()
    assert "Recovery" in Page(html).text
    assert "forgot" in metrics
    for text in (html.split("</form>", 1)[1], metrics):
        for secret in ("amara", "okafor", "elsewhere.example", "5550100", "jane", code, str(jane.pk), str(jane.sub)):
            assert secret not in text.lower(), secret
        for row in Journey.objects.all():
            for secret in (str(row.pk), row.browser_hash, row.counted_as, str(row.subject)):
                assert secret not in text

"""A task in front of the first step while very many begin: for everybody alike, good once, and never without a way."""

import base64
import json
import re
from datetime import timedelta

import altcha
import pytest
import time_machine
from django.utils import timezone

from idp.models import AuditEntry, Counter
from recovery.domain.policy import Limit
from recovery.models import Journey
from tests.conftest import make_person
from tests.story import Person, post_office

FIRST = [("/recovery/", "identifier", "recovery-problem"), ("/recovery/username/", "address", "recovery-username-sent")]
TYPED = "jane@contoso.example"


@pytest.fixture
def hot(settings, jane):
    """One may begin without more; everybody after that is asked."""
    settings.RECOVERY = {**settings.RECOVERY, "work_after": Limit(count=1, per=timedelta(minutes=10))}
    begin(Person(address="192.0.2.20"))


def begin(person, *, path="/recovery/", field="identifier", typed=TYPED):
    person.open(path)
    return person.submit(**{field: typed})


def asked(person=None, **where):
    person = person or Person(address="192.0.2.20")
    page = begin(person, **where)
    assert page.name == "recovery-work", page.text[:200]
    return person


def task_of(person):
    form = re.search(r'data-challenge="([^"]+)"', person.page.response.content.decode()).group(1)
    return json.loads(form.replace("&quot;", '"'))


def solution_of(task, **changes):
    solved = altcha.solve_challenge(altcha.Challenge.from_dict(task))
    said = {"challenge": task, "solution": solved.to_dict(), **changes}
    return base64.b64encode(json.dumps(said).encode()).decode()


def later(seconds):
    return time_machine.travel(timezone.now() + timedelta(seconds=seconds))


# --- When -------------------------------------------------------------------------------------------------


def test_ordinarily_nobody_is_asked(jane):
    for _person in range(5):
        assert begin(Person()).name == "recovery-problem"


@pytest.mark.parametrize(("path", "field", "after"), FIRST)
@pytest.mark.usefixtures("hot")
def test_both_first_steps_have_it_in_front(path, field, after):
    person = asked(path=path, field=field)
    assert person.page.status == 429
    assert TYPED in person.page.response.content.decode(), "what was typed is kept"
    page = person.submit(solution=solution_of(task_of(person)), **{field: TYPED})
    assert page.name == after


@pytest.mark.usefixtures("hot")
def test_other_networks_are_not_asked_for_what_one_does():
    assert begin(Person(address="203.0.113.7")).name == "recovery-problem"


def test_many_networks_together_are_noticed(settings, jane):
    settings.RECOVERY = {**settings.RECOVERY, "work_after_everywhere": Limit(count=5, per=timedelta(minutes=10))}
    pages = [begin(Person(address=f"203.0.{network}.7")).name for network in range(8)]
    assert pages == ["recovery-problem"] * 5 + ["recovery-work"] * 3


@pytest.mark.usefixtures("hot")
def test_it_grows_with_the_crowd_and_only_so_far():
    costs, waits = [], []
    for _start in range(24):
        person = asked()
        costs.append(task_of(person)["parameters"]["cost"])
        waits.append(int(re.search(r"wait (\d+) second", person.page.text).group(1)))
    assert costs == sorted(costs)
    assert set(costs) == {2000, 4000, 8000}
    assert max(waits) == 80


@pytest.mark.usefixtures("hot")
def test_it_is_over_when_the_crowd_is():
    asked()
    with later(601):
        assert begin(Person(address="192.0.2.20")).name == "recovery-problem"


# --- Solving ----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("hot")
def test_a_solution_is_good_once_however_it_is_spelt():
    person = asked()
    task = task_of(person)
    assert person.submit(identifier=TYPED, solution=solution_of(task)).name == "recovery-problem"
    for spelt in (solution_of(task), solution_of(task, more=1)):
        assert asked().submit(identifier=TYPED, solution=spelt).name == "recovery-work"


@pytest.mark.parametrize(
    "wrong",
    ["nothing", "not base 64", "made easier", "another counter", "another key", "unsigned", "too late", "too long"],
)
@pytest.mark.usefixtures("hot")
def test_what_is_no_solution_is_asked_anew(wrong):
    person = asked()
    task = task_of(person)
    easy = json.loads(json.dumps(task))
    easy["parameters"] |= {"keyPrefix": "", "cost": 1}
    right = json.loads(base64.b64decode(solution_of(task)))["solution"]
    shown = {
        "nothing": "",
        "not base 64": "é!",
        "made easier": solution_of(easy),
        "another counter": solution_of(task, solution=right | {"counter": right["counter"] + 1, "derivedKey": "00"}),
        "another key": solution_of(task, solution=right | {"derivedKey": "00" * 32}),
        "unsigned": solution_of(task, challenge={"parameters": task["parameters"]}),
        "too late": solution_of(task),
        "too long": "A" * 3000,
    }[wrong]
    with later(599 if wrong == "too late" else 1):
        # The crowd is still there; the task is not, after its time.
        Counter.objects.update(resets_at=timezone.now() + timedelta(hours=1))
    with later(601 if wrong == "too late" else 1):
        page = person.submit(identifier=TYPED, solution=shown, ticket="")
        assert page.name == "recovery-work"
        assert TYPED in page.response.content.decode()


# --- Waiting ----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("hot")
def test_without_scripts_one_waits_and_goes_on():
    person = asked()
    seconds = int(re.search(r"wait (\d+) second", person.page.text).group(1))
    with later(5):
        page = person.submit()
        assert page.name == "recovery-work"
        left = int(re.search(r"wait (\d+) second", page.text).group(1))
        assert seconds - 7 < left < seconds, "the wait goes on, it does not begin anew"
    with later(seconds + 1):
        assert person.submit().name == "recovery-problem"


@pytest.mark.parametrize("wrong", ["again", "another's", "forged", "sooner", "stale"])
@pytest.mark.usefixtures("hot")
def test_a_wait_is_good_once_and_nobody_shortens_it(wrong):
    person = asked()
    ticket = person.page.parsed.fields["ticket"][0]
    nonce, moment, seal = ticket.split(".", 2)
    shown = {
        "again": ticket,
        "another's": f"{'0' * 32}.{moment}.{seal}",
        "forged": "a.b.c",
        "sooner": f"{nonce}.{int(moment) - 60000}.{seal}",
        "stale": ticket,
    }[wrong]
    if wrong == "again":
        with later(90):
            assert person.submit().name == "recovery-problem"
    Counter.objects.update(resets_at=timezone.now() + timedelta(hours=2))
    with later(3600 if wrong == "stale" else 90):
        fresh = asked()
        assert fresh.submit(identifier=TYPED, ticket=shown).name == "recovery-work"


def test_waiting_is_possible_so_often_from_one_network(settings, hot):
    settings.RECOVERY = {**settings.RECOVERY, "waits_per_network": Limit(count=2, per=timedelta(hours=1))}
    people = [asked() for _person in range(3)]
    with later(90):
        pages = [person.submit().name for person in people]
    assert pages == ["recovery-problem", "recovery-problem", "recovery-slow"]


# --- Alike ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "field", "after"), FIRST)
@pytest.mark.usefixtures("hot")
def test_known_and_unknown_see_the_same(path, field, after):
    seen = []
    make_person("nina", email="nina@contoso.example")
    for typed in ("nina@contoso.example", "none@contoso.example"):
        person = asked(path=path, field=field, typed=typed)
        pages = [person.page.response.content.decode()]
        with later(3):
            pages.append(person.submit().response.content.decode())
        pages.append(person.submit(solution=solution_of(task_of(person))).response.content.decode())
        seen.append([masked(page, typed) for page in pages])
    assert seen[0] == seen[1]
    assert after in seen[0][-1]


def masked(page, typed):
    page = page.replace(typed, "…")
    page = re.sub(r'(data-challenge|value)="[^"]*"', r"\1", page)
    return re.sub(r"wait \d+ second", "wait … second", page)


@pytest.mark.usefixtures("hot")
def test_nothing_begins_and_nothing_is_sent_before_it_is_done():
    before = Journey.objects.count(), AuditEntry.objects.count()
    asked()
    asked(path="/recovery/username/", field="address")
    assert (Journey.objects.count(), AuditEntry.objects.count()) == before
    assert not post_office()


@pytest.mark.usefixtures("hot")
def test_what_was_typed_is_text_on_the_page():
    person = asked(typed='"><script>alert(1)</script>')
    assert "<script>alert" not in person.page.response.content.decode()

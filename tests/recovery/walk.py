"""Walking a recovery to a certain page: what many of these tests begin with."""

from threading import Barrier, Thread

from django.core import mail
from django.db import connections

from idp.keyring import fingerprint
from recovery.domain.journey import Step
from recovery.models import Challenge, Journey
from recovery.views import PAGES
from tests.conftest import NEW_PASSWORD
from tests.story import Person, code_in, post_office

WAY = (Step.IDENTIFY, Step.PROBLEM, Step.METHOD, Step.ADDRESS, Step.CODE, Step.NEW_PASSWORD, Step.DONE)
#: The way of somebody who knows their password.
LOCKED_OUT = (*WAY[:5], Step.UNLOCK)
ADDRESS = "jane@contoso.example"


def walk_to(step, *, identifier="jane", address=ADDRESS, method="email", person=None, problem=None):
    """Somebody at a browser who has come as far as the page of `step` on the straight way."""
    person = person or Person()
    problem = problem or ("locked" if step is Step.UNLOCK else "forgot")
    way = LOCKED_OUT if problem == "locked" else WAY
    person.open("/recovery/")
    answers = {
        Step.IDENTIFY: lambda: {"identifier": identifier},
        Step.PROBLEM: lambda: {"problem": problem},
        Step.METHOD: lambda: {"method": method},
        Step.ADDRESS: lambda: {"address": address},
        Step.CODE: lambda: {"code": code_in(post_office()[-1])},
        Step.NEW_PASSWORD: lambda: {"new_password": NEW_PASSWORD},
    }
    for page in way[: way.index(step)]:
        person.submit(**answers[page]())
    assert person.page.url.startswith(PAGES[step]), f"at {person.page.url}: {person.page.text[:300]}"
    return person


def letter():
    """The code in the newest letter, once the worker has handed it over."""
    return code_in((post_office() or mail.outbox)[-1])


def journey_of(person):
    """The row of the journey that this browser holds the key of."""
    return Journey.objects.get(browser_hash=fingerprint(key_of(person)))


def key_of(person):
    return person.http.cookies["__Host-regain-recovery"].value


def challenge_of(person):
    return Challenge.objects.get(journey=journey_of(person))


def wrong_codes(code, count):
    """So many codes that are not `code`."""
    right = int(code.replace(" ", ""))
    return [f"{(right + offset) % 100_000_000:08d}" for offset in range(1, count + 1)]


def at_once(*acts):
    """Run the acts in threads that start together, each with a database connection of its own; their answers."""
    start = Barrier(len(acts))
    answers = [None] * len(acts)

    def run(place, act):
        try:
            start.wait(30)
            answers[place] = act()
        except Exception as error:  # noqa: BLE001 -- told to the test, which knows what it expects
            answers[place] = error
        finally:
            connections.close_all()

    threads = [Thread(target=run, args=each) for each in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers

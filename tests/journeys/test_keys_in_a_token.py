"""The only root key that seals is in a token: one that is away shuts every page, freezes nobody, and tells nothing.

That everything else works as it did is shown in test_root_key_rotation.py.
"""

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.utils import timezone

from idp import delivery, keyring
from idp.models import Message, SignIn
from recovery.domain.journey import Step
from tests.conftest import PASSWORD
from tests.journeys.test_root_key_rotation import retire_all_but_the_newest
from tests.recovery.walk import walk_to
from tests.story import Person, code_in, post_office


@pytest.fixture
def moved_into_a_token(kept_in_a_token, settings):
    """Does the drill of docs/operate.md when it is called: afterwards no key in the environment seals anything."""
    return lambda: retire_all_but_the_newest(settings)


@pytest.fixture
def away(kept_in_a_token, settings):
    """A block in which the token cannot be reached."""
    keyring.token_for_signing()._breaker._pause = 0.0
    return kept_in_a_token.away


def test_while_it_is_away_nobody_is_let_in_and_nobody_is_frozen(jane, moved_into_a_token, away):
    moved_into_a_token()
    person, stranger = Person(), Person(address="198.51.100.9")
    person.open("/sign-in")
    stranger.open("/sign-in")
    with away():
        known = person.submit(username="jane", password=PASSWORD)
        unknown = stranger.submit(username="nobody-of-that-name", password=PASSWORD)
        assert known.status == unknown.status == 503
        assert known.response.content == unknown.response.content
        assert known.response["Retry-After"] == "30"
    assert not SignIn.objects.exists()
    person.open("/sign-in")
    assert person.submit(username="jane", password=PASSWORD).name == "account"


def test_a_session_outlasts_it(jane, moved_into_a_token, away):
    moved_into_a_token()
    person = Person()
    person.open("/sign-in")
    person.submit(username="jane", password=PASSWORD)
    with away():
        assert person.open("/account/").status == 503
    assert person.open("/account/").name == "account"


def test_it_is_said_where_operators_look(jane, moved_into_a_token, away, client, caplog):
    moved_into_a_token()
    with away():
        answered = client.get("/readyz", secure=True)
        assert answered.status_code == 503
        assert "the token" in answered.json()["faults"][0]
        client.get("/sign-in", secure=True)
    assert client.get("/readyz", secure=True).status_code == 200


def test_a_code_waits_and_comes_when_it_is_back(jane, moved_into_a_token, away, monkeypatch):
    moved_into_a_token()
    monkeypatch.setattr("idp.outbox._announce", lambda _message: None)
    person = walk_to(Step.CODE)
    waiting = Message.objects.get(queue="otp").pk
    with time_machine.travel(timezone.now(), tick=False) as clock:
        with away():
            assert delivery.deliver(waiting, now=timezone.now()) == "delayed"
        assert mail.outbox == []
        clock.shift(timedelta(seconds=30))
        (letter,) = post_office()
        assert person.submit(code=code_in(letter)).name == "recovery-new-password"


@pytest.mark.parametrize("identifier", ["jane", "nobody-of-that-name"])
def test_a_recovery_cannot_go_on_for_anybody(jane, moved_into_a_token, away, identifier):
    moved_into_a_token()
    person = Person()
    person.open("/recovery/")
    with away():
        assert person.submit(identifier=identifier).status == 503
    person.open("/recovery/")
    assert person.submit(identifier=identifier).name == "recovery-problem"

"""The newest root key is in a token: everything works as it did, and a token that is away freezes nobody."""

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.core.management import call_command
from django.utils import timezone

from idp import delivery, keyring
from idp.models import AuditHead, Credential, Message, SignIn
from idp.oidc import keys
from idp.seals import tables
from recovery.domain.journey import Step
from tests.conftest import NEW_PASSWORD, PASSWORD, tell_of_registration
from tests.idp.factors.people import with_app
from tests.idp.login.test_factor import sign_in_with
from tests.recovery.walk import walk_to
from tests.story import Person, code_in, post_office


@pytest.fixture
def moved_into_a_token(kept_in_a_token, settings):
    """Does the drill of docs/operate.md when it is called: afterwards no key in the environment seals anything."""

    def move():
        old = settings.ROOT_KEYS[1:]
        call_command("rotate_root_key", verbosity=0)
        settings.ROOT_KEYS, settings.RETIRED_KEYS = settings.ROOT_KEYS[:1], old
        keys.forget()
        assert tables.unopened(timezone.now()) == []

    return move


def test_an_installation_moves_into_a_token_and_nobody_notices(jane, payroll, moved_into_a_token):
    tell_of_registration(payroll)
    app = with_app(jane)
    at_home = Person()
    sign_in_with(at_home, app)
    moved_into_a_token()
    assert at_home.open("/account/").name == "account"
    elsewhere = Person(address="198.51.100.9")
    elsewhere.open("/sign-in")
    elsewhere.submit(username="jane", password=PASSWORD)
    assert elsewhere.submit(otp=app.code(steps=1)).name == "account"
    assert {seal.partition(".")[0] for seal in Credential.objects.values_list("seal", flat=True)} == {"h1"}
    assert AuditHead.objects.get().seal.startswith("h1.")
    call_command("verify_audit")
    call_command("verify_seals")


def test_a_recovery_ends_with_a_password_that_the_token_sealed(jane, moved_into_a_token):
    moved_into_a_token()
    person = walk_to(Step.DONE)
    assert person.page.name == "recovery-done"
    person.open("/sign-in")
    assert person.submit(username="jane", password=NEW_PASSWORD).name == "account"
    assert Credential.objects.get(user=jane, kind="password").seal.startswith("h1.")


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

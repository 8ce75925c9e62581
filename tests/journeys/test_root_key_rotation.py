"""The drill of docs/operate.md, with people going on meanwhile: rotate, retire the old keys, and nobody notices."""

from datetime import timedelta

import pytest
import time_machine
from django.core.management import call_command
from django.utils import timezone

from idp import delivery
from idp.models import AuditHead, Credential, Message, RecoveryAddress, SignIn
from idp.oidc import keys
from idp.seals import tables
from recovery.domain.journey import Step
from tests.conftest import NEW_PASSWORD, PASSWORD, tell_of_registration
from tests.idp.factors.people import with_app
from tests.idp.login.test_factor import sign_in_with
from tests.recovery.walk import walk_to
from tests.story import Person, code_in, post_office

FRESH = ("t3", b"test root key number three, 32 by")


@pytest.fixture(params=["to a key in memory", "to a key in a token"])
def rotated(request, settings):
    """Does the drill when it is called: a new key in front, everything sealed anew, the others retired."""

    def rotate():
        if request.param == "to a key in memory":
            settings.ROOT_KEYS = (FRESH, *settings.ROOT_KEYS)
        else:
            request.getfixturevalue("kept_in_a_token")
        retire_all_but_the_newest(settings)

    return rotate


def retire_all_but_the_newest(settings):
    """From where the new key is in front."""
    call_command("rotate_root_key", verbosity=0)
    settings.ROOT_KEYS, settings.RETIRED_KEYS = settings.ROOT_KEYS[:1], settings.ROOT_KEYS[1:]
    keys.forget()
    assert tables.unopened(timezone.now()) == []


def test_a_session_goes_on_and_the_authenticator_app_still_counts(jane, rotated, settings):
    app = with_app(jane)
    at_home = Person()
    sign_in_with(at_home, app)
    rotated()
    assert at_home.open("/account/").name == "account"
    elsewhere = Person(address="198.51.100.9")
    elsewhere.open("/sign-in")
    elsewhere.submit(username="jane", password=PASSWORD)
    assert elsewhere.submit(otp=app.code(steps=1)).name == "account"
    assert SignIn.objects.filter(user=jane, ended_at=None).count() == 3
    ((newest, _key),) = settings.ROOT_KEYS
    assert {seal.partition(".")[0] for seal in Credential.objects.values_list("seal", flat=True)} == {newest}
    assert AuditHead.objects.get().seal.startswith(f"{newest}.")


def test_a_recovery_finds_the_address(jane, rotated, settings):
    rotated()
    person = walk_to(Step.DONE)
    assert person.page.name == "recovery-done"
    assert RecoveryAddress.objects.get(user=jane).version == 1
    person.open("/sign-in")
    assert person.submit(username="jane", password=NEW_PASSWORD).name == "account"
    assert Credential.objects.get(user=jane, kind="password").seal.startswith(f"{settings.ROOT_KEYS[0][0]}.")


def test_a_recovery_that_has_proved_something_goes_on(jane, rotated):
    person = walk_to(Step.NEW_PASSWORD)
    rotated()
    assert person.submit(new_password=NEW_PASSWORD).name == "recovery-done"


def test_a_code_under_way_is_no_code_once_its_key_is_retired_and_the_next_one_is(jane, rotated):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        person = walk_to(Step.CODE)
        old = code_in(post_office()[-1])
        rotated()
        assert "4 tries left" in person.submit(code=old)
        clock.shift(timedelta(seconds=61))
        person.submit(send_again="1")
        assert person.submit(code=code_in(post_office()[-1])).name == "recovery-new-password"


def test_a_letter_that_waits_says_nothing_once_the_key_of_its_code_is_retired(jane, rotated, monkeypatch):
    monkeypatch.setattr("idp.outbox._announce", lambda _message: None)
    walk_to(Step.CODE)
    rotated()
    assert delivery.deliver(Message.objects.get(queue="otp").pk, now=timezone.now()) == "of no more use"
    assert post_office() == []


def test_an_address_that_was_being_added_is_asked_for_anew(jane, rotated):
    person = Person()
    person.open("/sign-in")
    person.submit(username="jane", password=PASSWORD)
    person.open("/account/addresses/add/")
    person.submit(address="jane@home.example")
    code = code_in(post_office()[-1])
    rotated()
    assert person.submit(code=code).status < 500
    assert RecoveryAddress.objects.filter(user=jane).count() == 1
    person.open("/account/addresses/add/")
    person.submit(address="jane@home.example")
    person.submit(code=code_in(post_office()[-1]))
    assert RecoveryAddress.objects.filter(user=jane).count() == 2


def test_the_history_still_verifies(jane, payroll, rotated):
    rotated()
    tell_of_registration(payroll)
    call_command("verify_audit")
    call_command("verify_seals")

"""What recovery adds to the owner's pages: the ways back that it really offers, and its entries in plain words."""

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone, translation

from idp.accounts import lifecycle
from idp.audit.events import Origin
from idp.conf import policy
from idp.models import Credential, Message, RecoveryAddress, SignIn, User
from idp.plugins import hooks
from idp.plugins.hooks import About, Thing
from recovery.domain import events
from recovery.domain.journey import Step
from tests.conftest import NEW_PASSWORD, make_person
from tests.idp.account.conftest import add_address, remove_address, signed_in
from tests.idp.account.test_activity_page import event_classes, fields_of, lines
from tests.recovery.walk import walk_to
from tests.story import Person, post_office


def ways(user):
    return hooks.ways_back(user.pk, now=timezone.now())


def test_a_confirmed_address_is_a_way_back_that_is_lost_with_the_mailbox(jane):
    found = ways(jane)
    assert [(way.kind, way.label, way.lost_with) for way in found.ways] == [("mailbox", "email", Thing.MAILBOX)]
    assert found.needed == 1


def test_several_addresses_of_one_kind_are_one_way(jane):
    add_address(jane, "other@elsewhere.example", now=timezone.now())
    assert len(ways(jane).ways) == 1


def test_an_address_in_quarantine_is_none_yet(db):
    jane = make_person(addresses=[])
    now = timezone.now()
    add_address(jane, "new@elsewhere.example", now=now, usable_from=now + timedelta(days=7))
    assert ways(jane).ways == ()
    assert len(hooks.ways_back(jane.pk, now=now + timedelta(days=7)).ways) == 1


def test_an_address_that_was_taken_out_is_none(jane):
    now = timezone.now()
    remove_address(RecoveryAddress.objects.get(), told_until=now + timedelta(days=7), now=now)
    assert ways(jane).ways == ()


def test_a_channel_that_the_policy_does_not_offer_is_none(jane):
    """A number is kept and told of changes; it is a way back only where a method of the policy uses it."""
    add_address(jane, "+33612345642", channel="sms", now=timezone.now())
    assert [way.label for way in ways(jane).ways] == ["email"]


def test_somebody_elses_address_is_no_way_back(jane):
    make_person("john", email="john@contoso.example")
    nobody = make_person("nina", email="nina@contoso.example", addresses=[])
    assert ways(nobody).ways == ()


def test_the_page_says_so(jane):
    page = signed_in().open("/account/security/")
    assert "You can recover your account in 1 way." in page
    assert page.parsed.ids["readiness"]["data-verdict"] == "mailbox strands"


# --- Its entries ------------------------------------------------------------------------------------------


def test_every_event_of_recovery_has_a_sentence():
    """Whoever adds an event adds its sentence to `recovery.sentences`."""
    assert {each.name for each in event_classes(events)} <= set(hooks.history())
    assert {telling.about for telling in hooks.history().values()} == {About.RECOVERY}


@pytest.mark.parametrize("language", ["en", "fr", "zh-hans"])
def test_every_sentence_can_be_said_in_every_language(language):
    with translation.override(language):
        said = {hooks.history()[each.name].say(fields_of(each)) for each in event_classes(events)}
    assert len(said) == len(event_classes(events))
    assert not [each for each in said if "%(" in each]


def test_a_recovery_is_told_from_its_beginning_to_its_end(jane):
    walk_to(Step.DONE)
    person = Person()
    person.open("/sign-in")
    person.submit(username="jane", password=NEW_PASSWORD)
    told = lines(person.open("/account/activity/?kind=recovery"))
    assert told[0] == "Your account was recovered"
    assert told[-1] == "Somebody began to recover your account"
    assert "A code for a recovery was sent to you" in told
    assert "jane@" not in person.page.response.content.decode().replace("<span>jane@contoso.example</span>", "")


# --- A deleted account ------------------------------------------------------------------------------------


def delete(jane):
    signed_in()
    here = SignIn.objects.select_related("user").get(user=jane, ended_at=None)
    outcome = lifecycle.delete_own(here, policy=policy(), origin=Origin(), now=timezone.now())
    assert isinstance(outcome, lifecycle.Deleted)


def test_a_deleted_account_cannot_be_recovered_although_its_address_still_waits(jane):
    """The same pages as for a name that nobody has, and no code."""
    delete(jane)
    assert RecoveryAddress.objects.exists()
    post_office()
    mail.outbox.clear()
    pages = []
    for name in ("jane", "nina"):
        person = Person(address="203.0.113.9")
        person.open("/recovery/")
        person.submit(identifier=name)
        person.submit(problem="forgot")
        person.submit(method="email")
        page = person.submit(address=f"{name}@contoso.example")
        pages.append((page.name, page.status))
    assert pages[0] == pages[1] == ("recovery-code", 200)
    assert post_office() == []


def test_a_recovery_that_runs_while_the_account_is_deleted_ends_in_nothing(jane):
    person = walk_to(Step.NEW_PASSWORD)
    delete(jane)
    page = person.submit(new_password=NEW_PASSWORD)
    assert page.name == "recovery-ended"
    assert not Credential.objects.exists()
    assert User.objects.get().status == "deleted"
    assert not Message.objects.filter(kind="idp.password_changed").exists()

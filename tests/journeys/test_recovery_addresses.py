"""What recovery makes of addresses: a new one proves nobody for a week, one that was taken out never again."""

from datetime import timedelta

import pytest
import time_machine
from django.core.management import call_command
from django.utils import timezone

from idp.accounts import sealing
from idp.conf import policy
from idp.models import RecoveryAddress
from tests.conftest import drop_guards
from tests.idp.account import test_phones as phones
from tests.idp.account.test_addresses import DAY, NEW, add, signed_in
from tests.idp.account.test_phones import gateway  # noqa: F401 -- a fixture
from tests.story import Person, post_office


@pytest.fixture
def person(jane):
    return signed_in()


def recovery_codes_to(address, *, username="jane"):
    """What arrives when somebody tries to get back in with this address."""
    stranger = Person(address="198.51.100.77")
    stranger.open("/recovery/")
    stranger.submit(identifier=username)
    stranger.submit(problem="forgot")
    stranger.submit(method="email")
    stranger.submit(address=address)
    assert stranger.page.name == "recovery-code"
    return [letter for letter in post_office() if letter.to == [address] and "get back in" in letter.body]


def test_a_new_address_proves_nobody_for_a_week(person):
    add(person)
    post_office()
    assert not recovery_codes_to(NEW)
    with time_machine.travel(timezone.now() + policy().address_quarantine + timedelta(minutes=1), tick=True):
        assert recovery_codes_to(NEW)


def test_the_page_of_a_quarantined_address_looks_like_any_other(person):
    add(person)
    post_office()
    pages = []
    for address in (NEW, "nobody@nowhere.example"):
        stranger = Person(address="198.51.100.78")
        stranger.open("/recovery/")
        stranger.submit(identifier="jane")
        stranger.submit(problem="forgot")
        stranger.submit(method="email")
        stranger.submit(address=address)
        pages.append((stranger.page.name, stranger.page.status, stranger.page.parsed.title))
    assert pages[0] == pages[1]


def recovery_texts_to(number, server):
    """What is texted when somebody tries to get back in with this number."""
    before = len(phones.texts(server))
    stranger = Person(address="198.51.100.79")
    stranger.open("/recovery/")
    stranger.submit(identifier="jane")
    stranger.submit(problem="forgot")
    stranger.submit(method="sms")
    stranger.submit(address=number)
    assert stranger.page.name == "recovery-code"
    return [text for _to, text in phones.texts(server)[before:] if "to get back in" in text]


def test_a_new_telephone_proves_nobody_for_a_week(person, gateway):  # noqa: F811 -- the fixture
    phones.add(person, gateway)
    assert not recovery_texts_to(phones.TYPED, gateway)
    with time_machine.travel(timezone.now() + policy().address_quarantine + timedelta(minutes=1), tick=True):
        assert recovery_texts_to(phones.TYPED, gateway)


def test_an_address_that_was_taken_out_proves_nobody_and_is_still_told(person, jane):
    with time_machine.travel(timezone.now() - 10 * DAY, tick=True):
        before = signed_in()
        add(before)
        post_office()
    old = RecoveryAddress.objects.get(user=jane, digest=sealing.address_digest("email", "jane@contoso.example"))
    person.open(f"/account/addresses/{old.pk}/")
    person.submit(act="remove")
    assert {letter.to[0] for letter in post_office()} == {"jane@contoso.example", NEW}
    assert not recovery_codes_to("jane@contoso.example")
    assert recovery_codes_to(NEW)
    row = RecoveryAddress.objects.get(pk=old.pk)
    assert row.told_until is not None
    assert sealing.is_address_genuine(row)
    call_command("verify_audit")


def test_an_address_whose_quarantine_was_shortened_by_sql_freezes_the_account(person, jane):
    add(person)
    post_office()
    drop_guards()
    RecoveryAddress.objects.filter(user=jane).update(usable_from=None)
    assert not recovery_codes_to(NEW)
    jane.refresh_from_db()
    assert jane.status == "frozen"

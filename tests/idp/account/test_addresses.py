"""The owner's recovery addresses: added by a code, in quarantine for a week, tested, taken out, never the last."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import time_machine
from django.core import mail
from django.core.management import call_command
from django.utils import timezone

from idp.accounts import address_claims, sealing
from idp.accounts.addresses import Context
from idp.audit.events import Origin
from idp.conf import policy
from idp.keyring import fingerprint
from idp.models import AddressClaim, AuditEntry, Message, RecoveryAddress, SignIn, User
from tests.conftest import PASSWORD, make_person
from tests.story import Person, code_in, post_office

NEW = "jane@home.example"
DAY = timedelta(days=1)


def signed_in(username="jane", **browser):
    person = Person(**browser)
    person.open("/sign-in")
    person.submit(username=username, password=PASSWORD)
    assert person.page.name == "account"
    return person


def start_adding(person, address=NEW, **fields):
    person.open("/account/addresses/add/")
    return person.submit(address=address, **fields)


def add(person, address=NEW, **fields):
    start_adding(person, address, **fields)
    letter = post_office()[-1]
    assert letter.to == [address]
    return person.submit(code=code_in(letter))


@pytest.fixture
def person(jane):
    return signed_in()


def test_an_address_is_added_by_the_code_that_was_sent_there(person, jane):
    add(person, name="home")
    row = RecoveryAddress.objects.get(user=jane, digest=sealing.address_digest("email", NEW))
    assert sealing.is_address_genuine(row)
    assert row.note.name == "home"
    assert NEW not in row.ciphertext
    written = AuditEntry.objects.filter(name="idp.credential.written", details__kind="email").latest("sequence")
    assert written.details["earned"] == "step_up"
    assert written.details["source"] == str(SignIn.objects.get().pk)
    call_command("verify_audit")


def test_every_address_is_told_the_old_and_the_new(person):
    add(person)
    told = {letter.to[0]: letter for letter in post_office()}
    assert set(told) == {"jane@contoso.example", NEW}
    assert "recovery address was added" in told["jane@contoso.example"].body
    # Nobody is told what the address is: the mailbox may be read by others.
    assert NEW not in told["jane@contoso.example"].body


def test_after_the_quarantine_an_address_that_was_taken_out_is_told_nothing_more(person, jane):
    with time_machine.travel(timezone.now() - 20 * DAY, tick=True):
        add(signed_in())
    with time_machine.travel(timezone.now() - 8 * DAY, tick=True):
        before = signed_in()
        old = RecoveryAddress.objects.get(user=jane, digest=sealing.address_digest("email", "jane@contoso.example"))
        before.open(f"/account/addresses/{old.pk}/")
        before.submit(act="remove")
        post_office()
    add(person, "jane@third.example")
    assert {letter.to[0] for letter in post_office()} == {NEW, "jane@third.example"}


def test_it_can_be_added_again_and_waits_again(person, jane):
    with time_machine.travel(timezone.now() - 20 * DAY, tick=True):
        add(signed_in())
        post_office()
    row = RecoveryAddress.objects.get(user=jane, digest=sealing.address_digest("email", NEW))
    person.open(f"/account/addresses/{row.pk}/")
    person.submit(act="remove")
    post_office()
    add(person)
    again = RecoveryAddress.objects.get(pk=row.pk)
    assert (again.version, again.told_until) == (3, None)
    assert again.usable_from > timezone.now()
    call_command("verify_audit")


def test_the_last_one_that_can_be_used_stays(person, jane):
    add(person)
    only = RecoveryAddress.objects.get(user=jane, usable_from=None)
    person.open(f"/account/addresses/{only.pk}/")
    assert "last address" in person.submit(act="remove").text
    only.refresh_from_db()
    assert only.told_until is None


def test_a_test_code_shows_that_an_address_still_works(person, jane):
    row = RecoveryAddress.objects.get(user=jane)
    person.open(f"/account/addresses/{row.pk}/")
    person.submit(act="test")
    letter = post_office()[-1]
    assert letter.to == ["jane@contoso.example"]
    assert "The code opens nothing" in letter.body
    person.submit(code=code_in(letter))
    row.refresh_from_db()
    assert timezone.now() - row.note.confirmed_at < timedelta(minutes=1)
    assert row.version == 1, "a test changes nothing that is sealed"
    assert AuditEntry.objects.filter(name="idp.address.confirmed").count() == 1


def test_a_code_to_add_confirms_nothing_else(person, jane):
    """OT-07: the purpose is in the code."""
    now = timezone.now()
    here = SignIn.objects.select_related("user").get()
    context = Context(now=now, policy=policy(), origin=Origin())
    row = RecoveryAddress.objects.select_related("user").get(user=jane)
    asked = address_claims.ask_to_test(here, row, context=context)
    claim = AddressClaim.objects.get(pk=asked.claim)
    for_test = address_claims.code(claim, 1)
    claim.purpose = "add"
    assert address_claims.code(claim, 1) != for_test


@pytest.mark.parametrize(
    "typed", ["", "not an address", "a@b", f"{'x' * 300}@home.example", "jane@home.example\nBcc: x@y.z"]
)
def test_what_is_no_address_is_said_and_nothing_is_sent(person, typed):
    page = start_adding(person, typed)
    assert page.name == "account-address-add"
    assert page.parsed.title.startswith("Error:")
    assert not post_office()
    assert not AddressClaim.objects.exists()


def test_an_address_that_is_there_already_is_not_asked_for_again(person):
    assert "one of yours already" in start_adding(person, "JANE@contoso.example").text
    assert not AddressClaim.objects.exists()


def test_a_wrong_code_costs_one_try_and_five_end_it(person):
    start_adding(person)
    right = code_in(post_office()[-1])
    wrong = "0000 0000" if right != "0000 0000" else "1111 1111"
    for left in (4, 3, 2):
        assert f"{left} tries left" in person.submit(code=wrong).text
    assert "1 try left" in person.submit(code=wrong).text
    person.submit(code=wrong)
    claim = AddressClaim.objects.get()
    assert claim.tries_used == 5
    person.open(f"/account/addresses/code/{claim.pk}/")
    person.submit(code=right)
    assert RecoveryAddress.objects.count() == 1


def test_what_cannot_be_a_code_costs_no_try(person):
    start_adding(person)
    post_office()
    for typed in ("", "123", "12345678abc", "\uff11" * 8):
        assert "8 digits" in person.submit(code=typed).text
    assert AddressClaim.objects.get().tries_used == 0


def test_the_first_code_is_good_after_a_second_was_asked_for(person):
    start_adding(person)
    first = code_in(post_office()[-1])
    with time_machine.travel(timezone.now() + timedelta(seconds=61), tick=True):
        person.submit(send_again="1", code="")
        assert code_in(post_office()[-1]) != first
        person.submit(code=first)
    assert RecoveryAddress.objects.count() == 2


def test_a_code_can_be_asked_for_again_only_after_a_while_and_so_often(person):
    start_adding(person)
    assert "Another code can be sent at" in person.submit(send_again="1", code="").text
    for minute in range(1, 8):
        with time_machine.travel(timezone.now() + timedelta(seconds=61 * minute), tick=True):
            person.submit(send_again="1", code="")
    assert Message.objects.count() == policy().address_codes.count


def test_one_address_is_not_bombed_by_several_accounts(person, db):
    start_adding(person)
    for number in range(6):
        make_person(f"john{number}", email=f"john{number}@contoso.example")
        start_adding(signed_in(f"john{number}"))
    assert len([letter for letter in post_office() if letter.to == [NEW]]) == policy().address_codes.count


def test_an_account_has_so_many_addresses_and_no_more(person, jane):
    for number in range(policy().most_addresses - 1):
        add(person, f"jane@home{number}.example")
        post_office()
    assert "as many addresses" in start_adding(person).text


def test_a_sign_in_that_is_not_fresh_is_asked_again_first(person, jane):
    row = RecoveryAddress.objects.get(user=jane)
    with time_machine.travel(timezone.now() + policy().step_up + timedelta(seconds=1), tick=True):
        assert person.open("/account/addresses/add/").name == "sign-in-again"
        person.open(f"/account/addresses/{row.pk}/")
        assert person.submit(act="remove").name == "sign-in-again"
        person.submit(password=PASSWORD)
        assert urlsplit(person.page.url).path == f"/account/addresses/{row.pk}/"
    assert RecoveryAddress.objects.get(pk=row.pk).told_until is None


def test_another_persons_address_and_asking_are_nobodys_here(person, db):
    """IDOR: ids of others lead to one's own page, and change nothing."""
    john = make_person("john", email="john@contoso.example")
    johns = RecoveryAddress.objects.get(user=john)
    other = signed_in("john")
    start_adding(other, "john@home.example")
    claim = AddressClaim.objects.get(user=john)
    person.open(f"/account/addresses/{johns.pk}/")
    assert person.page.name != "account-address"
    person.open(f"/account/addresses/code/{claim.pk}/")
    assert person.page.name != "account-address-code"
    token = person.http.cookies["__Host-regain-csrf"].value
    for act in ("name", "test", "remove"):
        person.post(f"/account/addresses/{johns.pk}/", {"act": act, "name": "x", "csrfmiddlewaretoken": token})
    johns.refresh_from_db()
    assert (johns.version, johns.told_until) == (1, None)


def test_looking_changes_nothing(person, jane):
    row = RecoveryAddress.objects.get(user=jane)
    start_adding(person)
    claim = AddressClaim.objects.get()
    before = (AuditEntry.objects.count(), Message.objects.count())
    for url in ("/account/addresses/add/", f"/account/addresses/{row.pk}/", f"/account/addresses/code/{claim.pk}/"):
        person.http.get(url, secure=True)
        person.http.head(url, secure=True)
    assert (AuditEntry.objects.count(), Message.objects.count()) == before


def test_a_claim_that_was_pointed_elsewhere_sends_nothing(person, jane):
    """What somebody does who can write SQL but has no key."""
    john = make_person("john", email="john@contoso.example")
    start_adding(person)
    AddressClaim.objects.update(address=RecoveryAddress.objects.get(user=john))
    assert not post_office()
    assert User.objects.get(pk=john.pk).status == "active"


def test_codes_and_addresses_stand_nowhere_in_clear(person, jane):
    start_adding(person)
    code = code_in(post_office()[-1])
    claim = AddressClaim.objects.get()
    kept = " ".join(str(value) for value in vars(claim).values())
    kept += str(list(Message.objects.values())) + str(list(AuditEntry.objects.values()))
    for secret in (code, code.replace(" ", ""), fingerprint(code), NEW):
        assert secret not in kept


@pytest.mark.parametrize(
    ("language", "subject", "said"),
    [("en", "code", "add this address"), ("fr", "code", "ajouter cette adresse"), ("zh-hans", "验证码", "添加此地址")],
)
def test_the_message_speaks_the_owners_language(person, jane, language, subject, said):
    User.objects.filter(pk=jane.pk).update(locale=language)
    start_adding(person)
    letter = post_office()[-1]
    assert subject in letter.subject
    assert said in letter.body
    assert mail.outbox

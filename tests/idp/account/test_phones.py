"""A telephone as a recovery address: added by a code in a text message, where the tenant sends any; else not there."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.core.management import call_command
from django.utils import timezone

from idp.accounts import marks, sealing
from idp.channels import gateways, segments
from idp.conf import policy
from idp.models import AddressClaim, AuditEntry, Message, RecoveryAddress, User
from tests.conftest import PASSWORD, make_person
from tests.faults.providers import service
from tests.idp.account.conftest import everything, signed_in
from tests.story import post_office

PHONE = "+33612345642"
TYPED = "06 12 34 56 42"
ADD = "/account/addresses/add/phone/"


@pytest.fixture
def gateway(settings):
    with service() as server:
        settings.SMS_GATEWAYS = gateways.read(f"json://127.0.0.1:{server.port}/")
        settings.SMS_COUNTRIES = ["FR"]
        yield server


def start_adding(person, number=TYPED, **fields):
    person.open(ADD)
    return person.submit(address=number, **fields)


def texts(server):
    """What was texted so far, once what waits was delivered."""
    post_office()
    return [(asked.json["to"], asked.json["message"]) for asked in server.asked]


def code_in(text):
    return re.search(r"\b\d{4} \d{4}\b", text)[0]


def add(person, server, number=TYPED, **fields):
    start_adding(person, number, **fields)
    _to, text = texts(server)[-1]
    return person.submit(code=code_in(text))


def phone_of(user):
    return RecoveryAddress.objects.select_related("user").get(user=user, channel="sms")


def test_a_number_is_added_by_the_code_that_was_texted_there(hers, jane, gateway):
    page = add(hers, gateway, name="my phone")
    assert page.name == "account-security"
    assert "The number is told of everything at once" in page
    assert "•••• 42" in page
    assert PHONE not in page.text
    row = phone_of(jane)
    assert sealing.is_address_genuine(row)
    assert sealing.open_address(row).value == PHONE
    assert row.note.name == "my phone"
    assert row.usable_from > timezone.now() + policy().address_quarantine - timedelta(minutes=1)
    written = AuditEntry.objects.get(name="idp.credential.written", details__kind="sms")
    assert written.details["earned"] == "step_up"
    call_command("verify_audit")


def test_every_other_channel_is_told_and_the_number_too(hers, gateway):
    add(hers, gateway)
    letters = post_office()
    told = texts(gateway)[-1]
    assert [letter.to for letter in letters] == [["jane@contoso.example"]]
    assert "recovery address was added" in letters[0].body
    assert PHONE not in letters[0].body
    assert told[0] == PHONE
    assert "recovery address was added" in told[1]


@pytest.mark.parametrize(
    ("language", "words"), [("en", "to add this phone"), ("fr", "pour ajouter ce téléphone"), ("zh-hans", "验证码")]
)
def test_the_text_is_one_segment_in_every_language_and_bound_to_the_host(hers, jane, gateway, language, words):
    User.objects.filter(pk=jane.pk).update(locale=language)
    start_adding(hers)
    ((to, text),) = texts(gateway)
    assert to == PHONE
    assert segments.size(text).segments == 1
    assert words in text
    assert text.splitlines()[-1] == f"@id.contoso.example #{code_in(text).replace(' ', '')}"


def test_the_page_of_the_code_speaks_of_a_phone(hers, gateway):
    start_adding(hers)
    texts(gateway)
    page = hers.open(hers.page.url)
    assert "Handed to your phone operator" in page
    assert PHONE in page, "it was typed a moment ago by whoever reads this"
    assert page.parsed.ids["code"]["autocomplete"] == "one-time-code"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "with its country code"),
        ("jane@contoso.example", "with its country code"),
        ("06 12", "with its country code"),
        ("+33 1 42 68 53 00", "isn't a mobile number"),
        ("+33 8 99 70 00 00", "isn't a mobile number"),
        ("+49 1512 3456789", "to that country"),
        ("1" * 400, "with its country code"),
    ],
)
def test_what_cannot_be_texted_is_said_and_nothing_is_sent(hers, gateway, typed, said):
    page = start_adding(hers, typed)
    assert page.name == "account-address-add"
    assert page.parsed.title.startswith("Error:")
    assert said in page
    assert not AddressClaim.objects.exists()
    assert not texts(gateway)


@pytest.mark.parametrize("spelling", [TYPED, PHONE, "+33 (0)6.12.34.56.42", "0033612345642"])
def test_a_number_that_is_there_is_the_same_however_it_is_typed(hers, gateway, spelling):
    add(hers, gateway)
    assert "This number is one of yours already" in start_adding(hers, spelling)


def test_a_wrong_code_adds_nothing(hers, jane, gateway):
    start_adding(hers)
    right = code_in(texts(gateway)[-1][1])
    wrong = "0000 0000" if right != "0000 0000" else "1111 1111"
    for _try in range(5):
        hers.submit(code=wrong)
    claim = AddressClaim.objects.get()
    hers.open(f"/account/addresses/code/{claim.pk}/")
    hers.submit(code=right)
    assert not RecoveryAddress.objects.filter(user=jane, channel="sms").exists()


def test_it_is_named_tested_and_taken_out(hers, jane, gateway):
    with time_machine.travel(timezone.now() - timedelta(days=20), tick=True):
        add(signed_in(), gateway)
        post_office()
    row = phone_of(jane)
    url = f"/account/addresses/{row.pk}/"
    page = hers.open(url)
    assert "•••• 42" in page
    assert PHONE not in page.text
    hers.submit(act="name", name="at work")
    hers.open(url)
    hers.submit(act="test")
    to, text = texts(gateway)[-1]
    assert to == PHONE
    assert "test code" in text
    assert segments.size(text).segments == 1
    assert "•••• 42" in hers.page
    assert "That number works" in hers.submit(code=code_in(text))
    assert timezone.now() - phone_of(jane).note.confirmed_at < timedelta(minutes=1)
    hers.open(url)
    assert "Remove this number" in hers.page
    assert "Nobody can get in with that number any more" in hers.submit(act="remove")
    assert phone_of(jane).told_until is not None
    assert phone_of(jane).note.name == "at work"
    to, text = texts(gateway)[-1]
    assert to == PHONE, "for a week it is told, so that its owner hears of it"
    call_command("verify_audit")


def test_it_alone_can_stay_once_it_can_be_used(hers, jane, gateway):
    add(hers, gateway)
    mailbox = RecoveryAddress.objects.get(user=jane, channel="email")
    hers.open(f"/account/addresses/{mailbox.pk}/")
    assert "last address" in hers.submit(act="remove"), "the number is in quarantine"


def test_texts_to_one_number_end_where_the_page_can_say_so(hers, gateway):
    """Each costs money: three an hour, of all who ask."""
    start_adding(hers)
    for number in range(4):
        make_person(f"john{number}", email=f"john{number}@contoso.example")
        other = signed_in(f"john{number}")
        start_adding(other)
    assert "Another code can be sent at" in other.page
    assert len(texts(gateway)) == policy().texts_per_hour.count


def test_that_the_tenants_budget_is_used_up_is_said_on_the_page(hers, gateway, settings):
    settings.SMS_DAILY_BUDGET = 1
    start_adding(hers)
    assert len(texts(gateway)) == 1
    assert "Another code can be sent at" in start_adding(hers, "06 12 34 56 43")
    assert AddressClaim.objects.count() == 1


def test_it_costs_a_fresh_sign_in(hers, gateway):
    with time_machine.travel(timezone.now() + policy().step_up + timedelta(seconds=1), tick=True):
        assert hers.open(ADD).name == "sign-in-again"
        hers.submit(password=PASSWORD)
        assert hers.page.name == "account-address-add"


def test_codes_and_numbers_stand_nowhere_in_clear(hers, gateway):
    start_adding(hers)
    code = code_in(texts(gateway)[-1][1])
    kept = " ".join(str(value) for value in vars(AddressClaim.objects.get()).values())
    kept += str(list(Message.objects.values())) + str(list(AuditEntry.objects.values()))
    for secret in (code, code.replace(" ", ""), PHONE, PHONE[3:]):
        assert secret not in kept


def test_looking_changes_nothing(hers, gateway):
    hers.open(ADD)
    before = everything()
    for method in ("get", "head"):
        getattr(hers.http, method)(f"{ADD}?address={PHONE}", secure=True)
    assert everything() == before


# --- Where there is no gateway ----------------------------------------------------------------------------


def test_it_is_offered_where_there_is_a_gateway(hers, gateway):
    assert hers.open("/account/security/").href("add-phone") == ADD


def test_without_a_gateway_nothing_of_it_is_offered(hers, jane, settings):
    assert settings.SMS_GATEWAYS == ()
    assert "mobile number" not in hers.open("/account/security/").text
    assert hers.open(ADD).name == "account-security"
    token = hers.http.cookies["__Host-regain-csrf"].value
    before = everything()
    refused = hers.post(ADD, {"address": TYPED, "csrfmiddlewaretoken": token})
    assert (refused.status_code, refused["Location"]) == (303, "/account/security/")
    assert everything() == before


def test_a_number_from_before_can_be_taken_out_but_not_tested(db, settings):
    jane = make_person(phones=[PHONE])
    person = signed_in()
    row = phone_of(jane)
    page = person.open(f"/account/addresses/{row.pk}/")
    assert "test" not in page.parsed.ids
    assert "can't send text messages" in person.submit(act="test")
    assert not AddressClaim.objects.exists()
    person.open(f"/account/addresses/{row.pk}/")
    person.submit(act="remove")
    assert phone_of(jane).told_until is not None


# --- What a provider says is wrong with it ----------------------------------------------------------------


JUNE = timezone.datetime(2026, 6, 3, 12, tzinfo=timezone.get_fixed_timezone(0))


@pytest.mark.parametrize(
    ("channel", "fault", "said"),
    [
        ("email", "bounced", "Mail to this address came back on 3 June 2026."),
        ("email", "complained", "On 3 June 2026 your mail provider told us"),
        ("sms", "bounced", "A text message did not reach this number on 3 June 2026."),
        ("sms", "complained", "On 3 June 2026 this number refused text messages from us."),
    ],
)
def test_a_marked_address_is_shown_with_the_way_to_mend_it(db, gateway, channel, fault, said):
    jane = make_person(phones=[PHONE])
    row = RecoveryAddress.objects.get(user=jane, channel=channel)
    other = RecoveryAddress.objects.exclude(pk=row.pk).get(user=jane)
    person = signed_in()
    marks.mark(row.pk, fault, provider="postmark", now=JUNE)
    assert person.open("/account/security/").text.count(said) == 1
    page = person.open(f"/account/addresses/{row.pk}/")
    assert said in page
    assert "Send a test code, or remove it." in page
    assert said not in person.open(f"/account/addresses/{other.pk}/")


@pytest.mark.parametrize(
    ("language", "said"),
    [("fr", "Un message à cette adresse est revenu le 3 juin 2026."), ("zh-hans", "发往此地址的邮件被退回")],
)
def test_a_mark_speaks_the_pages_language(hers, jane, language, said):
    row = RecoveryAddress.objects.get(user=jane)
    marks.mark(row.pk, "bounced", provider="postmark", now=JUNE)
    assert said in hers.open(f"/account/security/?lang={language}")
    assert said in hers.open(f"/account/addresses/{row.pk}/?lang={language}")


def test_a_test_code_that_arrives_takes_the_mark_away(hers, jane):
    row = RecoveryAddress.objects.get(user=jane)
    marks.mark(row.pk, "bounced", provider="postmark", now=JUNE)
    hers.open(f"/account/addresses/{row.pk}/")
    hers.submit(act="test")
    assert marks.of(jane.pk), "asking shows nothing yet"
    hers.submit(code=code_in(post_office()[-1].body))
    assert not marks.of(jane.pk)
    assert "came back" not in hers.open("/account/security/")


def test_nobody_else_sees_a_mark(hers, jane):
    john = make_person("john", email="john@contoso.example")
    marks.mark(RecoveryAddress.objects.get(user=john).pk, "bounced", provider="postmark", now=JUNE)
    assert "came back" not in hers.open("/account/security/")


def test_a_marked_address_that_was_taken_out_is_not_asked_about(hers, jane, gateway):
    with time_machine.travel(timezone.now() - timedelta(days=20), tick=True):
        add(signed_in(), gateway)
        post_office()
    row = phone_of(jane)
    marks.mark(row.pk, "bounced", provider="json", now=JUNE)
    hers.open(f"/account/addresses/{row.pk}/")
    hers.submit(act="remove")
    assert "did not reach" not in hers.open("/account/security/")

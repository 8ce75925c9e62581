"""Messages as a weapon: what a stranger can make us send, to whom, how often, and at what price."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.utils import timezone

from idp import caps
from idp.audit.events import Origin
from idp.channels import gateways
from idp.conf import Limit, Policy
from idp.models import AuditEntry, Message
from recovery.domain.journey import Step
from tests.attacks.test_enumeration import Watched
from tests.conftest import make_person
from tests.faults.providers import service
from tests.recovery.walk import challenge_of, walk_to
from tests.story import Person, post_office

PHONE = "+33612345678"


@pytest.fixture
def gateway(settings):
    with service() as server:
        settings.SMS_GATEWAYS = gateways.read(f"json://127.0.0.1:{server.port}/")
        settings.SMS_COUNTRIES = ["FR"]
        yield server


def held():
    return [(entry.details["cap"], entry.user) for entry in AuditEntry.objects.filter(name="idp.messages.held")]


def from_network(number):
    return Person(address=f"198.51.{number}.7")


def ask(person=None, **options):
    """Somebody asks for a code as far as they are let; whether they came to the code's page."""
    person = walk_to(Step.ADDRESS, person=person, method=options.get("method", "email"), **only(options, "identifier"))
    person.submit(address=options.get("address", "jane@contoso.example"))
    return person


def only(options, *names):
    return {name: options[name] for name in names if name in options}


# --- One address ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("known", [True, False])
def test_a_mailbox_is_not_bombed_whoever_asks_from_wherever(db, caplog, known):
    """DL-02: the page says the same of known and unknown, and the alarm rings once."""
    jane = make_person() if known else None
    pages = [ask(from_network(network)).page.name for network in range(12)]
    assert pages == ["recovery-code"] * 5 + ["recovery-slow"] * 7
    assert len(post_office()) == (5 if known else 0)
    assert held() == [("email-asked-hour", jane.pk if known else None)] or held() == [("email-asked-hour", None)]
    assert caplog.text.count("messages held") == 1


def test_ten_letters_a_day(jane):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _hour in range(4):
            for _again in range(5):
                ask(Person())
            clock.shift(timedelta(hours=1, seconds=1))
        assert len(post_office()) <= 10
    assert Message.objects.filter(kind="recovery.email_code").count() == 10


def test_three_texts_an_hour_and_six_a_day(db, gateway):
    make_person(phones=[PHONE])
    with time_machine.travel(timezone.now(), tick=False) as clock:
        sent = []
        for _hour in range(4):
            for _again in range(4):
                ask(Person(), method="sms", address=PHONE)
            post_office()
            sent.append(len(gateway.asked))
            clock.shift(timedelta(hours=1, seconds=1))
    assert sent == [3, 6, 6, 6]


def test_an_address_of_many_accounts_gets_no_more_for_it(db, caplog):
    """Each account has its own five; the mailbox has five in all, and no page tells that it is shared."""
    for name in ("jane", "june", "joan"):
        make_person(name, email=f"{name}@elsewhere.example", addresses=["shared@contoso.example"])
    for name in ("jane", "june", "joan"):
        for _again in range(3):
            assert ask(Person(), identifier=name, address="shared@contoso.example").page.name == "recovery-code"
            post_office()
    assert len(mail.outbox) == 5
    assert [cap for cap, _user in held()] == ["email-address-hour"]
    states = set(Message.objects.values_list("state", flat=True))
    assert states == {Message.State.SENT, Message.State.FAILED}


def test_a_held_message_looks_like_nobodys(db, settings):
    """What is held at the hand-over is held for real addresses only, so its page must not say so."""
    make_person()
    settings.IDP = {**settings.IDP, "messages_per_account": Limit(count=1, per=timedelta(days=1))}
    ask(Person())
    post_office()
    seen = []
    with time_machine.travel(timezone.now(), tick=False):
        for identifier, address in (("jane", "jane@contoso.example"), ("nobody", "nobody@contoso.example")):
            person = ask(Watched(), identifier=identifier, address=address)
            post_office()
            person.transcript.clear()
            person.open("/recovery/code/")
            seen.append([line for line in person.transcript if line[1] in ("status", "body", "length", "statements")])
    assert len(mail.outbox) == 1
    assert held()[0][0] == "messages-account-day"
    assert seen[0] == seen[1]


# --- One account, one network -----------------------------------------------------------------------------


def test_an_account_is_not_bombed_over_all_its_addresses(db):
    make_person(addresses=[f"jane{number}@contoso.example" for number in range(6)])
    for number in range(6):
        for _again in range(5):
            ask(Person(), address=f"jane{number}@contoso.example")
            post_office()
    assert len(mail.outbox) == Policy().messages_per_account.count == 20


def test_guesses_at_addresses_use_up_nothing_of_the_accounts(jane):
    """Otherwise whoever knows a name could shut its owner out, without knowing an address."""
    for number in range(30):
        ask(from_network(number), address=f"guess{number}@contoso.example")
    ask(Person())
    assert [message.to for message in post_office()] == [["jane@contoso.example"]]


@pytest.mark.parametrize("known", [True, False])
def test_one_network_makes_us_write_to_so_many(db, settings, known):
    """DL-01, from one address: many accounts, a message each."""
    settings.IDP = {**settings.IDP, "messages_per_network": Limit(count=5, per=timedelta(hours=1))}
    pages = []
    for number in range(8):
        if known:
            make_person(f"p{number}", email=f"p{number}@contoso.example", password=None)
        person = ask(Person(), identifier=f"p{number}", address=f"p{number}@contoso.example")
        pages.append(person.page.name)
    assert pages == ["recovery-code"] * 5 + ["recovery-slow"] * 3
    assert len(post_office()) == (5 if known else 0)
    assert held() == [("email-asked-network", None)]
    assert ask(from_network(9), identifier="p7", address="p7@contoso.example").page.name == "recovery-code"


# --- All together -----------------------------------------------------------------------------------------


def test_the_tenant_sends_so_many_letters_an_hour_and_then_says_so_to_everybody(db, settings, caplog):
    """DL-01, from many addresses. Notices go on: they are not a stranger's doing."""
    settings.EMAIL_HOURLY_CAP = 5
    people = [make_person(f"p{number}", email=f"p{number}@contoso.example", password=None) for number in range(8)]
    for number in range(8):
        ask(from_network(number), identifier=f"p{number}", address=f"p{number}@contoso.example")
    assert len(post_office()) == 5
    assert held() == [("email-budget", people[5].pk)]
    assert caplog.text.count("messages held") == 1
    for identifier in ("p7", "nobody"):
        person = ask(from_network(20), identifier=identifier, address=f"{identifier}@contoso.example")
        assert person.page.name == "recovery-slow"
    notice(people[0])
    assert [each.to for each in post_office()] == [["p0@contoso.example"]]


def notice(user):
    from idp import notices

    notices.password_changed(
        user.pk, reference=user.pk, proved_by="", sessions_ended=0, origin=Origin(), now=timezone.now()
    )


def test_texts_have_a_budget_by_what_they_cost_where(db, settings, gateway, caplog):
    settings.SMS_DAILY_BUDGET = 20
    settings.SMS_PRICES = (("+336", 7), ("+33", 1))
    assert (caps.price("+33612345678"), caps.price("+33712345678"), caps.price("+12025550143")) == (7, 1, 1)
    people = [
        make_person(f"p{number}", email=f"p{number}@c.example", phones=[f"+3361234567{number}"]) for number in range(4)
    ]
    for number in range(4):
        ask(from_network(number), identifier=f"p{number}", address=f"+3361234567{number}", method="sms")
    post_office()
    assert len(gateway.asked) == 2, "14 of 20 are spent; a third would make 21"
    assert held() == [("sms-budget", people[2].pk)]
    for identifier in ("p3", "nobody"):
        person = ask(from_network(20), identifier=identifier, address="+33612345673", method="sms")
        assert person.page.name == "recovery-slow"
        assert "You can use another way now." in person.page
    assert ask(from_network(21), identifier="p3", address="p3@c.example").page.name == "recovery-code"
    notice(people[0])
    post_office()
    assert len(gateway.asked) == 3, "what somebody must be told costs what it costs"


def test_a_block_of_numbers_that_somebody_earns_by_is_not_fed(db, settings, gateway):
    settings.IDP = {**settings.IDP, "texts_per_block": Limit(count=2, per=timedelta(hours=1))}
    for number in range(4):
        make_person(f"p{number}", email=f"p{number}@c.example", phones=[f"+3361234000{number}"])
        ask(from_network(number), identifier=f"p{number}", address=f"+3361234000{number}", method="sms")
    make_person("other", email="other@c.example", phones=["+33612350001"])
    ask(from_network(9), identifier="other", address="+33612350001", method="sms")
    post_office()
    assert [each.json["to"] for each in gateway.asked] == ["+33612340000", "+33612340001", "+33612350001"]
    assert [cap for cap, _user in held()] == ["sms-block-hour"]


def test_a_message_that_is_tried_again_is_counted_once(jane, settings):
    settings.IDP = {**settings.IDP, "emails_per_hour": Limit(count=1, per=timedelta(hours=1))}
    from idp import delivery
    from idp.channels.addresses import Backend

    settings.EMAIL_PROVIDERS = (Backend(name="test", path="tests.attacks.test_enumeration.Unready"),)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        person = ask(Person())
        message = Message.objects.get(reference=challenge_of(person).pk)
        for _attempt in range(3):
            assert delivery.deliver(message.pk, now=timezone.now()) == "delayed"
            clock.shift(timedelta(seconds=60))
        settings.EMAIL_PROVIDERS = (Backend(name="test", path="django.core.mail.backends.locmem.EmailBackend"),)
        assert delivery.deliver(message.pk, now=timezone.now()) == "sent"


# --- What is in a message ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "device",
    [
        "Mozilla/5.0\r\nBcc: everybody@contoso.example",
        "{% load x %}{{ settings.SECRET_KEY }}",
        "<script>alert(1)</script>",
        "x" * 5000,
        "\u202eelgooG",
    ],
)
def test_what_a_stranger_writes_is_not_in_the_message(jane, device):
    """DL-04: only the names of known browsers and systems are, and headers are built, not written."""
    try:
        ask(Person(device=device))
    except ValueError:
        return  # the test client itself refuses such a header
    (letter,) = post_office()
    raw = letter.message().as_string()
    assert letter.recipients() == ["jane@contoso.example"]
    for part in ("everybody", "SECRET_KEY", "<script>alert", "xxxxxxxx", "elgooG"):
        assert part not in raw


def test_an_address_with_a_line_break_is_written_to_nobody(db):
    """It cannot get in by an import; if it did, it would be refused as it is handed over."""
    jane = make_person(addresses=["jane@contoso.example\nBcc: b@c.example", "jane@contoso.example"])
    notice(jane)
    assert [letter.recipients() for letter in post_office()] == [["jane@contoso.example"]]
    assert set(Message.objects.values_list("state", flat=True)) == {Message.State.SENT, Message.State.FAILED}


def test_a_message_says_what_to_do_if_it_was_not_its_reader(jane):
    """DL-07."""
    ask(Person())
    (letter,) = post_office()
    assert "If this wasn't you, do nothing: nobody gets in without the code." in letter.body
    assert re.search(r"Asked for at \d\d:\d\d from Firefox, Linux", letter.body)

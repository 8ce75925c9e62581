"""Identifiers and addresses as attackers type them: who is meant is one account or nobody, and mail goes where we know.

What somebody typed is looked up and counted. It is never written to, and stands in no header.
"""

from email import message_from_bytes, policy

import pytest
from django.core import mail

from idp.models import Message
from recovery.domain.journey import Step
from recovery.models import Journey
from tests.conftest import PASSWORD, make_person
from tests.recovery.walk import journey_of, walk_to
from tests.story import Person, post_office

JANES = "jane@contoso.example"
THEIRS = "mallory@evil.example"

#: RI-01: one field that tries to be two.
TWO_IN_ONE = [
    f"{JANES},{THEIRS}",
    f"{JANES}, {THEIRS}",
    f"{JANES};{THEIRS}",
    f"{JANES} {THEIRS}",
    f"{JANES}\r\n{THEIRS}",
    f"{JANES}\n{THEIRS}",
    f"{JANES}\r\nBcc: {THEIRS}",
    f"{JANES}%0aBcc:{THEIRS}",
    f'"{JANES}" <{THEIRS}>',
    f"<{JANES}> <{THEIRS}>",
    f"{JANES}\t{THEIRS}",
    f"{JANES}|{THEIRS}",
    f"{JANES}\u2028{THEIRS}",
    f'["{JANES}", "{THEIRS}"]',
    f'{{"email": "{JANES}"}}',
    f"{THEIRS}?cc={JANES}",
    f"jane@contoso.example@{THEIRS}",
    f"jane@contoso.example.{THEIRS.partition('@')[2]}",
    f"jane%40contoso.example@{THEIRS.partition('@')[2]}",
    "jane+x@contoso.example",
    "jane@contoso.example.",
    "jane@[192.0.2.1]",
    "jane@localhost",
    "@",
    "jane",
    f"mailto:{JANES}",
]

#: Same to the eye, or to a careless comparison; not the same.
LOOK_ALIKES = [
    "jаne@contoso.example",
    "jane@cоntoso.example",
    "jané@contoso.example",
    "ja\u0301ne@contoso.example",
    "jane@contoso.exampıe",
    "jane\u200b@contoso.example",
    "jane\u00ad@contoso.example",
    "\u202ejane@contoso.example",
    "jane\ufeff@contoso.example",
    "jane@xn--contoso-.example",
]

#: RI-03: what other systems would execute, expand or choke on.
STRANGE = [
    "x" * 10_000,
    "\u202e\u2066\u2069\u200f",
    "😀👩‍👩‍👧‍👦" * 10,
    "{{7*7}}{% debug %}",
    "${7*7}#{7*7}<%= 7*7 %>",
    "%n%s%x%00",
    "' OR '1'='1' --",
    '"; DROP TABLE idp_user; --',
    "*)(uid=*))(|(uid=*",
    "../../../etc/passwd",
    "<img src=x onerror=alert(1)>",
    "\x1b[2J\x07",
    "\\",
    "None",
    "null",
    "0",
    "-1",
    "true",
    "ﷺ" * 100,
    "ß" * 200,
    "İ" * 200,
]

#: What "jane" types is hers; what looks like it, or has it inside, is not.
NAMES = [typed for typed in [*TWO_IN_ONE, *LOOK_ALIKES, *STRANGE] if typed != "jane"]


def recipients():
    return {to for message in mail.outbox for to in message.recipients()}


@pytest.mark.parametrize("typed", [*TWO_IN_ONE, *LOOK_ALIKES, *STRANGE], ids=lambda typed: ascii(typed)[:40])
def test_an_address_that_is_not_quite_hers_gets_no_letter_and_neither_does_she(jane, typed):
    person = walk_to(Step.ADDRESS)
    person.submit(address=typed)
    assert person.page.status in (200, 400)
    assert person.page.name in ("recovery-address", "recovery-code", "problem")
    assert post_office() == []


@pytest.mark.parametrize("typed", NAMES, ids=lambda typed: ascii(typed)[:40])
def test_an_identifier_that_is_not_quite_hers_is_nobodys(jane, typed):
    person = walk_to(Step.IDENTIFY)
    person.submit(identifier=typed)
    if person.page.name == "recovery-problem":
        assert journey_of(person).subject is None
    else:
        assert person.page.name in ("recovery-identify", "problem")
        assert not Journey.objects.exists()
    body = person.page.response.content.decode()
    assert "<img src=x" not in body
    assert "49" not in person.page.text


@pytest.mark.parametrize("typed", NAMES, ids=lambda typed: ascii(typed)[:40])
def test_nobody_signs_in_by_such_a_name(jane, typed):
    person = Person()
    person.open("/sign-in")
    person.submit(username=typed, password=PASSWORD)
    assert person.page.name in ("sign-in", "problem")
    assert person.page.status in (200, 400)


@pytest.mark.parametrize(
    "fields",
    [
        [("address", JANES), ("address", THEIRS)],
        [("address", THEIRS), ("address", JANES)],
        [("address[]", JANES), ("address[]", THEIRS)],
        [("address[0]", THEIRS)],
        [("address", JANES), ("address[]", THEIRS)],
        [("address", JANES), ("email", THEIRS), ("to", THEIRS), ("cc", THEIRS), ("bcc", THEIRS)],
        [("address", JANES), ("channel", "sms"), ("phone", "+15550100")],
        [("address", JANES), ("method", "sms"), ("subject", "mallory"), ("user", "mallory")],
    ],
    ids=str,
)
def test_however_many_addresses_are_sent_mail_goes_to_hers_or_nowhere(jane, fields):
    make_person("mallory", email=THEIRS)
    person = walk_to(Step.ADDRESS)
    token = person.page.parsed.fields["csrfmiddlewaretoken"][0]
    data = {"csrfmiddlewaretoken": token}
    for name, value in fields:
        data.setdefault(name, []).append(value)
    person.post("/recovery/address/", data)
    post_office()
    assert recipients() <= {JANES}
    assert set(Message.objects.values_list("user", flat=True)) <= {jane.pk}


def test_an_address_is_proven_for_the_account_it_belongs_to_and_not_for_the_one_that_was_named(jane):
    make_person("mallory", email=THEIRS)
    walk_to(Step.CODE, address=THEIRS)
    assert post_office() == []


def test_the_stored_spelling_is_written_to_and_not_the_typed_one(db):
    """CVE-2019-19844: what compares equal need not be the same mailbox."""
    make_person(email="Jane@Contoso.example", addresses=["Jane@Contoso.example"])
    for typed in ("jane@contoso.example", "JANE@CONTOSO.EXAMPLE", "jane@ｃontoso.example"):
        walk_to(Step.CODE, address=typed, person=Person())
    post_office()
    assert len(mail.outbox) == 3
    assert recipients() == {"Jane@Contoso.example"}


def test_an_address_nobody_vouched_for_gets_no_code(db):
    """RI-06: a claim is not a recovery address."""
    make_person(email=JANES, addresses=[])
    walk_to(Step.CODE)
    assert post_office() == []


@pytest.mark.parametrize(
    "device",
    [
        "x\r\nBcc: mallory@evil.example",
        "Firefox/1.0\nBcc: mallory@evil.example",
        "x" * 20_000,
        "{{7*7}}<b>",
        "Évil/1.0",
    ],
    ids=lambda device: ascii(device)[:20],
)
def test_nothing_of_the_request_becomes_a_header(jane, device):
    """DL-04: the only words of the asker in a letter are browser and system, and only those we know."""
    person = Person()
    person.http.defaults["HTTP_USER_AGENT"] = device
    walk_to(Step.CODE, person=person)
    (sent,) = post_office()
    raw = message_from_bytes(sent.message().as_bytes(), policy=policy.default)
    assert raw["To"] == JANES
    assert raw["Bcc"] is None
    assert raw["Cc"] is None
    assert sent.recipients() == [JANES]
    assert "evil" not in sent.message().as_string()
    assert "{{7*7}}" not in sent.message().as_string()


@pytest.mark.parametrize("name", ["Contoso\r\nBcc: m@evil.example", "Contoso\nX: y", "{{ code }}", "Çontoso 中文"])
def test_the_organisations_own_name_is_one_line_of_text(jane, settings, name):
    settings.TENANT_NAME = name
    walk_to(Step.CODE)
    (sent,) = post_office()
    raw = message_from_bytes(sent.message().as_bytes(), policy=policy.default)
    assert raw["Bcc"] is None
    assert raw["X"] is None
    assert "\n" not in sent.subject


def test_a_persons_name_is_not_in_the_letter(db):
    """Names are free text; a letter somebody else can trigger carries none."""
    make_person(name="Jane\r\nBcc: mallory@evil.example <b>{{7*7}}</b>")
    walk_to(Step.CODE)
    (sent,) = post_office()
    assert "Jane" not in sent.body
    assert "evil" not in sent.message().as_string()


@pytest.mark.parametrize("typed", ["+33612345678", "06 12 34 56 78", "+33 6 12 34 56 78", "tel:+33612345678"])
@pytest.mark.parametrize("people", [1, 2])
def test_a_telephone_number_names_nobody(db, typed, people):
    """RI-04: it may be two people's, and the next person's one day."""
    for number in range(people):
        make_person(f"p{number}", email=f"p{number}@contoso.example", phones=["+33612345678"])
    person = walk_to(Step.CODE, identifier=typed, address="p0@contoso.example")
    assert person.page.name == "recovery-code"
    assert journey_of(person).subject is None
    assert not post_office()

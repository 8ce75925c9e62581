"""Whether an account exists is told by nothing: not by words, bytes, headers, statements or rows.

One person after another walks the same way, each in a database that differs only in what is there of them; the
transcripts are compared line by line.
"""

import re
from collections import Counter
from datetime import timedelta
from smtplib import SMTPRecipientsRefused

import pytest
import time_machine
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection, reset_queries, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from idp.channels import gateways
from idp.channels.addresses import Backend
from idp.models import RecoveryAddress, User
from recovery import in_force
from tests.conftest import make_person
from tests.faults.providers import service
from tests.full import full_pool
from tests.idp.console.people import appoint
from tests.idp.factors.people import with_app, with_passkey, with_recovery_codes
from tests.journeys.test_forgotten_password import authorization_request
from tests.photographs import photograph
from tests.recovery.walk import wrong_codes
from tests.story import Person, post_office


def with_a_second_factor():
    with_recovery_codes(make_person())


def with_everything():
    user = make_person(phones=["+33612345642"])
    with_app(user)
    with_passkey(user)
    with_recovery_codes(user)


def an_administrator():
    appoint(make_person())


def stopped():
    """Its owner began a recovery because somebody else was in, and has not finished it."""
    return make_person(status=User.Status.STOPPED)


#: What is in the database of "jane", by what somebody could want to find out about her.
PEOPLE = {
    "known": make_person,
    "unknown": lambda: None,
    "known, and another address is hers": lambda: make_person(email="jane@elsewhere.example"),
    "known, without an address": lambda: make_person(addresses=[]),
    "known, with many addresses": lambda: make_person(addresses=["jane@contoso.example", "b@c.example", "c@d.example"]),
    "with a second factor": with_a_second_factor,
    "with everything there is": with_everything,
    "an administrator": an_administrator,
    "stopped": stopped,
    "without a password": lambda: make_person(password=None),
    "invited": lambda: make_person(status=User.Status.INVITED, password=None, addresses=[]),
    "suspended": lambda: make_person(status=User.Status.SUSPENDED),
    "frozen": lambda: make_person(status=User.Status.FROZEN),
    "frozen by its owner": lambda: make_person(frozen_at=timezone.now()),
    "deleted": lambda: make_person(status=User.Status.DELETED),
}
_MASKS = [
    (rb'(name="csrfmiddlewaretoken" value=")[^"]+', rb"\1*"),
    (rb'(class="ref">)[^<]+', rb"\1*"),
    (rb"message [CDFHJKLMNPRTVWXZ][2346789]\b", b"message *"),
]
_COOKIE = re.compile(r"=[A-Za-z0-9_-]{32,}")


class Away(EmailBackend):
    """A mail provider that nobody can reach."""

    def open(self):
        raise ConnectionRefusedError

    def send_messages(self, _messages):
        raise ConnectionRefusedError


class Unwilling(EmailBackend):
    """A mail provider that takes nothing for anybody in particular."""

    def send_messages(self, messages):
        raise SMTPRecipientsRefused({messages[0].to[0]: (550, b"no such mailbox")})


class Unready(EmailBackend):
    """A mail provider that would rather have each letter later."""

    def send_messages(self, messages):
        raise SMTPRecipientsRefused({messages[0].to[0]: (450, b"later")})


class Watched(Person):
    """A person whose every request is written down: what came back, and what it took."""

    def __init__(self, **options):
        super().__init__(**options)
        self.transcript = []
        for verb in ("get", "post"):
            setattr(self.http, verb, self._watched(getattr(self.http, verb)))

    def _watched(self, ask):
        def asked(path, *arguments, **options):
            before = photograph()
            with CaptureQueriesContext(
                connection,
            ) as captured:
                response = ask(path, *arguments, **options)
            self.write_down(f"{ask.__name__} {path}", response, captured, before)
            return response

        return asked

    def write_down(self, what, response, captured, before):
        body = response.content
        for pattern, replacement in _MASKS:
            body = re.sub(pattern, replacement, body)
        rows = {table: len(Counter(now) - Counter(before[table])) for table, now in photograph().items()}
        self.transcript += [
            (what, "status", response.status_code),
            (what, "headers", sorted((name, value) for name, value in response.headers.items() if name != "Date")),
            (what, "cookies", sorted(_COOKIE.sub("=*", each.OutputString()) for each in response.cookies.values())),
            (what, "length", len(response.content)),
            (what, "body", body.decode()),
            (what, "statements", [shape(each["sql"]) for each in captured]),
            (what, "rows", {table: count for table, count in rows.items() if count}),
        ]


def shape(sql):
    """What a statement does to which table, without values."""
    verb = sql.split(None, 1)[0]
    return " ".join([verb, *re.findall(r'(?:FROM|INTO|UPDATE) "?(\w+)', sql)])


def deliver(clock):
    """The worker comes by after a while."""
    clock.shift(timedelta(seconds=70))
    return post_office()


def sign_in_fails(person, _clock):
    person.open("/sign-in")
    for _again in range(12):
        person.submit(username="jane", password="not this one, sadly")
    assert person.page.status == 429


def locked_out(person, clock):
    """Until the pause, with a code beside the password, after the pause, and on to opening the account again."""
    person.open("/sign-in")
    for _again in range(11):
        person.submit(username="jane", password="not this one, sadly")
    person.submit(username="jane", password="not this one, sadly", otp="123 456")
    person.submit(username="jane", password="", otp="123 456")
    clock.shift(timedelta(seconds=61))
    person.submit(username="jane", password="not this one, sadly", otp="")
    person.submit(username="jane", password="not this one, sadly", otp="")
    assert person.page.status == 429
    person.click("cant-access")
    person.submit(identifier="jane")
    person.submit(problem="locked")
    person.submit(method="email")
    person.submit(address="jane@contoso.example")
    deliver(clock)
    person.submit(code=wrong_codes("1234 5678", 1)[0])
    person.open("/recovery/unlock/")
    assert person.page.name == "recovery-code"


def no_password_helps(person, clock):
    """A hundred failures in a row, and a month later; where a hundred are five."""
    person.open("/sign-in")
    for _again in range(6):
        person.submit(username="jane", password="not this one, sadly")
    clock.shift(timedelta(days=30))
    person.submit(username="jane", password="not this one, sadly")
    assert "no longer opens" in person.page


def sign_in_is_refused(person, _clock):
    """Too many at once: nobody's password is looked at."""
    person.open("/sign-in")
    with full_pool():
        for _again in range(3):
            person.submit(username="jane", password="not this one, sadly")
            assert person.page.status == 503
            person.submit(again="1")


def recovery_ends(person, clock):
    """All the way to the code's page, to its end, and once around."""
    person.open("/recovery/")
    person.submit(identifier="jane")
    person.submit(problem="forgot")
    person.submit(method="email")
    person.submit(address="jane@contoso.example")
    person.open("/recovery/code/")
    deliver(clock)
    person.open("/recovery/code/")
    person.submit(send_again="1")
    person.submit(send_again="1")
    deliver(clock)
    person.submit(code="not a code")
    for wrong in wrong_codes("1234 5678", 5):
        person.submit(code=wrong)
    assert person.page.name == "recovery-ended"
    person.click("start-again")
    person.submit(identifier="jane")


def by_what_one_holds(person, _clock):
    """An app's code, a saved one and a passkey that are nobody's; each to the end of its tries."""
    for problem, method, answers in (
        ("forgot", "totp", [{"code": "12"}, *[{"code": f"00000{each}"} for each in range(5)]]),
        ("intruder", "recovery-code", [{"code": "12"}, *[{"code": "ABCD-ABCD-ABCD-ABCD"}] * 5]),
        ("locked", "passkey", [{"passkey": ""}, *[{"passkey": "nothing of the kind"}] * 5]),
        ("lost-factor", "password", [{"password": ""}, *[{"password": "not this one, sadly"}] * 5]),
    ):
        person.open("/recovery/?again=1")
        person.submit(identifier="jane")
        person.submit(problem=problem)
        person.open("/recovery/none/")
        person.open("/recovery/method/")
        person.submit(method=method)
        for answer in answers:
            person.submit(**answer)
        assert person.page.name == "recovery-ended"


def recovery_is_throttled(person, _clock):
    person.open("/recovery/")
    person.submit(identifier="jane")
    person.submit(problem="forgot")
    person.submit(method="email")
    for _again in range(6):
        person.open("/recovery/address/")
        person.submit(address="jane@contoso.example")
    assert person.page.name == "recovery-slow"


def recovery_runs_out(person, clock):
    """A code nobody types, until it has run out, and the journey with it."""
    person.open("/recovery/")
    person.submit(identifier="jane@contoso.example")
    person.submit(problem="forgot")
    person.submit(method="email")
    person.submit(address="jane@contoso.example")
    deliver(clock)
    clock.shift(timedelta(minutes=11))
    person.open("/recovery/code/")
    clock.shift(timedelta(minutes=18))
    person.open("/recovery/code/")
    assert person.page.name == "recovery-ended"


def codes_grow(person, clock):
    """Three recoveries to their ends, and a fourth whose code is a long one; a short one from before them rests."""
    for number in range(4):
        person.open("/recovery/?again=1")
        person.submit(identifier="jane")
        person.submit(problem="forgot")
        person.submit(method="email")
        person.submit(address="jane@contoso.example")
        deliver(clock)
        person.open("/recovery/code/")
        for wrong in wrong_codes("1234 5678", 5 if number < 3 else 1):
            person.submit(code=wrong)
    assert "Enter the 13 letters and digits" in person.page
    person.submit(send_again="1")
    deliver(clock)
    for _try in range(5):
        person.submit(code="7K3M 9QXT 4B2NE")
    assert person.page.name == "recovery-ended"


def short_codes_rest(person, clock):
    """Codes of eight digits that were sent before somebody guessed too often."""
    begun = []
    for number in range(7):
        person.open("/recovery/?again=1")
        person.submit(identifier="jane")
        person.submit(problem="forgot")
        person.submit(method="email")
        person.submit(address="jane@contoso.example" if number == 0 else f"{number}@else.example")
        begun.append((person.http.cookies["__Host-regain-recovery"].value, person.page))
        person.http.cookies.pop("__Host-regain-recovery")
    for key, page in reversed(begun):
        person.http.cookies["__Host-regain-recovery"] = key
        person.page = page
        for wrong in wrong_codes("1234 5678", 5):
            if person.page.name == "recovery-code":
                person.submit(code=wrong)
    assert "short ones rest" in person.page
    deliver(clock)
    person.submit(send_again="1")
    deliver(clock)
    assert person.open("/recovery/code/").name == "recovery-code"
    assert "13 letters and digits" in person.page


@pytest.fixture(autouse=True)
def _what_is_in_force_is_read_once(monkeypatch):
    """Otherwise each half minute, for whoever comes first then."""
    monkeypatch.setattr(in_force, "_REMEMBERED", timedelta(days=2))


def transcript(arrange, walk):
    reset_queries()  # of the walk before; Django remembers 9000 at the most
    point = transaction.savepoint()
    arrange()
    person = Watched()
    with time_machine.travel(timezone.now().replace(second=5, microsecond=0), tick=False) as clock:
        walk(person, clock)
    transaction.savepoint_rollback(point)
    return person.transcript


def assert_alike(subtests, known, others, walk):
    """Whoever walks this way leaves the transcript that the known one leaves."""
    transcript(lambda: None, walk)  # what is read once and kept is read now
    with time_machine.travel(timezone.now(), tick=False):
        expected = transcript(known, walk)
        assert len(expected) > 20
        for who, arrange in others.items():
            theirs = transcript(arrange, walk)
            with subtests.test(who):
                for line, other in zip(expected, theirs, strict=True):
                    assert line == other


@pytest.mark.parametrize(
    "walk",
    [
        sign_in_fails,
        sign_in_is_refused,
        locked_out,
        recovery_ends,
        by_what_one_holds,
        recovery_is_throttled,
        recovery_runs_out,
        codes_grow,
        short_codes_rest,
    ],
)
def test_nothing_tells_whether_there_is_an_account(db, subtests, walk):
    others = {who: arrange for who, arrange in PEOPLE.items() if who != "known"}
    assert_alike(subtests, PEOPLE["known"], others, walk)


def test_not_even_a_hundred_failures_tell_whether_there_is_an_account(db, subtests, settings):
    settings.IDP = {**settings.IDP, "sign_in_failures": 5}
    others = {who: PEOPLE[who] for who in ("unknown", "suspended", "with a second factor")}
    assert_alike(subtests, PEOPLE["known"], others, no_password_helps)


@pytest.mark.parametrize(
    "provider", [Away, Unwilling, Unready, EmailBackend], ids=["away", "unwilling", "unready", "willing"]
)
def test_the_state_of_delivery_is_the_providers_and_not_the_accounts(db, settings, provider):
    settings.EMAIL_PROVIDERS = (Backend(name="test", path=f"{provider.__module__}.{provider.__qualname__}"),)

    def walk(person, clock):
        person.open("/recovery/")
        person.submit(identifier="jane")
        person.submit(problem="forgot")
        person.submit(method="email")
        person.submit(address="jane@contoso.example")
        for _a_while in range(3):
            deliver(clock)
            person.open("/recovery/code/")
        clock.shift(timedelta(minutes=9))
        person.open("/recovery/code/")

    transcript(lambda: None, walk)
    with time_machine.travel(timezone.now(), tick=False):
        known = transcript(PEOPLE["known"], walk)
        for who in ("unknown", "known, and another address is hers", "suspended"):
            assert transcript(PEOPLE[who], walk) == known
    states = [line[2] for line in known if line[1] == "body" and "data-delivery" in line[2]]
    expected = "delayed" if provider is Away else "sent"
    assert f'data-delivery="{expected}"' in states[-1]
    assert 'data-delivery="waiting"' in states[0]


PHONE = "+33612345678"
PEOPLE_WITH_PHONES = {
    "unknown": lambda: None,
    "known, without a phone": make_person,
    "known, and another phone is hers": lambda: make_person(phones=["+33698765432"]),
    "known, with two phones": lambda: make_person(phones=[PHONE, "+33698765432"]),
    "suspended": lambda: make_person(phones=[PHONE], status=User.Status.SUSPENDED),
}


def recovery_by_text(person, clock):
    """To the code's page and its end, another number, and as often as it is allowed."""
    person.open("/recovery/")
    person.submit(identifier="jane")
    person.submit(problem="forgot")
    person.submit(method="sms")
    person.submit(address="+33 1 42 68 53 00")
    person.submit(address="+33 6 12 34 56 78")
    deliver(clock)
    person.open("/recovery/code/")
    person.submit(send_again="1")
    deliver(clock)
    person.open("/recovery/code/")
    for wrong in wrong_codes("1234 5678", 2):
        person.submit(code=wrong)
    clock.shift(timedelta(minutes=11))
    person.open("/recovery/code/")
    for _again in range(2):
        person.open("/recovery/address/")
        person.submit(address=PHONE)
    assert person.page.name == "recovery-slow"


@pytest.mark.parametrize("status", [200, 500])
def test_nothing_tells_whether_there_is_a_telephone(db, subtests, settings, status):
    with service(status=status) as gateway:
        settings.SMS_GATEWAYS = gateways.read(f"json://127.0.0.1:{gateway.port}/")
        settings.SMS_COUNTRIES = ["FR"]
        assert_alike(subtests, lambda: make_person(phones=[PHONE]), PEOPLE_WITH_PHONES, recovery_by_text)
        assert gateway.asked, "somebody was written to"


def test_a_code_is_sent_only_where_the_typed_address_is_the_accounts(db):
    """The counter-check: what all these transcripts hide does happen."""
    sent = {}
    for who, arrange in PEOPLE.items():
        point = transaction.savepoint()
        arrange()
        person = Person()
        person.open("/recovery/")
        person.submit(identifier="jane")
        person.submit(problem="forgot")
        person.submit(method="email")
        person.submit(address="jane@contoso.example")
        # Whoever has everything is told of what was added, too.
        sent[who] = [letter.to for letter in post_office() if re.search(r"\b\d{4} \d{4}\b", letter.body)]
        transaction.savepoint_rollback(point)
    to_jane = [["jane@contoso.example"]]
    owners = {"known", "known, with many addresses", "with a second factor", "without a password"}
    owners |= {"with everything there is", "an administrator", "stopped"}
    assert sent == {who: to_jane if who in owners else [] for who in PEOPLE}
    assert not RecoveryAddress.objects.exists()


def test_a_decoys_answer_is_never_right(db, monkeypatch):
    """Not even if somebody guesses what its code would have been."""
    monkeypatch.setattr("idp.otp.hotp", lambda *_arguments: 12345678)
    person = Person()
    person.open("/recovery/")
    person.submit(identifier="nobody")
    person.submit(problem="forgot")
    person.submit(method="email")
    person.submit(address="nobody@contoso.example")
    post_office()
    person.submit(code="12345678")
    assert person.page.name == "recovery-code"
    assert "4 tries left" in person.page


def test_the_login_hint_of_an_application_tells_nothing(payroll):
    pages = []
    # The first one is asked twice: what is read once and kept is read then.
    for arrange in (PEOPLE["unknown"], PEOPLE["unknown"], PEOPLE["known"]):
        point = transaction.savepoint()
        arrange()
        person = Watched()
        person.open(authorization_request(login_hint="jane"))
        pages.append([line for line in person.transcript if line[1] in ("status", "length", "statements", "rows")])
        transaction.savepoint_rollback(point)
    assert [line[1:] for line in pages[1]] == [line[1:] for line in pages[2]]

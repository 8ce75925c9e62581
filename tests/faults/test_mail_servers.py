"""Mail servers that misbehave, on real sockets: one code, no clear text, and pages that tell nobody's secrets."""

import re
from datetime import timedelta
from email.utils import parseaddr

import pytest
import time_machine
from django.utils import timezone

from idp import delivery, outbox
from idp.accounts import address_claims, marks
from idp.channels import addresses, chain, smtp
from idp.conf import Limit
from idp.models import AddressMark, Message, RecoveryAddress
from recovery.domain.journey import Step
from tests.conftest import PASSWORD, make_person
from tests.faults.providers import HANG_UP, SILENCE, Drip, certificate, mail_server, took
from tests.recovery.walk import challenge_of, walk_to
from tests.servers import free_port
from tests.story import Person

# Python forgets to close a socket that is shut just before its TLS handshake; whoever collects garbage does it.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning"
)

State = Message.State
_MASKS = [
    (re.compile(r'(name="csrfmiddlewaretoken" value=")[^"]+'), r"\1*"),
    (re.compile(r'(class="ref">)[^<]+'), r"\1*"),
    (re.compile(r"message [CDFHJKLMNPRTVWXZ][2346789]\b"), "message *"),
]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    """Connections of the test before are not this one's; and nobody waits for seven seconds."""
    smtp.close_all()
    smtp.trusted.cache_clear()
    monkeypatch.setattr(chain, "SECONDS_EACH", 0.6)
    monkeypatch.setattr(chain, "SECONDS", 1.5)
    yield
    smtp.close_all()


@pytest.fixture(scope="module")
def trusted(tmp_path_factory):
    return certificate(tmp_path_factory.mktemp("tls"), "localhost")


def use(settings, *urls):
    settings.EMAIL_PROVIDERS = addresses.read(" ".join(urls))


def clear(server):
    return f"smtp://127.0.0.1:{server.port}"


def asks(identifier="jane", address="jane@contoso.example"):
    """Somebody who asked for a code, and the message that is to carry it."""
    person = walk_to(Step.CODE, identifier=identifier, address=address)
    return person, Message.objects.get(reference=challenge_of(person).pk)


def attempt(message):
    return delivery.deliver(message.pk, now=timezone.now())


def state(message):
    message.refresh_from_db()
    return message.state


def codes_in(letters):
    return {re.search(r"\b\d{4} \d{4}\b", each.get_body(("plain",)).get_content())[0] for each in letters}


def what_is_said(person):
    body = person.open("/recovery/code/").response.content.decode()
    for pattern, replacement in _MASKS:
        body = pattern.sub(replacement, body)
    return body


# --- What a server may do ---------------------------------------------------------------------------------

#: How it answers; whether somebody's message is then sent, delayed or refused; what everybody's page says.
FAULTS = {
    "greets with 421": ({"greeting": "421 busy"}, "delayed", "waiting"),
    "greets with 554": ({"greeting": "554 not you"}, "delayed", "waiting"),
    "hangs up at once": ({"greeting": HANG_UP}, "delayed", "waiting"),
    "greets one byte at a time": ({"greeting": Drip("220 here, at last")}, "delayed", "waiting"),
    "says nothing": ({"greeting": SILENCE}, "delayed", "waiting"),
    "does not want our sender": ({"MAIL": "451 too much"}, "delayed", "waiting"),
    "does not know our sender": ({"MAIL": "550 who"}, "delayed", "waiting"),
    "hangs up at the sender": ({"MAIL": HANG_UP}, "delayed", "waiting"),
    "greylists the recipient": ({"RCPT": "450 4.2.0 later"}, "delayed", "sent"),
    "is full for the recipient": ({"RCPT": "452 4.2.2 full"}, "delayed", "sent"),
    "does not know the recipient": ({"RCPT": "550 5.1.1 nobody"}, "refused", "sent"),
    "refuses the recipient by policy": ({"RCPT": "550 5.7.1 policy"}, "refused", "sent"),
    "hangs up at the recipient": ({"RCPT": HANG_UP}, "delayed", "sent"),
    "ends the session at the recipient": ({"RCPT": "421 bye"}, "delayed", "sent"),
    "answers the recipient one byte at a time": ({"RCPT": Drip("250 perhaps")}, "delayed", "sent"),
    "does not want the message": ({"DATA": "451 later"}, "delayed", "sent"),
    "will not have the message": ({"end": "554 5.6.0 spam"}, "refused", "sent"),
    "will have the message later": ({"end": "451 4.3.0 later"}, "delayed", "sent"),
    "hangs up after the message": ({"end": HANG_UP}, "delayed", "sent"),
    "says nothing after the message": ({"end": SILENCE}, "delayed", "sent"),
    "answers what no server answers": ({"RCPT": "399 eh"}, "delayed", "sent"),
    "answers what is no answer": ({"MAIL": "\x00\xff nonsense"}, "delayed", "waiting"),
}


@pytest.mark.parametrize(("answers", "outcome", "page"), FAULTS.values(), ids=FAULTS)
def test_whatever_a_server_does_pages_say_the_same_of_known_and_unknown(db, settings, answers, outcome, page):
    make_person()
    with mail_server(answers=answers) as server, time_machine.travel(timezone.now(), tick=False) as clock:
        use(settings, clear(server))
        people = [asks(), asks("nobody", "nobody@contoso.example")]
        came = [attempt(message) for _person, message in people]
        assert came == [outcome, "delayed" if page == "waiting" else "sent"]
        seen = [what_is_said(person) for person, _message in people]
        assert seen[0] == seen[1]
        assert f'data-delivery="{page}"' in seen[0]
        for minutes in (1, 8, 2):  # … and until after it has run out
            clock.shift(timedelta(minutes=minutes))
            outbox.ring_forgotten(now=timezone.now())
            assert what_is_said(people[0][0]) == what_is_said(people[1][0])


COMES_ROUND = [
    "greets with 421",
    "does not want our sender",
    "greylists the recipient",
    "does not know the recipient",
    "hangs up at the recipient",
    "will have the message later",
    "hangs up after the message",
    "says nothing after the message",
]


@pytest.mark.parametrize("fault", COMES_ROUND)
def test_when_the_server_comes_round_there_was_one_code(jane, settings, fault):
    with mail_server(answers=FAULTS[fault][0]) as server, time_machine.travel(timezone.now(), tick=False) as clock:
        use(settings, clear(server))
        person, message = asks()
        first = attempt(message)
        server.answers.clear()
        clock.shift(timedelta(seconds=60))
        if first == "delayed":
            chain.forget_trouble()
            assert attempt(message) == "sent"
            assert len(codes_in(server.letters)) == 1
            assert {each["Message-ID"] for each in server.letters} == {f"<{message.pk.hex}@id.contoso.example>"}
            person.open("/recovery/code/")
            person.submit(code=codes_in(server.letters).pop())
            assert person.page.name == "recovery-new-password"
        else:
            assert attempt(message) == "nothing to do"
            assert state(message) == State.FAILED


def test_a_server_that_is_not_there(jane, settings):
    settings.EMAIL_PROVIDERS = addresses.read(f"smtp://127.0.0.1:{free_port()}")
    _person, message = asks()
    assert attempt(message) == "delayed"
    assert state(message) == State.WAITING
    assert message.sent_at is None


def test_nobodys_message_gets_as_far_as_our_sender_and_no_further(db, settings):
    with mail_server() as server:
        use(settings, clear(server))
        _person, message = asks("nobody", "nobody@contoso.example")
        assert attempt(message) == "sent"
        assert server.said("MAIL")
        assert not server.said("RCPT")
        assert server.letters == []


# --- A tarpit ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "end"])
def test_a_tarpit_holds_a_worker_for_a_bounded_time(jane, settings, step):
    """FT-16: each byte in time, no line ever complete. Waiting is counted over all of it."""
    with mail_server(answers={step: Drip("250 " + "x" * 400)}) as server:
        use(settings, clear(server))
        _person, message = asks()
        assert took(lambda: attempt(message)) < 5
        assert state(message) == State.WAITING


def test_a_tarpit_in_the_middle_of_tls_as_well(jane, settings, trusted):
    with mail_server(tls=trusted, answers={"STARTTLS": Drip("220 " + "x" * 400)}) as server:
        use(settings, f"smtp+tls://localhost:{server.port}?ca={trusted / 'cert.pem'}")
        _person, message = asks()
        assert took(lambda: attempt(message)) < 5
        assert state(message) == State.WAITING


# --- Several servers --------------------------------------------------------------------------------------

BEFORE = [
    "greets with 421",
    "hangs up at once",
    "greets one byte at a time",
    "says nothing",
    "does not want our sender",
]
AFTER = [
    "hangs up after the message",
    "will have the message later",
    "does not want the message",
    "greylists the recipient",
]


@pytest.mark.parametrize("fault", [*BEFORE, *AFTER])
def test_the_next_server_takes_it_and_says_the_same_code(jane, settings, fault):
    with mail_server(answers=FAULTS[fault][0]) as first, mail_server() as second:
        use(settings, clear(first), clear(second))
        person, message = asks()
        assert attempt(message) == "sent"
        assert len(second.letters) == 1
        assert len(codes_in([*first.letters, *second.letters])) == 1
        person.open("/recovery/code/")
        person.submit(code=codes_in(second.letters).pop())
        assert person.page.name == "recovery-new-password"


def test_a_mailbox_that_is_not_there_is_not_looked_for_at_the_next_server(jane, settings):
    with mail_server(answers={"RCPT": "550 5.1.1 nobody"}) as first, mail_server() as second:
        use(settings, clear(first), clear(second))
        _person, message = asks()
        assert attempt(message) == "refused"
        assert second.sessions == 0


def test_a_server_in_trouble_is_asked_last_for_a_while(jane, settings):
    """Otherwise every message would wait for it first."""
    with mail_server(answers={"greeting": SILENCE}) as first, mail_server() as second:
        use(settings, clear(first), clear(second))
        for attempts in range(3):
            _person, message = asks()
            seconds = took(lambda message=message: attempt(message))
            assert state(message) == State.SENT
            assert (seconds > 0.6) == (attempts == 0)
        assert first.sessions == 1


def test_when_none_is_there_each_was_asked_once(jane, settings):
    with mail_server(answers={"greeting": "421 no"}) as first, mail_server(answers={"greeting": "421 no"}) as second:
        use(settings, clear(first), clear(second))
        _person, message = asks()
        assert attempt(message) == "delayed"
        assert (first.sessions, second.sessions) == (1, 1)


# --- Encrypted, or not at all -----------------------------------------------------------------------------


@pytest.mark.parametrize("implicit", [False, True])
def test_over_tls_a_letter_arrives_and_the_password_was_encrypted(jane, settings, trusted, implicit):
    scheme = "smtps" if implicit else "smtp+tls"
    with mail_server(tls=trusted, implicit=implicit) as server:
        use(settings, f"{scheme}://user:secret@localhost:{server.port}?ca={trusted / 'cert.pem'}")
        _person, message = asks()
        assert attempt(message) == "sent"
        assert len(server.letters) == 1
        before_tls = server.commands[: server.commands.index("STARTTLS")] if not implicit else []
        assert not [line for line in before_tls if not line.startswith("ehlo")]
        assert server.said("AUTH")


@pytest.mark.parametrize(
    "told",
    [
        {"tls": None},
        {"answers": {"STARTTLS": "454 not now"}},
        {"answers": {"STARTTLS": "500 what"}},
        {"answers": {"STARTTLS": HANG_UP}},
    ],
    ids=["not offered", "refused for now", "unknown", "hung up"],
)
def test_without_starttls_nothing_is_sent_not_even_the_password(jane, settings, trusted, told):
    with mail_server(**{"tls": trusted, **told}) as server:
        use(settings, f"smtp+tls://user:secret@localhost:{server.port}?ca={trusted / 'cert.pem'}")
        _person, message = asks()
        assert attempt(message) == "delayed"
        assert server.letters == []
        assert not [line for line in server.commands if line.upper().split(" ")[0] in ("AUTH", "MAIL", "RCPT", "DATA")]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
@pytest.mark.parametrize("implicit", [False, True])
def test_a_certificate_that_is_not_believed_or_not_its_own_ends_it(jane, settings, trusted, tmp_path, host, implicit):
    """Unknown to the system; or made out to another name."""
    scheme = "smtps" if implicit else "smtp+tls"
    ca = "" if host == "localhost" else f"?ca={trusted / 'cert.pem'}"
    with mail_server(tls=trusted, implicit=implicit) as server:
        use(settings, f"{scheme}://user:secret@{host}:{server.port}{ca}")
        _person, message = asks()
        assert attempt(message) == "delayed"
        assert server.letters == []
        assert not server.said("AUTH")


def test_clear_text_does_not_leave_for_a_public_address_whatever_the_name_means(jane, settings, monkeypatch):
    """The operator allowed `relay` in their own network; somebody pointed the name elsewhere."""
    with mail_server() as server:
        use(settings, f"smtp://user:secret@relay:{server.port}?clear_text=allowed")
        real = smtp.socket.create_connection

        class Elsewhere:
            def __init__(self, connection):
                self._connection = connection

            def getpeername(self):
                return ("93.184.215.14", server.port)

            def __getattr__(self, name):
                return getattr(self._connection, name)

        monkeypatch.setattr(
            smtp.socket,
            "create_connection",
            lambda address, *rest, **more: Elsewhere(real(("127.0.0.1", address[1]), *rest, **more)),
        )
        _person, message = asks()
        assert attempt(message) == "delayed"
        assert server.commands == []


# --- Connections that are kept ----------------------------------------------------------------------------


def send_again(count):
    for _again in range(count):
        _person, message = asks()
        assert attempt(message) == "sent"


def test_a_connection_is_used_again(jane, settings):
    with mail_server() as server:
        use(settings, clear(server))
        send_again(4)
        assert (server.sessions, len(server.letters)) == (1, 4)


def test_nobodys_message_uses_it_too_and_leaves_nothing_behind(jane, settings):
    with mail_server() as server:
        use(settings, clear(server))
        _person, message = asks("nobody", "nobody@contoso.example")
        assert attempt(message) == "sent"
        send_again(1)
        assert (server.sessions, len(server.letters)) == (1, 1)
        assert server.letters[0]["To"] == "jane@contoso.example"


@pytest.mark.parametrize("bound", ["_MOST_LETTERS", "_LONGEST", "_LONGEST_IDLE"])
def test_it_is_bounded_in_letters_age_and_idleness(jane, settings, monkeypatch, bound):
    monkeypatch.setattr(smtp, bound, 1 if bound == "_MOST_LETTERS" else 0.0)
    with mail_server() as server:
        use(settings, clear(server))
        send_again(3)
        assert server.sessions == 3


@pytest.mark.parametrize(
    "fault", ["hangs up after the message", "will have the message later", "greylists the recipient"]
)
def test_after_an_error_the_next_letter_arrives_whole(jane, settings, fault):
    with mail_server() as server:
        use(settings, clear(server))
        send_again(1)
        server.answers.update(FAULTS[fault][0])
        _person, message = asks()
        attempt(message)
        server.answers.clear()
        chain.forget_trouble()
        server.letters.clear()
        send_again(1)
        assert [each["To"] for each in server.letters] == ["jane@contoso.example"]


def test_one_that_was_closed_while_it_lay_idle_is_made_anew(jane, settings):
    with mail_server() as server:
        use(settings, clear(server))
        send_again(1)
        for connection in smtp._connections().values():
            connection._smtp.shut()
        send_again(1)
        assert server.sessions == 2


def test_a_broken_tls_connection_is_never_replaced_by_a_clear_one(jane, settings, trusted):
    with mail_server(tls=trusted) as server:
        use(settings, f"smtp+tls://user:secret@localhost:{server.port}?ca={trusted / 'cert.pem'}")
        send_again(1)
        for connection in smtp._connections().values():
            connection._smtp.shut()
        server.starttls = False
        server.commands.clear()
        _person, message = asks()
        assert attempt(message) == "delayed"
        assert len(server.letters) == 1
        assert not server.said("AUTH")


# --- What is in the letter --------------------------------------------------------------------------------


def test_a_letter_is_one_that_machines_do_not_answer_and_nobody_is_asked_to_unsubscribe_from(jane, settings):
    with mail_server() as server:
        use(settings, clear(server))
        send_again(1)
        letter = server.letters[0]
        assert letter["Auto-Submitted"] == "auto-generated"
        assert letter["List-Unsubscribe"] is None
        assert letter["DKIM-Signature"] is None, "the relay signs"
        assert parseaddr(letter["From"])[1] == "no-reply@id.contoso.example"
        assert {part.get_content_type() for part in letter.iter_parts()} == {"text/plain", "text/html"}
        assert not re.search(r"<img|http://", letter.get_body(("html",)).get_content())


# --- What is remembered of an address ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "marked"),
    [
        ("550 5.1.1 no such user", True),
        ("550 5.1.10 null mx", True),
        ("550 5.2.1 disabled", True),
        ("550 no such user", True),
        ("551 gone", True),
        ("550 5.7.1 policy", False),
        ("552 5.2.2 full", False),
        ("554 no", False),
        ("450 4.1.1 not now", False),
    ],
)
def test_a_mailbox_that_is_not_there_is_marked_and_still_written_to(jane, settings, reply, marked):
    with mail_server(answers={"RCPT": reply}) as server:
        use(settings, clear(server))
        _person, message = asks()
        attempt(message)
        assert [(each.channel, each.fault) for each in marks.of(jane.pk)] == [("email", "bounced")] * marked
        server.answers.clear()
        person, message = asks()
        assert attempt(message) == "sent", "a mark stops nothing"
        person.open("/recovery/code/")
        person.submit(code=codes_in(server.letters).pop())
        assert marks.of(jane.pk) == [], "its owner read what was sent there"


def test_what_is_marked_is_in_the_history_once_and_without_the_address(jane, settings):
    from idp.models import AuditEntry

    with mail_server(answers={"RCPT": "550 5.1.1 jane@contoso.example is nobody"}) as server:
        use(settings, clear(server))
        for _twice in range(2):
            _person, message = asks()
            attempt(message)
    entries = AuditEntry.objects.filter(name="idp.address.marked")
    assert [entry.user for entry in entries] == [jane.pk]
    assert "contoso" not in str(entries[0].details)
    assert AddressMark.objects.count() == 1


def test_what_servers_say_is_logged_without_what_they_say_of_people(jane, settings, caplog):
    with mail_server(answers={"RCPT": "450 jane@contoso.example is away, says 1234 5678"}) as server:
        use(settings, clear(server))
        _person, message = asks()
        caplog.clear()
        attempt(message)
        assert "450" in caplog.text
        assert "jane@contoso.example" not in caplog.text
        assert "1234 5678" not in caplog.text


def test_a_deferred_letter_is_tried_until_its_own_end_and_its_page_changes_nothing(jane, settings):
    with mail_server(answers=FAULTS["greylists the recipient"][0]) as server:
        use(settings, clear(server))
        with time_machine.travel(timezone.now(), tick=False) as clock:
            person, message = asks()
            attempt(message)
            reached = message.sent_at or Message.objects.get(pk=message.pk).sent_at
            clock.shift(timedelta(minutes=5))
            said = what_is_said(person)
            server.answers.clear()
            chain.forget_trouble()
            assert attempt(message) == "sent"
            message.refresh_from_db()
            assert message.sent_at == reached, "its life began when a server was found for it"
            assert what_is_said(person) == said


# --- Addresses that are added or tested -------------------------------------------------------------------


def adds(address="jane@home.example"):
    """Their owner, who asked for a code to an address to be added, and the message that is to carry it."""
    person = Person()
    person.open("/sign-in")
    person.submit(username="jane", password=PASSWORD)
    person.open("/account/addresses/add/")
    person.submit(address=address)
    return person, Message.objects.get(kind=address_claims.KIND)


def test_a_code_for_an_address_to_be_added_goes_by_the_next_server_if_the_first_is_away(jane, settings):
    with mail_server() as second:
        use(settings, f"smtp://127.0.0.1:{free_port()}", clear(second))
        person, message = adds()
        assert attempt(message) == "sent"
        [letter] = second.letters
        person.submit(code=codes_in([letter]).pop())
    assert parseaddr(letter["To"])[1] == "jane@home.example"
    assert RecoveryAddress.objects.filter(user=jane).count() == 2


def test_a_code_for_an_address_to_be_added_is_held_by_the_cap_of_that_address(jane, settings):
    settings.IDP = {**settings.IDP, "emails_per_hour": Limit(count=0, per=timedelta(hours=1))}
    with mail_server() as server:
        use(settings, clear(server))
        _person, message = adds()
        assert attempt(message) == "refused"
        assert server.letters == []


def test_a_code_that_was_read_takes_the_mark_from_its_address(jane, settings):
    address = RecoveryAddress.objects.get(user=jane)
    marks.mark(address.pk, AddressMark.Fault.BOUNCED, provider="smtp", now=timezone.now())
    with mail_server() as server:
        use(settings, clear(server))
        person = Person()
        person.open("/sign-in")
        person.submit(username="jane", password=PASSWORD)
        person.open(f"/account/addresses/{address.pk}/")
        person.submit(act="test")
        assert attempt(Message.objects.get(kind=address_claims.KIND)) == "sent"
        person.submit(code=codes_in(server.letters).pop())
    assert marks.of(jane.pk) == []

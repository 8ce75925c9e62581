"""What was promised is not lost, and nothing is said twice in different words, whatever stops on the way."""

import smtplib
from datetime import timedelta
from threading import Lock

import pytest
import time_machine
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerAway

from idp import delivery, outbox, tasks
from idp.models import AuditEntry, Counter, Credential, Message, SignIn
from recovery.domain.journey import Step
from recovery.models import Journey, JourneyProof
from tests.conftest import PASSWORD, make_person
from tests.recovery.walk import at_once, challenge_of, walk_to
from tests.story import Person, code_in, post_office

State = Message.State


class Provider:
    """A mail provider that can be told how to answer; `taken` is what it accepted."""

    def __init__(self):
        self.taken = []
        self.answer = None

    def backend(self):
        provider = self

        class Backend(EmailBackend):
            def open(self):
                if isinstance(provider.answer, (ConnectionError, TimeoutError)):
                    raise provider.answer

            def send_messages(self, messages):
                if provider.answer:
                    raise provider.answer
                provider.taken += messages
                return len(messages)

        return Backend()


@pytest.fixture
def provider(monkeypatch):
    provider = Provider()
    monkeypatch.setattr("idp.channels.mail_backend.get_connection", lambda *_path, **_options: provider.backend())
    return provider


@pytest.fixture
def bell(monkeypatch):
    """What Celery is asked to carry."""
    rung = []
    monkeypatch.setattr(tasks.deliver, "apply_async", lambda arguments, **options: rung.append((arguments, options)))
    return rung


@pytest.fixture
def clock():
    with time_machine.travel(timezone.now().replace(microsecond=0), tick=False) as clock:
        yield clock


def bell_for(message, queue="otp"):
    masked = {"argsrepr": "(…)", "kwargsrepr": "{}"}
    return ((str(message.pk),), {"queue": queue, "retry": False, **masked})


def try_now(message):
    return delivery.deliver(message.pk, now=timezone.now())


def the_message():
    return Message.objects.get(kind="recovery.email_code")


# --- The bell ---------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_message_waits_when_the_bell_is_not_heard_and_is_rung_for_again(monkeypatch, clock):
    make_person()

    def nobody_listens(*_arguments, **_options):
        raise BrokerAway("redis is away")

    monkeypatch.setattr(tasks.deliver, "apply_async", nobody_listens)
    person = walk_to(Step.CODE)
    assert person.page.name == "recovery-code", "the page says the same as always"
    assert the_message().state == State.WAITING
    tasks.ring_forgotten()  # still away: it does not fail, and nothing is lost

    rung = []
    monkeypatch.setattr(tasks.deliver, "apply_async", lambda arguments, **options: rung.append((arguments, options)))
    clock.shift(timedelta(seconds=6))
    tasks.broker.succeeded()  # its pause is the process's own time, which is not travelled through
    tasks.ring_forgotten()
    assert rung == [bell_for(the_message())]
    tasks.deliver(*rung[0][0])
    assert code_in(mail.outbox[-1])
    assert the_message().state == State.SENT


@pytest.mark.django_db(transaction=True)
def test_sign_in_needs_no_broker(monkeypatch):
    make_person()
    monkeypatch.setattr(tasks.deliver, "apply_async", lambda *_a, **_k: pytest.fail("sign-in rang"))
    person = Person()
    person.open("/sign-in")
    person.submit(username="jane", password=PASSWORD)
    assert person.page.name == "account"


@pytest.mark.django_db(transaction=True)
def test_the_bell_carries_an_id_and_nothing_else(bell):
    make_person()
    walk_to(Step.CODE)
    assert bell == [bell_for(the_message())]


@pytest.mark.django_db(transaction=True)
def test_the_bell_rings_after_the_row_is_there_for_others(bell, monkeypatch):
    make_person()
    seen = []

    def look(*_arguments, **_options):
        seen.append((connection.in_atomic_block, at_once(Message.objects.count)))

    monkeypatch.setattr(tasks.deliver, "apply_async", look)
    walk_to(Step.CODE)
    assert seen == [(False, [1])]


@pytest.mark.django_db(transaction=True)
def test_nothing_is_sent_for_what_was_rolled_back(bell, monkeypatch):
    make_person()
    person = walk_to(Step.ADDRESS)

    def fail(*_arguments, **_options):
        raise RuntimeError("after the message was written")

    monkeypatch.setattr("recovery.flow.audit.record", fail)
    with pytest.raises(RuntimeError):
        person.submit(address="jane@contoso.example")
    assert not Message.objects.exists()
    assert bell == []
    assert post_office() == []


# --- The worker -------------------------------------------------------------------------------------------


def test_a_claim_lost_by_a_dead_worker_is_taken_after_its_lease_and_says_the_same(jane, provider, clock, bell):
    person = walk_to(Step.CODE)
    message = the_message()
    monkey_died = outbox.claim(message.pk, now=timezone.now())
    assert monkey_died is not None
    assert try_now(message) == "nothing to do"
    clock.shift(outbox.LEASE - timedelta(seconds=1))
    assert outbox.ring_forgotten(now=timezone.now()) == 0
    clock.shift(timedelta(seconds=1))
    assert outbox.ring_forgotten(now=timezone.now()) == 1
    assert try_now(message) == "sent"
    person.submit(code=code_in(provider.taken[0]))
    assert person.page.name == "recovery-new-password"


def test_a_worker_that_died_after_sending_sends_the_same_code_again(jane, provider, clock, monkeypatch):
    """The connection broke after the data: nobody knows whether it arrived (FT-17)."""
    walk_to(Step.CODE)
    message = the_message()
    for _death in range(3):
        with monkeypatch.context() as dying:
            dying.setattr(outbox, "mark_sent", lambda _message: (_ for _ in ()).throw(SystemExit))
            with pytest.raises(SystemExit):
                try_now(message)
        clock.shift(outbox.LEASE)
    assert try_now(message) == "sent"
    assert try_now(message) == "nothing to do"
    assert len(provider.taken) == 4
    assert len({code_in(each) for each in provider.taken}) == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_one_claims():
    make_person()
    walk_to(Step.CODE)
    message, taken, lock = the_message(), [], Lock()

    def worker():
        outcome = try_now(message)
        with lock:
            taken.append(outcome)

    at_once(*[worker] * 12)
    assert sorted(taken) == sorted(["sent"] + ["nothing to do"] * 11)
    assert len(mail.outbox) == 1
    assert the_message().attempts == 1


def test_a_task_delivered_twice_sends_once(jane, provider):
    walk_to(Step.CODE)
    for _again in range(3):
        tasks.deliver(str(the_message().pk))
    assert len(provider.taken) == 1


def test_a_message_past_its_use_is_dropped_and_not_sent(jane, provider, clock):
    walk_to(Step.CODE)
    clock.shift(timedelta(minutes=10))
    assert try_now(the_message()) == "nothing to do"
    assert the_message().state == State.EXPIRED
    assert provider.taken == []


def test_the_sweeper_drops_what_is_past_its_use(jane, provider, clock, bell):
    walk_to(Step.CODE)
    clock.shift(timedelta(hours=1))
    assert outbox.ring_forgotten(now=timezone.now()) == 0
    assert the_message().state == State.EXPIRED


def test_a_code_nobody_can_use_any_more_is_not_sent(jane, provider, clock):
    person = walk_to(Step.CODE)
    person.open("/recovery/?again=1")
    person.submit(identifier="jane")
    assert try_now(the_message()) == "of no more use"
    assert provider.taken == []


# --- The provider -----------------------------------------------------------------------------------------

AWAY = {
    "refuses connections": ConnectionRefusedError(),
    "does not answer": TimeoutError(),
}
#: What it says once it was told for whom, which nobody's message ever hears.
UNWILLING = {
    "hangs up": smtplib.SMTPServerDisconnected("bye"),
    "is busy": smtplib.SMTPResponseException(451, b"later"),
    "refuses the recipient for now": smtplib.SMTPRecipientsRefused({"jane@contoso.example": (450, b"greylisted")}),
    "does not know us": smtplib.SMTPAuthenticationError(454, b"later"),
}


@pytest.mark.parametrize("fault", [*AWAY.values(), *UNWILLING.values()], ids=[*AWAY, *UNWILLING])
def test_a_message_is_put_back_with_a_growing_pause_and_sent_when_the_provider_is_back(
    jane, provider, clock, bell, fault
):
    person = walk_to(Step.CODE)
    message = the_message()
    provider.answer = fault
    pauses = []
    for _attempt in range(7):
        assert try_now(message) == "delayed"
        assert the_message().state == State.WAITING
        pauses.append((the_message().due_at - timezone.now()).total_seconds())
        clock.shift(timedelta(seconds=pauses[-1]) - timedelta(seconds=1))
        assert try_now(message) == "nothing to do"
        clock.shift(timedelta(seconds=1))
    for pause, about in zip(pauses, [2, 4, 8, 16, 32, 60, 60], strict=True):
        assert about * 0.75 <= pause <= about * 1.25 + 0.5  # the attempt itself takes its time
    assert len(set(pauses)) == len(pauses), "not everybody at the same moment"
    said = "delayed" if fault in AWAY.values() else "sent"
    assert f'data-delivery="{said}"' in person.open("/recovery/code/").response.content.decode()
    provider.answer = None
    assert outbox.ring_forgotten(now=timezone.now()) == 1
    assert try_now(message) == "sent"
    person.open("/recovery/code/")
    assert 'data-delivery="sent"' in person.page.response.content.decode()
    person.submit(code=code_in(provider.taken[0]))
    assert person.page.name == "recovery-new-password"


def test_the_life_of_a_code_begins_when_a_provider_was_found_for_it(jane, provider, clock):
    person = walk_to(Step.CODE)
    provider.answer = ConnectionRefusedError()
    try_now(the_message())
    clock.shift(timedelta(minutes=9))
    provider.answer = None
    try_now(the_message())
    clock.shift(timedelta(minutes=9, seconds=59))
    person.submit(code=code_in(provider.taken[0]))
    assert person.page.name == "recovery-new-password"


def test_a_recipient_refused_for_good_is_not_tried_again(jane, provider, clock, bell):
    walk_to(Step.CODE)
    provider.answer = smtplib.SMTPRecipientsRefused({"jane@contoso.example": (550, b"no such mailbox")})
    assert try_now(the_message()) == "refused"
    clock.shift(timedelta(minutes=5))
    assert outbox.ring_forgotten(now=timezone.now()) == 0
    assert the_message().state == State.FAILED


def test_nobodys_message_waits_for_the_provider_like_anybodys(db, provider, clock):
    walk_to(Step.CODE, identifier="nobody", address="nobody@contoso.example")
    provider.answer = ConnectionRefusedError()
    assert try_now(the_message()) == "delayed"
    clock.shift(timedelta(seconds=3))
    provider.answer = None
    assert try_now(the_message()) == "sent"
    assert provider.taken == []


def test_what_the_provider_says_is_logged_without_the_recipient(jane, provider, caplog):
    walk_to(Step.CODE)
    provider.answer = smtplib.SMTPRecipientsRefused({"jane@contoso.example": (450, b"jane@contoso.example is away")})
    caplog.clear()
    try_now(the_message())
    assert "delivery delayed" in caplog.text
    assert "jane@contoso.example" not in caplog.text


# --- The database -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault", [OperationalError("gone"), InterfaceError("closed")], ids=["operational", "interface"]
)
@pytest.mark.parametrize("path", ["/sign-in?i=abc", "/recovery/", "/recovery/code/", "/account/", "/continue?i=abc"])
def test_without_a_database_everybody_gets_the_same_static_page(jane, fault, path):
    person = walk_to(Step.CODE)
    for name in ("session", "browser"):
        person.http.cookies[f"__Host-regain-{name}"] = "a key"
    with connection.execute_wrapper(failing(fault)):
        response = person.http.get(path, secure=True)
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "30"
    assert response.headers["Cache-Control"] == "no-store"
    body = response.content.decode()
    assert 'data-page="unavailable"' in body
    for detail in ("gone", "closed", "jane", "Error", "SELECT"):
        assert detail not in body


def failing(fault):
    def fail(*_arguments):
        raise fault

    return fail


def test_without_a_database_nobody_is_let_in(jane):
    person = Person()
    person.open("/sign-in")
    with connection.execute_wrapper(failing(OperationalError("gone"))):
        person.submit(username="jane", password=PASSWORD)
    assert person.page.status == 503
    assert not SignIn.objects.exists()
    assert Person().http.get("/healthz", secure=True).status_code == 200


def test_without_a_database_the_probe_says_so(db):
    with connection.execute_wrapper(failing(OperationalError("gone"))):
        response = Person().http.get("/readyz", secure=True)
    assert response.status_code == 503
    assert "gone" not in response.content.decode()


def test_an_attempt_counts_even_if_the_database_goes_away_after_it(jane):
    """FT-11: no later error gives a try back."""
    person = walk_to(Step.CODE)
    post_office()

    def fail_at_the_audit(execute, sql, params, many, context):
        if "idp_audit" in sql:
            raise OperationalError("gone")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(fail_at_the_audit):
        person.submit(code="1234 5678")
    assert person.page.status == 503
    assert challenge_of(person).tries_used == 1


@pytest.mark.django_db(transaction=True)
def test_a_password_changes_with_all_that_belongs_to_it_or_not_at_all():
    """Every statement of the change fails once, one after another."""
    make_person()
    outcomes = []
    while not outcomes or outcomes[-1] != "no statement is left to fail":
        outcomes.append(change_failing_at(len(outcomes)))
    assert len(outcomes) > 10
    assert set(outcomes) == {"nothing", "everything", "no statement is left to fail"}
    assert outcomes.index("everything") > 8


def change_failing_at(number):
    """What of a change has happened if its statement of this number fails."""
    Counter.objects.all().delete()
    person = walk_to(Step.NEW_PASSWORD)
    before = what_there_is()
    seen = []

    def fail(execute, sql, params, many, context):
        if sql.startswith(("INSERT", "UPDATE", "DELETE", "SELECT")):
            seen.append(sql)
        if len(seen) == number + 1:
            seen.append("and only once")
            raise OperationalError("gone")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(fail):
        person.submit(new_password=f"quiet harbour lantern {number}")
    if "and only once" not in seen:
        return "no statement is left to fail"
    differs = {name for name, count in what_there_is().items() if count != before[name]}
    return {0: "nothing", len(before): "everything"}.get(len(differs), f"{sorted(differs)} after {seen[-2]}")


def what_there_is():
    return {
        "credential": Credential.objects.get().version,
        "audit": AuditEntry.objects.filter(name__in=["idp.credential.written", "recovery.completed"]).count(),
        "notice": Message.objects.filter(kind="idp.password_changed").count(),
        "journey": Journey.objects.filter(ending="done").count(),
        "proof": JourneyProof.objects.exclude(consumed_at=None).count(),
    }

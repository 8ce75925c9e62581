"""How delivery is doing: for probes, for whoever asks at a terminal, and for a page of numbers."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from idp import outbox, tasks, traffic
from idp.models import Message
from tests.idp.posting import post

State = Message.State
SECOND = timedelta(seconds=1)


def probe(path="/readyz/delivery"):
    response = Client(HTTP_HOST="10.0.0.7").get(path, secure=True)
    return response.status_code, response.json()


def sent(queue, *, minutes_ago=0.0, took=0.5, **fields):
    message = post(queue, minutes_ago=minutes_ago, state=State.SENT, **fields)
    message.sent_at = message.created_at + took * SECOND
    message.due_at = message.sent_at + outbox.LEASE
    message.save()
    return message


# --- The probe --------------------------------------------------------------------------------------------


def test_an_empty_outbox_is_on_time(db):
    assert probe() == (200, {"status": "on time"})
    assert probe("/readyz") == (200, {"status": "ready"})


@pytest.mark.parametrize("queue", outbox.QUEUES)
def test_a_message_that_nobody_takes_for_a_minute_turns_delivery_red_and_not_signing_in(db, queue):
    post(queue, minutes_ago=0.9)
    assert probe()[0] == 200
    Message.objects.update(due_at=timezone.now() - 75 * SECOND)
    status, said = probe()
    assert status == 503
    assert said == {
        "status": "late",
        "faults": [f"nobody takes messages of the queue {queue}: one has been due for 75 s"],
    }
    assert probe("/readyz") == (200, {"status": "ready", "delivery": said["faults"]})


def test_a_message_held_by_a_dead_worker_is_late_a_minute_after_its_lease(db):
    post("notice", minutes_ago=5, state=State.SENDING, due_at=timezone.now() - 50 * SECOND)
    assert probe()[0] == 200
    Message.objects.update(due_at=timezone.now() - 61 * SECOND)
    assert probe()[0] == 503


def test_codes_that_no_provider_takes_turn_it_red_although_they_are_tried(db):
    post("otp", minutes_ago=1.5, attempts=4, due_at=timezone.now() + 20 * SECOND)
    status, said = probe()
    assert status == 503
    assert "no provider has taken a message of the queue otp" in said["faults"][0]


def test_one_mailbox_that_says_later_is_no_outage(db):
    post("otp", minutes_ago=1.5, attempts=4, due_at=timezone.now() + 20 * SECOND)
    sent("otp", minutes_ago=0.5)
    post("notice", minutes_ago=600, attempts=40, due_at=timezone.now() + 20 * SECOND)
    post("logout", minutes_ago=30, attempts=10, due_at=timezone.now() + 200 * SECOND)
    assert probe() == (200, {"status": "on time"})


def test_what_has_ended_is_not_late(db):
    for state in (State.EXPIRED, State.FAILED):
        post("otp", minutes_ago=100, state=state)
    sent("otp", minutes_ago=100)
    assert probe()[0] == 200


@pytest.mark.parametrize("messages", [0, 300])
def test_a_probe_asks_the_same_few_questions_however_much_waits(db, django_assert_max_num_queries, messages):
    for _message in range(messages):
        post("notice")
    with django_assert_max_num_queries(8):
        assert traffic.faults(timezone.now()) == []


# --- The numbers ------------------------------------------------------------------------------------------


def test_numbers_are_told_queue_by_queue(db):
    now = timezone.now()
    post("otp", minutes_ago=2)
    post("otp", state=State.SENDING, due_at=now + 20 * SECOND)
    for took in range(1, 21):
        sent("notice", minutes_ago=5, took=took)
    told = {queue.name: queue for queue in traffic.traffic(timezone.now()).queues}
    assert list(told) == ["otp", "logout", "notice"]
    assert (told["otp"].waiting, told["otp"].sending) == (1, 1)
    assert 120 <= told["otp"].oldest.total_seconds() < 125
    assert told["otp"].half_within is None
    assert told["notice"].sent == 20
    assert told["notice"].half_within == 11 * SECOND
    assert told["notice"].most_within == 20 * SECOND
    assert (told["logout"].waiting, told["logout"].oldest) == (0, timedelta(0))


def test_the_last_day_is_told_hour_by_hour_by_what_became_of_it(db):
    now = timezone.now()
    for minutes in (1, 130, 131):
        sent("otp", minutes_ago=minutes)
    post("otp", minutes_ago=130, state=State.FAILED)
    post("otp", minutes_ago=130, state=State.EXPIRED)
    post("notice")
    sent("otp", minutes_ago=60 * 30)
    hours = traffic.traffic(now).hours
    assert sum(hour.sent for hour in hours) == 3
    assert sum(hour.refused for hour in hours) == 1
    assert sum(hour.expired for hour in hours) == 1
    assert sum(hour.unsent for hour in hours) == 1
    assert all(hour.begins.minute == 0 for hour in hours)
    assert [hour.begins for hour in hours] == sorted(hour.begins for hour in hours)


def test_a_clock_that_is_behind_makes_no_negative_ages(db):
    post("otp", minutes_ago=-3)
    (otp, *_rest) = traffic.standing(timezone.now())
    assert (otp.oldest, otp.overdue) == (timedelta(0), timedelta(0))


# --- The command ------------------------------------------------------------------------------------------


def test_the_command_says_it_plainly(db, capsys, monkeypatch):
    monkeypatch.setattr(tasks, "bells", {"otp": 3, "logout": 0, "notice": 12}.get)
    sent("otp", minutes_ago=5, took=0.4)
    post("notice")
    call_command("delivery_status")
    said = capsys.readouterr().out
    (otp,) = [line.split() for line in said.splitlines() if line.startswith("otp ")]
    assert otp == ["otp", "0", "0", "-", "-", "1", "0.4", "s", "0.4", "s", "3"]
    assert "1 messages of the last 24 hours are with their providers" in said
    assert said.endswith("Delivery is on time.\n")


def test_the_command_fails_when_delivery_is_late_and_says_that_redis_is_away(db, capsys, monkeypatch):
    monkeypatch.setattr(tasks, "bells", lambda _queue: (_ for _ in ()).throw(ConnectionRefusedError))
    post("otp", minutes_ago=2)
    with pytest.raises(CommandError, match="nobody takes messages of the queue otp"):
        call_command("delivery_status")
    assert "Redis does not answer." in capsys.readouterr().out

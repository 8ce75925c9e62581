"""The numbers in one word: a table."""

from datetime import UTC, datetime, timedelta

import pytest

from idp.console.judgement import Verdict, judge
from idp.traffic import Fault, Hour, Queue, Traffic

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
AN_HOUR = Hour(begins=NOW, queue="otp", sent=1, refused=0, expired=0, unsent=0)
NO_WORKER = Fault(queue="otp", overdue=75 * SECOND)
NO_PROVIDER = Fault(queue="otp", overdue=None)


def standing(*queues, hours=(AN_HOUR,), faults=()):
    return Traffic(at=NOW, queues=queues, hours=hours, kinds=(), providers=(), faults=faults)


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (standing(Queue(name="otp")), Verdict.ON_TIME),
        (standing(Queue(name="otp"), hours=()), Verdict.NOTHING),
        (standing(Queue(name="otp", waiting=1), hours=()), Verdict.ON_TIME),
        (standing(Queue(name="otp", sending=1), hours=()), Verdict.ON_TIME),
        (standing(Queue(name="otp", waiting=1, oldest=60 * SECOND)), Verdict.ON_TIME),
        (standing(Queue(name="otp", waiting=1, oldest=61 * SECOND)), Verdict.LATE),
        (standing(Queue(name="otp", sent=9, most_within=60 * SECOND)), Verdict.ON_TIME),
        (standing(Queue(name="otp", sent=9, most_within=61 * SECOND)), Verdict.LATE),
        (standing(Queue(name="logout", waiting=1, oldest=61 * SECOND), hours=()), Verdict.LATE),
        (standing(Queue(name="otp"), faults=(NO_WORKER,)), Verdict.STUCK),
        (standing(Queue(name="otp"), hours=(), faults=(NO_PROVIDER,)), Verdict.STUCK),
        (standing(Queue(name="otp", most_within=99 * SECOND), faults=(NO_WORKER,)), Verdict.STUCK),
    ],
)
def test_the_worst_that_is_so_is_said(found, verdict):
    assert judge(found).verdict == verdict


def test_it_says_which_queues_are_slow_and_how_slow():
    slow = Queue(name="notice", waiting=3, oldest=90 * SECOND, most_within=70 * SECOND)
    assert judge(standing(Queue(name="otp"), slow)).slow == ((slow, 90 * SECOND),)


def test_faults_are_handed_on():
    assert judge(standing(Queue(name="otp"), faults=(NO_WORKER, NO_PROVIDER))).faults == (NO_WORKER, NO_PROVIDER)

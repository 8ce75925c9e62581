"""What the numbers of delivery come to, in one word and the queues it is about."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from idp.traffic import LATE, Fault, Queue, Traffic


class Verdict(StrEnum):
    """From the best to the worst, as a page names it."""

    ON_TIME = "on-time"
    #: Nothing was promised for a day, so nothing is known either.
    NOTHING = "nothing"
    #: Messages go out, but some of them later than people wait for.
    LATE = "late"
    #: What the probe calls late: nobody takes them, workers or providers.
    STUCK = "stuck"


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The verdict, and what it rests on: faults if stuck, queues with how long if late."""

    verdict: Verdict
    faults: tuple[Fault, ...] = ()
    slow: tuple[tuple[Queue, timedelta], ...] = ()


def judge(traffic: Traffic) -> Judgement:
    """The worst that is so."""
    if traffic.faults:
        return Judgement(verdict=Verdict.STUCK, faults=traffic.faults)
    slow = tuple((queue, age) for queue in traffic.queues for age in [_slowest(queue)] if age > LATE)
    if slow:
        return Judgement(verdict=Verdict.LATE, slow=slow)
    waits = any(queue.waiting or queue.sending for queue in traffic.queues)
    return Judgement(verdict=Verdict.ON_TIME if waits or traffic.hours else Verdict.NOTHING)


def _slowest(queue: Queue) -> timedelta:
    return max(queue.oldest, queue.most_within or timedelta(0))

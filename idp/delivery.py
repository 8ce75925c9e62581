"""One attempt to deliver a message: claim, hand over, note what came of it.

Most messages are words for people, which `idp.handover` takes to their address. What is told to a program instead of
a person has a carrier of its own, by its kind.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import perf_counter
from traceback import extract_tb
from uuid import UUID

import structlog
from django.db import DatabaseError, InterfaceError
from django.utils import timezone

from idp import handover, metrics, outbox, tracing
from idp.channels import Away, Refused
from idp.keystore.keys import KeysAway
from idp.models import Message

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Carrier:
    """Hands over messages of one kind."""

    #: Returns if it was taken. Raises Away or Refused.
    hand_over: Callable[[Message], None]
    #: The longest pause between two attempts.
    longest_pause: timedelta = outbox.LONGEST_RETRY


_carriers: dict[str, Carrier] = {}


def carry(kind: str, carrier: Carrier) -> None:
    """Messages of this kind go to `carrier`; said once, when the process starts."""
    _carriers[kind] = carrier


def deliver(message_id: UUID, *, now: datetime, bell: UUID | None = None) -> str:
    """Try once to deliver the message. Returns what came of it, as a word for the log.

    Safe to call any number of times: only one caller gets the claim, and a second attempt after a crash says the
    same words with the same code.
    """
    message = outbox.claim(message_id, now=now, bell=bell)
    if message is None:
        return "nothing to do"
    began = perf_counter()
    metrics.asked("")
    if message.attempts == 1:
        metrics.WAIT_SECONDS.labels(message.queue).observe(_since(message, now))
    with tracing.span("deliver", message=str(message.pk), kind=message.kind, queue=message.queue) as noted:
        outcome, error = _outcome(message, now=now)
        noted["outcome"] = outcome
    took = perf_counter() - began
    if outcome == "delayed":
        carrier = _carriers.get(message.kind)
        longest = carrier.longest_pause if carrier else outbox.LONGEST_RETRY
        # A pause begins when the attempt has ended, which may have lasted longer than it.
        outbox.put_back(message, now=now + timedelta(seconds=took), longest=longest)
    _note(message, outcome, error, took=took)
    return outcome


def _outcome(message: Message, *, now: datetime) -> tuple[str, str]:
    """What came of the attempt, and if it was not good, why: in words that hold no address."""
    try:
        return _attempt(message, now=now), ""
    except Refused as error:
        outbox.give_up(message, outbox.State.FAILED)
        return "refused", str(error)
    except (Away, KeysAway) as error:
        why = str(error)
    except (DatabaseError, InterfaceError):
        raise  # what could be noted now? Its lease ends
    except Exception as error:  # noqa: BLE001 -- out of time (celery), or a fault of ours: the message must not wait for its lease
        last = extract_tb(error.__traceback__)[-1]
        # Not what it says: that may be an address.
        why = f"{type(error).__name__} in {last.name}, {last.filename.rpartition('/')[2]}:{last.lineno}"
        log.error("delivery failed", alarm="delivery", message=str(message.pk), kind=message.kind, error=why)  # noqa: TRY400 -- as above
    return "delayed", why


def _note(message: Message, outcome: str, error: str, *, took: float) -> None:
    """One line and a few numbers about an attempt, the same for a decoy."""
    provider = metrics.provider(otherwise="application" if message.kind in _carriers else message.channel)
    metrics.ATTEMPTS.labels(message.queue, provider, outcome).inc()
    metrics.ATTEMPT_SECONDS.labels(message.queue, provider).observe(took)
    said = {"message": str(message.pk), "kind": message.kind, "queue": message.queue, "attempt": message.attempts}
    said |= {"provider": provider, "took": round(took, 3)}
    if outcome == "delayed":
        log.warning("delivery delayed", error=error, **said)
    elif outcome == "refused":
        log.warning("delivery refused", error=error, **said)
    else:
        if outcome == "sent":
            metrics.LATENCY_SECONDS.labels(message.queue).observe(_since(message, timezone.now()))
        log.info("delivery", outcome=outcome, **said)


def _since(message: Message, now: datetime) -> float:
    """Seconds from its promise; none, if this clock is behind the one that promised."""
    return max(0.0, (now - message.created_at).total_seconds())


def _attempt(message: Message, *, now: datetime) -> str:
    if carrier := _carriers.get(message.kind):
        carrier.hand_over(message)
        outbox.mark_sent(message)
        return "sent"
    return handover.hand_over(message, now=now)

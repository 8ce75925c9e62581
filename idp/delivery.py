"""One attempt to hand a message over: claim, write the words, send, note what came of it.

Most messages are letters. What is told to a program instead of a person has a carrier of its own, by its kind.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import perf_counter
from traceback import extract_tb
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.utils import timezone

from idp import metrics, notices, outbox, tracing
from idp.accounts import sealing
from idp.channels import Away, Letter, Refused, email
from idp.models import Message
from idp.plugins import hooks

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
        outcome, error = _outcome(message)
        noted["outcome"] = outcome
    took = perf_counter() - began
    if outcome == "delayed":
        carrier = _carriers.get(message.kind)
        longest = carrier.longest_pause if carrier else outbox.LONGEST_RETRY
        # A pause begins when the attempt has ended, which may have lasted longer than it.
        outbox.put_back(message, now=now + timedelta(seconds=took), longest=longest)
    _note(message, outcome, error, took=took)
    return outcome


def _outcome(message: Message) -> tuple[str, str]:
    """What came of the attempt, and if it was not good, why: in words that hold no address."""
    try:
        return _attempt(message), ""
    except Refused as error:
        outbox.give_up(message, outbox.State.FAILED)
        return "refused", str(error)
    except Away as error:
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
    provider = metrics.provider(otherwise="application" if message.kind in _carriers else "email")
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


def _attempt(message: Message) -> str:
    if carrier := _carriers.get(message.kind):
        carrier.hand_over(message)
        return _sent(message)
    if message.address is None:
        # A decoy, or an address removed meanwhile: the same provider is asked, and handed nothing.
        email.probe()
        return _sent(message)
    address = sealing.open_address(message.address)
    if address is not None and address.user != message.user_id:
        # The row was pointed at somebody else's address, which this software never does.
        log.error("message redirected", alarm="message.redirected", message=str(message.pk))
        address = None
    words = _words(message) if address else None
    if address is None or words is None:
        outbox.give_up(message, outbox.State.EXPIRED)
        return "of no more use"
    email.send(words, to=address.value)
    return _sent(message)


def _sent(message: Message) -> str:
    outbox.mark_sent(message)
    return "sent"


def _words(message: Message) -> Letter | None:
    """In the person's language if we know it, else in the language of the page that asked."""
    locale = message.user.locale if message.user else ""
    spoken = dict(settings.LANGUAGES)
    language = locale if locale in spoken else message.facts.get("language", settings.LANGUAGE_CODE)
    return notices.letter(message, language=language) or hooks.letter(message, language=language)

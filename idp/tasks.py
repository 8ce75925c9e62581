"""Celery's side of the provider: ring a worker, deliver a message, sweep. Arguments are ids, results nobody's."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import structlog
from celery import Task, current_app, shared_task
from celery.signals import task_postrun
from django.db import DatabaseError, InterfaceError
from django.dispatch import receiver
from django.utils import timezone
from kombu.exceptions import ChannelError

from idp import decisions, delivery, metrics, outbox, throttle, tidying
from idp.audit import export
from idp.breaker import Breaker
from idp.conf import policy
from idp.metrics import Metric
from idp.oidc import keys
from idp.plugins import hooks
from idp.seals import checking, telling

log = structlog.get_logger(__name__)

#: What a task met whose seal is not ours, it says when it is over, however it ended.
task_postrun.connect(telling.tell)

#: For so long nobody is made to wait for a Redis that has not answered.
broker = Breaker(pause=5)


@receiver(outbox.posted)
def ring(*, message_id: UUID, queue: str, **_signal: Any) -> bool:
    """Tell a worker that a message waits. If Redis is away the row waits and the sweeper rings again."""
    if not broker.lets_through():
        metrics.BELLS.labels(queue, "saved").inc()
        return False
    try:
        # What the worker prints of its arguments is not their business who watches it.
        deliver.apply_async((str(message_id),), queue=queue, retry=False, argsrepr="(…)", kwargsrepr="{}")
    except Exception as error:  # noqa: BLE001 -- kombu, redis and sockets each have their own; none may reach the page
        broker.failed()
        _count("unheard", queue)
        log.warning("bell not heard", alarm="broker", message=str(message_id), queue=queue, error=type(error).__name__)
        return False
    if broker.succeeded():
        log.info("bell heard again", queue=queue)
    _count("heard", queue)
    return True


def _count(outcome: str, queue: str) -> None:
    metrics.BELLS.labels(queue, outcome).inc()
    metrics.FUSES.labels("redis").set(broker.is_open)


def _queues() -> Iterable[Metric]:
    """For whoever reads metrics: what lies in Redis, if it says so without being waited for."""
    if not broker.lets_through():
        return
    try:
        lengths = [((queue,), bells(queue)) for queue in (*outbox.QUEUES, "sweep")]
    except Exception:  # noqa: BLE001 -- as in `ring`
        broker.failed()
    else:
        broker.succeeded()
        yield metrics.gauge("regain_queue_bells", "Bells that lie in Redis.", ("queue",), lengths)
    metrics.FUSES.labels("redis").set(broker.is_open)


metrics.sources.append(_queues)


def bells(queue: str) -> int:
    """How many bells lie in a queue. Raises whatever Redis's client does."""
    with current_app.pool.acquire(block=True, timeout=1) as connection:
        try:
            return int(connection.default_channel.queue_declare(queue=queue, passive=True).message_count)
        except ChannelError:
            return 0  # an empty queue is none


@shared_task(name="idp.deliver", bind=True)
def deliver(self: Task, message_id: str) -> None:
    """Deliver one message of the outbox, if nobody else does."""
    bell = self.request.id
    with _database_may_be_away():
        delivery.deliver(UUID(message_id), now=timezone.now(), bell=UUID(bell) if bell else None)


@shared_task(name="idp.ring_forgotten")
def ring_forgotten() -> None:
    """Every few seconds: ring again for messages whose bell was lost, or whose worker was."""
    with _database_may_be_away():
        rung = outbox.ring_forgotten(now=timezone.now(), bells=_bells_or_none)
        if rung:
            log.info("rang again", messages=rung)


@contextmanager
def _database_may_be_away() -> Iterator[None]:
    """Say so, and no more: what waits, waits in it. Not what the error says, which may quote rows."""
    try:
        yield
    except (DatabaseError, InterfaceError) as error:
        log.error("database away", alarm="database", error=type(error).__name__)  # noqa: TRY400 -- as above


def _bells_or_none(queue: str) -> int:
    """If Redis does not say, ringing itself will show that it is away."""
    try:
        return bells(queue)
    except Exception:  # noqa: BLE001 -- as in `ring`
        return 0


@shared_task(name="idp.rotate_signing_keys")
def rotate_signing_keys() -> None:
    """Every hour: take the next step with keys whose time has come."""
    for done in keys.rotate_due(timezone.now(), lifetime=policy().signing_key_lifetime):
        log.info("signing key rotated", alg=done.alg, published=done.published, used=done.used, retired=done.retired)


@shared_task(name="idp.carry_out_decisions")
def carry_out_decisions() -> None:
    """Every few minutes: what two administrators agreed on, once its delay is over."""
    log.info("decisions", **decisions.carry_out_due(timezone.now()))


@shared_task(name="idp.every_minute")
def every_minute() -> None:
    """What plug-ins do by and by."""
    now = timezone.now()
    for plugin in hooks.plugins():
        done = {name: count for name, count in plugin.every_minute(now).items() if count}
        if done:
            log.info("by and by", plugin=type(plugin).__name__, **done)


@shared_task(name="idp.export_audit")
def export_audit() -> None:
    """Every minute: send what is new in the audit to its second places."""
    with _database_may_be_away():
        for done in export.export(timezone.now()):
            log.info("audit exported", target=done.target, entries=done.entries, fault=done.fault)


@shared_task(name="idp.check_seals")
def check_seals() -> None:
    """Every few minutes: look at the next part of all sealed rows."""
    with _database_may_be_away():
        checked = checking.check_some(timezone.now())
        log.info("seals checked", rows=checked.rows, forged=checked.forged)


@shared_task(name="idp.tidy")
def tidy() -> None:
    """Every hour: remove rows whose time is over."""
    log.info("tidied", counters=throttle.sweep(timezone.now()), **tidying.sweep(timezone.now()))

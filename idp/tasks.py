"""Celery's side of the provider: ring a worker, deliver a message, sweep. Arguments are ids, results nobody's."""

from typing import Any
from uuid import UUID

import structlog
from celery import shared_task
from django.dispatch import receiver
from django.utils import timezone

from idp import delivery, outbox, throttle, tidying
from idp.conf import policy
from idp.oidc import keys

log = structlog.get_logger(__name__)


@receiver(outbox.posted)
def ring(*, message_id: UUID, queue: str, **_signal: Any) -> None:
    """Tell a worker that a message waits. If Redis is away the row waits and the sweeper rings again."""
    try:
        deliver.apply_async((str(message_id),), queue=queue, retry=False)
    except Exception as error:  # noqa: BLE001 -- kombu, redis and sockets each have their own; none may reach the page
        log.warning("bell not heard", alarm="broker", error=type(error).__name__)


@shared_task(name="idp.deliver")
def deliver(message_id: str) -> None:
    """Deliver one message of the outbox, if nobody else does."""
    delivery.deliver(UUID(message_id), now=timezone.now())


@shared_task(name="idp.ring_forgotten")
def ring_forgotten() -> None:
    """Every few seconds: ring again for messages whose bell was lost, or whose worker was."""
    rung = outbox.ring_forgotten(now=timezone.now())
    if rung:
        log.info("rang again", messages=rung)


@shared_task(name="idp.rotate_signing_keys")
def rotate_signing_keys() -> None:
    """Every hour: take the next step with keys whose time has come."""
    for done in keys.rotate_due(timezone.now(), lifetime=policy().signing_key_lifetime):
        log.info("signing key rotated", alg=done.alg, published=done.published, used=done.used, retired=done.retired)


@shared_task(name="idp.tidy")
def tidy() -> None:
    """Every hour: remove rows whose time is over."""
    log.info("tidied", counters=throttle.sweep(timezone.now()), **tidying.sweep(timezone.now()))

"""Celery: `celery -A config worker -Q otp,sweep,logout,notice`. How tasks travel is in settings, under CELERY_."""

import gc
import os
from typing import Any

from celery import Celery
from celery.signals import (
    beat_init,
    celeryd_init,
    setup_logging,
    worker_before_create_process,
    worker_process_init,
    worker_ready,
)
from celery.worker import consumer
from kombu.utils.scheduling import round_robin_cycle

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("regain")
# By name: read when first used, which is after Django has read its settings.
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

#: A page waits for Redis as briefly as settings say; a worker outlasts a pause of its disk.
_PATIENCE = 5


class UrgentFirst(round_robin_cycle):  # type: ignore[misc]
    """Where a worker of several queues looks: for codes, then for forgotten messages, then for the rest in turn."""

    URGENT = ("otp", "sweep")

    def consume(self, n: int) -> list[str]:
        waiting = self.items[:n]
        return [queue for queue in self.URGENT if queue in waiting] + [
            queue for queue in waiting if queue not in self.URGENT
        ]


class Consumer(consumer.Consumer):  # type: ignore[misc]
    """Celery's, which must outlive the loss of Redis while a task is at work.

    Over the connection it has just thrown away it would give back what has not been acknowledged, and later
    acknowledge what was finished meanwhile; each ends the worker by an AttributeError (Celery 5.7 with kombu 5.7).
    Nobody is there to be told: Redis keeps the bell and rings it again, or has forgotten it.
    """

    def on_connection_error_after_connected(self, exc: BaseException) -> None:
        for channel in list(self.connection.transport.channels):
            channel.do_restore = False
            channel.basic_ack = channel.basic_reject = _to_nobody
        super().on_connection_error_after_connected(exc)


def _to_nobody(*_arguments: Any, **_options: Any) -> None:
    """What a channel says that leads nowhere any more."""


@setup_logging.connect
def _keep_our_logging(**_kwargs: Any) -> None:
    """Django has configured logging, with redaction; Celery's own would print task arguments."""


@celeryd_init.connect
def _be_patient(*, conf: Any, **_kwargs: Any) -> None:
    conf.broker_transport_options = {**conf.broker_transport_options, "socket_timeout": _PATIENCE}


@celeryd_init.connect
@beat_init.connect
def _refuse_what_is_unfit(**_kwargs: Any) -> None:
    """End a worker or beat as the web process ends, before it takes a task.

    Celery logs what a receiver raises, and goes on; only SystemExit gets through.
    """
    from django.core.exceptions import ImproperlyConfigured  # noqa: PLC0415 -- needs Django's settings, as below
    from django.db import connections  # noqa: PLC0415 -- as above

    from config import fitness  # noqa: PLC0415 -- as above

    try:
        fitness.check()
    except ImproperlyConfigured as unfit:
        raise SystemExit(str(unfit)) from None
    # Children that are forked from here on open their own.
    connections.close_all()


@worker_before_create_process.connect
def _keep_what_is_shared(**_kwargs: Any) -> None:
    """What is there before a fork stays shared: Python's collector would write into each object that it looks at."""
    gc.collect()
    gc.freeze()


@worker_process_init.connect
def _trace(**_kwargs: Any) -> None:
    """In each child, after the fork: what sends spans is a thread, which would not come along."""
    from config import tracing  # noqa: PLC0415 -- needs Django's settings, which this module is there to name

    tracing.begin("worker")


@worker_ready.connect
def _answer_about_metrics(**_kwargs: Any) -> None:
    from django.conf import settings  # noqa: PLC0415 -- as above

    from config import metrics_server  # noqa: PLC0415 -- as above

    if settings.METRICS_LISTEN:
        metrics_server.start(settings.METRICS_LISTEN)

"""`manage.py delivery_status`: what waits, how quickly it goes out, and what did not."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from idp import tasks, traffic
from idp.traffic import Queue, Traffic

_ROW = "{:<8}{:>9}{:>9}{:>10}{:>10}{:>11}{:>13}{:>13}{:>9}"
_HEAD = ("queue", "waiting", "sending", "oldest", "due for", "sent (1 h)", "half within", "95 % within", "bells")


class Command(BaseCommand):
    help = (
        "Shows for each queue what waits and for how long, how quickly messages went out in the last hour, and what "
        "became of those of the last day. Exits with 1 if messages are late."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        now = timezone.now()
        found = traffic.traffic(now)
        bells = _bells(found)
        self.stdout.write(_ROW.format(*_HEAD))
        for queue in found.queues:
            self.stdout.write(_ROW.format(*_cells(queue), bells.get(queue.name, "?")))
        self.stdout.write("")
        for name in ("sent", "refused", "expired", "unsent"):
            count = sum(getattr(hour, name) for hour in found.hours)
            self.stdout.write(f"{count} {_WORDS[name]}")
        if not bells:
            self.stdout.write("Redis does not answer.")
        if found.faults:
            raise CommandError(f"Delivery is late: {'; '.join(map(str, found.faults))}.")
        self.stdout.write("Delivery is on time.")


_WORDS = {
    "sent": "messages of the last 24 hours are with their providers,",
    "refused": "were refused for good,",
    "expired": "ran out of time or were of no more use,",
    "unsent": "are on their way.",
}


def _cells(queue: Queue) -> tuple[object, ...]:
    return (
        queue.name,
        queue.waiting,
        queue.sending,
        _age(queue.oldest),
        _age(queue.overdue),
        queue.sent,
        _age(queue.half_within),
        _age(queue.most_within),
    )


def _age(age: timedelta | None) -> str:
    return f"{age.total_seconds():.1f} s" if age else "-"


def _bells(found: Traffic) -> dict[str, int]:
    """How many bells lie in each queue; nothing if Redis does not say."""
    try:
        return {queue.name: tasks.bells(queue.name) for queue in found.queues}
    except Exception:  # noqa: BLE001 -- kombu, redis and sockets each have their own
        return {}

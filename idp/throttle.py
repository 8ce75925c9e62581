"""Limits of record: counted in the database, one statement each, whose answer is the truth.

Count first, decide after: two hundred requests at once are two hundred rows of the same UPDATE, and exactly the
limit's number of them is told "yes". A counted attempt is never given back by a later error.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from django.db import connection

from idp import keyring
from idp.models import Counter

#: Names of limits that more than one module speaks of.
SIGN_IN_ACCOUNT = "sign-in-account"

#: One row per limit and subject: a new period starts it again, within a period it counts up.
_COUNT = """
INSERT INTO idp_counter (key, count, resets_at) VALUES (%(key)s, %(by)s, %(resets_at)s)
ON CONFLICT (key) DO UPDATE SET
  count = CASE WHEN idp_counter.resets_at <= %(now)s THEN excluded.count ELSE idp_counter.count + excluded.count END,
  resets_at = CASE WHEN idp_counter.resets_at <= %(now)s THEN excluded.resets_at ELSE idp_counter.resets_at END
RETURNING count, resets_at
"""


class Limit(Protocol):
    """At most `count` within `per`: `idp.conf.Limit`, or an app's own."""

    @property
    def count(self) -> int: ...
    @property
    def per(self) -> timedelta: ...


@dataclass(frozen=True, kw_only=True)
class Counted:
    """How often it happened in this period, this time included."""

    limit: Limit
    count: int
    resets_at: datetime

    @property
    def allowed(self) -> bool:
        return self.count <= self.limit.count

    @property
    def left(self) -> int:
        """How many more will be allowed."""
        return max(0, self.limit.count - self.count)


def count(name: str, limit: Limit, *subject: keyring.Part, now: datetime, by: int = 1) -> Counted:
    """Count one more (or `by`) of `name` for `subject` and say how many that makes. One statement, at any crowd."""
    with connection.cursor() as cursor:
        adapt = connection.ops.adapt_datetimefield_value
        cursor.execute(
            _COUNT,
            {"key": _key(name, subject), "by": by, "now": adapt(now), "resets_at": adapt(now + limit.per)},
        )
        counted, resets_at = cursor.fetchone()
    return Counted(limit=limit, count=counted, resets_at=_as_datetime(resets_at))


def look(name: str, limit: Limit, *subject: keyring.Part, now: datetime) -> Counted:
    """How many there were in this period, counting none. For telling people, never for deciding."""
    row = Counter.objects.filter(key=_key(name, subject), resets_at__gt=now).values_list("count", "resets_at").first()
    counted, resets_at = row or (0, now + limit.per)
    return Counted(limit=limit, count=counted, resets_at=resets_at)


def clear(name: str, *subject: keyring.Part) -> None:
    """Forget the count of `name` for `subject`: it succeeded."""
    Counter.objects.filter(key=_key(name, subject)).delete()


def sweep(now: datetime) -> int:
    """Remove periods that have ended. Returns how many."""
    return Counter.objects.filter(resets_at__lte=now).delete()[0]


def _key(name: str, subject: tuple[keyring.Part, ...]) -> str:
    return keyring.digest("counter", name, *subject)


def _as_datetime(value: datetime | str) -> datetime:
    """PostgreSQL hands out a moment; SQLite what it stored: text, or a time without its zone."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment if moment.tzinfo else moment.replace(tzinfo=connection.timezone)

"""Limits of record: counted in the database, one statement each, whose answer is the truth.

Count first, decide after: two hundred requests at once are two hundred rows of the same UPDATE, and exactly the
limit's number of them is told "yes". A counted attempt is never given back by a later error.

There are two kinds. `count` allows so many within a period, and then nothing until it ends. `slow` lets tries go on,
each after a longer pause; one try may have to pass several budgets at once, and is counted against all or none.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Protocol

from django.db import connection
from django.db.models import F

from idp import keyring
from idp.models import Counter

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


def give_back(name: str, *subject: keyring.Part) -> None:
    """It was counted and turned out to be none: for limits on failures that cannot be judged before."""
    Counter.objects.filter(key=_key(name, subject), count__gt=0).update(count=F("count") - 1)


def look(name: str, limit: Limit, *subject: keyring.Part, now: datetime) -> Counted:
    """How many there were in this period, counting none. Never for deciding whether there may be one more."""
    row = Counter.objects.filter(key=_key(name, subject), resets_at__gt=now).values_list("count", "resets_at").first()
    counted, resets_at = row or (0, now + limit.per)
    return Counted(limit=limit, count=counted, resets_at=resets_at)


def clear(name: str, *subject: keyring.Part) -> None:
    """Forget the count of `name` for `subject`: it succeeded."""
    Counter.objects.filter(key=_key(name, subject)).delete()


def clear_each(counted: Iterable[tuple[str, tuple[keyring.Part, ...]]]) -> None:
    """As `clear`, of several names and subjects in one statement."""
    Counter.objects.filter(key__in=sorted({_key(name, subject) for name, subject in counted})).delete()


def sweep(now: datetime) -> int:
    """Remove what is over: periods that have ended, failures whose time to be remembered has passed."""
    return Counter.objects.filter(resets_at__lte=now).delete()[0]


# --- Pauses -----------------------------------------------------------------------------------------------


class Slowdown(Protocol):
    """Tries without a pause, then pauses that grow: `idp.conf.Slowdown`."""

    @property
    def free(self) -> int: ...
    @property
    def pauses(self) -> Sequence[timedelta]: ...


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One budget that a try has to pass, and for how long after the last try it is remembered.

    Bars that are asked together are given, and locked, in the order of their keys, so that no two requests wait for
    each other.
    """

    key: str
    slowdown: Slowdown
    kept: timedelta


@dataclass(frozen=True, kw_only=True)
class Slowed:
    """What `slow` says of a try: counted, and how many there are now at each bar; or held, and by which until when."""

    counts: Mapping[str, int]
    held: Mapping[str, datetime]

    @property
    def allowed(self) -> bool:
        return not self.held


def slow(*bars: Bar, now: datetime) -> Slowed:
    """Count a try at all of `bars` if none of them pauses, else at none. One statement, in any concurrency.

    A row holds how many tries there were and when it forgets them, a fixed time after the last one; from the two
    follows when the next try may be made, and the statement works that out. (On PostgreSQL a try that lost a race for
    the second bar may have been counted at the first; never the other way round.)
    """
    with connection.cursor() as cursor:
        cursor.execute(_slow(connection.vendor, tuple(len(bar.slowdown.pauses) for bar in bars)), _values(bars, now))
        counts = dict(cursor.fetchall())
    if len(counts) == len(bars):
        return Slowed(counts=counts, held={})
    rows = {row.key: row for row in Counter.objects.filter(key__in=[bar.key for bar in bars])}
    opens = {bar.key: _opens(rows[bar.key], bar, now) for bar in bars if bar.key in rows}
    held = {key: moment for key, moment in opens.items() if moment > now}
    # The pause that held us may have been lifted before we looked: then "now" is when to try again.
    return Slowed(counts={}, held=held or {bars[0].key: now})


def forget(*keys: str) -> None:
    """Forget what was counted at the bars of these keys: a try was right."""
    places = ", ".join(["%s"] * len(keys))
    with connection.cursor() as cursor:
        cursor.execute(_FORGET.format(which=f"key IN ({places})", lock=_lock()), keys)


def forget_all(prefix: str) -> dict[str, tuple[int, datetime]]:
    """Forget every bar whose key begins with `prefix`, and say what was counted there: how many, until when kept."""
    with connection.cursor() as cursor:
        # A digest: neither of LIKE's own signs is among its characters but "_", which is one of 64.
        which = "key LIKE %s AND substr(key, 1, %s) = %s"
        cursor.execute(_FORGET.format(which=which, lock=_lock()), [f"{prefix}%", len(prefix), prefix])
        return {key: (counted, _as_datetime(resets_at)) for key, counted, resets_at in cursor.fetchall()}


#: Rows are locked in the order in which `slow` takes them.
_FORGET = """
DELETE FROM idp_counter WHERE key IN (SELECT key FROM idp_counter WHERE {which} ORDER BY key{lock})
RETURNING key, count, resets_at
"""


def _lock() -> str:
    return " FOR UPDATE" if connection.features.has_select_for_update else ""


def _opens(row: Counter, bar: Bar, now: datetime) -> datetime:
    """When the next try may be made."""
    if row.count < bar.slowdown.free or row.resets_at <= now:
        return now
    pauses = bar.slowdown.pauses
    pause: timedelta = pauses[min(row.count - bar.slowdown.free, len(pauses) - 1)]
    return row.resets_at - bar.kept + pause


def _values(bars: Sequence[Bar], now: datetime) -> dict[str, Any]:
    adapt = connection.ops.adapt_datetimefield_value
    values: dict[str, Any] = {"now": adapt(now)}
    for place, bar in enumerate(bars):
        values |= {f"key{place}": bar.key, f"free{place}": bar.slowdown.free, f"until{place}": adapt(now + bar.kept)}
        for step, pause in enumerate(bar.slowdown.pauses):
            # Whoever tried last so long ago that the pause is over is forgotten at this moment, or before.
            values[f"over{place}_{step}"] = adapt(now + bar.kept - pause)
    return values


@lru_cache(maxsize=32)
def _slow(vendor: str, steps: tuple[int, ...]) -> str:
    """The statement for bars with so many pauses each. Nothing in it comes from outside."""
    places = range(len(steps))
    held = [_held(place, count) for place, count in enumerate(steps)]
    nobody_holds = " AND ".join(
        f"NOT EXISTS (SELECT 1 FROM idp_counter WHERE key = %(key{place})s AND {held[place]})" for place in places
    )
    if vendor == "sqlite":
        # One writer at a time: what the statement has seen stays so until it has written.
        asked = " UNION ALL ".join(f"SELECT %(key{place})s AS key, %(until{place})s AS until" for place in places)
        return (
            f"INSERT INTO idp_counter (key, count, resets_at) SELECT key, 1, until FROM ({asked}) AS asked "
            f"WHERE {nobody_holds} {_AGAIN} RETURNING key, count"
        )
    # Each bar is counted only if the one before was, whose row is locked from then on; and each looks at its own row
    # as the last request left it, which the look at all of them in the beginning may have missed.
    links = [f"before AS (SELECT 1 WHERE {nobody_holds})"]
    links += [
        f"bar{place} AS (INSERT INTO idp_counter (key, count, resets_at) "
        f"SELECT %(key{place})s, 1, %(until{place})s FROM {f'bar{place - 1}' if place else 'before'} "
        f"{_AGAIN} WHERE NOT ({held[place]}) RETURNING key, count)"
        for place in places
    ]
    return f"WITH {', '.join(links)} " + " UNION ALL ".join(f"SELECT key, count FROM bar{place}" for place in places)


_AGAIN = """
ON CONFLICT (key) DO UPDATE SET
  count = CASE WHEN idp_counter.resets_at <= %(now)s THEN 1 ELSE idp_counter.count + 1 END,
  resets_at = excluded.resets_at
"""


def _held(place: int, steps: int) -> str:
    """Whether a row pauses, by the number of its tries and the time of the last one."""
    last = f"%(over{place}_{steps - 1})s"
    earlier = " ".join(f"WHEN {step} THEN %(over{place}_{step})s" for step in range(steps - 1))
    over = f"CASE idp_counter.count - %(free{place})s {earlier} ELSE {last} END" if earlier else last
    return f"idp_counter.count >= %(free{place})s AND idp_counter.resets_at > {over}"


# --- Rows -------------------------------------------------------------------------------------------------


def _key(name: str, subject: tuple[keyring.Part, ...]) -> str:
    return keyring.digest("counter", name, *subject)


def _as_datetime(value: datetime | str) -> datetime:
    """PostgreSQL hands out a moment; SQLite what it stored: text, or a time without its zone."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment if moment.tzinfo else moment.replace(tzinfo=connection.timezone)

"""Reading the history of everybody: which entries somebody wants, newest first, each found by an index."""

import inspect
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from functools import lru_cache
from uuid import UUID

from django.db.models import CharField, Func, QuerySet, Value

from idp.audit import acts, events
from idp.models import AuditEntry

#: An entry is dated before it has its number; who waits for the head gets a later one than somebody dated after them.
_JITTER = timedelta(minutes=1)
#: What the names of events are made of; nothing that ends a string in SQL.
_EVENT = re.compile(r"[a-z0-9_.]{1,60}")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which entries: of this event, about this account, done by this administrator, within this time."""

    event: str = ""
    account: UUID | None = None
    actor: UUID | None = None
    since: datetime | None = None
    #: The first moment that is not wanted any more.
    until: datetime | None = None


def entries(wanted: Wanted) -> QuerySet[AuditEntry]:
    """The entries that are wanted, newest first; two short queries for a time, none otherwise until it is read."""
    rows = AuditEntry.objects.order_by("-sequence")
    if wanted.event:
        rows = rows.filter(name=_spelt(wanted.event))
    if wanted.account:
        rows = rows.filter(user=wanted.account)
    if wanted.actor:
        rows = rows.filter(sequence__in=_acts_of(wanted.actor))
    if wanted.since:
        rows = rows.filter(at__gte=wanted.since, sequence__gte=_first_since(wanted.since - _JITTER))
    if wanted.until:
        rows = rows.filter(at__lt=wanted.until, sequence__lte=_last_until(wanted.until + _JITTER))
    return rows


def count_since(since: datetime, names: Iterable[str]) -> int:
    """How many entries of these events there are, from about then on."""
    return AuditEntry.objects.filter(name__in=list(names), sequence__gte=_first_since(since)).count()


@lru_cache(maxsize=1)
def acted() -> tuple[str, ...]:
    """The names of the events that say which administrator did it."""
    found = [each for module in (acts, events) for each in vars(module).values() if inspect.isclass(each)]
    return tuple(
        str(each.name)
        for each in found
        if hasattr(each, "name") and any(field.name == "by" and field.type is not str for field in fields(each))
    )


def actor(entry: AuditEntry) -> UUID | None:
    """Which administrator did it; None if its owner did, or nobody."""
    by = entry.details.get("by")
    return UUID(by) if by and entry.name in acted() else None


def _spelt(event: str) -> Value | Func:
    """The name as a word of the statement, where it could be the name of an event.

    PostgreSQL keeps the plan of a statement that comes often. Of one that holds for any event it supposes that there
    are many entries, and walks the history backwards until it has a page full; of a rare event that is all of it.
    """
    if _EVENT.fullmatch(event):
        return Func(template=f"'{event}'", output_field=CharField())
    return Value(event)


def _acts_of(actor: UUID) -> QuerySet[AuditEntry, int]:
    """Few events have an actor besides the owner of the account, and only entries of those are looked into.

    As statements of their own within another one, each for one event: a database takes all of them together for so
    many that it would rather walk through everything.
    """
    first, *others = [
        AuditEntry.objects.filter(name=name, details__by=str(actor)).order_by().values_list("sequence", flat=True)
        for name in acted()
    ]
    return first.union(*others, all=True)


def _first_since(at: datetime) -> int:
    first = AuditEntry.objects.filter(at__gte=at).order_by("at").values_list("sequence", flat=True).first()
    return first if first is not None else _beyond()


def _last_until(at: datetime) -> int:
    return AuditEntry.objects.filter(at__lte=at).order_by("-at").values_list("sequence", flat=True).first() or 0


def _beyond() -> int:
    last = AuditEntry.objects.order_by("-sequence").values_list("sequence", flat=True).first() or 0
    return last + 1

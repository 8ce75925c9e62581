"""Reading a whole table without holding it, and without a cursor that somebody must close."""

from collections.abc import Iterator
from typing import TypeVar

from django.db.models import Model, QuerySet

Row = TypeVar("Row", bound=Model)


def in_batches(rows: QuerySet[Row], *, size: int = 500) -> Iterator[Row]:
    """Every row in the order of its key, read `size` at a time.

    Instead of `iterator()`: on PostgreSQL that is a cursor on the server, and a reader who stops half-way leaves it
    to the garbage collector, which may close it in the middle of another statement and wait for ever.
    """
    rows = rows.order_by("pk")
    batch = list(rows[:size])
    while batch:
        yield from batch
        batch = list(rows.filter(pk__gt=batch[-1].pk)[:size])

"""A table whose rows carry the seal of the program, as its owner describes it: for checking all, and sealing anew."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Model, Q, QuerySet


@dataclass(frozen=True, kw_only=True)
class SealedTable:
    """One kind of sealed row. A function of a row takes it as it was read."""

    #: As alarms and the audit call it.
    name: str
    #: Those that still mean something at a time.
    rows: Callable[[datetime], QuerySet[Any]]
    is_genuine: Callable[[Any], bool]
    #: The columns that begin with the id of the root key they were made with.
    stamped: tuple[str, ...]
    #: Seal, and encrypt, this row anew with the newest root key. False if it was written meanwhile.
    reseal: Callable[[Any], bool]
    #: Whose it is; None: no account's.
    owner: Callable[[Any], UUID | None] = lambda row: row.user_id
    #: Whether an account with such a row that something else wrote is to let nobody in.
    freezes: bool = False

    def behind(self, newest: str, *, now: datetime) -> QuerySet[Any]:
        """The rows of which something was not made with the key `newest`."""
        stale = Q()
        for column in self.stamped:
            stale |= ~Q(**{f"{column}__startswith": f"{newest}."})
        return self.rows(now).filter(stale)

    def unknown(self, keys: tuple[str, ...], *, now: datetime) -> QuerySet[Any]:
        """The rows of which something was made with none of `keys`."""
        foreign = Q()
        for column in self.stamped:
            known = Q()
            for key in keys:
                known |= Q(**{f"{column}__startswith": f"{key}."})
            foreign |= ~known
        return self.rows(now).filter(foreign)


def swap(write: Callable[[Any], None], *columns: str) -> Callable[[Any], bool]:
    """A `reseal`: `write` puts the new values into the row; one UPDATE, bound to what the columns held, keeps them."""

    def reseal(row: Model) -> bool:
        before = {column: getattr(row, column) for column in columns}
        write(row)
        after = {column: getattr(row, column) for column in columns}
        return bool(type(row)._default_manager.filter(pk=row.pk, **before).update(**after))  # noqa: SLF001 -- Django's own name for its documented API

    return reseal

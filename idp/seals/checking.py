"""Looking at every seal, a part at a time: a row that nobody uses is looked at as well.

What is found is refused wherever it is used anyway. Here it is also said: in the audit, in metrics, to every
administrator, and its account is frozen where the row could have let somebody in.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction

from idp import keyring, metrics
from idp.accounts import alarms, sealing
from idp.audit.events import ClientSealInvalid, SealInvalid
from idp.audit.record import record
from idp.metrics import Metric
from idp.models import Client, ForgedRow, SealCheck, User
from idp.models.sealed import SealedTable
from idp.seals import tables

log = structlog.get_logger(__name__)

#: Rows in one go. A hundred thousand accounts with two rows each are gone through in a night.
ROWS = 2000


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What came of one go."""

    rows: int
    forged: int
    #: Whether all tables have been gone through.
    finished: bool


def check_some(now: datetime, *, most: int = ROWS) -> Checked:
    """Look at the next rows, from where the last go ended; after the last table from the beginning again.

    Of two that do so at once, the second one's going on changes nothing: both looked at the same rows.
    """
    state, _made = SealCheck.objects.get_or_create(pk=1, defaults={"begun_at": now})
    table, position = _place(state)
    rows = list(_after(table, position, now=now)[:most])
    forged = sum(not _look(table, row) for row in rows)
    following = _next(table) if len(rows) < most else (table, str(rows[-1].pk))
    _move(state, following, now=now)
    return Checked(rows=len(rows), forged=forged, finished=following is None)


def found(table: SealedTable, row: Any) -> None:
    """Say that this row is not ours; what is known already is not said again."""
    if alarms.is_known(table=table.name, row=row.pk):
        return
    log.error("seal invalid", alarm=f"{table.name}.seal_invalid", row=str(row.pk))
    owner = table.owner(row)
    user = User.objects.filter(pk=owner).first() if owner else None
    if table.freezes and user is not None and keyring.knows(row.seal):
        sealing.freeze_for_seal(user, table=table.name, row=row.pk)
        return
    with transaction.atomic():
        # Of two that met it at once, one says it.
        if alarms.tell_once(table=table.name, row=row.pk):
            record(_event(table, row, owner))


def _event(table: SealedTable, row: Any, owner: UUID | None) -> ClientSealInvalid | SealInvalid:
    if isinstance(row, Client):
        return ClientSealInvalid(client_id=row.client_id)
    return SealInvalid(user=owner, table=table.name, row=row.pk)


def _look(table: SealedTable, row: Any) -> bool:
    """Whether it is genuine.

    One that names a key which is not there is not frozen for it (`found`): a worker with the wrong keys would freeze
    everybody. It is refused, and frozen, where somebody tries to use it.
    """
    if table.is_genuine(row):
        return True
    found(table, row)
    return False


def _place(state: SealCheck) -> tuple[SealedTable, str]:
    every = tables.every()
    return next(((table, state.position) for table in every if table.name == state.table), (every[0], ""))


def _after(table: SealedTable, position: str, *, now: datetime) -> Any:
    rows = table.rows(now).order_by("pk")
    return rows.filter(pk__gt=position) if position else rows


def _next(table: SealedTable) -> tuple[SealedTable, str] | None:
    every = tables.every()
    names = [each.name for each in every]
    following = names.index(table.name) + 1
    return (every[following], "") if following < len(every) else None


def _move(state: SealCheck, following: tuple[SealedTable, str] | None, *, now: datetime) -> None:
    here = SealCheck.objects.filter(pk=1, table=state.table, position=state.position)
    if following is None:
        here.update(table="", position="", begun_at=now, finished_at=now)
    else:
        here.update(table=following[0].name, position=following[1])


def _numbers() -> Iterable[Metric]:
    forged = ForgedRow.objects.values_list("table", flat=True)
    by_table = dict.fromkeys((table.name for table in tables.every()), 0)
    for name in forged:
        by_table[name] = by_table.get(name, 0) + 1
    rows = [((name,), float(number)) for name, number in by_table.items()]
    yield metrics.gauge("regain_forged_rows", "Rows that did not carry our seal, ever.", ("table",), rows)


metrics.sources.append(_numbers)

"""A new root key: every row that another one sealed or encrypted is sealed and encrypted anew, a few at a time.

It is told what is left by the rows themselves, so it can be ended at any moment and begun again. People go on signing
in and changing things meanwhile: a row is replaced only as it was read, and one that somebody wrote in between carries
the newest key already. A row that is not ours stays as it is: a forgery is not to be made genuine.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from idp import keyring
from idp.audit.events import RowsResealed
from idp.audit.record import record
from idp.models import AuditHead
from idp.models.sealed import SealedTable
from idp.seals import tables

#: Rows in one transaction, which holds the head of the audit chain until its end.
ROWS = 100
#: So long at the most goes on what is made with a key and not sealed anew: codes, pages that wait for an answer.
UNDER_WAY = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Renewed:
    """What became of some rows of one table."""

    table: str
    rows: int
    #: Those that do not carry our seal.
    forged: int


def left(now: datetime) -> dict[str, int]:
    """How many rows of each table the newest root key did not make yet."""
    newest = keyring.current_key_id()
    return {table.name: table.behind(newest, now=now).count() for table in tables.every()}


def renew(now: datetime) -> Iterator[Renewed]:
    """Seal every row anew that is behind, telling of each batch. What is left after that is forged."""
    for table in tables.every():
        yield from _renew(table, now)


def renew_head() -> None:
    """The head of the audit chain carries the newest key's seal from the next entry on: make one, if there was none."""
    newest = keyring.current_key_id()
    with transaction.atomic():
        if not AuditHead.objects.filter(pk=1, seal__startswith=f"{newest}.").exists():
            record(RowsResealed(table="audit_head", rows=1, key=newest))


def _renew(table: SealedTable, now: datetime) -> Iterator[Renewed]:
    newest = keyring.current_key_id()
    behind = table.behind(newest, now=now).order_by("pk")
    batch = list(behind[:ROWS])
    while batch:
        yield _renew_batch(table, batch, newest)
        batch = list(behind.filter(pk__gt=batch[-1].pk)[:ROWS])


def _renew_batch(table: SealedTable, batch: list[Any], newest: str) -> Renewed:
    with transaction.atomic():
        outcomes = [_outcome(table, row) for row in batch]
        done = outcomes.count(True)
        if done:
            record(RowsResealed(table=table.name, rows=done, key=newest))
    return Renewed(table=table.name, rows=done, forged=outcomes.count(None))


def _outcome(table: SealedTable, row: Any) -> bool | None:
    """Whether it was sealed anew, or written by somebody else meanwhile; None if it is not ours, or does not open."""
    try:
        return table.reseal(row) if table.is_genuine(row) else None
    except keyring.Tampered:
        return None

"""Rows that were refused at their use because their seal is not ours, until it can be said (`idp.seals.telling`).

Whoever meets one is often in the middle of something that is about to fail, and saying it there would be undone with
it; or is about to read the roles of those who are to be told. So it is only remembered here, which costs no statement,
and said once the request or task is over. A process that dies in between has said nothing: the next use finds the row
anew.
"""

import structlog
from django.db.models import Model

log = structlog.get_logger(__name__)

#: So many in one go; beyond it somebody wrote to whole tables, and the check of all seals finds the rest.
_MOST = 100
_met: dict[tuple[str, str], Model] = {}


def met(table: str, row: Model) -> None:
    """Remember that this row of the sealed table `table` is not ours."""
    if len(_met) < _MOST:
        _met[table, str(row.pk)] = row


def refused(table: str, row: Model, *, alarm: str, **said: str) -> bool:
    """As `met`, with a line in the log. Never true: it stands behind a look at the seal and an `or`."""
    log.error("seal invalid", alarm=alarm, row=str(row.pk), **said)
    met(table, row)
    return False


def take() -> list[tuple[str, Model]]:
    """What was met since this was asked last, by anybody in this process; told to one of those who ask."""
    taken = []
    while _met:
        try:
            (table, _key), row = _met.popitem()
        except KeyError:  # another thread was faster
            break
        taken.append((table, row))
    return taken

"""Saying what was met at its use: by the end of the request or task in which a row was refused for its seal.

Its account is frozen where the row could have let somebody in; there is an entry in the audit, a number in metrics and
a letter to every administrator, once for each row however often it is asked for.
"""

from typing import Any

import structlog
from django.db import DatabaseError

from idp.accounts import forgeries
from idp.keystore.keys import KeysAway
from idp.seals import checking, tables

log = structlog.get_logger(__name__)


def tell(**_signal: Any) -> None:
    """Say it. Takes no statement if nothing was met; whoever's request this was has their answer already."""
    for name, row in forgeries.take():
        table = next(table for table in tables.every() if table.name == name)
        try:
            checking.found(table, row)
        except (DatabaseError, KeysAway) as error:
            # The next use of the row finds it anew.
            log.error("forgery not told", alarm="database", table=name, row=str(row.pk), error=type(error).__name__)  # noqa: TRY400 -- no traceback near what is sealed

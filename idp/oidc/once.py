"""What may be shown once: the `jti` of a client's assertion, and of a proof of possession."""

from datetime import datetime
from typing import Any

from django.db import connection

from idp import keyring
from idp.models import Seen

#: The insert is the test: of any number at once, one finds the key free.
_FIRST = "INSERT INTO idp_seen (key, expires_at) VALUES (%s, %s) ON CONFLICT (key) DO NOTHING"


def is_first(kind: str, *shown: keyring.Part, until: datetime) -> bool:
    """Whether `shown` is seen for the first time. One statement, in any concurrency.

    Remembered `until` a moment at which it is too old to be taken anyway; `idp.tidying` forgets it then.
    """
    expires_at: Any = Seen._meta.get_field("expires_at")  # noqa: SLF001 -- Django's public API
    with connection.cursor() as cursor:
        key = keyring.digest("seen", kind, *shown)
        cursor.execute(_FIRST, [key, expires_at.get_db_prep_value(until, connection)])
        return bool(cursor.rowcount)

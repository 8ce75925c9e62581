"""Writing to the audit chain, in the transaction of the act; and the last thing of a kind that it says."""

from typing import Any

from idp.audit.events import Origin
from idp.audit.record import record
from idp.models import AuditEntry

__all__ = ["Origin", "last", "record"]


def last(name: str) -> dict[str, Any] | None:
    """The fields of the newest entry of this name; one query, by an index."""
    newest = AuditEntry.objects.filter(name=name).order_by("-sequence")
    return newest.values_list("details", flat=True).first()

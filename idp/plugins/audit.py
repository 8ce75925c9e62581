"""Writing to the audit chain, in the transaction of the act."""

from idp.audit.events import Origin
from idp.audit.record import record

__all__ = ["Origin", "record"]

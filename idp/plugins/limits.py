"""Counting against a limit of record."""

from idp.conf import Limit
from idp.throttle import Counted, clear, count

__all__ = ["Counted", "Limit", "clear", "count"]

"""Counting against a limit of record."""

from idp.throttle import Counted, clear, count

__all__ = ["Counted", "clear", "count"]

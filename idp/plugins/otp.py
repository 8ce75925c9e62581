"""One-time codes for an app's own messages: deriving them, and which of those sent are still good."""

from idp.codes import Sent, derive, live, newest
from idp.otp import grouped, matches, normalised, reference

__all__ = ["Sent", "derive", "grouped", "live", "matches", "newest", "normalised", "reference"]

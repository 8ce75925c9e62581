"""One-time codes for an app's own messages: deriving them, and which of those sent are still good."""

from idp.codes import Sent, derive, derive_long, live, newest
from idp.otp import LONG, grouped, matches, normalised, normalised_long, reference

__all__ = [
    "LONG",
    "Sent",
    "derive",
    "derive_long",
    "grouped",
    "live",
    "matches",
    "newest",
    "normalised",
    "normalised_long",
    "reference",
]

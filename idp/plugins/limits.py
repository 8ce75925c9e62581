"""Counting against a limit of record."""

from datetime import datetime

from idp import caps
from idp.audit.events import Origin
from idp.caps import Held
from idp.conf import Policy, policy
from idp.keyring import Part
from idp.throttle import Counted, Limit, clear_each, count, look

__all__ = ["Counted", "Held", "Limit", "Policy", "clear_each", "count", "look", "message", "policy"]


def message(*, channel: str, subject: Part, typed: str, origin: Origin, now: datetime) -> Held | None:
    """Count one more message that somebody asks for who has proved nothing; None if it may be posted.

    To be asked before each such message, for known and unknown alike: `subject` is the account or, if there is none,
    what was typed to name it; `typed` is a digest of the address.
    """
    return caps.asked(channel=channel, subject=subject, typed=typed, origin=origin, policy=policy(), now=now)

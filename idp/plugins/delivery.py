"""Posting messages and asking how far they have come."""

from idp.models import Message
from idp.notices import write
from idp.outbox import Delivery, Draft, State, deliveries, post

__all__ = ["Delivery", "Draft", "Message", "State", "deliveries", "post", "write"]

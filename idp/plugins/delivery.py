"""Posting messages and asking how far they have come."""

from django.conf import settings

from idp.caps import EMAIL, SMS
from idp.channels.numbers import Number, Unfit, read
from idp.models import Message
from idp.notices import text, write
from idp.outbox import Delivery, Draft, State, deliveries, post

__all__ = [
    "EMAIL",
    "SMS",
    "Delivery",
    "Draft",
    "Message",
    "Number",
    "State",
    "Unfit",
    "channels",
    "deliveries",
    "number",
    "post",
    "text",
    "write",
]


def channels() -> tuple[str, ...]:
    """By what messages can go: a tenant may have no gateway for text messages."""
    return (EMAIL, SMS) if settings.SMS_GATEWAYS else (EMAIL,)


def number(typed: str) -> Number | Unfit:
    """The telephone number that `typed` means, if the tenant sends text messages there."""
    return read(typed, countries=settings.SMS_COUNTRIES)

"""Addresses that something is wrong with, in the word of a provider. Told to their owner; they stop nothing.

A mark is no reason to send nothing: a provider may be mistaken, or somebody may have told it lies, and nobody shall
be locked out by that. It goes when the owner shows that the address works after all.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Count

from idp.audit.events import AddressMarked
from idp.audit.record import record
from idp.models import AddressMark, RecoveryAddress


@dataclass(frozen=True, kw_only=True)
class Mark:
    """One address of an account, without the address, and what is wrong with it."""

    address: UUID
    channel: str
    #: "bounced" or "complained".
    fault: str
    since: datetime


def of(user: UUID) -> list[Mark]:
    """The marked addresses of an account, in one query: for the page after its owner has signed in."""
    rows = AddressMark.objects.filter(address__user=user).order_by("since")
    return [
        Mark(address=address, channel=channel, fault=fault, since=since)
        for address, channel, fault, since in rows.values_list("address", "address__channel", "fault", "since")
    ]


def on(address: RecoveryAddress) -> Mark | None:
    """The mark of an address that was read with it."""
    found = getattr(address, "mark", None)
    if found is None:
        return None
    return Mark(address=address.pk, channel=address.channel, fault=found.fault, since=found.since)


def counts() -> dict[str, int]:
    """How many addresses are marked, by what is wrong with them. One query."""
    rows = AddressMark.objects.values_list("fault").annotate(count=Count("pk"))
    return {fault.value: 0 for fault in AddressMark.Fault} | dict(rows)


def mark(address: UUID, fault: str, *, provider: str, now: datetime) -> bool:
    """Note that something is wrong with the address. False if that was known, or the address is gone."""
    user = RecoveryAddress.objects.filter(pk=address).values_list("user", flat=True).first()
    if user is None:
        return False
    try:
        with transaction.atomic():
            AddressMark.objects.create(address_id=address, fault=fault, provider=provider, since=now)
            record(AddressMarked(user=user, address=address, fault=fault, provider=provider))
    except IntegrityError:
        return False
    return True


def clear(address: UUID) -> None:
    """The address works: its owner has read what was sent there, or the provider says that it arrived."""
    AddressMark.objects.filter(address=address).delete()

"""Writes events into the chain, in the transaction of the act they tell of (invariant 11)."""

import dataclasses
import json
from typing import Any, Protocol
from uuid import UUID

import structlog
from django.db import transaction
from django.utils import timezone

from idp.audit import chain
from idp.audit.events import Origin
from idp.models import AuditEntry

log = structlog.get_logger("audit")


class Event(Protocol):
    """Anything with a dotted name and an account (or none): `recovery` brings events of its own."""

    @property
    def name(self) -> str: ...
    @property
    def user(self) -> UUID | None: ...


def record(*events: Event, origin: Origin | None = None) -> None:
    """Append `events` to the chain. Must run inside the transaction of the act: both happen, or neither.

    Raises TransactionManagementError outside one, and chain.Broken if the head is not as we left it: then no
    security-changing act may go on (FT-26).
    """
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("record() runs in the transaction of what it records.")
    now = timezone.now()
    head = chain.hold_head()
    entries, place = [], dataclasses.asdict(origin or Origin())
    for event in events:
        entry = AuditEntry(
            sequence=head.sequence + 1,
            at=now,
            name=event.name,
            user=event.user,
            details=details(event),
            origin=place,
            previous_hash=head.entry_hash,
        )
        entry.entry_hash = chain.hash_of(entry)
        head.sequence, head.entry_hash = entry.sequence, entry.entry_hash
        entries.append(entry)
    AuditEntry.objects.bulk_create(entries)
    chain.move_head(head)
    for entry in entries:
        log.info(entry.name, user=str(entry.user), sequence=entry.sequence, **entry.details)


def details(event: Event) -> dict[str, Any]:
    """The event's fields as JSON holds them; the account stands in a column of its own."""
    fields = {field.name: getattr(event, field.name) for field in dataclasses.fields(event)}  # type: ignore[arg-type]
    fields.pop("user", None)
    return json.loads(json.dumps(fields, default=str))  # type: ignore[no-any-return]

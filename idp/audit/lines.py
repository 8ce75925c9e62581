"""The audit as it leaves the house: JSON Lines, one for each entry; and anchors, which say where the chain stood.

An anchor is sealed, so that whoever can write to the second place alone cannot invent one.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from idp import keyring
from idp.audit import chain
from idp.models import AuditEntry

_SEAL = "audit-anchor"


class Unreadable(ValueError):  # noqa: N818 -- it says what happened
    """A line that is none of ours: cut short, or something else's."""


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """At this time the chain ended with this entry."""

    sequence: int
    entry_hash: str
    at: str
    seal: str

    @classmethod
    def at_entry(cls, entry: AuditEntry, *, now: datetime) -> "Anchor":
        at = now.isoformat()
        seal = keyring.seal(_SEAL, entry.sequence, entry.entry_hash, at)
        return cls(sequence=entry.sequence, entry_hash=entry.entry_hash, at=at, seal=seal)

    @property
    def is_genuine(self) -> bool:
        """Whether we made it; a retired key may have: what it says is compared as well."""
        return keyring.is_stamped(_SEAL, self.seal, self.sequence, self.entry_hash, self.at)


def of_entry(entry: AuditEntry) -> bytes:
    """One line, without its end."""
    return _line(
        {
            "sequence": entry.sequence,
            "at": entry.at.isoformat(),
            "name": entry.name,
            "user": str(entry.user) if entry.user else None,
            "details": entry.details,
            "origin": entry.origin,
            "previous_hash": entry.previous_hash,
            "entry_hash": entry.entry_hash,
        }
    )


def of_anchor(anchor: Anchor) -> bytes:
    """One line, without its end."""
    return _line(
        {"anchor": anchor.sequence, "entry_hash": anchor.entry_hash, "at": anchor.at, "seal": anchor.seal},
    )


def read(line: bytes) -> AuditEntry | Anchor:
    """What a line says, whatever a collector wrote in front of it. Raises Unreadable."""
    _front, brace, said = line.partition(b"{")
    try:
        values = json.loads(brace + said)
        return _anchor(values) if "anchor" in values else _entry(values)
    except (ValueError, KeyError, TypeError) as error:
        raise Unreadable from error


def is_whole(entry: AuditEntry) -> bool:
    """Whether the entry says what its hash was made of."""
    return chain.hash_of(entry) == entry.entry_hash


def _entry(values: dict[str, Any]) -> AuditEntry:
    return AuditEntry(
        sequence=int(values["sequence"]),
        at=datetime.fromisoformat(values["at"]),
        name=values["name"],
        user=UUID(values["user"]) if values["user"] else None,
        details=values["details"],
        origin=values["origin"],
        previous_hash=values["previous_hash"],
        entry_hash=values["entry_hash"],
    )


def _anchor(values: dict[str, Any]) -> Anchor:
    return Anchor(
        sequence=int(values["anchor"]),
        entry_hash=str(values["entry_hash"]),
        at=str(values["at"]),
        seal=str(values["seal"]),
    )


def _line(values: dict[str, Any]) -> bytes:
    return json.dumps(values, separators=(",", ":")).encode()

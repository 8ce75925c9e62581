"""The hash chain and its sealed head: each entry holds the hash of the one before it.

Altering, removing or inserting an entry breaks every hash after it; rewriting them all still leaves the head,
whose seal needs a key that is not in the database.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from idp import keyring
from idp.models import AuditEntry, AuditHead
from idp.models.batches import in_batches

_SEAL = "audit-head"
GENESIS = "0" * 64


class Broken(Exception):  # noqa: N818 -- it says what happened
    """The chain is not as we left it: something else wrote to it."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What is wrong with the chain, and at which entry."""

    sequence: int
    what: str


def hold_head() -> AuditHead:
    """The head, locked until the transaction ends. Raises Broken if its seal does not match."""
    # On SQLite the transaction holds the write lock already (BEGIN IMMEDIATE); elsewhere the row is locked.
    head = AuditHead.objects.select_for_update().filter(pk=1).first()
    if head is None:
        if AuditEntry.objects.exists():
            raise Broken("The audit chain has entries but no head.")
        return AuditHead(pk=1, sequence=0, entry_hash=GENESIS)
    if not _is_sealed(head):
        raise Broken(f"The seal of the audit chain's head at {head.sequence} does not match.")
    return head


def head_fault() -> str:
    """What is wrong with the head, in words for an operator; empty if it is as we left it."""
    head = AuditHead.objects.filter(pk=1).first()
    if head is None:
        return "the head of the audit chain is missing"
    if not _is_sealed(head):
        return "the head of the audit chain is not sealed with any of REGAIN_ROOT_KEYS"
    return ""


def move_head(head: AuditHead) -> None:
    head.seal = keyring.seal(_SEAL, head.sequence, head.entry_hash)
    AuditHead.objects.bulk_create(
        [head],
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=["sequence", "entry_hash", "seal"],
    )


def hash_of(entry: AuditEntry) -> str:
    """SHA-256 over the hash before it and everything the entry says."""
    said = json.dumps(
        [
            entry.previous_hash,
            entry.sequence,
            entry.at.isoformat(),
            entry.name,
            str(entry.user),
            entry.details,
            entry.origin,
        ],
        sort_keys=True,
        separators=(",", ":"),
    )
    return sha256(said.encode()).hexdigest()


def faults() -> Iterator[Fault]:
    """Walk the whole chain in order; yield what does not hold. Nothing yielded: nothing was touched."""
    expected, previous_hash = 1, GENESIS
    for entry in in_batches(AuditEntry.objects.all()):
        if entry.sequence != expected:
            yield Fault(sequence=expected, what=f"missing: the next entry is {entry.sequence}")
        elif entry.previous_hash != previous_hash:
            yield Fault(sequence=entry.sequence, what="does not follow the entry before it")
        if hash_of(entry) != entry.entry_hash:
            yield Fault(sequence=entry.sequence, what="was altered: its hash does not match what it says")
        expected, previous_hash = entry.sequence + 1, entry.entry_hash
    yield from _head_faults(last=expected - 1, last_hash=previous_hash)


def _head_faults(*, last: int, last_hash: str) -> Iterator[Fault]:
    head = AuditHead.objects.filter(pk=1).first()
    if head is None:
        if last:
            yield Fault(sequence=last, what="the sealed head is missing")
    elif not _is_sealed(head):
        yield Fault(sequence=head.sequence, what="the seal of the head does not match")
    elif (head.sequence, head.entry_hash) != (last, last_hash):
        yield Fault(sequence=last, what=f"the sealed head is at {head.sequence}: entries are missing or added")


def _is_sealed(head: AuditHead) -> bool:
    return keyring.is_sealed(_SEAL, head.seal, head.sequence, head.entry_hash)

"""Comparing the audit with what was exported of it: whatever was rewritten here afterwards is otherwise there.

This is what finds a whole database that was put back to an earlier day, or a chain that somebody with the root key
made anew.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from idp.audit import lines
from idp.audit.chain import Fault
from idp.audit.lines import Anchor
from idp.models import AuditEntry

_AT_ONCE = 500


class Comparison:
    """One reading of an export, in the order in which it was written. Memory stays flat."""

    def __init__(self) -> None:
        #: The last entry that was read, in how many entries and anchors, and lines that were cut short.
        self.last = 0
        self.entries = 0
        self.anchors = 0
        self.unreadable = 0

    def faults(self, exported: Iterable[bytes]) -> Iterator[Fault]:
        """What differs, is missing here, or is missing there. Nothing yielded: they agree as far as the export goes."""
        exported = iter(exported)
        while some := list(islice(exported, _AT_ONCE)):
            said = [each for line in some if line.strip() and (each := self._read(line)) is not None]
            kept = AuditEntry.objects.filter(sequence__in=[each.sequence for each in said])
            hashes = dict(kept.values_list("sequence", "entry_hash"))
            for each in said:
                yield from self._compare(each, hashes)

    def _read(self, line: bytes) -> AuditEntry | Anchor | None:
        try:
            return lines.read(line)
        except lines.Unreadable:
            self.unreadable += 1
            return None

    def _compare(self, said: Any, hashes: dict[int, str]) -> Iterator[Fault]:
        if isinstance(said, Anchor):
            self.anchors += 1
            if not said.is_genuine:
                yield Fault(sequence=said.sequence, what="has an anchor in the export that we did not seal")
        else:
            self.entries += 1
            if not lines.is_whole(said):
                yield Fault(sequence=said.sequence, what="was altered in the export")
            if self.last and said.sequence > self.last + 1:
                yield Fault(sequence=self.last + 1, what="is missing in the export")
            self.last = max(self.last, said.sequence)
        if said.sequence not in hashes:
            yield Fault(sequence=said.sequence, what="is in the export and not here")
        elif hashes[said.sequence] != said.entry_hash:
            yield Fault(sequence=said.sequence, what="is another one here than in the export")

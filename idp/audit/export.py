"""Sending new entries to each second place, in order and none left out, with an anchor after them.

A place remembers in a row the last entry it has. Who sends holds that row by one UPDATE, so entries are never mixed up;
one that dies in between lets somebody else send the same ones again. A place that is away delays its own copy and
nothing else: nobody waits for it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic

import structlog
from django.conf import settings
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from idp import metrics
from idp.audit import lines
from idp.audit.targets import Batch, Failed, Line, Target
from idp.metrics import Metric
from idp.models import AuditEntry, AuditExport, AuditHead

log = structlog.get_logger(__name__)

#: Entries in one go: an object in a store, one write to a file.
ENTRIES = 500
#: Longer than any task may take.
_HOLD = timedelta(minutes=1)
#: A place that has taken nothing for so long is worth a warning.
_PATIENCE = timedelta(minutes=5)
_SHORTER = "the history is shorter than what was exported of it"
#: Seconds after which no further batch is begun; the next minute goes on.
_ENOUGH = 10.0


@dataclass(frozen=True, kw_only=True)
class Exported:
    """How many entries a place got, and what is wrong with it."""

    target: str
    entries: int
    fault: str = ""


def export(now: datetime) -> list[Exported]:
    """Send what is new to every place; none waits for another's fault."""
    return [done for target in settings.AUDIT_EXPORT if (done := _export(target, now)) is not None]


def faults(now: datetime) -> list[str]:
    """Which places are behind, in words for an operator. Empty is good; nobody's sign-in depends on it."""
    kept = {row.target: row for row in AuditExport.objects.all()}
    late = []
    for target in settings.AUDIT_EXPORT:
        row = kept.get(target.name)
        if row is not None and row.failing_since is not None and row.failing_since + _PATIENCE <= now:
            late.append(
                f"the audit is not exported to {target.name} since {row.failing_since.isoformat()}: {row.fault}"
            )
    return late


def _export(target: Target, now: datetime) -> Exported | None:
    row, _made = AuditExport.objects.get_or_create(pk=target.name)
    mine = AuditExport.objects.filter(pk=target.name)
    if not mine.filter(Q(held_until=None) | Q(held_until__lte=now)).update(held_until=now + _HOLD):
        return None
    try:
        row.refresh_from_db()
        if AuditHead.objects.filter(sequence__lt=row.sequence).exists():
            _note_fault(target, _SHORTER, now=now)
            return Exported(target=target.name, entries=0, fault=_SHORTER)
        return _send_all(target, row, now)
    finally:
        mine.filter(held_until=now + _HOLD).update(held_until=None)


def _send_all(target: Target, row: AuditExport, now: datetime) -> Exported:
    began, sent = monotonic(), 0
    while monotonic() - began < _ENOUGH:
        entries = list(AuditEntry.objects.filter(sequence__gt=row.sequence).order_by("sequence")[:ENTRIES])
        if not entries:
            break
        try:
            target.send(_batch(entries, now=now), now=now)
        except Failed as error:
            _note_fault(target, str(error), now=now)
            return Exported(target=target.name, entries=sent, fault=str(error))
        here = AuditExport.objects.filter(pk=target.name, sequence=row.sequence)
        if not here.update(sequence=entries[-1].sequence, exported_at=now, failing_since=None, fault=""):
            break  # held for too long, somebody else went on
        row.sequence = entries[-1].sequence
        sent += len(entries)
    return Exported(target=target.name, entries=sent)


def _batch(entries: list[AuditEntry], *, now: datetime) -> Batch:
    anchor = lines.Anchor.at_entry(entries[-1], now=now)
    said = [Line(kind="entry", at=entry.at, said=lines.of_entry(entry)) for entry in entries]
    said.append(Line(kind="anchor", at=now, said=lines.of_anchor(anchor)))
    return Batch(first=entries[0].sequence, last=entries[-1].sequence, lines=said)


def _note_fault(target: Target, fault: str, *, now: datetime) -> None:
    log.error("audit not exported", alarm="audit.export", target=target.name, reason=fault)
    AuditExport.objects.filter(pk=target.name).update(
        failing_since=Coalesce(F("failing_since"), Value(now)), fault=fault[:80]
    )


def _numbers() -> Iterable[Metric]:
    head = AuditHead.objects.filter(pk=1).values_list("sequence", flat=True).first() or 0
    kept = {row.target: row for row in AuditExport.objects.all()}
    rows = [(target.name, kept.get(target.name)) for target in settings.AUDIT_EXPORT]
    yield metrics.gauge(
        "regain_audit_export_behind",
        "Entries of the audit that a second place does not have yet.",
        ("target",),
        [((name,), float(head - (row.sequence if row else 0))) for name, row in rows],
    )
    yield metrics.gauge(
        "regain_audit_export_failing_seconds",
        "For how long a second place has taken nothing; 0 if it does.",
        ("target",),
        [((name,), _seconds(row.failing_since if row else None)) for name, row in rows],
    )


def _seconds(since: datetime | None) -> float:
    return (timezone.now() - since).total_seconds() if since else 0.0


metrics.sources.append(_numbers)

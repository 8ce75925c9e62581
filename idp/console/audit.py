"""`/console/audit/`: everything that happened, to whom it happened and who did it; and a copy of it to take away."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from idp import browser
from idp.accounts import lookup
from idp.audit import log
from idp.audit.acts import AuditExported
from idp.audit.log import Wanted
from idp.audit.record import record
from idp.console import entries, frame, reasons
from idp.console.door import administrator
from idp.forms import fields
from idp.models import AuditEntry, SignIn
from idp.pages import Problem

_SIZE = 50
#: How many entries are in memory at a time while a copy is written.
_BATCH = 1000
_FILTERS = ("event", "account", "by", "since", "until")


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """The filters as they were typed, and what they come to; None if one of them means nobody there is."""

    typed: dict[str, str]
    wanted: Wanted | None

    def url(self, page: str, **more: object) -> str:
        query = {name: value for name, value in (self.typed | more).items() if value}
        return f"{page}?{urlencode(query)}" if query else page


@require_safe
@administrator
def audit(request: HttpRequest, here: SignIn) -> HttpResponse:
    """Newest first, a page at a time; pages begin at the number of an entry (keyset)."""
    asked = _asked({name: request.GET.get(name, "").strip() for name in _FILTERS})
    found, older = _page(asked.wanted, before=_number(request.GET.get("before", "")))
    context = {
        "typed": asked.typed,
        "lines": entries.lines(found, now=timezone.now()),
        "events": entries.names(),
        "is_nobody": asked.wanted is None,
        "older_url": asked.url(frame.AUDIT, before=older) if older else "",
        "newest_url": asked.url(frame.AUDIT) if request.GET.get("before") else "",
        "export_url": asked.url(frame.AUDIT_EXPORT),
    }
    return frame.show(request, here, "idp/console/audit.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@administrator
def export(request: HttpRequest, here: SignIn) -> HttpResponse | StreamingHttpResponse:
    """By POST, with a reason, what the filters leave: as JSON Lines, oldest first. That it was taken is an entry."""
    if request.method != "POST":
        return _export_page(request, here, {name: request.GET.get(name, "").strip() for name in _FILTERS})
    sent = fields(request, "reason", *_FILTERS)
    reason, asked = reasons.read(sent["reason"]), _asked({name: sent[name] for name in _FILTERS})
    if reason is None:
        return _export_page(request, here, asked.typed, problems=(Problem("reason", _("Choose a reason")),))
    with transaction.atomic():
        record(_exported(asked, by=here.user_id, reason=reason), origin=browser.origin(request))
    rows = log.entries(asked.wanted).order_by("sequence") if asked.wanted else AuditEntry.objects.none()
    response = StreamingHttpResponse(_json_lines(rows), content_type="application/jsonl; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="audit-{timezone.localdate():%Y-%m-%d}.jsonl"'
    return response


def _export_page(
    request: HttpRequest,
    here: SignIn,
    typed: dict[str, str],
    *,
    problems: tuple[Problem, ...] = (),
) -> HttpResponse:
    asked = _asked(typed)
    context = {
        "filters": [(name, value) for name, value in typed.items() if value],
        "reasons": reasons.Reason.choices,
        "problems": problems,
        "back_url": asked.url(frame.AUDIT),
    }
    return frame.show(request, here, "idp/console/audit_export.html", context)


# --- What is asked for ------------------------------------------------------------------------------------


def _asked(typed: dict[str, str]) -> _Asked:
    """A date that is none counts as not given, and so does an event that there is not."""
    event = typed["event"] if typed["event"] in entries.names() else ""
    since, until = _day(typed["since"]), _day(typed["until"])
    account, actor = _account(typed["account"]), _account(typed["by"])
    is_nobody = (bool(typed["account"]) and account is None) or (bool(typed["by"]) and actor is None)
    wanted = Wanted(
        event=event,
        account=account,
        actor=actor,
        since=since,
        until=until + timedelta(days=1) if until else None,
    )
    return _Asked(typed=typed, wanted=None if is_nobody else wanted)


def _account(text: str) -> UUID | None:
    """The account of this key, user name or e-mail address."""
    try:
        return UUID(text)
    except ValueError:
        found = lookup.find(text).user if text else None
        return found.pk if found else None


def _day(text: str) -> datetime | None:
    """When this day begins here."""
    try:
        return timezone.make_aware(datetime.combine(date.fromisoformat(text), time.min))
    except (ValueError, OverflowError):
        return None


def _number(text: str) -> int | None:
    most = 18
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= most else None


def _page(wanted: Wanted | None, *, before: int | None) -> tuple[list[AuditEntry], int | None]:
    """A page of entries, and the number that the next one ends before; None if there is no more."""
    if wanted is None:
        return [], None
    rows = log.entries(wanted)
    if before is not None:
        rows = rows.filter(sequence__lt=before)
    found = list(rows[: _SIZE + 1])
    return found[:_SIZE], found[_SIZE - 1].sequence if len(found) > _SIZE else None


# --- The copy ---------------------------------------------------------------------------------------------


def _exported(asked: _Asked, *, by: UUID, reason: str) -> AuditExported:
    """Of what was typed only what is no name: ids, the event and days."""
    wanted = asked.wanted or Wanted()
    return AuditExported(
        about=wanted.event,
        account=wanted.account,
        actor=wanted.actor,
        since=wanted.since.isoformat() if wanted.since else "",
        until=wanted.until.isoformat() if wanted.until else "",
        by=by,
        reason=reason,
    )


def _json_lines(rows: QuerySet[AuditEntry]) -> Iterator[str]:
    """A line for each entry with its hashes, so that whoever has all of them can verify the chain."""
    last = 0
    while batch := list(rows.filter(sequence__gt=last)[:_BATCH]):
        yield "".join(f"{json.dumps(_as_json(row), ensure_ascii=False)}\n" for row in batch)
        last = batch[-1].sequence


def _as_json(row: AuditEntry) -> dict[str, Any]:
    return {
        "sequence": row.sequence,
        "at": row.at.isoformat(),
        "name": row.name,
        "user": str(row.user) if row.user else None,
        "details": row.details,
        "origin": row.origin,
        "previous_hash": row.previous_hash,
        "entry_hash": row.entry_hash,
    }

"""`/console/delivery/`: whether codes and notices go out, how quickly, and what to do when they do not.

Numbers only. No page for administrators tells of a message to whom it goes or what it says.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from idp import caps, traffic
from idp.accounts import marks
from idp.caps import Budget
from idp.console import charts, frame, wording
from idp.console.door import administrator
from idp.console.frame import Figure
from idp.console.judgement import Judgement, Verdict, judge
from idp.models import SignIn
from idp.traffic import Queue, Traffic

_HOUR, _DAY = timedelta(hours=1), timedelta(hours=24)
#: The queue of those whom somebody waits for at a page.
_AWAITED = "otp"


@require_safe
@administrator
def delivery(request: HttpRequest, here: SignIn) -> HttpResponse:
    """Everything there is to know, in a dozen queries; the verdict first."""
    now = timezone.now()
    found = traffic.traffic(now)
    context = {
        "as_of": wording.time(now),
        "verdict": _verdict(judge(found)),
        "figures": _figures(found, marks.counts()),
        "hours": _hours(found),
        "queues": [_queue(queue) for queue in found.queues],
        "speed": _speed(found.queues),
        "kinds": [(kind, wording.carried_by(kind.queue, kind.channel)) for kind in found.kinds],
        "providers": found.providers,
        "holding": [
            (wording.cap(each.cap), each, wording.channel(each.channel), wording.time(each.last))
            for each in caps.held_since(now - _DAY)
        ],
        "budgets": [_budget(budget) for budget in caps.budgets(now)],
    }
    return frame.show(request, here, "idp/console/delivery.html", context)


# --- The verdict ------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Said:
    """The note at the top: how it looks, what is so, and what to do about it."""

    verdict: Verdict
    tone: str
    icon: str
    heading: str
    lines: tuple[str, ...] = ()
    to_do: str = ""


def _verdict(judged: Judgement) -> _Said:
    match judged.verdict:
        case Verdict.ON_TIME:
            return _Said(verdict=judged.verdict, tone="ok", icon="check", heading=_("Messages go out on time"))
        case Verdict.NOTHING:
            return _Said(
                verdict=judged.verdict,
                tone="",
                icon="mail",
                heading=_("Nothing has been sent yet"),
                to_do=_("In the last 24 hours no message was asked for, so there is nothing to show."),
            )
        case Verdict.LATE:
            late = _("%(queue)s: some take %(age)s.")
            return _Said(
                verdict=judged.verdict,
                tone="warn",
                icon="clock",
                heading=_("Some messages are late"),
                lines=tuple(
                    late % {"queue": wording.queue(queue.name), "age": wording.duration(age)}
                    for queue, age in judged.slow
                ),
                to_do=_(
                    "Others go out. A mailbox, a telephone or an application that asks to be tried later is enough "
                    "for this. If it lasts, look for “delivery delayed” in the log: it says who asked."
                ),
            )
        case Verdict.STUCK:
            return _Said(
                verdict=judged.verdict,
                tone="bad",
                icon="alert",
                heading=_("Messages are stuck"),
                lines=tuple(wording.fault(fault) for fault in judged.faults),
                to_do=_to_do(judged),
            )


def _to_do(judged: Judgement) -> str:
    if all(fault.overdue is None for fault in judged.faults):
        return _(
            "Look for “provider away” in the log, and ask the provider of your messages. "
            "Each message is tried again until its own time is over, a code for ten minutes."
        )
    return _(
        "See that the worker and beat processes run, and that they reach Redis and the database. "
        "What is still of use goes out as soon as they do."
    )


# --- Figures ----------------------------------------------------------------------------------------------


def _figures(found: Traffic, marked: dict[str, int]) -> tuple[Figure, ...]:
    unsent = sum(queue.waiting + queue.sending for queue in found.queues)
    oldest = max(queue.oldest for queue in found.queues)
    codes = next(queue for queue in found.queues if queue.name == _AWAITED)
    lately = _("of %(count)s in the last hour") % {"count": codes.sent} if codes.sent else _("none in the last hour")
    refused, expired = sum(hour.refused for hour in found.hours), sum(hour.expired for hour in found.hours)
    return (
        Figure(
            id="unsent",
            name=_("On their way"),
            value=str(unsent),
            detail=_("the oldest for %(age)s") % {"age": wording.duration(oldest)} if unsent else _("nothing waits"),
        ),
        Figure(
            id="codes-within",
            name=_("95 of 100 codes within"),
            value=wording.duration(codes.most_within) if codes.most_within is not None else "–",
            detail=lately,
        ),
        Figure(
            id="lost",
            name=_("Not delivered"),
            value=str(refused + expired),
            detail=_("%(refused)s refused, %(expired)s out of time") % {"refused": refused, "expired": expired},
        ),
        Figure(
            id="marked",
            name=_("Addresses in doubt"),
            value=str(sum(marked.values())),
            detail=_("%(bounced)s bounced, %(complained)s unwanted") % marked,
        ),
    )


# --- Hour by hour -----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Column:
    """What was promised in one hour on all queues."""

    begins: str
    day_and_hour: str
    sent: int
    unsent: int
    refused: int
    expired: int


def _hours(found: Traffic) -> dict[str, Any] | None:
    """The chart and its numbers; None if there is nothing to draw."""
    if not found.hours:
        return None
    first = _begin(found.at - _DAY)
    begins = [first + number * _HOUR for number in range((_begin(found.at) - first) // _HOUR + 1)]
    rows = [_column(hour, found) for hour in begins]
    names = ("sent", "unsent", "refused", "expired")
    total = {name: sum(getattr(row, name) for row in rows) for name in names}
    parts = [{"c1": row.sent, "c2": row.unsent, "c3": row.refused + row.expired} for row in rows]
    chart = charts.columns(parts, [row.begins for row in rows])
    summary = _("%(count)s messages in 24 hours, %(lost)s of them not delivered; %(peak)s in the busiest hour.")
    said = {"count": sum(total.values()), "lost": total["refused"] + total["expired"], "peak": chart.highest.text}
    return {
        "chart": chart,
        "rows": rows,
        "total": total,
        "said": summary % said,
    }


def _begin(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _column(begins: datetime, found: Traffic) -> _Column:
    hours = [hour for hour in found.hours if hour.begins == begins]
    return _Column(
        begins=wording.time(begins),
        day_and_hour=wording.hour(begins, now=found.at),
        sent=sum(hour.sent for hour in hours),
        unsent=sum(hour.unsent for hour in hours),
        refused=sum(hour.refused for hour in hours),
        expired=sum(hour.expired for hour in hours),
    )


# --- How long it takes ------------------------------------------------------------------------------------


def _queue(queue: Queue) -> dict[str, Any]:
    """A row of the table: words for what is there, a dash for what is not."""
    unsent = queue.waiting + queue.sending
    return {
        "name": wording.queue(queue.name),
        "unsent": unsent,
        "oldest": wording.duration(queue.oldest) if unsent else "–",
        "sent": queue.sent,
        "half": wording.duration(queue.half_within) if queue.half_within is not None else "–",
        "most": wording.duration(queue.most_within) if queue.most_within is not None else "–",
    }


def _speed(queues: Sequence[Queue]) -> dict[str, Any] | None:
    """The chart of the queues that sent something in the last hour; None if none did."""
    rows = []
    sentences = []
    for queue in queues:
        if queue.half_within is None or queue.most_within is None:
            continue
        name, half, most = (
            wording.queue(queue.name),
            wording.duration(queue.half_within),
            wording.duration(queue.most_within),
        )
        parts = {"c2": queue.most_within.total_seconds(), "c1": queue.half_within.total_seconds()}
        rows.append((name, f"{half} / {most}", parts))
        said = {"queue": name, "half": half, "most": most}
        sentences.append(_("%(queue)s: half within %(half)s, 95 of 100 within %(most)s.") % said)
    return {"chart": charts.bars(rows), "said": " ".join(sentences)} if rows else None


# --- Caps -------------------------------------------------------------------------------------------------


def _budget(budget: Budget) -> dict[str, Any]:
    said = {"used": min(budget.used, budget.of), "of": budget.of, "time": wording.time(budget.resets_at)}
    return {
        "name": wording.cap(f"{budget.channel}-budget"),
        "said": _("%(used)s of %(of)s used") % said,
        "over": _("Used up: nobody gets a code this way until %(time)s.") % said if budget.is_used_up else "",
        "share": charts.share(budget.used, of=budget.of),
    }

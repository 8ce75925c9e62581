"""`/console/recovery/`: who could get back in today, how the recoveries of a week went, and how long they took.

Numbers only: who could not get back in stands on the page of each person, and in no list.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from idp import problems
from idp.console import charts, frame, wording
from idp.console.door import administrator
from idp.console.frame import Figure
from idp.models import SignIn
from idp.plugins import hooks
from idp.plugins.hooks import Coverage, Fared, Fate, Funnel, Stage

_WEEK = timedelta(days=7)
#: Of two, one can still be there when the other needs them.
_ADMINISTRATORS = 2


@require_safe
@administrator
def recovery(request: HttpRequest, here: SignIn) -> HttpResponse:
    """Everything there is to know, in half a dozen queries; no such page where no plug-in brings anybody back."""
    now = timezone.now()
    coverage, funnel = hooks.coverage(now), hooks.funnel(now - _WEEK, now=now)
    if coverage is None or funnel is None:
        return problems.not_found(request)
    context = {
        "as_of": wording.time(now),
        "few_administrators": coverage.administrators_ready < _ADMINISTRATORS,
        "figures": _figures(coverage, funnel),
        "coverage": _coverage(coverage),
        "way": _way(funnel.fared) if funnel.fared else None,
        "ends": list(_ends().values()),
        "stages": list(_stages().values()),
        "problems": _problems(funnel),
    }
    return frame.show(request, here, "idp/console/recovery.html", context)


# --- Figures ----------------------------------------------------------------------------------------------


def _figures(coverage: Coverage, funnel: Funnel) -> tuple[Figure, ...]:
    finished = sum(each.count for each in funnel.fared if each.stage is Stage.FINISHED)
    return (
        Figure(
            id="ready",
            name=_("Could get back in today"),
            value=_share(coverage.ready, of=coverage.accounts),
            detail=_of_accounts(coverage.ready, coverage.accounts),
        ),
        Figure(
            id="registered",
            name=_("Have one way back or more"),
            value=_share(coverage.registered, of=coverage.accounts),
            detail=_of_accounts(coverage.registered, coverage.accounts),
        ),
        Figure(
            id="administrators",
            name=_("Administrators who could"),
            value=wording.count(coverage.administrators_ready),
            detail=_("of %(count)s in all") % {"count": wording.count(coverage.administrators)},
        ),
        Figure(
            id="time",
            name=_("Half are back within"),
            value=wording.duration(funnel.half_within) if funnel.half_within is not None else "–",
            detail=_("95 of 100 within %(time)s; %(count)s finished")
            % {"time": wording.duration(funnel.most_within), "count": wording.count(finished)}
            if funnel.most_within is not None
            else _("none finished in 7 days"),
        ),
    )


def _of_accounts(number: int, accounts: int) -> str:
    return _("%(number)s of %(accounts)s accounts") % {
        "number": wording.count(number),
        "accounts": wording.count(accounts),
    }


def _share(number: int, *, of: int) -> str:
    """In hundredths, rounded down: a hundred are all."""
    return _("%(share)s%%") % {"share": number * 100 // of} if of else "–"


# --- Who could get back in --------------------------------------------------------------------------------


def _coverage(found: Coverage) -> dict[str, Any] | None:
    """The chart and its numbers; None if there is nobody."""
    if not found.accounts:
        return None
    counted = [
        (_("Could get back in"), found.ready),
        (_("One way or more"), found.registered),
        *((way.label[:1].upper() + way.label[1:], way.accounts) for way in found.ways),
    ]
    rows = [(name, wording.count(number), _share(number, of=found.accounts)) for name, number in counted]
    drawn: list[tuple[str, str, dict[str, float]]] = [
        (name, share, {"c1": number}) for (name, number), (_name, _number, share) in zip(counted, rows, strict=True)
    ]
    sentence = _("%(accounts)s accounts. %(numbers)s.")
    said = {
        "accounts": wording.count(found.accounts),
        "numbers": ", ".join(f"{name}: {number}" for name, number, _share in rows),
    }
    return {
        "chart": charts.bars(drawn, of=found.accounts),
        "said": sentence % said,
        "rows": rows,
        "accounts": wording.count(found.accounts),
    }


# --- How recoveries go ------------------------------------------------------------------------------------


def _stages() -> dict[Stage, str]:
    return {
        Stage.STARTED: _("Started"),
        Stage.PROBLEM: _("Said what is wrong"),
        Stage.ASKED: _("Were asked for proof"),
        Stage.PROVED: _("Proved one thing"),
        Stage.ENOUGH: _("Proved enough"),
        Stage.FINISHED: _("Are back"),
    }


def _ends() -> dict[Fate, tuple[str, str]]:
    """How those end that are of no use, and what it means."""
    return {
        Fate.EXPIRED: (_("Left"), _("Their time ran out.")),
        Fate.TRIES: (_("Out of tries"), _("Too many wrong answers.")),
        Fate.SUPERSEDED: (_("Begun anew"), _("In the same browser; or another recovery of the account finished.")),
        Fate.STALE: (_("Overtaken"), _("The password, or the account, changed meanwhile.")),
    }


def _way(fared: Iterable[Fared]) -> dict[str, Any]:
    """How many came how far, as a chart; and where those ended who did not come all the way."""
    reached = _reached(fared)
    here: Counter[tuple[Stage, Fate]] = Counter()
    for each in fared:
        here[each.stage, each.fate] += each.count
    stages = _stages()
    drawn: list[tuple[str, str, dict[str, float]]] = [
        (name, wording.count(reached[stage]), {"c1": reached[stage]}) for stage, name in stages.items()
    ]
    rows = [
        {
            "name": name,
            "reached": wording.count(reached[stage]),
            "running": wording.count(here[stage, Fate.RUNNING]),
            "ends": [wording.count(here[stage, fate]) for fate in _ends()],
        }
        for stage, name in stages.items()
    ]
    return {
        "chart": charts.bars(drawn, of=reached[Stage.STARTED]),
        "said": ", ".join(f"{name}: {number}" for name, number, _parts in drawn) + ".",
        "rows": rows,
    }


def _reached(fared: Iterable[Fared]) -> Mapping[Stage, int]:
    """How many came to each stage, or further."""
    order = list(Stage)
    furthest: Counter[Stage] = Counter()
    for each in fared:
        furthest[each.stage] += each.count
    return {stage: sum(furthest[later] for later in order[place:]) for place, stage in enumerate(order)}


def _problems(funnel: Funnel) -> list[tuple[str, list[str]]]:
    """For each problem that somebody had, how many came how far."""
    rows = []
    for problem, name in (*funnel.problems.items(), ("", _("Not said"))):
        fared = [each for each in funnel.fared if each.problem == problem]
        if fared:
            rows.append((name, [wording.count(number) for number in _reached(fared).values()]))
    return rows

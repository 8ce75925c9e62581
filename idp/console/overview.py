"""`/console/`: what an administrator should know first, and what somebody should do something about."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from idp import traffic
from idp.accounts import powers, proposals, roles
from idp.audit import chain, log
from idp.audit.events import ClientSealInvalid, SealInvalid
from idp.console import frame, safety, wording
from idp.console.door import administrator
from idp.console.frame import Figure
from idp.models import Proposal, SignIn, User

_LATELY = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class Warning:  # noqa: A001 -- it is one
    """Something that should not stay so; `url` leads to where it is looked after."""

    id: str
    tone: str
    heading: str
    what: str
    url: str = ""
    link: str = ""


@require_safe
@administrator
def overview(request: HttpRequest, here: SignIn) -> HttpResponse:
    """Figures and warnings, in a dozen and a half short queries however many accounts there are."""
    now = timezone.now()
    open_ones = list(proposals.open_ones(now=now))
    ready = safety.ready_administrators(now)
    context = {
        "as_of": wording.time(now),
        "warnings": list(_warnings(here, open_ones, ready, now=now)),
        "figures": _figures(open_ones, ready),
    }
    return frame.show(request, here, "idp/console/overview.html", context)


def _figures(open_ones: list[Proposal], ready: int) -> tuple[Figure, ...]:
    closed = {status: _count(status) for status in (User.Status.SUSPENDED, User.Status.STOPPED, User.Status.FROZEN)}
    agreed = sum(row.agreed_by is not None for row in open_ones)
    return (
        Figure(
            id="administrators",
            name=_("Administrators"),
            value=wording.count(len(roles.administrators())),
            detail=_("%(count)s could get back in today") % {"count": wording.count(ready)},
        ),
        Figure(
            id="closed",
            name=_("Accounts nobody gets into"),
            value=wording.count(sum(closed.values())),
            detail=_("%(suspended)s suspended, %(stopped)s stopped by their owners")
            % {
                "suspended": wording.count(closed[User.Status.SUSPENDED]),
                "stopped": wording.count(closed[User.Status.STOPPED]),
            },
        ),
        Figure(
            id="invited",
            name=_("Invited"),
            value=wording.count(_count(User.Status.INVITED)),
            detail=_("not here yet"),
        ),
        Figure(
            id="open-decisions",
            name=_("Open decisions"),
            value=wording.count(len(open_ones)),
            detail=_("%(count)s of them agreed to") % {"count": wording.count(agreed)},
        ),
    )


def _count(status: User.Status) -> int:
    """Of a status that few accounts have; read from its index."""
    return User.objects.filter(status=status).count()


# --- Warnings ---------------------------------------------------------------------------------------------


def _warnings(here: SignIn, open_ones: list[Proposal], ready: int, *, now: datetime) -> Iterable[Warning]:
    if ready < powers.LEAST_ADMINISTRATORS:
        yield _few_administrators()
    if chain.head_fault():
        yield _broken_chain()
    if alarms := _alarms(now):
        yield _wrong_seals(alarms)
    if late := traffic.faults(now):
        yield Warning(
            id="delivery-late",
            tone="bad",
            heading=_("Messages are stuck"),
            what=" ".join(wording.fault(fault) for fault in late),
            url=frame.DELIVERY,
            link=_("Look at delivery"),
        )
    if waiting := sum(proposals.may_agree(row, here.user_id) for row in open_ones):
        yield Warning(
            id="decisions-wait",
            tone="info",
            heading=_("Another administrator asks for your decision"),
            what=ngettext("%(n)d proposal waits.", "%(n)d proposals wait.", waiting) % {"n": waiting},
            url=frame.DECISIONS,
            link=_("Look at it"),
        )


def _few_administrators() -> Warning:
    return Warning(
        id="few-administrators",
        tone="warn",
        heading=_("Fewer than two administrators could get back in"),
        what=_(
            "Nobody can let an administrator in who lost everything. Let at least two of them add more ways back: "
            "each sees on their security page what is missing."
        ),
        url=frame.PEOPLE,
        link=_("Find somebody to become one"),
    )


def _broken_chain() -> Warning:
    return Warning(
        id="chain-broken",
        tone="bad",
        heading=_("The history was written to past this program"),
        what=_(
            "Nothing that changes security goes on until it is understood. Let whoever operates this service run "
            "“manage.py verify_audit”."
        ),
    )


def _wrong_seals(number: int) -> Warning:
    return Warning(
        id="seals-wrong",
        tone="bad",
        heading=_("Something was written past this program, and is not believed"),
        what=ngettext(
            "%(n)d alarm about a wrong seal in the last 7 days. Somebody can write to the database.",
            "%(n)d alarms about wrong seals in the last 7 days. Somebody can write to the database.",
            number,
        )
        % {"n": number},
        url=f"{frame.AUDIT}?event={SealInvalid.name}",
        link=_("Look at the history"),
    )


def _alarms(now: datetime) -> int:
    return log.count_since(now - _LATELY, (SealInvalid.name, ClientSealInvalid.name))

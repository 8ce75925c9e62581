"""What every page of a recovery shares: where it is, who may see it, what is around its question.

A page at the wrong step does not fail: it leads to the page of the step the journey is at.
"""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from functools import wraps
from typing import Any, Concatenate
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from idp.plugins import waiting, web
from idp.plugins.web import SeeOther
from recovery import forms, in_force, journeys, work
from recovery.context import Context
from recovery.domain.journey import Step, current_step, is_enough, may_open
from recovery.domain.policy import LOCKED
from recovery.domain.ways import needed, roots
from recovery.journeys import Held

COOKIE = "regain-recovery"

PAGES = {
    Step.IDENTIFY: "/recovery/",
    Step.PROBLEM: "/recovery/problem/",
    Step.METHOD: "/recovery/method/",
    Step.ADDRESS: "/recovery/address/",
    Step.CODE: "/recovery/code/",
    Step.PASSKEY: "/recovery/passkey/",
    Step.CURRENT_PASSWORD: "/recovery/current-password/",
    Step.NEW_PASSWORD: "/recovery/password/",
    Step.UNLOCK: "/recovery/unlock/",
    Step.NEW_FACTOR: "/recovery/factor/",
    Step.STRANDED: "/recovery/stranded/",
    Step.DONE: "/recovery/done/",
    Step.ENDED: "/recovery/ended/",
}
#: Beside the list of methods: where to look once more.
NONE_URL = "/recovery/none/"
#: Beside the first page: how recovery works here.
HOW_URL = "/recovery/how/"
#: What can take the place of what was lost; and of a password.
APP_URL, PASSKEY_URL = "/recovery/factor/app/", "/recovery/factor/passkey/"
INSTEAD_URL = "/recovery/password/passkey/"
#: Where an invited person begins.
ACTIVATE_URL = "/recovery/activate/"
#: Belongs to no journey: somebody signs in, and has too few ways back.
REGISTER_URL = "/recovery/register/"

View = Callable[Concatenate[HttpRequest, Held, Context, ...], HttpResponse]


def at(page: Step) -> Callable[[View], Callable[[HttpRequest], HttpResponse]]:
    """Show the view only to a journey that stands at `page` (or beyond it, for pages one may go back to)."""

    def decorate(view: View) -> Callable[[HttpRequest], HttpResponse]:
        @wraps(view)
        @require_http_methods(["GET", "POST"])
        def guarded(request: HttpRequest) -> HttpResponse:
            context = context_of(request)
            held = journeys.load(web.cookie(request, COOKIE), now=context.now)
            step = current_step(held.facts if held else None, context.policy, now=context.now)
            if held is None or not may_open(page, step):
                return SeeOther(PAGES[step])
            try:
                return view(request, held, context)
            except journeys.Moved:
                # Another tab was faster; this one shows where the journey stands now.
                return SeeOther(PAGES[page])

        return guarded

    return decorate


def show(
    request: HttpRequest,
    held: Held,
    context: Context,
    name: str,
    values: dict[str, Any],
) -> HttpResponse:
    """The page of this name, with the application that waits."""
    waits = waiting.waiting(request, held.facts.interaction_id, now=context.now)
    return render(
        request,
        f"recovery/{name}.html",
        {"application": waits.application if waits else None, "problems": [], **values},
    )


def work_first(request: HttpRequest, context: Context, *, field: str, typed: str) -> HttpResponse | None:
    """The page in front of a first step while very many begin, with what was typed into `field`; None: go on."""
    match work.gate(forms.handed_in(request.POST), context):
        case None:
            return None
        case work.Asked() as asked:
            waits = waiting.waiting(request, request.GET.get("i", ""), now=context.now)
            page = {"field": field, "typed": typed, "application": waits.application if waits else None}
            return render(request, "recovery/work.html", page | asdict(asked), status=429)
        case held:
            return slow_page(request, None, held.resets_at, back=request.path)


def slow_page(request: HttpRequest, held: Held | None, until: datetime, *, back: str) -> HttpResponse:
    page = {"until": timezone.localtime(until), "back_url": back, "application": None}
    if held is not None:
        page |= {"method": held.facts.method, "another_url": PAGES[Step.METHOD]}
        waits = waiting.waiting(request, held.facts.interaction_id, now=timezone.now())
        page["application"] = waits.application if waits else None
    return render(request, "recovery/slow.html", page, status=429)


def invitation_over(request: HttpRequest) -> HttpResponse:
    """One answer for an invitation that was taken up, cancelled or sent anew, is too old, or was never one."""
    return web.page(
        request,
        status=400,
        heading=_("This invitation no longer works"),
        lead=_(
            "It was used already, was replaced by a newer one, or is too old. If your account is set up, sign in: "
            "“Can't access your account?” is there too. If not, ask whoever invited you to send it again.",
        ),
    )


def way_on(request: HttpRequest, held: Held, context: Context) -> str:
    """To sign in, for the application that waits if one does."""
    waits = waiting.waiting(request, held.facts.interaction_id, now=context.now)
    return waits.continue_url if waits else waiting.sign_in_url()


def identify_url(held: Held) -> str:
    """To say who one is anew, for the same application."""
    return f"{PAGES[Step.IDENTIFY]}?{urlencode({'again': 1, 'i': held.facts.interaction_id})}"


def how_url(interaction_id: str) -> str:
    """To how recovery works here, and back from there for the same application."""
    return f"{HOW_URL}{interaction_id and '?' + urlencode({'i': interaction_id})}"


def step_of(held: Held, context: Context) -> web.Step:
    """Where the journey stands: so many checks, and then the new password, if one is wanted.

    Before the first proof nobody is told how many there are: that depends on the account.
    """
    facts = held.facts
    if facts.standing is None:
        return web.Step(number=1, of=1)
    shown = len(roots(facts.proven))
    # One more may be asked for than the policy's number: if what was shown is what sign-in asks for as well.
    left = 0 if is_enough(facts, context.policy) else 1
    checks = max(shown + left, needed(facts.problem, facts.plan, facts.standing, context.policy))
    return web.Step(number=shown + 1, of=checks + (facts.problem != LOCKED))


def context_of(request: HttpRequest) -> Context:
    """What surrounds the request; the clock is read here."""
    now = timezone.now()
    return Context(now=now, policy=in_force.policy(now), origin=web.origin(request))

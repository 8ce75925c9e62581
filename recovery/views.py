"""The pages of a recovery: each asks the facts whether it may be shown, calls one intention, and matches its answer.

A page at the wrong step does not fail: it leads to the page of the step the journey is at.
"""

import math
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, Concatenate
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from idp.plugins import accounts, passwords, waiting, web
from idp.plugins.web import Choice, Problem, SeeOther
from recovery import codes, flow, forms, journeys
from recovery.conf import policy
from recovery.domain.journey import Step, current_step, may_open
from recovery.domain.outcomes import Accepted, Gone, Sent, Throttled, Wrong
from recovery.flow import Context
from recovery.journeys import Held
from recovery.methods import registry
from recovery.methods.base import MessageMethod

COOKIE = "regain-recovery"
#: A message that takes longer than this is called delayed (FT-23).
_LATE = timedelta(minutes=1)
_WAITING_REFRESH = 5

PAGES = {
    Step.IDENTIFY: "/recovery/",
    Step.PROBLEM: "/recovery/problem/",
    Step.METHOD: "/recovery/method/",
    Step.ADDRESS: "/recovery/address/",
    Step.CODE: "/recovery/code/",
    Step.NEW_PASSWORD: "/recovery/password/",
    Step.DONE: "/recovery/done/",
    Step.ENDED: "/recovery/ended/",
}

View = Callable[Concatenate[HttpRequest, Held, Context, ...], HttpResponse]


def at(page: Step) -> Callable[[View], Callable[[HttpRequest], HttpResponse]]:
    """Show the view only to a journey that stands at `page` (or beyond it, for pages one may go back to)."""

    def decorate(view: View) -> Callable[[HttpRequest], HttpResponse]:
        @wraps(view)
        @require_http_methods(["GET", "POST"])
        def guarded(request: HttpRequest) -> HttpResponse:
            context = _context(request)
            held = journeys.load(web.cookie(request, COOKIE))
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


@require_http_methods(["GET", "POST"])
def identify(request: HttpRequest) -> HttpResponse:
    """`/recovery/`: who are you? A journey in progress is found again, unless it is for another application."""
    context = _context(request)
    interaction_id = request.GET.get("i", "")
    held = journeys.load(web.cookie(request, COOKIE))
    step = current_step(held.facts if held else None, context.policy, now=context.now)
    in_progress = held is not None and step not in (Step.DONE, Step.ENDED)
    if request.method == "GET":
        if held and in_progress and interaction_id in ("", held.facts.interaction_id) and "again" not in request.GET:
            return SeeOther(PAGES[step])
        return _identify_page(request, interaction_id, context)
    typed, faults = forms.identifier(request.POST)
    if faults:
        return _identify_page(request, interaction_id, context, typed=typed, faults=faults)
    try:
        begun = flow.begin(typed, interaction_id=interaction_id[:32], replaces=held, context=context)
    except journeys.Moved:
        return SeeOther(PAGES[Step.IDENTIFY])
    match begun:
        case Throttled(until=until):
            return _slow_page(request, None, until, back=PAGES[Step.IDENTIFY])
        case flow.Begun(browser_key=key):
            response = SeeOther(PAGES[Step.PROBLEM])
            web.set_cookie(response, COOKIE, key, lifetime=context.policy.journey_lifetime)
            return response


@at(Step.PROBLEM)
def problem(request: HttpRequest, held: Held, context: Context) -> HttpResponse:
    """`/recovery/problem/`: what is stopping you? The same for everybody."""
    chosen = request.POST.get("problem", "")
    if request.method == "POST" and chosen in context.policy.problems:
        flow.choose_problem(held, chosen)
        return SeeOther(PAGES[Step.METHOD])
    choices = [choice for choice in _problems() if choice.value in context.policy.problems]
    page = {"choices": choices, "back_url": _identify_url(held)}
    return _page(request, held, context, "problem", page)


@at(Step.METHOD)
def method(request: HttpRequest, held: Held, context: Context) -> HttpResponse:
    """`/recovery/method/`: how will you prove it? The list depends on the policy only, never on the account."""
    chosen = registry.find(request.POST.get("method", ""), context.policy)
    if request.method == "POST" and chosen is not None:
        flow.choose_method(held, chosen)
        return SeeOther(PAGES[Step.ADDRESS])
    page = {
        "choices": [each.choice() for each in registry.enabled(context.policy)],
        "step": _step(held, context),
        "back_url": PAGES[Step.PROBLEM],
        "none_url": None,
    }
    return _page(request, held, context, "method", page)


@at(Step.ADDRESS)
def address(request: HttpRequest, held: Held, context: Context) -> HttpResponse:
    """`/recovery/address/`: the full address, typed; we never show it."""
    chosen = _chosen(held, context)
    typed = forms.address(request.POST)
    faults: list[Problem] = []
    if request.method == "POST":
        if fault := chosen.fault(typed):
            faults = [Problem("address", fault)]
        else:
            match flow.send_challenge(held, chosen, typed, context=context):
                case Sent():
                    return SeeOther(PAGES[Step.CODE])
                case Throttled(until=until):
                    return _slow_page(request, held, until, back=PAGES[Step.ADDRESS])
    page = {
        "method": chosen.id,
        "address": typed,
        "problems": faults,
        "step": _step(held, context),
        "back_url": PAGES[Step.METHOD],
        "another_url": PAGES[Step.METHOD],
    }
    return _page(request, held, context, "address", page)


@at(Step.CODE)
def code(request: HttpRequest, held: Held, context: Context) -> HttpResponse:
    """`/recovery/code/`: the code from the message, or one more message."""
    chosen = _chosen(held, context)
    if request.method == "GET":
        return _code_page(request, held, context, chosen)
    if request.POST.get("send_again"):
        match flow.send_again(held, chosen, context=context):
            case Sent():
                return SeeOther(PAGES[Step.CODE])
            case Gone():
                return SeeOther(PAGES[Step.ENDED])
            case Throttled(until=until):
                return _code_page(request, held, context, chosen, held_back_until=until)
    match flow.submit_answer(held, chosen, forms.code(request.POST), context=context):
        case Accepted(browser_key=key):
            response = SeeOther(PAGES[Step.NEW_PASSWORD])
            web.set_cookie(response, COOKIE, key, lifetime=context.policy.journey_lifetime)
            return response
        case Wrong() as wrong:
            return _code_page(request, held, context, chosen, wrong=wrong)
        case Gone():
            return SeeOther(PAGES[Step.ENDED])
        case Throttled(until=until):
            return _slow_page(request, held, until, back=PAGES[Step.CODE])


@at(Step.NEW_PASSWORD)
def new_password(request: HttpRequest, held: Held, context: Context) -> HttpResponse:
    """`/recovery/password/`: the new password, judged by the same rules as everywhere."""
    faults: list[Problem] = []
    if request.method == "POST":
        raw, faults = forms.new_password(request.POST)
        if not faults:
            match flow.set_new_password(held, raw, context=context):
                case passwords.PasswordChanged():
                    return SeeOther(PAGES[Step.DONE])
                case passwords.PasswordUnfit(faults=unfit):
                    faults = [Problem("new-password", str(fault)) for fault in unfit]
                case passwords.ProofStale():
                    return SeeOther(PAGES[Step.ENDED])
    page = {
        "problems": faults,
        "username": accounts.username(held.facts.subject),
        "minimum_length": passwords.minimum_length(),
        "step": _step(held, context),
    }
    return _page(request, held, context, "new_password", page)


@at(Step.DONE)
def done(request: HttpRequest, held: Held, context: Context) -> HttpResponse:
    """`/recovery/done/`: what happened, and the way back to the application that waits."""
    waits = waiting.waiting(request, held.facts.interaction_id, now=context.now)
    page = {
        "sessions_ended": held.row.result.get("sessions_ended", 0),
        "applications_told": held.row.result.get("applications_told", 0),
        "told_by": held.row.result.get("told_by", []),
        "continue_url": waits.continue_url if waits else waiting.sign_in_url(),
        "account_url": None,
    }
    return _page(request, held, context, "done", page)


@at(Step.ENDED)
def ended(request: HttpRequest, held: Held, context: Context) -> HttpResponse:
    """`/recovery/ended/`: why it is over, and how to begin again."""
    reason = held.facts.ending or "expired"
    return _page(request, held, context, "ended", {"reason": str(reason), "start_url": _identify_url(held)})


# --- Pages with more to them ------------------------------------------------------------------------------


def _identify_page(
    request: HttpRequest,
    interaction_id: str,
    context: Context,
    *,
    typed: str | None = None,
    faults: list[Problem] | None = None,
) -> HttpResponse:
    waits = waiting.waiting(request, interaction_id, now=context.now)
    page = {
        "application": waits.application if waits else None,
        "identifier": waits.login_hint if typed is None and waits else typed or "",
        "problems": faults or [],
        "back_url": waiting.sign_in_url(interaction_id if waits else ""),
    }
    return render(request, "recovery/identify.html", page)


def _code_page(
    request: HttpRequest,
    held: Held,
    context: Context,
    chosen: MessageMethod,
    *,
    wrong: Wrong | None = None,
    held_back_until: datetime | None = None,
) -> HttpResponse:
    numbers = context.policy.otp
    challenge = journeys.challenge(held.row, chosen.id)
    if challenge is None:
        return SeeOther(PAGES[Step.ADDRESS])
    message = codes.newest(challenge, numbers)
    if message is None:
        return SeeOther(PAGES[Step.ADDRESS])
    reference = codes.reference(challenge, message.generation)
    faults = []
    if wrong is not None:
        faults = [Problem("code", _wrong_sentence(wrong, reference, numbers.digits))]
    elif held_back_until is not None:
        faults = [Problem("code", _held_back_sentence(held_back_until))]
    elif not message.is_good(context.now):
        faults = [Problem("code", _("This code has run out. Send it again to get a new one."))]
    asked_at = message.delivery.posted_at
    delivery = _delivery(message, context.now)
    page = {
        "method": chosen.id,
        "reference": reference,
        "asked_at": timezone.localtime(asked_at),
        # While it waits, its end is only known to be no sooner than this; a page may be read for a while.
        "until": timezone.localtime(min(message.until, context.now + numbers.lifetime)),
        "tries_left": max(0, numbers.tries - challenge.tries_used),
        "delivery": delivery,
        "handed_at": timezone.localtime(message.delivery.sent_at or asked_at),
        "again_in": _seconds_until(asked_at + context.policy.resend.per, context.now),
        "last_letter": False,
        "refresh": _WAITING_REFRESH if delivery == "waiting" else None,
        "problems": faults,
        "step": _step(held, context),
        "back_url": PAGES[Step.ADDRESS],
        "another_url": PAGES[Step.METHOD],
    }
    return _page(request, held, context, "code", page)


def _slow_page(request: HttpRequest, held: Held | None, until: datetime, *, back: str) -> HttpResponse:
    page = {"until": timezone.localtime(until), "back_url": back, "application": None}
    if held is not None:
        page |= {"method": held.facts.method, "another_url": PAGES[Step.METHOD]}
        waits = waiting.waiting(request, held.facts.interaction_id, now=timezone.now())
        page["application"] = waits.application if waits else None
    return render(request, "recovery/slow.html", page, status=429)


def _page(
    request: HttpRequest,
    held: Held,
    context: Context,
    name: str,
    page: dict[str, Any],
) -> HttpResponse:
    waits = waiting.waiting(request, held.facts.interaction_id, now=context.now)
    return render(
        request,
        f"recovery/{name}.html",
        {"application": waits.application if waits else None, "problems": [], **page},
    )


# --- Words and small facts --------------------------------------------------------------------------------


def _problems() -> list[Choice]:
    return [Choice(value="forgot", title=_("I forgot my password"), detail=_("Set a new one."), icon="key")]


def _wrong_sentence(wrong: Wrong, reference: str, digits: int) -> str:
    if not wrong.counted:
        return _("Enter the %(digits)d digits of the code in message %(ref)s.") % {
            "digits": digits,
            "ref": reference,
        }
    if wrong.tries_left == 1:
        return _("That's not the code in message %(ref)s. 1 try left.") % {"ref": reference}
    return _("That's not the code in message %(ref)s. %(n)s tries left.") % {
        "ref": reference,
        "n": wrong.tries_left,
    }


def _held_back_sentence(until: datetime) -> str:
    return _("Another code can be sent at %(time)s. The last one still works until its own end.") % {
        "time": timezone.localtime(until).strftime("%H:%M"),
    }


def _delivery(message: codes.Sent, now: datetime) -> str:
    """How far the message has come. What a provider made of somebody's address is not told: it would tell of it."""
    if message.reached:
        return "sent"
    if not message.is_good(now):
        return "failed"
    return "delayed" if now - message.delivery.posted_at > _LATE else "waiting"


def _seconds_until(moment: datetime, now: datetime) -> int:
    return max(0, math.ceil((moment - now).total_seconds()))


def _step(held: Held, context: Context) -> web.Step:
    """Where the journey stands: so many checks, and then the new password."""
    return web.Step(number=len(held.facts.proven) + 1, of=context.policy.proofs_required + 1)


def _chosen(held: Held, context: Context) -> MessageMethod:
    """The method chosen. `at` has made sure that there is one: ADDRESS and CODE follow from it."""
    chosen = registry.find(held.facts.method, context.policy)
    if chosen is None:
        raise journeys.Moved(held.row.pk)
    return chosen


def _identify_url(held: Held) -> str:
    """To say who one is anew, for the same application."""
    return f"{PAGES[Step.IDENTIFY]}?{urlencode({'again': 1, 'i': held.facts.interaction_id})}"


def _context(request: HttpRequest) -> Context:
    return Context(now=timezone.now(), policy=policy(), origin=web.origin(request))

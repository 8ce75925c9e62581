"""The pages of a recovery: each asks the facts whether it may be shown, calls one intention, and matches its answer."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from idp.plugins import accounts, code_pages, passwords, waiting, web
from idp.plugins.web import Choice, Problem, SeeOther
from recovery import codes, flow, forms, journeys
from recovery.domain.journey import FORGOT, LOCKED, Step, current_step
from recovery.domain.outcomes import Accepted, Gone, Sent, Throttled, Wrong
from recovery.flow import Context
from recovery.journeys import Held
from recovery.methods import registry
from recovery.methods.base import MessageMethod
from recovery.pages import COOKIE, PAGES, at, context_of, identify_url, show, slow_page, step_of, way_on


@require_http_methods(["GET", "POST"])
def identify(request: HttpRequest) -> HttpResponse:
    """`/recovery/`: who are you? A journey in progress is found again, unless it is for another application."""
    context = context_of(request)
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
            return slow_page(request, None, until, back=PAGES[Step.IDENTIFY])
        case flow.Begun(browser_key=key):
            response = SeeOther(f"{PAGES[Step.PROBLEM]}{_first(request)}")
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
    # Whoever comes from the page that says "paused" finds that first.
    choices.sort(key=lambda choice: choice.value != request.GET.get("problem", ""))
    page = {"choices": choices, "back_url": identify_url(held)}
    return show(request, held, context, "problem", page)


@at(Step.METHOD)
def method(request: HttpRequest, held: Held, context: Context) -> HttpResponse:
    """`/recovery/method/`: how will you prove it? The list depends on the policy only, never on the account."""
    chosen = registry.find(request.POST.get("method", ""), context.policy)
    if request.method == "POST" and chosen is not None:
        flow.choose_method(held, chosen)
        return SeeOther(PAGES[Step.ADDRESS])
    page = {
        "choices": [each.choice() for each in registry.enabled(context.policy)],
        "step": step_of(held, context),
        "back_url": PAGES[Step.PROBLEM],
        "none_url": None,
    }
    return show(request, held, context, "method", page)


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
                    return slow_page(request, held, until, back=PAGES[Step.ADDRESS])
    page = {
        "method": chosen.id,
        "address": typed,
        "problems": faults,
        "step": step_of(held, context),
        "back_url": PAGES[Step.METHOD],
        "another_url": PAGES[Step.METHOD],
    }
    return show(request, held, context, "address", page)


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
            # Enough for one end or the other, or one more check: the next page finds out.
            response = SeeOther(PAGES[Step.UNLOCK if held.facts.problem == LOCKED else Step.NEW_PASSWORD])
            web.set_cookie(response, COOKIE, key, lifetime=context.policy.journey_lifetime)
            return response
        case Wrong() as wrong:
            return _code_page(request, held, context, chosen, wrong=wrong)
        case Gone():
            return SeeOther(PAGES[Step.ENDED])
        case Throttled(until=until):
            return slow_page(request, held, until, back=PAGES[Step.CODE])


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
        "step": step_of(held, context),
    }
    return show(request, held, context, "new_password", page)


@at(Step.UNLOCK)
def unlock(request: HttpRequest, held: Held, context: Context) -> HttpResponse:
    """`/recovery/unlock/`: sign-in is open again; keep the password, or set a new one too?"""
    if "opened" not in held.row.result:
        if request.POST.get("open"):
            flow.open_account(held, context=context)
            return SeeOther(PAGES[Step.UNLOCK])
    elif request.POST.get("new_password_too"):
        flow.set_password_too(held)
        return SeeOther(PAGES[Step.NEW_PASSWORD])
    elif request.POST.get("finish"):
        flow.finish(held, context=context)
        return SeeOther(way_on(request, held, context))
    return show(request, held, context, "unlock", _unlocked(held))


@at(Step.DONE)
def done(request: HttpRequest, held: Held, context: Context) -> HttpResponse:
    """`/recovery/done/`: what happened, and the way back to the application that waits."""
    if "opened" in held.row.result:
        kept = _unlocked(held) | {"continue_url": way_on(request, held, context)}
        return show(request, held, context, "kept", kept)
    page = {
        "sessions_ended": held.row.result.get("sessions_ended", 0),
        "applications_told": held.row.result.get("applications_told", 0),
        "told_by": held.row.result.get("told_by", []),
        "continue_url": way_on(request, held, context),
        "account_url": None,
    }
    return show(request, held, context, "done", page)


@at(Step.ENDED)
def ended(request: HttpRequest, held: Held, context: Context) -> HttpResponse:
    """`/recovery/ended/`: why it is over, and how to begin again."""
    reason = held.facts.ending or "expired"
    return show(request, held, context, "ended", {"reason": str(reason), "start_url": identify_url(held)})


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
        said = code_pages.wrong(reference, digits=numbers.digits, tries_left=wrong.tries_left, counted=wrong.counted)
        faults = [Problem("code", said)]
    elif held_back_until is not None:
        faults = [Problem("code", _held_back_sentence(held_back_until))]
    elif not message.is_good(context.now):
        faults = [Problem("code", _("This code has run out. Send it again to get a new one."))]
    page = {
        "method": chosen.id,
        "last_letter": False,
        "problems": faults,
        "step": step_of(held, context),
        "back_url": PAGES[Step.ADDRESS],
        "another_url": PAGES[Step.METHOD],
        **code_pages.shown(
            message,
            reference=reference,
            # What a provider made of somebody's address is not told: it would tell of it.
            delivery="sent" if message.reached else code_pages.on_its_way(message, context.now),
            tries_left=max(0, numbers.tries - challenge.tries_used),
            resend=context.policy.resend.per,
            numbers=numbers,
            now=context.now,
        ),
    }
    return show(request, held, context, "code", page)


def _unlocked(held: Held) -> dict[str, Any]:
    """What there had been before sign-in was opened again: counts and a time. Empty if that is still to be done."""
    opened = held.row.result.get("opened")
    if opened is None:
        return {"opened": None}
    last_at = opened["last_at"]
    return {
        "opened": opened,
        "last_at": timezone.localtime(datetime.fromisoformat(last_at)) if last_at else None,
        "told_by": held.row.result.get("told_by", []),
    }


# --- Words and small facts --------------------------------------------------------------------------------


def _problems() -> list[Choice]:
    return [
        Choice(value=FORGOT, title=_("I forgot my password"), detail=_("Set a new one."), icon="key"),
        Choice(
            value=LOCKED,
            title=_("I know my password, but still can't sign in"),
            detail=_("We open your account again. You keep your password."),
            icon="lock",
        ),
    ]


def _held_back_sentence(until: datetime) -> str:
    return _("Another code can be sent at %(time)s. The last one still works until its own end.") % {
        "time": timezone.localtime(until).strftime("%H:%M"),
    }


def _chosen(held: Held, context: Context) -> MessageMethod:
    """The method chosen. `at` has made sure that there is one: ADDRESS and CODE follow from it."""
    chosen = registry.find(held.facts.method, context.policy)
    if chosen is None:
        raise journeys.Moved(held.row.pk)
    return chosen


def _first(request: HttpRequest) -> str:
    """Which problem the page that sent them here thinks it is."""
    return f"?{urlencode({'problem': LOCKED})}" if request.GET.get("problem") == LOCKED else ""

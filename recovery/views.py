"""The pages on which somebody proves who they are: each asks the facts whether it may be shown; `endings` follow."""

from datetime import datetime
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from idp.plugins import code_pages, factors, otp, waiting, web
from idp.plugins.web import Choice, Problem, SeeOther, takes
from recovery import budgets, codes, flow, forms, journeys
from recovery.context import Context
from recovery.domain.journey import Step, asked_at, current_step, open_ways
from recovery.domain.outcomes import Accepted, Gone, Sent, Throttled, Wrong
from recovery.domain.policy import FORGOT, INTRUDER, LOCKED, LOST_FACTOR
from recovery.domain.ways import WAYS, Asks
from recovery.journeys import Held
from recovery.methods import registry
from recovery.methods.base import HeldMethod, MessageMethod, asks_for_held, sends
from recovery.pages import (
    COOKIE,
    NONE_URL,
    PAGES,
    at,
    context_of,
    how_url,
    identify_url,
    show,
    slow_page,
    step_of,
    way_on,
    work_first,
)


@takes("identifier", "solution", "ticket")
@require_http_methods(["GET", "POST"])
def identify(request: HttpRequest) -> HttpResponse:
    """`/recovery/`: who are you? A journey in progress is found again, unless it is for another application."""
    context = context_of(request)
    interaction_id = request.GET.get("i", "")
    held = journeys.load(web.cookie(request, COOKIE), now=context.now)
    step = current_step(held.facts if held else None, context.policy, now=context.now)
    in_progress = held is not None and step not in (Step.DONE, Step.ENDED)
    if request.method == "GET":
        if held and in_progress and interaction_id in ("", held.facts.interaction_id) and "again" not in request.GET:
            return SeeOther(PAGES[step])
        return _identify_page(request, interaction_id, context)
    typed, faults = forms.identifier(request.POST)
    if faults:
        return _identify_page(request, interaction_id, context, typed=typed, faults=faults)
    if first := work_first(request, context, field="identifier", typed=typed):
        return first
    try:
        begun = flow.begin(
            typed,
            interaction_id=interaction_id[:32],
            replaces=held,
            context=context,
            device_key=web.device_key(request),
        )
    except journeys.Moved:
        return SeeOther(PAGES[Step.IDENTIFY])
    match begun:
        case Throttled(until=until):
            return slow_page(request, None, until, back=PAGES[Step.IDENTIFY])
        case flow.Begun(browser_key=key):
            response = SeeOther(f"{PAGES[Step.PROBLEM]}{_first(request)}")
            web.set_cookie(response, COOKIE, key, lifetime=context.policy.journey_lifetime)
            return response


@takes("problem")
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
    page = {"choices": choices, "back_url": None if held.facts.proven else identify_url(held)}
    return show(request, held, context, "problem", page)


@takes("method")
@at(Step.METHOD)
def method(request: HttpRequest, held: Held, context: Context) -> HttpResponse:
    """`/recovery/method/`: how will you prove it? Before the first proof the list depends on the policy only."""
    ways = open_ways(held.facts, context.policy)
    name = request.POST.get("method", "")
    chosen = registry.find(name) if name in ways else None
    if request.method == "POST" and chosen is not None:
        flow.choose_method(held, chosen, context=context)
        return SeeOther(PAGES[asked_at(chosen.id)])
    page = {
        "choices": [each.choice() for each in registry.named(ways)],
        "used": [each.title() for each in registry.named(sorted(held.facts.proven))],
        "stopped": held.row.result.get("stopped"),
        "step": step_of(held, context),
        "back_url": PAGES[Step.PROBLEM],
        "none_url": NONE_URL,
    }
    return show(request, held, context, "method", page)


@takes("address")
@at(Step.ADDRESS)
def address(request: HttpRequest, held: Held, context: Context) -> HttpResponse:
    """`/recovery/address/`: the full address, typed; we never show it."""
    chosen = registry.find(held.facts.method)
    if not sends(chosen):
        return SeeOther(PAGES[Step.CODE])
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


@takes("code", "send_again")
@at(Step.CODE)
def code(request: HttpRequest, held: Held, context: Context) -> HttpResponse:
    """`/recovery/code/`: the code from the message, or one more message; or a code that somebody has already."""
    chosen = registry.find(held.facts.method)
    if not sends(chosen):
        return _held_page(request, held, context, "held_code", field="code", answer=forms.code(request.POST))
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
        case Wrong() | Throttled() as refused:
            return _code_page(request, held, context, chosen, refused=refused)
        case outcome:
            return _after_an_answer(request, held, outcome, context)


@takes("passkey")
@at(Step.PASSKEY)
def passkey(request: HttpRequest, held: Held, context: Context) -> HttpResponse:
    """`/recovery/passkey/`: the same page for everybody; it names no passkey."""
    answer = request.POST.get("passkey", "")
    return _held_page(request, held, context, "passkey", field="passkey", answer=answer)


@takes("purpose")
@at(Step.PASSKEY)
def passkey_options(request: HttpRequest, _held: Held, context: Context) -> HttpResponse:
    """`/recovery/passkey/options`: what the browser is to ask its authenticators for; the same for everybody."""
    if request.method == "GET":
        return SeeOther(PAGES[Step.PASSKEY])
    return web.passkey_challenge(request, factors.passkey_options, now=context.now)


@takes("password")
@at(Step.CURRENT_PASSWORD)
def current_password(request: HttpRequest, held: Held, context: Context) -> HttpResponse:
    """`/recovery/current-password/`: the password that they know, towards replacing what they lost."""
    typed = request.POST.get("password", "")
    return _held_page(request, held, context, "current_password", field="password", answer=typed)


@takes()
@at(Step.METHOD)
def none_of_these(request: HttpRequest, held: Held, context: Context) -> HttpResponse:
    """`/recovery/none/`: where to look once more. It depends on nothing."""
    page = {"choose_url": PAGES[Step.METHOD], "back_url": PAGES[Step.METHOD]}
    return show(request, held, context, "none", page)


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
        "how_url": how_url(interaction_id if waits else ""),
    }
    return render(request, "recovery/identify.html", page)


def _code_page(
    request: HttpRequest,
    held: Held,
    context: Context,
    chosen: MessageMethod,
    *,
    refused: Wrong | Throttled | None = None,
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
    characters = otp.LONG if codes.is_long(challenge, message.generation) else None
    said = ""
    match refused:
        case Wrong(tries_left=tries_left, counted=counted):
            said = code_pages.wrong(
                reference, digits=numbers.digits, characters=characters, tries_left=tries_left, counted=counted
            )
        case Throttled():
            said = _guessed_out_sentence()
        case None if held_back_until is not None:
            rests = characters is None and budgets.short_codes_rest(held, chosen.id, context.policy, now=context.now)
            said = _held_back_sentence(held_back_until, rests=rests)
        case None if not message.is_good(context.now):
            said = _("This code has run out. Send it again to get a new one.")
    page = {
        "method": chosen.id,
        "last_letter": False,
        "problems": [Problem("code", said)] if said else [],
        "step": step_of(held, context),
        "back_url": PAGES[Step.ADDRESS],
        "another_url": PAGES[Step.METHOD],
        "elsewhere_url": way_on(request, held, context),
        **code_pages.shown(
            message,
            reference=reference,
            # What a provider made of somebody's address is not told: it would tell of it.
            delivery="sent" if message.reached else code_pages.on_its_way(message, context.now),
            tries_left=max(0, numbers.tries - challenge.tries_used),
            resend=context.policy.resend.per,
            numbers=numbers,
            now=context.now,
            characters=characters,
        ),
    }
    return show(request, held, context, "code", page)


def _held_page(
    request: HttpRequest, held: Held, context: Context, template: str, *, field: str, answer: str
) -> HttpResponse:
    """Ask for what somebody holds; judge what came in `field`."""
    chosen = registry.find(held.facts.method)
    if not asks_for_held(chosen):
        return SeeOther(PAGES[Step.METHOD])
    challenge = journeys.challenge(held.row, chosen.id)
    tries_left = context.policy.otp.tries - (challenge.tries_used if challenge else 0)
    faults = []
    if request.method == "POST":
        browser_hash = web.browser_hash(request)
        match flow.show_held(held, chosen, answer, browser_hash=browser_hash, context=context):
            case Wrong(tries_left=tries_left, counted=counted):
                said = _not_right(chosen, tries_left) if counted else chosen.fault(answer)
                faults = [Problem(field, said)]
            case outcome:
                return _after_an_answer(request, held, outcome, context)
    page = {
        "method": chosen.id,
        "problems": faults,
        "tries_left": max(0, tries_left),
        "step": step_of(held, context),
        "back_url": PAGES[Step.METHOD],
        "another_url": PAGES[Step.METHOD],
    }
    return show(request, held, context, template, page)


def _after_an_answer(
    request: HttpRequest, held: Held, outcome: Accepted | Gone | Throttled, context: Context
) -> HttpResponse:
    """Where an answer leads that was not simply wrong."""
    match outcome:
        case Accepted(browser_key=key):
            # Enough for one end or the other, or one more check: the next page finds out.
            response = SeeOther(PAGES[Step.UNLOCK if held.facts.problem == LOCKED else Step.NEW_PASSWORD])
            web.set_cookie(response, COOKIE, key, lifetime=context.policy.journey_lifetime)
            return response
        case Gone():
            return SeeOther(PAGES[Step.ENDED])
        case Throttled(until=until):
            return slow_page(request, held, until, back=PAGES[Step.METHOD])


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
        Choice(
            value=LOST_FACTOR,
            title=_("I lost my phone, app or security key"),
            detail=_("Replace it. Your password stays."),
            icon="phone",
        ),
        Choice(
            value=INTRUDER,
            title=_("I think someone else is using my account"),
            detail=_("Stop them first."),
            icon="alert",
        ),
    ]


def _not_right(chosen: HeldMethod, tries_left: int) -> str:
    if WAYS[chosen.id].asks is Asks.PASSKEY:
        return _("That didn't work with this passkey. Try again, or use another way.")
    return ngettext(
        "That isn't right. %(n)d try left.",
        "That isn't right. %(n)d tries left.",
        tries_left,
    ) % {"n": tries_left}


def _held_back_sentence(until: datetime, *, rests: bool) -> str:
    """When the next one can be had; `rests`: the last one is a short one, and those are not judged any more."""
    if rests:
        return _(
            "Too many codes were typed for this account, so short ones rest. A longer one can be sent at %(time)s.",
        ) % {"time": timezone.localtime(until).strftime("%H:%M")}
    return _("Another code can be sent at %(time)s. The last one still works until its own end.") % {
        "time": timezone.localtime(until).strftime("%H:%M"),
    }


def _guessed_out_sentence() -> str:
    return _("Too many codes were typed for this account, so short ones rest. Send it again: the next one is longer.")


def _first(request: HttpRequest) -> str:
    """Which problem the page that sent them here thinks it is."""
    return f"?{urlencode({'problem': LOCKED})}" if request.GET.get("problem") == LOCKED else ""

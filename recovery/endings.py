"""The pages to which enough proofs lead: a new password, sign-in open again, another second factor; and the ends."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from idp.plugins import accounts, factors, passwords, web
from idp.plugins.web import Problem, SeeOther
from recovery import effects, forms, journeys
from recovery.context import Context
from recovery.domain.journey import Step
from recovery.journeys import Held
from recovery.methods import registry
from recovery.pages import PAGES, at, identify_url, show, step_of, way_on

_APP, _PASSKEY = "/recovery/factor/app/", "/recovery/factor/passkey/"


@at(Step.NEW_PASSWORD)
def new_password(request: HttpRequest, held: Held, context: Context) -> HttpResponse:
    """`/recovery/password/`: the new password, judged by the same rules as everywhere."""
    faults: list[Problem] = []
    if request.method == "POST":
        raw, faults = forms.new_password(request.POST)
        if not faults:
            match effects.set_new_password(held, raw, context=context):
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
        "stopped": held.row.result.get("stopped"),
        "step": step_of(held, context),
    }
    return show(request, held, context, "new_password", page)


@at(Step.UNLOCK)
def unlock(request: HttpRequest, held: Held, context: Context) -> HttpResponse:
    """`/recovery/unlock/`: sign-in is open again; keep the password, or set a new one too?"""
    if "opened" not in held.row.result:
        if request.POST.get("open"):
            effects.open_account(held, context=context)
            return SeeOther(PAGES[Step.UNLOCK])
    elif request.POST.get("new_password_too"):
        effects.set_password_too(held)
        return SeeOther(PAGES[Step.NEW_PASSWORD])
    elif request.POST.get("finish"):
        effects.finish(held, context=context)
        return SeeOther(way_on(request, held, context))
    return show(request, held, context, "unlock", _unlocked(held))


@at(Step.DONE)
def done(request: HttpRequest, held: Held, context: Context) -> HttpResponse:
    """`/recovery/done/`: what happened, and the way back to the application that waits."""
    if "opened" in held.row.result:
        kept = _unlocked(held) | {"continue_url": way_on(request, held, context)}
        return show(request, held, context, "kept", kept)
    page = {
        "added": held.row.result.get("added"),
        "removed": held.row.result.get("removed", 0),
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


@at(Step.STRANDED)
def stranded(request: HttpRequest, held: Held, context: Context) -> HttpResponse:
    """`/recovery/stranded/`: something was proven, and the account has nothing more to prove the rest by."""
    page = {
        "used": [each.title() for each in registry.named(sorted(held.facts.proven))],
        "stopped": held.row.result.get("stopped"),
        "start_url": identify_url(held),
    }
    return show(request, held, context, "stranded", page)


# --- Another second factor --------------------------------------------------------------------------------


@at(Step.NEW_FACTOR)
def factor(request: HttpRequest, held: Held, context: Context) -> HttpResponse:
    """`/recovery/factor/`: what will take the place of what was lost?"""
    page = {"app_url": _APP, "passkey_url": _PASSKEY, "step": step_of(held, context)}
    return show(request, held, context, "factor", page)


@at(Step.NEW_FACTOR)
def new_app(request: HttpRequest, held: Held, context: Context) -> HttpResponse:
    """`/recovery/factor/app/`: a key for an app, and a code that shows that the app has it."""
    user, faults = _owner(held), []
    offer = factors.new_app(user, holder=held.row.id, now=context.now)
    if request.method == "POST":
        again = factors.app_again(user, request.POST.get("key", ""), holder=held.row.id, now=context.now)
        if again is None:
            faults = [Problem("otp", _("That key has run out. Scan the new one, and delete the old entry in your app"))]
        else:
            offer = again
            typed = request.POST.get("otp", "")
            new = offer.confirmed(typed, name=request.POST.get("name", ""), now=context.now)
            if new is not None:
                return _replaced(request, held, context, new, "otp") or SeeOther(PAGES[Step.DONE])
            faults = [Problem("otp", _("That code isn't right. Wait for the next one, and type it here"))]
    page = {**offer.shown(), "problems": faults, "kind": factors.Kind.TOTP}
    return _factor_page(request, held, context, "new_app", page)


@at(Step.NEW_FACTOR)
def new_passkey(request: HttpRequest, held: Held, context: Context) -> HttpResponse:
    """`/recovery/factor/passkey/`: a passkey that the browser makes."""
    faults = []
    if request.method == "POST":
        new = factors.new_passkey(
            _owner(held),
            request.POST.get("passkey", ""),
            name=request.POST.get("name", ""),
            browser_hash=web.browser_hash(request),
            now=context.now,
        )
        if new is not None:
            return _replaced(request, held, context, new, "passkey") or SeeOther(PAGES[Step.DONE])
        faults = [Problem("passkey", _("That passkey was not saved. Try again, perhaps with another device"))]
    page = {"problems": faults, "kind": factors.Kind.PASSKEY}
    return _factor_page(request, held, context, "new_passkey", page)


@at(Step.NEW_FACTOR)
def new_passkey_options(request: HttpRequest, held: Held, context: Context) -> HttpResponse:
    """`/recovery/factor/passkey/options`: what the browser is to ask its authenticators to make."""
    if request.method == "GET":
        return SeeOther(PAGES[Step.NEW_FACTOR])
    user = _owner(held)
    return web.passkey_challenge(
        request,
        lambda *, browser_hash, now: factors.new_passkey_options(user, browser_hash=browser_hash, now=now),
        now=context.now,
    )


def _factor_page(
    request: HttpRequest, held: Held, context: Context, template: str, page: dict[str, Any]
) -> HttpResponse:
    user = _owner(held)
    lost = request.POST.getlist("lost") if request.method == "POST" else None
    page |= {
        "owned": [
            # What is not said otherwise is lost: that is why somebody is here. Saved codes are on paper.
            (each, each.kind != factors.Kind.RECOVERY_CODES if lost is None else str(each.id) in lost)
            for each in factors.owned(user)
        ],
        "name": request.POST.get("name", "") or factors.suggested_name(user, page.pop("kind")),
        "longest_name": factors.LONGEST_NAME,
        "step": step_of(held, context),
        "back_url": PAGES[Step.NEW_FACTOR],
    }
    return show(request, held, context, template, page)


def _replaced(
    request: HttpRequest, held: Held, context: Context, new: factors.NewFactor, field: str
) -> HttpResponse | None:
    """None if it was done."""
    lost = frozenset(map(_key, request.POST.getlist("lost")))
    match effects.replace_factor(held, new, lost, context=context):
        case factors.Replaced():
            return None
        case factors.TooMany():
            said = _("You have as many of these as there can be. Choose one below that is lost")
        case factors.Stale():
            said = _("Something changed meanwhile. Look at the list below, and try again")
    page: dict[str, Any] = {"problems": [Problem(field, said)], "kind": new.kind}
    if new.kind == factors.Kind.PASSKEY:
        return _factor_page(request, held, context, "new_passkey", page)
    offer = factors.new_app(_owner(held), holder=held.row.id, now=context.now)
    return _factor_page(request, held, context, "new_app", {**offer.shown(), **page})


def _key(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)


def _owner(held: Held) -> UUID:
    """Whose journey it is. At these pages it is somebody's: a decoy never proves anything."""
    if held.facts.subject is None:
        raise journeys.Moved(held.row.pk)
    return held.facts.subject


# --- Small facts ------------------------------------------------------------------------------------------


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

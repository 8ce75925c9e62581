"""The pages to which enough proofs lead: a new password, or sign-in open again; and the ends. And see `new_factors`."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from idp.plugins import accounts, factors, passwords
from idp.plugins.web import Problem, SeeOther, takes
from recovery import effects, forms
from recovery.context import Context
from recovery.domain import ways
from recovery.domain.journey import Ending, Step, may_have_passkey
from recovery.domain.policy import ACTIVATION, LOCKED
from recovery.journeys import Held
from recovery.methods import registry
from recovery.pages import INSTEAD_URL, PAGES, at, identify_url, invitation_over, show, step_of, way_on


@takes("username", "new_password")
@at(Step.NEW_PASSWORD)
def new_password(request: HttpRequest, held: Held, context: Context) -> HttpResponse:
    """`/recovery/password/`: the new password, judged by the same rules as everywhere."""
    faults: list[Problem] = []
    is_first = held.facts.problem == ACTIVATION
    if request.method == "POST":
        raw, faults = forms.new_password(request.POST)
        if not faults:
            choose = effects.set_first_password if is_first else effects.set_new_password
            match choose(held, raw, context=context):
                case passwords.PasswordChanged() | passwords.Activated():
                    return _not_asked_twice(SeeOther(PAGES[Step.DONE]), held)
                case passwords.PasswordUnfit(faults=unfit):
                    faults = [Problem("new-password", str(fault)) for fault in unfit]
                case passwords.ProofStale():
                    return SeeOther(PAGES[Step.ENDED])
    page = {
        "problems": faults,
        "is_first": is_first,
        "username": accounts.username(held.facts.subject),
        "minimum_length": passwords.minimum_length(),
        "stopped": held.row.result.get("stopped"),
        "passkey_url": INSTEAD_URL if factors.offered() and may_have_passkey(held.facts) else None,
        "step": step_of(held, context),
    }
    return show(request, held, context, "new_password", page)


@takes("open", "new_password_too", "finish")
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
        return _not_asked_twice(SeeOther(way_on(request, held, context)), held)
    return show(request, held, context, "unlock", _unlocked(held))


@takes()
@at(Step.DONE)
def done(request: HttpRequest, held: Held, context: Context) -> HttpResponse:
    """`/recovery/done/`: what happened, and the way back to the application that waits."""
    if "activated" in held.row.result:
        first = {"administrator": held.row.result["administrator"], "continue_url": way_on(request, held, context)}
        return show(request, held, context, "activated", first)
    if "opened" in held.row.result:
        kept = _unlocked(held) | {"continue_url": way_on(request, held, context)}
        return show(request, held, context, "kept", kept)
    page = {
        "added": held.row.result.get("added"),
        "instead": held.row.result.get("instead"),
        "removed": held.row.result.get("removed", 0),
        "sessions_ended": held.row.result.get("sessions_ended", 0),
        "applications_told": held.row.result.get("applications_told", 0),
        "told_by": held.row.result.get("told_by", []),
        "continue_url": way_on(request, held, context),
        "account_url": None,
    }
    return show(request, held, context, "done", page)


@takes()
@at(Step.ENDED)
def ended(request: HttpRequest, held: Held, context: Context) -> HttpResponse:
    """`/recovery/ended/`: why it is over, and how to begin again."""
    if held.facts.problem == ACTIVATION:
        return invitation_over(request)
    reason = held.facts.ending or "expired"
    if reason is Ending.ELSEWHERE:
        return show(request, held, context, "elsewhere", {"continue_url": way_on(request, held, context)})
    return show(request, held, context, "ended", {"reason": str(reason), "start_url": identify_url(held)})


@takes()
@at(Step.STRANDED)
def stranded(request: HttpRequest, held: Held, context: Context) -> HttpResponse:
    """`/recovery/stranded/`: something was proven, and the account has nothing more to prove the rest by."""
    page = {
        "used": [each.title() for each in registry.named(sorted(held.facts.proven))],
        "stopped": held.row.result.get("stopped"),
        "start_url": identify_url(held),
    }
    return show(request, held, context, "stranded", page)


def _not_asked_twice(response: HttpResponse, held: Held) -> HttpResponse:
    """Whoever showed an app or a passkey here, beside something else, is not asked for it again at once.

    The known password, which is typed at sign-in, is something else where it stays; a new one was set by what was
    shown, so another proof has to stand beside the factor.
    """
    shown = next((each for each in held.proofs if each.method in (ways.TOTP, ways.PASSKEY)), None)
    alone = held.facts.problem != LOCKED and len(ways.roots(held.facts.proven)) == 1
    if shown is not None and not alone:
        thing = factors.Shown(id=shown.thing, version=shown.thing_version)
        factors.excuse(response, shown.user, thing, shown_at=shown.created_at)
    return response


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

"""The pages on which somebody who proved enough adds a factor: for a lost one, or a passkey instead of a password."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from idp.plugins import factors, limits, web
from idp.plugins.web import Problem, SeeOther, takes
from recovery import effects, journeys
from recovery.context import Context
from recovery.domain.journey import Step, may_have_passkey
from recovery.journeys import Held
from recovery.pages import APP_URL, PAGES, PASSKEY_URL, at, show, slow_page, step_of

_CONFIRMING = "recovery-app-confirming"


@takes()
@at(Step.NEW_FACTOR)
def factor(request: HttpRequest, held: Held, context: Context) -> HttpResponse:
    """`/recovery/factor/`: what will take the place of what was lost?"""
    page = {"app_url": APP_URL, "passkey_url": PASSKEY_URL, "step": step_of(held, context)}
    return show(request, held, context, "factor", page)


@takes("key", "otp", "name", many=("lost",))
@at(Step.NEW_FACTOR)
def new_app(request: HttpRequest, held: Held, context: Context) -> HttpResponse:
    """`/recovery/factor/app/`: a key for an app, and a code that shows that the app has it."""
    if request.method == "GET":
        return _app_page(request, held, context)
    offer = factors.app_again(_owner(held), request.POST.get("key", ""), holder=held.row.id, now=context.now)
    if offer is None:
        said = _("That key has run out. Scan the new one, and delete the old entry in your app")
        return _app_page(request, held, context, said=said)
    typed = request.POST.get("otp", "")
    # Guessing gains nothing but a factor that its owner cannot use; it is limited all the same (OT-17).
    tried = limits.count(_CONFIRMING, limits.policy().factor_tries, held.row.counted_as, now=context.now)
    if not tried.allowed:
        return slow_page(request, held, tried.resets_at, back=PAGES[Step.NEW_FACTOR])
    new = offer.confirmed(typed, name=request.POST.get("name", ""), now=context.now)
    if new is None:
        said = _("That code isn't right. Wait for the next one, and type it here")
        return _app_page(request, held, context, offer, said=said)
    return _added(request, held, context, new, template="new_app", back=Step.NEW_FACTOR)


@takes("passkey", "name", many=("lost",))
@at(Step.NEW_FACTOR)
def new_passkey(request: HttpRequest, held: Held, context: Context) -> HttpResponse:
    """`/recovery/factor/passkey/`: a passkey that the browser makes."""
    return _passkey_page(request, held, context, template="new_passkey", back=Step.NEW_FACTOR)


@takes("purpose")
@at(Step.NEW_FACTOR)
def new_passkey_options(request: HttpRequest, held: Held, context: Context) -> HttpResponse:
    """`/recovery/factor/passkey/options`: what the browser is to ask its authenticators to make."""
    if request.method == "GET":
        return SeeOther(PAGES[Step.NEW_FACTOR])
    return _creation_options(request, held, context)


# --- A passkey instead of a password ----------------------------------------------------------------------


@takes("passkey", "name")
@at(Step.NEW_PASSWORD)
def passkey_instead(request: HttpRequest, held: Held, context: Context) -> HttpResponse:
    """`/recovery/password/passkey/`: nothing to remember, instead of a new password."""
    if not (factors.offered() and may_have_passkey(held.facts)):
        return SeeOther(PAGES[Step.NEW_PASSWORD])
    return _passkey_page(request, held, context, template="passkey_instead", back=Step.NEW_PASSWORD)


@takes("purpose")
@at(Step.NEW_PASSWORD)
def passkey_instead_options(request: HttpRequest, held: Held, context: Context) -> HttpResponse:
    """`/recovery/password/passkey/options`: what the browser is to ask its authenticators to make."""
    if request.method == "GET" or not may_have_passkey(held.facts):
        return SeeOther(PAGES[Step.NEW_PASSWORD])
    return _creation_options(request, held, context)


# --- What they share --------------------------------------------------------------------------------------


def _creation_options(request: HttpRequest, held: Held, context: Context) -> HttpResponse:
    user = _owner(held)
    return web.passkey_challenge(
        request,
        lambda *, browser_hash, now: factors.new_passkey_options(user, browser_hash=browser_hash, now=now),
        now=context.now,
    )


def _passkey_page(request: HttpRequest, held: Held, context: Context, *, template: str, back: Step) -> HttpResponse:
    """Ask for a passkey that the browser makes; keep it."""
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
            return _added(request, held, context, new, template=template, back=back)
        faults = [Problem("passkey", _("That passkey was not saved. Try again, perhaps with another device"))]
    page = {"problems": faults, "kind": factors.Kind.PASSKEY}
    return _factor_page(request, held, context, template, page, back=back)


def _app_page(
    request: HttpRequest, held: Held, context: Context, offer: factors.NewApp | None = None, *, said: str = ""
) -> HttpResponse:
    """The page with this key, or with a new one; and what is to be mended."""
    offer = offer or factors.new_app(_owner(held), holder=held.row.id, now=context.now)
    faults = [Problem("otp", said)] if said else []
    page = {**offer.shown(), "problems": faults, "kind": factors.Kind.TOTP}
    return _factor_page(request, held, context, "new_app", page, back=Step.NEW_FACTOR)


def _factor_page(
    request: HttpRequest, held: Held, context: Context, template: str, page: dict[str, Any], *, back: Step
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
        "back_url": PAGES[back],
    }
    return show(request, held, context, template, page)


def _added(
    request: HttpRequest, held: Held, context: Context, new: factors.NewFactor, *, template: str, back: Step
) -> HttpResponse:
    """Keep it, and go on; or say why not."""
    if back is Step.NEW_PASSWORD:
        outcome = effects.create_passkey(held, new, context=context)
    else:
        lost = frozenset(map(_key, request.POST.getlist("lost")))
        outcome = effects.replace_factor(held, new, lost, context=context)
    match outcome:
        case factors.Replaced():
            return SeeOther(PAGES[Step.DONE])
        case factors.TooMany():
            said = _("You have as many of these as there can be. Choose one below that is lost")
        case factors.Stale():
            said = _("Something changed meanwhile. Look at the list below, and try again")
    if new.kind == factors.Kind.TOTP:
        return _app_page(request, held, context, said=said)
    page = {"problems": [Problem("passkey", said)], "kind": new.kind}
    return _factor_page(request, held, context, template, page, back=back)


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

"""`/account/factors/…`: adding a second factor, naming it, taking it away; by its owner, who was just asked again.

The page of each kind is a module of its own; this one has what they share.
"""

from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from idp import browser, problems
from idp.account import frame, trying
from idp.accounts import credentials, sessions
from idp.audit.events import SessionsEnded
from idp.audit.record import record
from idp.browser import SeeOther
from idp.conf import policy
from idp.factors import enrolment, recovery_codes, registry, requirements
from idp.forms import takes
from idp.login import set_up
from idp.login.again import freshly, signed_in
from idp.models import Credential, SignIn
from idp.pages import Problem, tenant
from idp.plugins.waiting import continue_url

#: Where somebody comes from, and goes back to.
SECURITY = "/account/security/"
_DONE = "/account/factors/done/"
ADDED = f"{_DONE}?did=added"


@takes("way")
@require_http_methods(["GET", "POST"])
@freshly
def add(request: HttpRequest, here: SignIn) -> HttpResponse:
    """`/account/factors/add/`: which kind?"""
    if not requirements.may_add(policy()):
        return not_offered(request)
    if request.method == "POST" and (kind := registry.of(request.POST.get("way", ""))):
        return SeeOther(kind.add_url)
    return frame.show(request, here, "idp/factors/add.html", {"choices": set_up.choices()})


@takes("do", "name", "otp", "passkey")
@require_http_methods(["GET", "POST"])
@freshly
def one(request: HttpRequest, here: SignIn, row: UUID) -> HttpResponse:
    """`/account/factors/<row>/`: what it is called, since when; another name; and its end."""
    held = credentials.factors_of(here.user)
    factor = next((each for each in held if each.pk == row), None)
    if factor is None:
        return problems.not_found(request)
    is_last = len(held) == 1
    match request.POST.get("do", ""):
        case "rename":
            if enrolment.rename(here, factor, request.POST.get("name", ""), origin=browser.origin(request)):
                return SeeOther(f"{request.path}?renamed=1")
            return _page(request, here, factor, is_last=is_last, faults=[Problem("name", _("Enter a name"))])
        case "try":
            return _tried(request, here, factor, is_last=is_last)
        case "remove":
            return _removed(request, here, factor)
        case _:
            return _page(request, here, factor, is_last=is_last)


@takes("end")
@require_http_methods(["GET", "POST"])
def done(request: HttpRequest) -> HttpResponse:
    """`/account/factors/done/`: what happened, and whether other browsers are to be signed out (ASVS 7.4.3)."""
    return _others_out(request) if request.method == "POST" else _what_happened(request)


@freshly
def _others_out(request: HttpRequest, here: SignIn) -> HttpResponse:
    """Sessions are ended by somebody who has just shown who they are, here as anywhere (ASVS 7.5.2)."""
    _end_others(request, here, now=timezone.now())
    return SeeOther(f"{_DONE}?{urlencode({'did': request.GET.get('did', ''), 'ended': 1})}")


@signed_in
def _what_happened(request: HttpRequest, here: SignIn) -> HttpResponse:
    now = timezone.now()
    did = request.GET.get("did", "")
    kinds = {factor.kind for factor in credentials.factors_of(here.user)}
    may_add = requirements.may_add(policy())
    context = {
        "did": did if did in ("added", "removed") else "",
        "ended": "ended" in request.GET,
        "others": sessions.others(here, policy=policy(), now=now),
        "wants_codes": may_add and bool(kinds) and Credential.Kind.RECOVERY_CODES not in kinds,
        "codes_url": registry.named(Credential.Kind.RECOVERY_CODES).add_url,
        "home": SECURITY,
    }
    return frame.show(request, here, "idp/factors/done.html", context)


# --- For the pages of the kinds ---------------------------------------------------------------------------


def back_url(request: HttpRequest) -> str:
    """Where the page that adds one was come from: for a request that waits, the dispatcher knows."""
    waits = request.GET.get("i", "")
    return continue_url(waits) if waits else "/account/factors/add/"


def not_offered(request: HttpRequest) -> HttpResponse:
    """The tenant wants nobody to have one."""
    return problems.page(
        request,
        status=403,
        heading=_("There is nothing to add here"),
        lead=_("%(org)s uses passwords alone, so no further way to sign in can be added.") % {"org": tenant().name},
    )


# --- How ---------------------------------------------------------------------------------------------------


def _removed(request: HttpRequest, here: SignIn, factor: Credential) -> HttpResponse:
    origin, now = browser.origin(request), timezone.now()
    try:
        enrolment.remove(here, factor, policy=policy(), origin=origin, now=now)
    except enrolment.LastFactor:
        return _page(request, here, factor, is_last=True)
    except enrolment.ProofStale:
        # Another tab did it.
        return SeeOther(SECURITY)
    return SeeOther(f"{_DONE}?did=removed")


def _tried(request: HttpRequest, here: SignIn, factor: Credential, *, is_last: bool) -> HttpResponse:
    """It works; or what to do."""
    field = "otp" if factor.kind == Credential.Kind.TOTP else "passkey"
    match trying.judge(request, here, factor, now=timezone.now()):
        case trying.Outcome.WORKS:
            return SeeOther(f"{request.path}?works=1")
        case trying.Outcome.MISSING:
            said = (
                _("Enter the 6 digits that your app shows") if field == "otp" else _("No passkey was used. Try again")
            )
        case trying.Outcome.PAUSED:
            said = _("That was tried too often. Come back in an hour")
        case trying.Outcome.WRONG:
            said = (
                _("That code isn't right. Wait for the next one, and check that your phone's clock is set by itself")
                if field == "otp"
                else _("That wasn't this passkey, or it no longer works. Try again, or add a new one")
            )
    return _page(request, here, factor, is_last=is_last, faults=[Problem(field, said)])


def _page(
    request: HttpRequest,
    here: SignIn,
    factor: Credential,
    *,
    is_last: bool,
    faults: list[Problem] | None = None,
) -> HttpResponse:
    kind = registry.named(factor.kind)
    context = {
        "factor": factor.factor,
        "kind": kind,
        "words": kind.words(),
        "left": recovery_codes.left(factor) if kind.name == Credential.Kind.RECOVERY_CODES else None,
        "few": recovery_codes.FEW,
        "is_last": is_last,
        "must_stay": is_last and requirements.must_have(here.user, policy()),
        "renamed": "renamed" in request.GET,
        "works": "works" in request.GET,
        "wrong": {each.field for each in faults or ()},
        "options_url": f"{request.path}options",
        "problems": faults or [],
    }
    return frame.show(request, here, "idp/factors/one.html", context)


def _end_others(request: HttpRequest, here: SignIn, *, now: datetime) -> None:
    with transaction.atomic():
        ended = sessions.end_all(here.user_id, by="owner", now=now, except_for=here.pk)
        event = SessionsEnded(user=here.user_id, sign_ins=ended.sign_ins, grants=ended.grants, reason="owner")
        record(event, origin=browser.origin(request))

"""`/account/factors/passkey/`: a new passkey from the browser's authenticator; and where managers find the page."""

import json
from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from idp import browser
from idp.account import factors, frame
from idp.browser import SeeOther
from idp.conf import policy
from idp.factors import enrolment, requirements
from idp.factors.passkey import adding
from idp.forms import takes
from idp.login import entrance, passkeys
from idp.login.again import current, freshly, is_fresh
from idp.models import Credential, SignIn
from idp.pages import Problem
from idp.plugins.waiting import way_on

_ADD = "/account/factors/passkey/"
_MANAGE = "/account/security/"
_ENDPOINTS_KEPT = timedelta(hours=1)


@takes("passkey", "name")
@require_http_methods(["GET", "POST"])
@freshly
def add(request: HttpRequest, here: SignIn) -> HttpResponse:
    """Ask for a name and let the script do the rest; keep what comes back."""
    if not requirements.may_add(policy()):
        return factors.not_offered(request)
    if request.method == "GET":
        return _page(request, here)
    now = timezone.now()
    match adding.add(
        here,
        request.POST.get(passkeys.FIELD, ""),
        name=request.POST.get("name", ""),
        browser_hash=browser.browser_hash(request),
        policy=policy(),
        origin=browser.origin(request),
        now=now,
    ):
        case adding.Added(kept=kept):
            where = way_on(request, otherwise=factors.ADDED, now=now)
            # Whoever makes a key holds it, and was asked for finger, face or PIN: as good as showing it right after.
            return entrance.stronger(here, Credential.Kind.PASSKEY, (kept,), where=where, now=now) or SeeOther(where)
        case adding.TooMany():
            said = _("You have as many passkeys as there can be. Remove one first")
        case adding.Refused():
            said = _("That passkey was not saved. Try again, perhaps with another device")
    return _page(request, here, faults=[Problem(passkeys.FIELD, said)])


@takes("purpose")
@require_POST
def options(request: HttpRequest) -> HttpResponse:
    """`/account/factors/passkey/options`: what the browser is to ask its authenticators for. 403: show who you are."""
    now = timezone.now()
    here = current(request, now=now)
    if here is None or not is_fresh(here, now=now) or not requirements.may_add(policy()):
        return JsonResponse({}, status=403)
    if not passkeys.may_have_challenge(request, now=now):
        return JsonResponse({}, status=429)
    response = JsonResponse(adding.options(here.user, browser_hash=browser.browser_hash(request), now=now))
    browser.remember(request, response)
    return response


@require_safe
def endpoints(_request: HttpRequest) -> HttpResponse:
    """`/.well-known/passkey-endpoints`: where a password manager leads people to (W3C Passkey Endpoints)."""
    offered = {"enroll": f"{settings.ISSUER}{_ADD}", "manage": f"{settings.ISSUER}{_MANAGE}"}
    body = json.dumps(offered if passkeys.offered() else {})
    response = HttpResponse(body, content_type="application/json")
    response["Cache-Control"] = f"public, max-age={int(_ENDPOINTS_KEPT.total_seconds())}"
    return response


def _page(request: HttpRequest, here: SignIn, *, faults: list[Problem] | None = None) -> HttpResponse:
    device = browser.origin(request).device
    context = {
        "name": request.POST.get("name", "") or device or enrolment.suggested_name(here.user, Credential.Kind.PASSKEY),
        "longest_name": enrolment.LONGEST_NAME,
        "problems": faults or [],
        "back_url": factors.back_url(request),
    }
    return frame.show(request, here, "idp/factors/passkey.html", context)

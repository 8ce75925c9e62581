"""`/account/factors/totp/`: a key for an authenticator app, and a code that shows that the app has it."""

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from idp import browser, throttle
from idp.account import factors, frame
from idp.browser import SeeOther
from idp.conf import policy
from idp.factors import enrolment, requirements, totp
from idp.factors.totp import Proposal
from idp.forms import takes
from idp.login import entrance
from idp.login.again import freshly
from idp.models import Credential, SignIn
from idp.pages import Problem, tenant
from idp.plugins.waiting import way_on

_CONFIRMING = "totp-confirming"


@takes("key", "otp", "name")
@require_http_methods(["GET", "POST"])
@freshly
def add(request: HttpRequest, here: SignIn) -> HttpResponse:
    """Show a new key; keep it once a right code has come back. Until then it is nowhere but on the page, sealed."""
    if not requirements.may_add(policy()):
        return factors.not_offered(request)
    now = timezone.now()
    if request.method == "GET":
        return _page(request, here, Proposal.new(now=now))
    proposal = Proposal.opened(request.POST.get("key", ""), here.pk, here.user_id, now=now)
    if proposal is None:
        said = _("That key has run out. Scan the new one, and delete the old entry in your app")
        return _page(request, here, Proposal.new(now=now), faults=[Problem("otp", said)])
    code = totp.read(request.POST.get("otp", ""))
    if code is None:
        return _page(request, here, proposal, faults=[Problem("otp", _("Enter the 6 digits that your app shows"))])
    # Guessing here gains nothing but a factor that its owner cannot use; it is limited all the same (OT-17).
    tried = throttle.count(_CONFIRMING, policy().factor_tries, here.user_id.bytes, now=now)
    if not tried.allowed:
        return _page(request, here, proposal, paused_until=tried.resets_at)
    step = totp.step_of(proposal.secret, code, now=now)
    if step is None:
        said = _("That code isn't right. Wait for the next one, and check that your phone's clock is set by itself")
        return _page(request, here, proposal, faults=[Problem("otp", said)])
    throttle.clear(_CONFIRMING, here.user_id.bytes)
    return _added(request, here, proposal, step, now=now)


def _added(request: HttpRequest, here: SignIn, proposal: Proposal, step: int, *, now: datetime) -> HttpResponse:
    where = way_on(request, otherwise=factors.ADDED, now=now)
    try:
        enrolment.add(
            here,
            Credential.Kind.TOTP,
            lambda row: totp.material(proposal.secret, row=row, user=here.user_id),
            name=request.POST.get("name", ""),
            row=proposal.row,
            counter=step,
            policy=policy(),
            origin=browser.origin(request),
            now=now,
        )
    except enrolment.ProofStale:
        # This very key was added a moment ago, by a second press of the button.
        return SeeOther(where)
    except enrolment.TooMany:
        said = _("You have as many authenticator apps as there can be. Remove one first")
        return _page(request, here, proposal, faults=[Problem("otp", said)])
    # The code was shown, so the sign-in has it from here on; nobody is asked for the next one at once.
    return entrance.stronger(here, Credential.Kind.TOTP, where=where, now=now) or SeeOther(where)


def _page(
    request: HttpRequest,
    here: SignIn,
    proposal: Proposal,
    *,
    faults: list[Problem] | None = None,
    paused_until: datetime | None = None,
) -> HttpResponse:
    context = {
        **totp.drawn(proposal.secret, here.user, issuer=tenant().name),
        "key": proposal.sealed(here.pk, here.user_id),
        "name": request.POST.get("name", "") or enrolment.suggested_name(here.user, Credential.Kind.TOTP),
        "longest_name": enrolment.LONGEST_NAME,
        "problems": faults or [],
        "paused_until": paused_until,
        "back_url": factors.back_url(request),
    }
    return frame.show(request, here, "idp/factors/totp.html", context, status=429 if paused_until else 200)

"""`/account/factors/recovery-codes/`: a set of codes, made when asked for and shown in that one answer."""

from datetime import datetime
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from idp import browser
from idp.account import factors, frame
from idp.conf import policy
from idp.factors import enrolment, recovery_codes, requirements
from idp.forms import takes
from idp.login.again import freshly
from idp.models import Credential, SignIn
from idp.pages import Problem
from idp.plugins.waiting import way_on


@takes("replaces")
@require_http_methods(["GET", "POST"])
@freshly
def codes(request: HttpRequest, here: SignIn) -> HttpResponse:
    """How many are left; and, by POST, a new set.

    The form names the set that it replaces. The same form sent twice (a page loaded again) makes no second set, and
    shows the first never again.
    """
    if not requirements.may_add(policy()):
        return factors.not_offered(request)
    now = timezone.now()
    if request.method == "GET":
        return _page(request, here)
    try:
        made = enrolment.new_recovery_codes(
            here,
            replaces=_version(request.POST.get("replaces", "")),
            policy=policy(),
            origin=browser.origin(request),
            now=now,
        )
    except enrolment.ProofStale:
        said = _("These codes were shown already, once. If you did not save them, make new ones")
        return _page(request, here, faults=[Problem("make", said)])
    return _shown(request, here, made, now=now)


def _version(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1  # noqa: PLR2004 -- fits any integer


def _shown(request: HttpRequest, here: SignIn, made: tuple[str, ...], *, now: datetime) -> HttpResponse:
    user = here.user
    context = {"codes": made, "whose": user.label, "at": timezone.localtime(now)}
    text = render_to_string("idp/factors/codes.txt", context, request)
    context |= {
        # The file is in the page itself: to fetch it would be to show the codes a second time.
        "file": f"data:text/plain;charset=utf-8,{quote(text)}",
        "onward": way_on(request, otherwise=factors.SECURITY, now=now),
    }
    return frame.show(request, here, "idp/factors/codes.html", context)


def _page(request: HttpRequest, here: SignIn, *, faults: list[Problem] | None = None) -> HttpResponse:
    # A set that was removed is replaced too: its row stands, and has a version.
    kind = Credential.Kind.RECOVERY_CODES
    row = Credential.objects.select_related("factor").filter(user=here.user_id, kind=kind).first()
    current = row if row is not None and row.material else None
    context = {
        "replaces": row.version if row else 0,
        "current": current,
        "left": recovery_codes.left(current) if current else None,
        "few": recovery_codes.FEW,
        "how_many": recovery_codes.HOW_MANY,
        "problems": faults or [],
        "back_url": factors.back_url(request),
    }
    return frame.show(request, here, "idp/factors/recovery_codes.html", context)

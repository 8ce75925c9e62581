"""Trying a second factor that one has: whether the app still shows the right codes, whether the passkey is still there.

Better found out now than on the day it is needed. Nothing is opened by it. A saved recovery code is not tried: looking
at one uses it up.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_POST

from idp import browser, throttle
from idp.accounts import credentials
from idp.audit.events import FactorTried
from idp.audit.record import record
from idp.conf import policy
from idp.factors import totp
from idp.factors.passkey import answers
from idp.factors.passkey.challenges import Purpose
from idp.forms import takes
from idp.login import passkeys
from idp.login.again import current, is_fresh
from idp.models import Credential, SignIn

_TRIES = "factor-trying"


class Outcome(StrEnum):
    """What came of a try."""

    WORKS = "works"
    WRONG = "wrong"
    #: Nothing that could be an answer came; no try was counted.
    MISSING = "missing"
    #: Too often; guessing gains nothing here, and is limited all the same (OT-17).
    PAUSED = "paused"


def judge(request: HttpRequest, here: SignIn, factor: Credential, *, now: datetime) -> Outcome:
    """Whether what came with the form is of this factor. A code that is right is used up, like everywhere."""
    code = totp.read(request.POST.get("otp", "")) if factor.kind == Credential.Kind.TOTP else None
    answer = request.POST.get("passkey", "") if factor.kind == Credential.Kind.PASSKEY else ""
    if not (code or answer):
        return Outcome.MISSING
    if not throttle.count(_TRIES, policy().factor_tries, here.user_id.bytes, now=now).allowed:
        return Outcome.PAUSED
    if code:
        works = totp.use([factor], code, now=now) is not None
    else:
        shown = answers.shown(
            answer,
            Purpose.TRY,
            browser_hash=browser.browser_hash(request),
            user=here.user,
            origin=browser.origin(request),
            policy=policy(),
            now=now,
        )
        works = shown is not None and shown.credential.pk == factor.pk
    if not works:
        return Outcome.WRONG
    with transaction.atomic():
        record(FactorTried(user=here.user_id, kind=factor.kind, row=factor.pk), origin=browser.origin(request))
    throttle.clear(_TRIES, here.user_id.bytes)
    return Outcome.WORKS


@takes("purpose")
@require_POST
def options(request: HttpRequest, row: UUID) -> HttpResponse:
    """`/account/factors/<row>/options`: what the browser is to ask its authenticators for. 403: show who you are."""
    now = timezone.now()
    here = current(request, now=now)
    if here is None or not is_fresh(here, now=now):
        return JsonResponse({}, status=403)
    if not any(each.pk == row for each in credentials.factors_of(here.user)):
        return JsonResponse({}, status=404)
    return passkeys.given(request, Purpose.TRY, here.user, now=now)

"""Signing in with a passkey, and what a script asks for before: the options of `navigator.credentials.get`.

The options go out as JSON; the answer comes back as a field of the page's own form, so that all that guards forms
guards it too. Before a first proof the options are the same for everybody and name no passkey (EN-05), and every
failure is the same sentence: an unknown passkey, a suspended account and a stale challenge cannot be told apart.
"""

from datetime import datetime
from typing import Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_POST

from idp import browser
from idp.accounts import devices, sessions
from idp.conf import policy
from idp.factors import requirements, strength
from idp.factors.passkey import answers, challenges, wire
from idp.factors.passkey.answers import Shown
from idp.factors.passkey.challenges import Purpose
from idp.forms import takes
from idp.login import entrance, factor
from idp.login.entrance import Toward
from idp.models import SignIn, User

#: The form field that an answer comes in.
FIELD: Final = "passkey"


@takes("purpose")
@require_POST
def options(request: HttpRequest) -> HttpResponse:
    """`/sign-in/passkey/options`: what the browser is to ask its authenticators, for the `purpose` of its page."""
    now = timezone.now()
    match request.POST.get("purpose"):
        case Purpose.SIGN_IN.value if offered():
            return given(request, Purpose.SIGN_IN, None, now=now)
        case Purpose.FACTOR.value if (waiting := factor.who_waits(request, now=now)) is not None:
            return given(request, Purpose.FACTOR, waiting.user, now=now)
        case Purpose.AGAIN.value if offered() and (here := _here(request, now=now)) is not None:
            return given(request, Purpose.AGAIN, here.user, now=now)
    return JsonResponse({}, status=404)


def given(request: HttpRequest, purpose: Purpose, user: User | None, *, now: datetime) -> HttpResponse:
    """A challenge for this browser, and for `user`'s own passkeys; for nobody's in particular if there is no `user`."""
    allowed = answers.passkeys_of(user) if user else ()
    if user and not allowed:
        return JsonResponse({}, status=404)
    if not may_have_challenge(request, now=now):
        return JsonResponse({}, status=429)
    challenge = challenges.give(
        purpose,
        browser_hash=browser.browser_hash(request),
        user_id=user.pk if user else None,
        now=now,
    )
    response = JsonResponse(wire.request_options(challenge, allowed=allowed))
    browser.remember(request, response)
    return response


def may_have_challenge(request: HttpRequest, *, now: datetime) -> bool:
    """Whether this network may ask for one more."""
    return challenges.may_have(browser.network(request), policy=policy(), now=now)


def offered() -> bool:
    """Whether passkeys are a way in here."""
    return requirements.may_add(policy())


def offered_to(user: User) -> bool:
    """Whether somebody signed in can show a passkey of theirs."""
    return offered() and bool(answers.passkeys_of(user))


def sign_in(request: HttpRequest, *, toward: Toward, now: datetime) -> HttpResponse | None:
    """In, if the form carries an answer with a passkey of somebody who may; else None."""
    shown = answered(request, Purpose.SIGN_IN, None, now=now)
    return _in(request, shown, toward=toward, now=now) if shown else None


def again(request: HttpRequest, here: SignIn, *, target: str, now: datetime) -> HttpResponse | None:
    """On with the sign-in, if whoever is signed in has shown a passkey of theirs; else None."""
    shown = answered(request, Purpose.AGAIN, here.user, now=now)
    return _in(request, shown, toward=Toward(target=target, continues=here), now=now) if shown else None


def answered(request: HttpRequest, purpose: Purpose, user: User | None, *, now: datetime) -> Shown | None:
    """The passkey in the form, judged."""
    return answers.shown(
        request.POST.get(FIELD, ""),
        purpose,
        browser_hash=browser.browser_hash(request),
        user=user,
        origin=browser.origin(request),
        policy=policy(),
        now=now,
    )


def _in(request: HttpRequest, shown: Shown, *, toward: Toward, now: datetime) -> HttpResponse:
    device = devices.find(shown.user.pk, browser.cookie(request, browser.DEVICE), policy=policy(), now=now)
    amr = strength.together((), shown.credential.kind, (shown.kept,))
    return entrance.after_first(request, shown.user, amr, toward=toward, device=device, now=now)


def _here(request: HttpRequest, *, now: datetime) -> SignIn | None:
    return sessions.find(browser.cookie(request, browser.SESSION), policy=policy(), now=now)

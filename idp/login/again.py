"""Being asked again: pages for somebody signed in, and pages for somebody who has just shown who they are.

One mechanism for every sensitive act (ASVS 7.5.1): the page says `@freshly`, and who is not fresh enough is led to
`/sign-in/again` and back.
"""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Concatenate
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from idp import browser, problems
from idp.accounts import credentials, freezes, reauthentication, sessions
from idp.browser import SeeOther
from idp.conf import policy
from idp.factors import registry
from idp.forms import takes
from idp.login import attempts, entrance, passkeys, pausing
from idp.login.entrance import Toward
from idp.login.forms import SignInForm
from idp.models import SignIn
from idp.pages import Problem
from idp.plugins import hooks

View = Callable[Concatenate[HttpRequest, SignIn, ...], HttpResponse]
Plain = Callable[..., HttpResponse]


def signed_in(view: View) -> Plain:
    """Show the view to somebody signed in, who is handed to it; others sign in first and come back."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        here = current(request, now=timezone.now())
        if here is None:
            return SeeOther(_with_target("/sign-in", request))
        return _unless_frozen(view, request, here, *args, **kwargs)

    return guarded


def freshly(view: View) -> Plain:
    """Show the view to somebody who has just shown who they are, with a second factor if they have one."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        now = timezone.now()
        here = current(request, now=now)
        if here is None:
            return SeeOther(_with_target("/sign-in", request))
        if not is_fresh(here, now=now):
            return ask(request)
        return _unless_frozen(view, request, here, *args, **kwargs)

    return guarded


def ask(request: HttpRequest) -> HttpResponse:
    """To being asked again, and from there back to this page."""
    return SeeOther(_with_target("/sign-in/again", request))


def _unless_frozen(view: View, request: HttpRequest, here: SignIn, *args: object, **kwargs: object) -> HttpResponse:
    """The view; or why not, if its owner froze the account while the request was on its way."""
    try:
        return view(request, here, *args, **kwargs)
    except freezes.Frozen:
        return problems.page(
            request,
            status=403,
            heading=_("Your account is frozen"),
            lead=_(
                "Somebody who reads our messages to you said that something wasn't you. Nothing was changed, and "
                "nothing can be until you sign in again.",
            ),
        )


def is_fresh(here: SignIn, *, now: datetime) -> bool:
    """Whether this person has just shown who they are."""
    has_factor = bool(credentials.factors_of(here.user))
    return reauthentication.is_fresh(here, has_factor=has_factor, policy=policy(), now=now)


def current(request: HttpRequest, *, now: datetime) -> SignIn | None:
    """Who is signed in at this browser."""
    return sessions.find(browser.cookie(request, browser.SESSION), policy=policy(), now=now)


@takes("username", "password", "passkey")
@require_http_methods(["GET", "POST"])
@signed_in
def again(request: HttpRequest, here: SignIn) -> HttpResponse:
    """`/sign-in/again`: the password of whoever is signed in, once more, then the second factor; or a passkey."""
    now = timezone.now()
    if request.method == "GET":
        return _page(request, here)
    target = entrance.local(request.GET.get("to", ""))
    if request.POST.get(passkeys.FIELD):
        entered = passkeys.again(request, here, target=target, now=now)
        return entered or _page(request, here, faults=[registry.passkey_refused()])
    form = SignInForm({"username": here.user.preferred_username, "password": request.POST.get("password", "")})
    if faults := form.faults():
        return _page(request, here, faults=faults)
    tried = attempts.Tried(
        identifier=form.username,
        password=form.password,
        device_key=browser.cookie(request, browser.DEVICE),
        origin=browser.origin(request),
    )
    match attempts.try_password(tried, policy=policy(), now=now):
        case attempts.Right() as right:
            toward = Toward(target=target, continues=here)
            return entrance.after_first(
                request,
                right.user,
                right.amr,
                toward=toward,
                device=right.device,
                has_factor=right.has_factor,
                now=now,
            )
        case attempts.Wrong(tries_left=tries_left):
            faults = [Problem("password", _("That password isn't right"))]
            return _page(request, here, faults=faults, tries_left=tries_left)
        case attempts.Paused() as paused:
            return pausing.answer(_page(request, here, paused=paused), paused, now=now)


def _page(
    request: HttpRequest,
    here: SignIn,
    *,
    faults: list[Problem] | None = None,
    tries_left: int | None = None,
    paused: attempts.Paused | None = None,
) -> HttpResponse:
    user = here.user
    context = {
        "account": {"label": user.label, "initial": user.initial},
        "username": user.preferred_username,
        "problems": faults or [],
        "tries_left": tries_left,
        "paused": paused,
        "rescue": hooks.rescue("", paused=paused is not None),
        "passkey": passkeys.offered_to(user),
        "back_url": entrance.HOME,
    }
    return render(request, "idp/again.html", context)


def _with_target(page: str, request: HttpRequest) -> str:
    target = entrance.local(request.get_full_path()) or entrance.local(request.path)
    return f"{page}?{urlencode({'to': target})}" if target else page

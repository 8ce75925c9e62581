"""`/account/password/`: another password, by whoever knows the one there is.

The current password is asked for although the session is fresh (ASVS 6.2.3): a session that somebody else holds for a
moment must not become an account that they hold for good.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from idp import browser
from idp.account import frame
from idp.accounts import lookup, reauthentication, sessions
from idp.accounts.password_change import Here, PasswordChanged, PasswordUnfit, ProofStale, change_password
from idp.accounts.password_rules import PasswordContext
from idp.accounts.proofs import Proof
from idp.browser import SeeOther
from idp.conf import policy
from idp.forms import takes
from idp.login import attempts, pausing
from idp.login.again import freshly, signed_in
from idp.models import SignIn
from idp.pages import Problem
from idp.plugins import hooks

_HERE = "/account/password/"
_CHANGED = "/account/password/changed/"
#: A number on our own page, which anybody may write into its address.
_COUNT = re.compile("[1-9][0-9]?")
_COUNTS = ("sessions", "applications", "told")
#: How the notice says it was proven.
_PROVED_BY = "password"


@dataclass(frozen=True, kw_only=True)
class _Refusal:
    """What the page says instead of doing it."""

    problems: tuple[Problem, ...] = ()
    tries_left: int | None = None
    paused: attempts.Paused | None = None


@takes("username", "current_password", "new_password")
@require_http_methods(["GET", "HEAD", "POST"])
@freshly
def password(request: HttpRequest, here: SignIn) -> HttpResponse:
    """The form; by POST, the change, after which this session alone goes on, under another key."""
    if request.method != "POST":
        return _page(request, here, _Refusal())
    current, new = request.POST.get("current_password", ""), request.POST.get("new_password", "")
    if refusal := _incomplete(current, new):
        return _page(request, here, refusal)
    now = timezone.now()
    proof = _proof(request, here, current, now=now)
    if isinstance(proof, _Refusal):
        return _page(request, here, proof)
    return _change(request, here, proof, new, now=now)


@require_safe
@signed_in
def changed(request: HttpRequest, here: SignIn) -> HttpResponse:
    """What ended with the old password."""
    said = {name: request.GET.get(name, "") for name in _COUNTS}
    counts = {name: int(text) if _COUNT.fullmatch(text) else 0 for name, text in said.items()}
    return frame.show(request, here, "idp/account/password_changed.html", counts)


def _incomplete(current: str, new: str) -> _Refusal | None:
    missing = []
    if not current:
        missing.append(Problem("current-password", _("Enter your current password")))
    if not new:
        missing.append(Problem("new-password", _("Enter a new password")))
    return _Refusal(problems=tuple(missing)) if missing else None


def _proof(request: HttpRequest, here: SignIn, current: str, *, now: datetime) -> Proof | _Refusal:
    """The right to replace the password, for its owner; counted as a try at signing in, and by the same limits."""
    user = here.user
    tried = attempts.Tried(
        identifier=user.preferred_username,
        password=current,
        device_key=browser.cookie(request, browser.DEVICE),
        origin=browser.origin(request),
    )
    match attempts.try_password(tried, policy=policy(), now=now):
        case attempts.Paused() as paused:
            return _Refusal(paused=paused)
        case attempts.Wrong(tries_left=left):
            return _wrong(left)
        case attempts.Right():
            credential = lookup.get(user.pk).credential
            return reauthentication.by_password(user, credential, current, source=here.pk, now=now) or _wrong(None)


def _wrong(tries_left: int | None) -> _Refusal:
    return _Refusal(problems=(Problem("current-password", _("That password isn't right")),), tries_left=tries_left)


def _change(request: HttpRequest, here: SignIn, proof: Proof, new: str, *, now: datetime) -> HttpResponse:
    renewed: list[sessions.Begun | None] = []

    def go_on(_done: PasswordChanged) -> None:
        renewed.append(
            sessions.renew(here, amr=here.amr, authenticated_at=here.authenticated_at, policy=policy(), now=now),
        )

    outcome = change_password(
        proof,
        new,
        proved_by=_PROVED_BY,
        policy=policy(),
        origin=browser.origin(request),
        now=now,
        here=Here(sign_in=here.pk, device_key=browser.cookie(request, browser.DEVICE)),
        then=go_on,
    )
    match outcome:
        case PasswordUnfit(faults=faults):
            return _page(request, here, _Refusal(problems=tuple(Problem("new-password", str(f)) for f in faults)))
        case ProofStale():
            stale = Problem("current-password", _("Your password was changed elsewhere a moment ago"))
            return _page(request, here, _Refusal(problems=(stale,)))
        case PasswordChanged():
            return _done(outcome, renewed[0] if renewed else None)


def _done(outcome: PasswordChanged, renewed: sessions.Begun | None) -> HttpResponse:
    counts = {
        "sessions": outcome.sessions_ended,
        "applications": outcome.applications_told,
        "told": outcome.addresses_told.addresses,
    }
    query = urlencode({name: count for name, count in counts.items() if count})
    response = SeeOther(f"{_CHANGED}?{query}" if query else _CHANGED)
    if renewed is not None:
        browser.set_cookie(response, browser.SESSION, renewed.key)
    return response


def _page(request: HttpRequest, here: SignIn, refusal: _Refusal) -> HttpResponse:
    context = {
        "username": here.user.preferred_username,
        "minimum_length": PasswordContext(second_factor_enforced=policy().second_factor_enforced).minimum,
        "problems": refusal.problems,
        "tries_left": refusal.tries_left,
        "paused": refusal.paused,
        "rescue": hooks.rescue("", paused=refusal.paused is not None),
    }
    page = frame.show(request, here, "idp/account/password.html", context)
    return pausing.answer(page, refusal.paused, now=timezone.now()) if refusal.paused else page

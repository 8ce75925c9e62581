"""`/sign-in/factor`: the second factor, after a right password or because an application wants to see more.

Two come here. Most have a pending sign-in, which ends in a new one. Some are signed in already, and the dispatcher
found them weaker than the waiting request asks: they go on with the sign-in that they have. Looking at the page changes
nothing for either.
"""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from idp import browser, interactions
from idp.accounts import credentials, devices, sessions
from idp.browser import SeeOther
from idp.conf import policy
from idp.factors import registry, strength, tries
from idp.factors.registry import Kind
from idp.forms import takes
from idp.login import entrance, pending
from idp.models import Credential, Interaction, PendingSignIn, SignIn, User
from idp.pages import Choice, Problem
from idp.plugins import hooks
from idp.plugins.waiting import application, let_form_end_at, sign_in_url


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Who is asked for a second factor, and what follows: exactly one of `pending` and `here` is there."""

    user: User
    #: The kinds they have, the best first.
    kinds: list[Kind]
    pending: PendingSignIn | None = None
    here: SignIn | None = None
    interaction: Interaction | None = None

    @property
    def is_new(self) -> bool:
        """Whether this begins a sign-in, rather than showing more within one."""
        return self.pending is not None and self.pending.continues_id is None


@takes("way", "otp", "passkey", "trust", "cancel")
@require_http_methods(["GET", "POST"])
def factor(request: HttpRequest) -> HttpResponse:
    """Ask for it; judge it; and in."""
    now = timezone.now()
    waiting = who_waits(request, now=now)
    if waiting is None:
        return _nothing_waits(request, now=now)
    if request.method == "GET":
        return _page(request, waiting, _chosen(request.GET.get("way", ""), waiting), now=now)
    if request.POST.get("cancel"):
        return _cancelled(request, waiting, now=now)
    kind = _chosen(request.POST.get("way", ""), waiting)
    if faults := _faults(request, kind):
        return _page(request, waiting, kind, faults=faults, now=now)
    device = devices.find(waiting.user.pk, browser.cookie(request, browser.DEVICE), policy=policy(), now=now)
    match kind.judge(request, waiting.user, device, now):
        case tries.Right() as right:
            return _on(request, waiting, right, now=now) or _over(request, waiting.interaction)
        case tries.Wrong(tries_left=tries_left):
            faults = [kind.refusal()]
            return _page(request, waiting, kind, faults=faults, tries_left=tries_left, now=now)
        case tries.Paused(until=until, for_good=for_good):
            return _page(request, waiting, kind, paused_until=until, for_good=for_good, now=now)


# --- Who is here ------------------------------------------------------------------------------------------


def who_waits(request: HttpRequest, *, now: datetime) -> Waiting | None:
    """The pending sign-in of this browser, if the address is about it; else who is signed in and asked for more."""
    asked = request.GET.get("i", "")
    interaction = interactions.find(request, asked, now=now)
    row = pending.find(browser.cookie(request, browser.PENDING), now=now)
    if row is not None and row.interaction_id == asked:
        kinds = registry.held(credentials.factors_of(row.user))
        return Waiting(user=row.user, kinds=kinds, pending=row, interaction=interaction) if kinds else None
    here = sessions.find(browser.cookie(request, browser.SESSION), policy=policy(), now=now)
    if here is None or interaction is None:
        return None
    kinds = registry.held(credentials.factors_of(here.user))
    return Waiting(user=here.user, kinds=kinds, here=here, interaction=interaction) if kinds else None


def _chosen(slug: str, waiting: Waiting) -> Kind:
    """The kind they want to use, if they have it; else the best they have."""
    return next((kind for kind in waiting.kinds if kind.slug == slug), waiting.kinds[0])


def _faults(request: HttpRequest, kind: Kind) -> list[Problem]:
    """What to mend before anything is counted: no guess was made."""
    if kind.judge is not registry.typed_code:
        return []
    answer = request.POST.get("otp", "")
    if not answer.strip():
        return [Problem("otp", _("Enter a code"))]
    if not tries.has_form(answer):
        return [Problem("otp", _("A code of your app has 6 digits, a recovery code 16 letters and digits"))]
    return []


# --- What follows -----------------------------------------------------------------------------------------


def _on(request: HttpRequest, waiting: Waiting, shown: tries.Right, *, now: datetime) -> HttpResponse | None:
    """In. None if another request was faster, or the sign-in ended."""
    if waiting.here is not None:
        return entrance.stronger(waiting.here, shown.kind, shown.more, where=_continue(waiting.interaction), now=now)
    if waiting.pending is None:
        return None
    # Who needs a recovery code has lost the better factor: not the moment to stop asking.
    trusts = waiting.is_new and shown.kind != Credential.Kind.RECOVERY_CODES and bool(request.POST.get("trust"))
    amr = strength.together(waiting.pending.amr, shown.kind, shown.more)
    return entrance.after_factor(request, waiting.pending, amr, trust=trusts, now=now)


def _cancelled(request: HttpRequest, waiting: Waiting, *, now: datetime) -> HttpResponse:
    """Nothing of what was shown is left to whoever uses this browser next (SI-08)."""
    if waiting.pending is not None:
        pending.finish(waiting.pending, now=now)
    if waiting.interaction is not None:
        interactions.refuse(waiting.interaction, "access_denied")
        response = SeeOther(_continue(waiting.interaction))
    else:
        response = SeeOther(entrance.HOME)
    if browser.cookie(request, browser.PENDING):
        browser.drop_cookie(response, browser.PENDING)
    return response


def _nothing_waits(request: HttpRequest, *, now: datetime) -> HttpResponse:
    """To where it begins; or, if somebody has just typed a code, first say why it is of no use any more."""
    interaction = interactions.find(request, request.GET.get("i", ""), now=now)
    if request.method == "POST":
        return _over(request, interaction)
    return SeeOther(sign_in_url(interaction.id if interaction else ""))


def _over(request: HttpRequest, interaction: Interaction | None) -> HttpResponse:
    back = {"url": sign_in_url(interaction.id if interaction else ""), "label": _("Sign in again")}
    context = {
        "heading": _("This step has run out"),
        "lead": _(
            "It was open for a long time, or was finished already. Nothing is lost: start again with your password.",
        ),
        "back": back,
    }
    response = render(request, "idp/problem.html", context, status=400)
    if browser.cookie(request, browser.PENDING):
        browser.drop_cookie(response, browser.PENDING)
    return response


def _continue(interaction: Interaction | None) -> str:
    return f"/continue?{urlencode({'i': interaction.id})}" if interaction else entrance.HOME


# --- The page ---------------------------------------------------------------------------------------------


def _page(
    request: HttpRequest,
    waiting: Waiting,
    kind: Kind,
    *,
    now: datetime,
    faults: list[Problem] | None = None,
    tries_left: int | None = None,
    paused_until: datetime | None = None,
    for_good: bool = False,
) -> HttpResponse:
    interaction, user = waiting.interaction, waiting.user
    if interaction is not None:
        let_form_end_at(request, interaction)
    days = policy().trust_devices_for.days
    context = {
        "application": application(interaction.client) if interaction else None,
        "account": {"label": user.label, "initial": user.initial},
        "kind": kind,
        "words": kind.words(),
        "others": [
            Choice(value=_address(request, each), title=each.words().use, icon=each.icon)
            for each in waiting.kinds
            if each is not kind
        ],
        "trust_days": days if waiting.is_new and kind.name != Credential.Kind.RECOVERY_CODES else 0,
        "problems": faults or [],
        "tries_left": tries_left,
        "paused_until": paused_until,
        "for_good": for_good,
        "rescue": hooks.rescue(interaction.id if interaction else ""),
        "asked_for": request.GET.get("i", ""),
        **kind.prepare(request, user, now),
    }
    return render(request, "idp/factor.html", context, status=429 if paused_until else 200)


def _address(request: HttpRequest, kind: Kind) -> str:
    """This page, asking for another kind."""
    asked = {name: value for name in ("i",) if (value := request.GET.get(name, ""))}
    return f"?{urlencode({**asked, 'way': kind.slug})}"

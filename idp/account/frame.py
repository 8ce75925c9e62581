"""What stands around every account page: who is signed in, the way to the other pages, and the way out."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from idp import interactions
from idp.models import SignIn
from idp.pages import Entry
from idp.plugins.waiting import let_form_end_at

HOME = "/account/"


def show(
    request: HttpRequest,
    here: SignIn,
    template: str,
    context: dict[str, Any],
    *,
    status: int = 200,
) -> HttpResponse:
    """Draw a page of the account of whoever is signed in here.

    The form of somebody who is on the way to an application may end there.
    """
    if interaction := interactions.find(request, request.GET.get("i", ""), now=timezone.now()):
        let_form_end_at(request, interaction)
    user = here.user
    account = {
        "label": user.label,
        "name": user.called,
        "initial": user.initial,
    }
    framed = {"account": account, "menu": menu(request.path), "back_url": _up(request.path)}
    return render(request, template, framed | context, status=status)


def with_waiting(request: HttpRequest, url: str) -> str:
    """`url` with the request that waits, for the next page of several."""
    waits = request.GET.get("i", "")
    return f"{url}?{urlencode({'i': waits})}" if waits else url


def menu(path: str) -> tuple[Entry, ...]:
    """The pages that everybody comes back to. A page below one of them belongs to it."""
    entries = (
        (HOME, _("Overview")),
        ("/account/security/", _("Security info")),
        ("/account/sessions/", _("Sessions")),
        ("/account/applications/", _("Applications")),
        ("/account/activity/", _("Activity")),
    )
    return tuple(Entry(url=url, label=label, current=_belongs(path, url)) for url, label in entries)


#: Pages that have no entry of their own, and the page they are reached from.
_BELOW = {
    "/account/password/": "/account/security/",
    "/account/factors/": "/account/security/",
    "/account/addresses/": "/account/security/",
    "/account/language/": HOME,
    "/account/data/": HOME,
    "/account/delete/": HOME,
}


def _belongs(path: str, url: str) -> bool:
    return path == url or _up(path) == url


def _up(path: str) -> str:
    """Where "Back" leads; empty for the pages of the menu."""
    return next((above for below, above in _BELOW.items() if path.startswith(below)), "")

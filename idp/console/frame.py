"""What stands around every page of the administrators: who is signed in, the other pages, and the way out."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from idp.console import banners
from idp.models import SignIn
from idp.pages import Entry, Problem
from idp.plugins import hooks

OVERVIEW = "/console/"
PEOPLE = "/console/people/"
INVITATIONS = "/console/invitations/"
INVITE_MANY = "/console/invitations/many/"
APPLICATIONS = "/console/applications/"
DECISIONS = "/console/decisions/"
AUDIT = "/console/audit/"
AUDIT_EXPORT = "/console/audit/export/"
DELIVERY = "/console/delivery/"
RECOVERY = "/console/recovery/"
POLICY = "/console/policy/"
_ACCOUNT = "/account/"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One number, with what it is and what it is made of."""

    id: str
    name: str
    value: str
    detail: str


def show(
    request: HttpRequest,
    here: SignIn,
    template: str,
    context: dict[str, Any],
    *,
    status: int = 200,
) -> HttpResponse:
    """Draw a page for the administrator who is signed in here."""
    account = {"label": here.user.label, "initial": here.user.initial}
    # A page with several fields marks those that are wrong.
    wrong = {each.field for each in context.get("problems", ()) if isinstance(each, Problem)}
    standing = {
        "account": account,
        "menu": menu(request.path),
        "rescue": hooks.rescue(""),
        "banners": banners.banners(timezone.now()),
        "wrong": wrong,
    }
    return render(request, template, standing | context, status=status)


def menu(path: str) -> tuple[Entry, ...]:
    """The pages there are, and the way back to one's own."""
    recovery = ((RECOVERY, _("Recovery")),) if hooks.tells_coverage() else ()
    entries = (
        (OVERVIEW, _("Overview")),
        (PEOPLE, _("People")),
        *(((INVITATIONS, _("Invitations")),) if hooks.activation() else ()),
        (APPLICATIONS, _("Applications")),
        (DECISIONS, _("Decisions")),
        (AUDIT, _("History")),
        (DELIVERY, _("Delivery")),
        *recovery,
        (POLICY, _("Recovery policy")),
        (_ACCOUNT, _("Your account")),
    )
    return tuple(Entry(url=url, label=label, current=_belongs(path, url)) for url, label in entries)


def _belongs(path: str, url: str) -> bool:
    """A page below one of the menu belongs to it; the overview is above all and has none."""
    return path == url or (url != OVERVIEW and path.startswith(url))

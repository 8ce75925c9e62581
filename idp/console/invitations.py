"""`/console/invitations/`: who is invited and has not come yet; inviting one more, sending another letter, cancelling.

Whoever invites supplies an address and sees no link: that is in the letter, and nowhere else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from idp import browser, problems
from idp.account.wording import when
from idp.accounts import invitations as accounts
from idp.accounts.invitations import Guest, NotInvited
from idp.browser import SeeOther
from idp.conf import policy
from idp.console import frame, naming, reasons, wording
from idp.console.door import administrator
from idp.console.wording import Tag
from idp.forms import fields
from idp.models import Invitation, SignIn
from idp.pages import Problem
from idp.plugins import hooks

#: The open ones that are shown; there are few, and the newest matter.
_MOST = 200


@dataclass(frozen=True, kw_only=True)
class Row:
    """One open invitation."""

    email: str
    username: str
    state: Tag
    until: str
    by: naming.Named | None
    send_again_url: str
    cancel_url: str


@require_http_methods(["GET", "HEAD", "POST"])
@administrator
def invitations(request: HttpRequest, here: SignIn) -> HttpResponse:
    """The list, and the form; as if it were not there where no plug-in has a page for invited people."""
    if not hooks.activation():
        return problems.not_found(request)
    if request.method != "POST":
        return _page(request, here)
    sent = fields(request, "email", "username", "name", "reason")
    guest = Guest(email=sent["email"], username=sent["username"], name=sent["name"])
    reason = reasons.read(sent["reason"])
    if reason is None:
        return _page(request, here, guest=guest, faults=(Problem("reason", _("Choose a reason")),))
    try:
        accounts.invite(
            guest,
            by=here.user_id,
            reason=reason,
            policy=policy(),
            origin=browser.origin(request),
            now=timezone.now(),
        )
    except NotInvited as error:
        return _page(request, here, guest=guest, faults=(Problem("email", wording.not_invited(error.refusal)),))
    return SeeOther(f"{frame.INVITATIONS}?done=invited")


@require_http_methods(["GET", "HEAD", "POST"])
@administrator
def act(request: HttpRequest, here: SignIn, invitation: UUID, verb: str) -> HttpResponse:
    """Another letter, or none: what it means, why, and then it is done."""
    row = accounts.open_ones().filter(pk=invitation).first()
    if row is None or not hooks.activation():
        return problems.not_found(request)
    if request.method != "POST":
        return _act_page(request, here, row, verb)
    reason = reasons.read(fields(request, "reason")["reason"])
    if reason is None:
        return _act_page(request, here, row, verb, faults=(Problem("reason", _("Choose a reason")),))
    asked = {"by": here.user_id, "reason": reason, "origin": browser.origin(request), "now": timezone.now()}
    if verb == "cancel":
        done = accounts.cancel(row.pk, **asked)
    else:
        done = accounts.send_again(row.pk, policy=policy(), **asked)
    return SeeOther(f"{frame.INVITATIONS}?done={verb if done else 'over'}")


# --- The pages --------------------------------------------------------------------------------------------


def _page(
    request: HttpRequest, here: SignIn, *, guest: Guest | None = None, faults: Sequence[Problem] = ()
) -> HttpResponse:
    now = timezone.now()
    rows = list(accounts.open_ones().order_by("-invited_at", "pk")[:_MOST])
    inviters = naming.names(row.invited_by for row in rows)
    context = {
        "rows": [
            Row(
                email=row.user.email,
                username=row.user.preferred_username,
                state=_state(row, is_over=row.expires_at <= now),
                until=when(row.expires_at, now=now),
                by=inviters.get(row.invited_by) if row.invited_by else None,
                send_again_url=f"{frame.INVITATIONS}{row.pk}/send-again/",
                cancel_url=f"{frame.INVITATIONS}{row.pk}/cancel/",
            )
            for row in rows
        ],
        "guest": guest,
        "reasons": reasons.Reason.choices,
        "hours": round(policy().invitation_lifetime.total_seconds() / 3600),
        "many_url": frame.INVITE_MANY,
        "problems": faults,
        "done": _done(request.GET.get("done", "")),
    }
    return frame.show(request, here, "idp/console/invitations.html", context)


def _state(row: Invitation, *, is_over: bool) -> Tag:
    if not accounts.is_genuine(row):
        return Tag(label=_("Not ours"), tone="bad")
    return Tag(label=_("Time is over"), tone="warn") if is_over else Tag(label=_("Waiting"), tone="")


def _act_page(
    request: HttpRequest, here: SignIn, row: Invitation, verb: str, *, faults: Sequence[Problem] = ()
) -> HttpResponse:
    if verb == "cancel":
        said = {
            "heading": _("Cancel this invitation?"),
            "facts": (
                ("lock", _("The link in the letter stops working, also for somebody who is just using it")),
                ("person", _("The account goes with it; the address and the user name can be invited again")),
            ),
            "button": _("Cancel the invitation"),
            "is_hard": True,
        }
    else:
        said = {
            "heading": _("Send another letter?"),
            "facts": (
                ("mail", _("It goes to the same address, with a new link and all the time there is")),
                ("lock", _("Links in earlier letters stop working")),
            ),
            "button": _("Send it"),
        }
    context = {
        "back_url": frame.INVITATIONS,
        "called": row.user.called,
        "username": row.user.preferred_username,
        "reasons": reasons.Reason.choices,
        "problems": faults,
        **said,
    }
    return frame.show(request, here, "idp/console/act.html", context)


def _done(word: str) -> str:
    """What was just done; its own word in our own address."""
    return {
        "invited": _("Done. The letter is on its way."),
        "send-again": _("Done. Another letter is on its way."),
        "cancel": _("Done. The invitation is cancelled."),
        "over": _("Nothing was done: it was taken up, or somebody else was faster."),
    }.get(word, "")

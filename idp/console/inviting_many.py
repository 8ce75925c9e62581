"""`/console/invitations/many/`: a list of people, first looked at, then invited, with what came of each line.

Nothing is kept in between: the list travels with the page, and is judged anew when it comes back.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from idp import browser, problems
from idp.accounts import guest_lists, invitations
from idp.accounts.guest_lists import Line, Unreadable
from idp.accounts.invitations import NotInvited
from idp.conf import policy
from idp.console import frame, reasons, wording
from idp.console.door import administrator
from idp.console.reasons import Reason
from idp.console.wording import Tag
from idp.forms import fields
from idp.models import SignIn
from idp.pages import Problem
from idp.plugins import hooks

_FILE = "file"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the list, and what is to come of it, or came."""

    number: int
    email: str
    username: str
    name: str
    tag: Tag
    why: str


@require_http_methods(["GET", "HEAD", "POST"])
@administrator
def many(request: HttpRequest, here: SignIn) -> HttpResponse:
    """The form, the list as it was understood, or what came of it."""
    if not hooks.activation():
        return problems.not_found(request)
    if request.method != "POST":
        return _form(request, here)
    sent = fields(request, "csv", "reason", "confirm", file=_FILE)
    try:
        text = _text(request) or sent["csv"]
        lines = guest_lists.read(text)
    except (Unreadable, UnicodeDecodeError) as error:
        return _form(request, here, text=sent["csv"], faults=(Problem("csv", _unreadable(error)),))
    reason = reasons.read(sent["reason"])
    if reason is None:
        return _form(request, here, text=text, faults=(Problem("reason", _("Choose a reason")),))
    if not sent["confirm"]:
        return _preview(request, here, text, lines, reason)
    return _report(request, here, lines, reason)


def _text(request: HttpRequest) -> str:
    """What the file holds, if one came along. Raises UnicodeDecodeError."""
    uploaded = request.FILES.get(_FILE)
    return uploaded.read().decode("utf-8-sig") if uploaded else ""


def _unreadable(error: Unreadable | UnicodeDecodeError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return _("The file is not UTF-8 text. Save it as “CSV UTF-8”")
    return {
        Unreadable.NO_COLUMNS: _("The first line has to name the columns, one of them “email”"),
        Unreadable.STRANGE_COLUMN: _("There is a column “%(name)s”; only email, username and name are known")
        % {"name": error.named},
        Unreadable.EMPTY: _("There is nobody in the list"),
        Unreadable.TOO_LONG: _("There are more than %(n)d people in the list. Send it in parts")
        % {"n": guest_lists.MOST},
    }[error.why]


# --- The pages --------------------------------------------------------------------------------------------


def _form(request: HttpRequest, here: SignIn, *, text: str = "", faults: Sequence[Problem] = ()) -> HttpResponse:
    context = {
        "back_url": frame.INVITATIONS,
        "text": text,
        "most": guest_lists.MOST,
        "reasons": reasons.Reason.choices,
        "problems": faults,
    }
    return frame.show(request, here, "idp/console/invite_many.html", context)


def _preview(request: HttpRequest, here: SignIn, text: str, lines: Sequence[Line], reason: Reason) -> HttpResponse:
    """What would come of it; nothing has been done."""
    context = {
        "back_url": frame.INVITE_MANY,
        "rows": [_row(line) for line in lines],
        "invited": sum(line.may_be_invited for line in lines),
        "left_out": sum(not line.may_be_invited for line in lines),
        "text": text,
        "reason": reason,
        "is_done": False,
    }
    return frame.show(request, here, "idp/console/invited_many.html", context)


def _report(request: HttpRequest, here: SignIn, lines: Sequence[Line], reason: Reason) -> HttpResponse:
    """Invite them, each by itself, and say what came of each. Sent again, it finds them invited already."""
    rows = []
    for line in lines:
        why = ""
        if line.may_be_invited:
            try:
                invitations.invite(
                    line.guest,
                    by=here.user_id,
                    reason=reason,
                    policy=policy(),
                    origin=browser.origin(request),
                    now=timezone.now(),
                )
            except NotInvited as error:
                why = wording.not_invited(error.refusal)
        rows.append(_row(line, done=line.may_be_invited and not why, why=why))
    invited = sum(row.tag.tone == "ok" for row in rows)
    context = {
        "back_url": frame.INVITATIONS,
        "rows": rows,
        "invited": invited,
        "left_out": len(rows) - invited,
        "is_done": True,
    }
    return frame.show(request, here, "idp/console/invited_many.html", context)


def _row(line: Line, *, done: bool = False, why: str = "") -> Row:
    if line.refusal:
        why = wording.not_invited(line.refusal)
    elif line.is_repeated:
        why = _("An earlier line has the same address or user name")
    if why:
        tag = Tag(label=_("Left out"), tone="warn")
    else:
        tag = Tag(label=_("Invited"), tone="ok") if done else Tag(label=_("Will be invited"), tone="")
    return Row(
        number=line.number,
        email=line.guest.email,
        username=line.guest.username,
        name=line.guest.name,
        tag=tag,
        why=why,
    )

"""`/console/decisions/`: what takes two administrators. The second one agrees here, each of them can withdraw it."""

from uuid import UUID

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from idp import browser
from idp.accounts import proposals
from idp.browser import SeeOther
from idp.conf import policy
from idp.console import frame, matters, reasons
from idp.console.door import administrator
from idp.console.reasons import Reason
from idp.forms import fields
from idp.models import SignIn
from idp.pages import Problem


@require_http_methods(["GET", "HEAD", "POST"])
@administrator
def decisions(request: HttpRequest, here: SignIn) -> HttpResponse:
    """Everything that is open, oldest first; by POST one of them is agreed to or withdrawn."""
    faults: tuple[Problem, ...] = ()
    if request.method == "POST":
        sent = fields(request, "proposal", "act", "reason")
        proposal, reason = _proposal(sent["proposal"]), reasons.read(sent["reason"])
        if reason is not None:
            return SeeOther(f"{frame.DECISIONS}?done={_decide(request, here, proposal, sent['act'], reason)}")
        faults = (Problem(f"reason-{proposal}", _("Choose a reason")),)
    now = timezone.now()
    context = {
        "matters": [matters.of(row, here.user_id, now=now) for row in proposals.open_ones(now=now)],
        "delay_hours": round(policy().decision_delay.total_seconds() / 3600),
        "reasons": reasons.Reason.choices,
        "problems": faults,
        "done": _done(request.GET.get("done", "")),
    }
    return frame.show(request, here, "idp/console/decisions.html", context)


def _proposal(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise BadRequest("not a proposal") from None


def _decide(request: HttpRequest, here: SignIn, proposal: UUID, act: str, reason: Reason) -> str:
    """What was decided, in a word for the page; `over` if there was nothing to decide any more."""
    said = {"by": here.user, "reason": reason, "origin": browser.origin(request), "now": timezone.now()}
    match act:
        case "agree":
            return "agreed" if proposals.agree(proposal, policy=policy(), **said) else "over"
        case "withdraw":
            return "withdrawn" if proposals.withdraw(proposal, **said) else "over"
        case _:
            raise BadRequest("neither of the buttons")


def _done(word: str) -> str:
    """What was just decided; its own word in our own address."""
    return {
        "agreed": _("Done. It is carried out after the delay, unless somebody withdraws it."),
        "withdrawn": _("Done. It is withdrawn, and all administrators are being told."),
        "over": _("Nothing was done: it is over, or somebody else was faster."),
    }.get(word, "")

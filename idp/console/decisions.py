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
from idp.console import frame, matters
from idp.console.door import administrator
from idp.console.forms import fields
from idp.models import SignIn


@require_http_methods(["GET", "HEAD", "POST"])
@administrator
def decisions(request: HttpRequest, here: SignIn) -> HttpResponse:
    """Everything that is open, oldest first; by POST one of them is agreed to or withdrawn."""
    if request.method == "POST":
        return SeeOther(f"{frame.DECISIONS}?done={_decide(request, here)}")
    now = timezone.now()
    context = {
        "matters": [matters.of(row, here.user_id, now=now) for row in proposals.open_ones(now=now)],
        "delay_hours": round(policy().decision_delay.total_seconds() / 3600),
        "done": _done(request.GET.get("done", "")),
    }
    return frame.show(request, here, "idp/console/decisions.html", context)


def _decide(request: HttpRequest, here: SignIn) -> str:
    """What was decided, in a word for the page; `over` if there was nothing to decide any more."""
    sent, now, origin = fields(request, "proposal", "act"), timezone.now(), browser.origin(request)
    try:
        proposal = UUID(sent["proposal"])
    except ValueError:
        raise BadRequest("not a proposal") from None
    match sent["act"]:
        case "agree":
            agreed = proposals.agree(proposal, by=here.user, policy=policy(), origin=origin, now=now)
            return "agreed" if agreed else "over"
        case "withdraw":
            return "withdrawn" if proposals.withdraw(proposal, by=here.user, origin=origin, now=now) else "over"
        case _:
            raise BadRequest("neither of the buttons")


def _done(word: str) -> str:
    """What was just decided; its own word in our own address."""
    return {
        "agreed": _("Done. It is carried out after the delay, unless somebody withdraws it."),
        "withdrawn": _("Done. It is withdrawn, and all administrators are being told."),
        "over": _("Nothing was done: it is over, or somebody else was faster."),
    }.get(word, "")

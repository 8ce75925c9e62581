"""`/console/people/…/suspend/` and its neighbours: what it means, why it is done, and then it is done.

GET shows what an act means; POST does it, with one of a few reasons and nothing else in the form.
"""

from collections.abc import Callable
from typing import Any, assert_never
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from idp import browser, problems
from idp.accounts import powers, proposals, roles
from idp.accounts.powers import Order, Refusal
from idp.accounts.proposals import AlreadyProposed, Change
from idp.browser import SeeOther
from idp.conf import policy
from idp.console import frame, naming, reasons, safety
from idp.console.door import administrator
from idp.console.verbs import Verb
from idp.forms import fields
from idp.models import Proposal, SignIn, User
from idp.pages import Problem
from idp.plugins import hooks


@require_http_methods(["GET", "HEAD", "POST"])
@administrator
def act(request: HttpRequest, here: SignIn, account: UUID, verb: Verb) -> HttpResponse:
    """One verb, one account."""
    user = User.objects.exclude(status=User.Status.DELETED).filter(pk=account).first()
    if user is None:
        return problems.not_found(request)
    if request.method != "POST":
        return _page(request, here, user, verb)
    reason = reasons.read(fields(request, "reason")["reason"])
    if reason is None:
        return _page(request, here, user, verb, problem=_("Choose a reason"))
    order = Order(by=here.user_id, reason=reason, origin=browser.origin(request), now=timezone.now())
    refusal = _do(verb, user, here.user, order)
    if refusal is not None:
        return _page(request, here, user, verb, problem=_refused(refusal))
    return SeeOther(f"{naming.url(user.pk)}?done={verb}")


def _do(verb: Verb, user: User, by: User, order: Order) -> Refusal | None:
    """None if it is done."""
    is_ready = safety.ready(order.now)
    doing: dict[Verb, Callable[[], object]] = {
        Verb.SESSIONS: lambda: powers.end_sessions(user.pk, order),
        Verb.SUSPEND: lambda: powers.suspend(user.pk, order, is_ready=is_ready, then=hooks.frozen),
        Verb.RECOVER: lambda: powers.require_recovery(user.pk, order, is_ready=is_ready),
        Verb.LIFT: lambda: powers.lift(user.pk, order),
        Verb.PROMOTE: lambda: _propose(user, by, order),
        Verb.DEMOTE: lambda: powers.demote(user.pk, order, is_ready=is_ready),
        Verb.DELETE: lambda: powers.delete(user.pk, order, is_ready=is_ready),
    }
    outcome = doing[verb]()
    return outcome if isinstance(outcome, Refusal) else None


def _propose(user: User, by: User, order: Order) -> Proposal | Refusal:
    if user.pk == by.pk:
        return Refusal.OWN
    if user.status != User.Status.ACTIVE or roles.is_administrator(user.pk):
        return Refusal.NOT_SO
    what = Change(kind=Proposal.Kind.ADMINISTRATOR, subject=str(user.pk), change={})
    try:
        return proposals.propose(what, by=by, reason=order.reason, policy=policy(), origin=order.origin, now=order.now)
    except AlreadyProposed:
        return Refusal.NOT_SO


def _refused(refusal: Refusal) -> str:
    match refusal:
        case Refusal.OWN:
            return _("Nobody does this to their own account here")
        case Refusal.POWERLESS:
            return _("You are no administrator any more")
        case Refusal.NOT_SO:
            return _("The account is not as it was when you opened this page. Go back and look again")
        case Refusal.LAST_TWO:
            return _(
                "Then fewer than two administrators could get back in by themselves, and nobody could let one in. "
                "Let another one become ready first"
            )
        case Refusal.NO_WAY_BACK:
            return _("They could not get back in: too few ways back are set up. Suspend the account instead")
        case _:
            assert_never(refusal)


# --- The page ---------------------------------------------------------------------------------------------


def _page(request: HttpRequest, here: SignIn, user: User, verb: Verb, *, problem: str = "") -> HttpResponse:
    context = {
        "back_url": naming.url(user.pk),
        "verb": verb,
        "called": user.called,
        "username": user.preferred_username,
        "reasons": reasons.Reason.choices,
        "problems": (Problem("reason", problem),) if problem else (),
        **_said(verb),
    }
    return frame.show(request, here, "idp/console/act.html", context)


def _said(verb: Verb) -> dict[str, Any]:
    """The question, what follows from it, and the words of the button."""
    signed_out = ("leave", _("They are signed out everywhere, and applications are told at once"))
    told = ("mail", _("A message goes to each of their addresses"))
    match verb:
        case Verb.SESSIONS:
            kept = ("key", _("They can sign in again at once: their password and the rest stay as they are"))
            return {"heading": _("End their sessions?"), "facts": (signed_out, kept, told), "button": _("End sessions")}
        case Verb.SUSPEND:
            facts = (
                signed_out,
                ("lock", _("Nobody can sign in to the account or recover it until that is lifted")),
                ("key", _("Their password and the rest stay as they are, for when it is lifted")),
                told,
            )
            return {"heading": _("Suspend this account?"), "facts": facts, "button": _("Suspend"), "is_hard": True}
        case Verb.RECOVER:
            facts = (
                signed_out,
                ("lock", _("Nobody can sign in until they have recovered the account and set a new password")),
                ("shield", _("Only they end that: you set nothing, see nothing, and cannot take it back")),
                told,
            )
            return {
                "heading": _("Require a recovery?"),
                "facts": facts,
                "button": _("Require a recovery"),
                "is_hard": True,
            }
        case Verb.LIFT:
            facts = (
                (
                    "key",
                    _("The account is again what it was before; their password and the rest are as they left them"),
                ),
                ("shield", _("What they stopped or froze themselves stays so: only they end that")),
                told,
            )
            return {"heading": _("Lift the suspension?"), "facts": facts, "button": _("Lift the suspension")}
        case Verb.PROMOTE:
            facts = (
                ("person", _("Another administrator has to agree")),
                ("clock", _("Then a delay passes in which each administrator can withdraw it")),
                ("mail", _("All administrators are told, now and at each step")),
            )
            return {"heading": _("Propose a new administrator?"), "facts": facts, "button": _("Propose it")}
        case Verb.DEMOTE:
            facts = (
                ("clock", _("It ends at once; giving it back takes two administrators and a delay")),
                ("mail", _("They are told, and so are all administrators")),
            )
            return {
                "heading": _("End their administrator role?"),
                "facts": facts,
                "button": _("End the role"),
                "is_hard": True,
            }
        case Verb.DELETE:
            facts = (
                ("alert", _("It cannot be undone, by nobody")),
                signed_out,
                ("key", _("Their password, every other way to sign in, their profile and their addresses are erased")),
                ("lock", _("Nobody will get the user name or the email address here again")),
                ("person", _("If they come back, they are invited anew, as somebody new to every application")),
                ("clock", _("What happened stays in the history, without their name")),
                ("mail", _("A last message goes to each of their addresses")),
            )
            return {
                "heading": _("Delete this account?"),
                "facts": facts,
                "button": _("Delete the account"),
                "is_hard": True,
            }
        case _:
            assert_never(verb)

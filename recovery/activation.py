"""`/recovery/activate/`: from the letter of an invitation to a first password.

The same road as every recovery from its last step on: the link is what proves the mailbox, as a code does, so the
journey begins with that proof and stands at its new password. Opening the link changes nothing, however often a scanner
of mail does it; only the button begins. Afterwards its owner signs in like everybody.
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from idp.plugins import accounts, limits, web
from idp.plugins.web import SeeOther, takes
from recovery import flow, journeys
from recovery.domain.journey import Step
from recovery.pages import COOKIE, PAGES, context_of, invitation_over


@takes()
@require_http_methods(["GET", "POST"])
def activate(request: HttpRequest) -> HttpResponse:
    """Set up this account? And begin."""
    context = context_of(request)
    invited = accounts.invited(request.GET.get(accounts.INVITATION_FIELD, ""), now=context.now)
    if invited is None:
        counted = limits.count(
            "invitation-links", limits.policy().stop_links_per_network, context.origin.network, now=context.now
        )
        return invitation_over(request) if counted.allowed else _too_many(request)
    if request.method == "GET":
        return render(request, "recovery/activate.html", {"username": invited.username})
    held = journeys.load(web.cookie(request, COOKIE), now=context.now)
    try:
        begun = flow.take_up(invited, replaces=held, context=context)
    except journeys.Moved:
        return SeeOther(PAGES[Step.IDENTIFY])
    response = SeeOther(PAGES[Step.NEW_PASSWORD])
    web.set_cookie(response, COOKIE, begun.browser_key, lifetime=context.policy.journey_lifetime)
    return response


def _too_many(request: HttpRequest) -> HttpResponse:
    return web.page(
        request,
        status=429,
        heading=_("Too many links were tried"),
        lead=_("None of them was ours. Open the link in the message itself; it works at once."),
    )

"""`/recovery/how/`: how recovery works here, for everybody who wants to know before they need it."""

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from idp.plugins import limits
from recovery import in_force, in_words
from recovery.domain.journey import Step
from recovery.pages import PAGES


@require_safe
def how(request: HttpRequest) -> HttpResponse:
    """The policy in force, in plain words, and what is announced. It depends on nobody."""
    now = timezone.now()
    policy = in_force.policy(now)
    interaction_id = request.GET.get("i", "")[:32]
    query = urlencode({"i": interaction_id}) if interaction_id else ""
    page = {
        "sections": (
            *in_words.coming(policy, in_force.coming(now), limits.policy()),
            *in_words.for_everybody(policy, limits.policy()),
        ),
        "back_url": f"{PAGES[Step.IDENTIFY]}{query and '?' + query}",
    }
    return render(request, "recovery/how.html", page)

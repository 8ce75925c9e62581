"""`/sign-in/set-up`: somebody has to add a second factor before their request goes on. There is no "not now" here."""

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from idp import interactions
from idp.browser import SeeOther
from idp.conf import policy
from idp.factors import registry, requirements
from idp.forms import takes
from idp.login import again
from idp.models import SignIn
from idp.pages import Choice, tenant
from idp.plugins.waiting import application, let_form_end_at, sign_in_url


@takes("way", "cancel")
@require_http_methods(["GET", "POST"])
def set_up(request: HttpRequest) -> HttpResponse:
    """Say why, and let them choose. Each choice leads to its own page and from there to `/continue`."""
    now = timezone.now()
    interaction = interactions.find(request, request.GET.get("i", ""), now=now)
    here = again.current(request, now=now)
    if interaction is None or here is None:
        return SeeOther(sign_in_url(interaction.id if interaction else ""))
    on = urlencode({"i": interaction.id})
    if request.method == "POST":
        if request.POST.get("cancel"):
            interactions.refuse(interaction, "access_denied")
            return SeeOther(f"/continue?{on}")
        if kind := registry.of(request.POST.get("way", "")):
            return SeeOther(f"{kind.add_url}?{on}")
    let_form_end_at(request, interaction)
    context = {
        "application": application(interaction.client),
        "why": _why(here, interaction.client.client_name),
        "choices": choices(),
    }
    return render(request, "idp/set_up.html", context)


def choices() -> list[Choice]:
    """Every kind that can be added, the best first."""
    return [
        Choice(value=kind.slug, title=words.title, detail=words.detail, icon=kind.icon)
        for kind in registry.KINDS
        for words in [kind.words()]
    ]


def _why(here: SignIn, application_name: str) -> str:
    if requirements.must_have(here.user, policy()):
        return _(
            "%(org)s asks for more than a password, so that nobody gets in who has only found yours. "
            "Set it up once; it takes a minute.",
        ) % {"org": tenant().name}
    return _(
        "%(app)s asks for more than a password, so that nobody gets in who has only found yours. "
        "Set it up once; it takes a minute.",
    ) % {"app": application_name}

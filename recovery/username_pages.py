"""`/recovery/username/`: somebody does not remember what to say who they are by.

Beside the journey: it begins none, and whoever comes back from their mailbox begins one, or signs in.
"""

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from idp.plugins import delivery, waiting, web
from idp.plugins.web import Problem, SeeOther, takes
from recovery import forms, usernames
from recovery.context import Context
from recovery.domain.journey import Step
from recovery.domain.outcomes import Sent, Throttled
from recovery.methods import registry
from recovery.methods.base import MessageMethod
from recovery.pages import PAGES, context_of, work_first

_HERE = "/recovery/username/"


@takes("address", "solution", "ticket")
@require_http_methods(["GET", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """Where do we know you? The answer is the same for everybody."""
    context = context_of(request)
    if request.method == "GET":
        return _page(request, context)
    typed = forms.address(request.POST)
    by = _by(typed, context)
    if fault := by.fault(typed):
        return _page(request, context, typed=typed, faults=[Problem("address", fault)])
    if first := work_first(request, context, field="address", typed=typed):
        return first
    match usernames.send(by, typed, context=context):
        case Sent():
            return SeeOther(f"{_HERE}sent/{_with_interaction(request)}")
        case Throttled(until=until):
            time = date_format(timezone.localtime(until), "H:i")
            return web.page(
                request,
                status=429,
                heading=_("A short pause"),
                lead=_("Too many messages were asked for here. You can ask again at %(time)s.") % {"time": time},
            )


@require_safe
def sent(request: HttpRequest) -> HttpResponse:
    """`/recovery/username/sent/`: if we know the address, it is on its way."""
    context = context_of(request)
    page = {
        "identify_url": f"{PAGES[Step.IDENTIFY]}{_with_interaction(request)}",
        "again_url": f"{_HERE}{_with_interaction(request)}",
    }
    return render(request, "recovery/username_sent.html", page | _toward(request, context))


def _by(typed: str, context: Context) -> MessageMethod:
    """By what it would go there: a letter, unless it is no e-mail address and the tenant sends texts."""
    wanted = delivery.SMS if _texts(context) and typed and "@" not in typed else delivery.EMAIL
    return next(each for each in registry.messages() if each.channel == wanted)


def _texts(context: Context) -> bool:
    """Whether a telephone can be told."""
    return any(each.channel == delivery.SMS and each.id in context.policy.methods for each in registry.messages())


def _page(
    request: HttpRequest,
    context: Context,
    *,
    typed: str = "",
    faults: list[Problem] | None = None,
) -> HttpResponse:
    page = {
        "address": typed,
        "texts": _texts(context),
        "problems": faults or [],
        "back_url": f"{PAGES[Step.IDENTIFY]}{_with_interaction(request)}",
    }
    return render(request, "recovery/username.html", page | _toward(request, context))


def _toward(request: HttpRequest, context: Context) -> dict[str, object]:
    """The application that waits, if one does."""
    waits = waiting.waiting(request, request.GET.get("i", ""), now=context.now)
    return {"application": waits.application if waits else None}


def _with_interaction(request: HttpRequest) -> str:
    interaction_id = request.GET.get("i", "")[:32]
    return f"?{urlencode({'i': interaction_id})}" if interaction_id else ""

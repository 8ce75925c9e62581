"""`/recovery/stop/`: "It wasn't me", from a notice. No sign-in is asked for, because its owner may not be able to.

The address belongs to recovery where people are concerned, and to the provider in truth: notices are its own, and are
written with recovery uninstalled too. Opening the page changes nothing, however often a scanner of mail does it; only
the button does. Whoever holds a link reads the owner's letters, so the page tells them when, and nothing else of it.

A link cannot be guessed: its seal has 256 bits. What is not ours is counted for its network all the same, so that
trying at speed ends; one that is ours is never held back by what neighbours try.
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from idp import browser, problems, stop_links, throttle
from idp.accounts import freezes
from idp.browser import SeeOther
from idp.conf import policy
from idp.forms import takes
from idp.plugins import hooks

_DONE = f"{stop_links.PATH}done/"


@takes()
@require_http_methods(["GET", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """Stop this? And stop it."""
    now = timezone.now()
    link = stop_links.read(request.GET.get(stop_links.FIELD, ""), now=now)
    if request.method == "GET":
        return _question(request, link) if link else _not_ours(request)
    origin = browser.origin(request)
    if link is None:
        limit = policy().stop_links_per_network
        counted = throttle.count("stop-links", limit, origin.network, now=now)
        return _not_ours(request) if counted.allowed else _too_many(request)
    frozen = freezes.freeze(
        link.user,
        event=link.event,
        policy=policy(),
        origin=origin,
        now=now,
        then=hooks.frozen,
    )
    return SeeOther(_DONE) if frozen else _not_ours(request)


@require_safe
def done(request: HttpRequest) -> HttpResponse:
    """`/recovery/stop/done/`: what has ended, and how it goes on. The same for everybody who opens it."""
    return render(request, "idp/frozen.html", {"days": policy().freeze_lasts.days})


def _question(request: HttpRequest, link: stop_links.StopLink) -> HttpResponse:
    context = {"at": timezone.localtime(link.at), "days": policy().freeze_lasts.days}
    return render(request, "idp/freeze.html", context)


def _not_ours(request: HttpRequest) -> HttpResponse:
    """One answer for a link that is too old, cut short, made up, or of an account that is no more."""
    return problems.page(
        request,
        status=400,
        heading=_("This link doesn't work"),
        lead=_(
            "It is too old, or part of it is missing. Nothing was changed. If something happened to your account that "
            "wasn't you, open the sign-in page and choose “Can't access your account?”: a new password signs out "
            "everybody else.",
        ),
    )


def _too_many(request: HttpRequest) -> HttpResponse:
    return problems.page(
        request,
        status=429,
        heading=_("Too many links were tried"),
        lead=_("None of them was ours. Open the link in the message itself; it works at once."),
    )

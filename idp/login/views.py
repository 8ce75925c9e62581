"""The sign-in and consent pages. Each does one thing and returns to `/continue`."""

from datetime import datetime
from urllib.parse import urlencode, urlsplit

import structlog
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from idp import browser, hashing, interactions, problems
from idp.accounts import sessions
from idp.browser import SeeOther
from idp.conf import policy
from idp.login import attempts, consents
from idp.login.forms import SignInForm
from idp.middleware import allow_form_target
from idp.models import Interaction, User
from idp.pages import Problem
from idp.plugins import hooks
from idp.plugins.waiting import application, sign_in_url

log = structlog.get_logger(__name__)


@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """`/sign-in`: who are you, and do you know the password?"""
    now = timezone.now()
    interaction_id = request.GET.get("i", "")
    if request.method == "GET":
        return _sign_in_page(request, interaction_id, now=now)
    if request.POST.get("cancel"):
        return _cancelled(request, interaction_id, now=now)
    form = SignInForm(request.POST)
    if request.POST.get("again"):
        # From the page that says we are too busy: back to this one, with the name that was typed.
        return _sign_in_page(request, interaction_id, now=now, username=form.username)
    if faults := form.faults():
        return _sign_in_page(request, interaction_id, now=now, username=form.username, faults=faults)
    try:
        tried = attempts.try_password(
            form.username,
            form.password,
            origin=browser.origin(request),
            policy=policy(),
            now=now,
        )
    except hashing.Busy:
        return problems.busy(request, retry_after=hashing.RETRY_AFTER, username=form.username)
    match tried:
        case attempts.Right(user=user):
            return _signed_in(request, interaction_id, user, now=now)
        case attempts.Wrong(tries_left=tries_left):
            faults = [Problem("password", _("That username and password don't match"))]
            return _sign_in_page(
                request,
                interaction_id,
                now=now,
                username=form.username,
                faults=faults,
                tries_left=tries_left,
            )
        case attempts.Paused(until=until):
            return _sign_in_page(request, interaction_id, now=now, username=form.username, paused_until=until)


@require_http_methods(["GET", "POST"])
def consent(request: HttpRequest) -> HttpResponse:
    """`/consent`: what the application will see, and what may be left out."""
    now = timezone.now()
    interaction = interactions.find(request, request.GET.get("i", ""), now=now)
    current = sessions.find(browser.cookie(request, browser.SESSION), policy=policy(), now=now)
    if interaction is None or current is None:
        return _on(request)
    if request.method == "GET":
        return _consent_page(request, interaction, current.user.preferred_username)
    match request.POST.get("decision"):
        case "allow":
            scopes = consents.allowed(interaction.parameters, request.POST.getlist("scope"))
            consents.remember(
                current.user,
                interaction.client,
                scopes,
                now=now,
                origin=browser.origin(request),
            )
            interactions.consented(interaction, scopes)
        case "deny":
            interactions.refuse(interaction, "access_denied")
        case "switch":
            return SeeOther(sign_in_url(interaction.id))
        case _:
            return _consent_page(request, interaction, current.user.preferred_username)
    return _on(request)


def _sign_in_page(
    request: HttpRequest,
    interaction_id: str,
    *,
    now: datetime,
    username: str | None = None,
    faults: list[Problem] | None = None,
    tries_left: int | None = None,
    paused_until: datetime | None = None,
) -> HttpResponse:
    interaction = interactions.find(request, interaction_id, now=now)
    if interaction is not None:
        _let_form_end_at(request, interaction)
        username = interaction.parameters.get("login_hint", "")[:254] if username is None else username
    context = {
        "application": application(interaction.client) if interaction else None,
        "username": username or "",
        "problems": faults or [],
        "rescue": hooks.rescue(interaction.id if interaction else ""),
        "tries_left": tries_left,
        "paused_until": paused_until,
        "can_cancel": interaction is not None,
    }
    response = render(request, "idp/sign_in.html", context, status=429 if paused_until else 200)
    browser.remember(request, response)
    return response


def _signed_in(request: HttpRequest, interaction_id: str, user: User, *, now: datetime) -> HttpResponse:
    begun = sessions.begin(
        user,
        amr=["pwd"],
        origin=browser.origin(request),
        policy=policy(),
        now=now,
    )
    log.info("signed in", user=str(user.pk), sign_in=str(begun.sign_in.pk))
    if interactions.signed_in(request, interaction_id, begun.sign_in, now=now):
        response = _on(request)
    else:
        response = SeeOther("/account/")
    browser.set_cookie(response, browser.SESSION, begun.key)
    return response


def _cancelled(request: HttpRequest, interaction_id: str, *, now: datetime) -> HttpResponse:
    interaction = interactions.find(request, interaction_id, now=now)
    if interaction is None:
        return _sign_in_page(request, "", now=now)
    interactions.refuse(interaction, "access_denied")
    return _on(request)


def _consent_page(request: HttpRequest, interaction: Interaction, label: str) -> HttpResponse:
    _let_form_end_at(request, interaction)
    asked = consents.on_screen(interaction.parameters)
    context = {
        "application": application(interaction.client),
        "application_host": urlsplit(interaction.parameters["redirect_uri"]).netloc,
        "account": {"label": label, "initial": label[:1].upper()},
        "required": asked.required,
        "optional": asked.optional,
    }
    return render(request, "idp/consent.html", context)


def _on(request: HttpRequest) -> HttpResponse:
    """To the dispatcher, by GET whatever came before (303)."""
    return SeeOther(f"/continue?{urlencode({'i': request.GET.get('i', '')})}")


def _let_form_end_at(request: HttpRequest, interaction: Interaction) -> None:
    target = urlsplit(interaction.parameters["redirect_uri"])
    allow_form_target(
        request,
        f"{target.scheme}://{target.netloc}" if target.netloc else f"{target.scheme}:",
    )

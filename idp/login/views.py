"""The sign-in and consent pages. Each does one thing and returns to `/continue`."""

from datetime import datetime
from urllib.parse import urlencode, urlsplit

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from idp import browser, hashing, interactions, problems
from idp.accounts import sessions
from idp.browser import SeeOther
from idp.conf import policy
from idp.factors import registry
from idp.forms import takes
from idp.login import attempts, consents, entrance, passkeys, pausing
from idp.login.entrance import Toward
from idp.login.forms import SignInForm
from idp.models import Interaction
from idp.pages import Problem
from idp.plugins import hooks
from idp.plugins.waiting import application, let_form_end_at, sign_in_url


@takes("username", "password", "otp", "passkey", "again", "cancel")
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """`/sign-in`: who are you, and do you know the password?"""
    now = timezone.now()
    interaction_id = request.GET.get("i", "")
    if request.method == "GET":
        return _sign_in_page(request, interaction_id, now=now)
    if request.POST.get("cancel"):
        return _cancelled(request, interaction_id, now=now)
    toward = Toward(interaction_id=interaction_id, target=entrance.local(request.GET.get("to", "")))
    if request.POST.get(passkeys.FIELD):
        faults = [registry.passkey_refused()]
        entered = passkeys.sign_in(request, toward=toward, now=now)
        return entered or _sign_in_page(request, interaction_id, now=now, faults=faults)
    try:
        return _with_password(request, toward, now=now)
    except hashing.Busy:
        return problems.busy(request, retry_after=hashing.RETRY_AFTER, username=SignInForm(request.POST).username)


@takes("decision", many=("scope",))
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


def _with_password(request: HttpRequest, toward: Toward, *, now: datetime) -> HttpResponse:
    """Judge what was typed. Raises hashing.Busy before anything is counted, if there is no place to hash."""
    interaction_id = toward.interaction_id
    form = SignInForm(request.POST)
    if request.POST.get("again"):
        # From the page that says we are too busy: back to this one, with the name that was typed.
        return _sign_in_page(request, interaction_id, now=now, username=form.username)
    if faults := form.faults():
        return _sign_in_page(request, interaction_id, now=now, username=form.username, faults=faults)
    tried = attempts.Tried(
        identifier=form.username,
        password=form.password,
        otp=form.otp,
        device_key=browser.cookie(request, browser.DEVICE),
        origin=browser.origin(request),
    )
    match attempts.try_password(tried, policy=policy(), now=now):
        case attempts.Right() as right:
            return entrance.after_first(
                request,
                right.user,
                right.amr,
                toward=toward,
                device=right.device,
                has_factor=right.has_factor,
                now=now,
            )
        case attempts.Wrong() as wrong:
            return _sign_in_page(request, interaction_id, now=now, username=form.username, wrong=wrong)
        case attempts.Paused() as paused:
            page = _sign_in_page(request, interaction_id, now=now, username=form.username, paused=paused)
            return pausing.answer(page, paused, now=now)


def _sign_in_page(
    request: HttpRequest,
    interaction_id: str,
    *,
    now: datetime,
    username: str | None = None,
    faults: list[Problem] | None = None,
    wrong: attempts.Wrong | None = None,
    paused: attempts.Paused | None = None,
) -> HttpResponse:
    interaction = interactions.find(request, interaction_id, now=now)
    if interaction is not None:
        let_form_end_at(request, interaction)
        username = interaction.parameters.get("login_hint", "")[:254] if username is None else username
    context = {
        "application": application(interaction.client) if interaction else None,
        "username": username or "",
        "problems": [_mismatch(wrong)] if wrong else faults or [],
        "rescue": hooks.rescue(interaction.id if interaction else "", paused=paused is not None),
        "tries_left": wrong.tries_left if wrong else None,
        "paused": paused,
        # Whoever waits may show a second factor instead; the field is there for everybody, with or without one.
        "asks_for_code": paused is not None or "otp" in request.POST,
        "can_cancel": interaction is not None,
        "passkey": passkeys.offered(),
    }
    response = render(request, "idp/sign_in.html", context)
    browser.remember(request, response)
    return response


def _mismatch(wrong: attempts.Wrong) -> Problem:
    if wrong.with_factor:
        return Problem("password", _("That username, password and code don't match"))
    return Problem("password", _("That username and password don't match"))


def _cancelled(request: HttpRequest, interaction_id: str, *, now: datetime) -> HttpResponse:
    interaction = interactions.find(request, interaction_id, now=now)
    if interaction is None:
        return _sign_in_page(request, "", now=now)
    interactions.refuse(interaction, "access_denied")
    return _on(request)


def _consent_page(request: HttpRequest, interaction: Interaction, label: str) -> HttpResponse:
    let_form_end_at(request, interaction)
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

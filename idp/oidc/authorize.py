"""The authorization endpoint, and `/continue`, to which every page in between returns.

A request that can be answered at once is: no row is written for it. Every other one is parked as an
`Interaction`, and each page that does its one thing returns to `/continue`, where the same question is asked
again: what comes next? (`idp.login.dispatch`). A pushed request (`par`) is parked already when its browser comes.
"""

from datetime import datetime
from urllib.parse import urlencode

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import AccessDeniedError, InvalidClientError, InvalidRequestError
from authlib.oidc.core.errors import (
    ConsentRequiredError,
    InteractionRequiredError,
    InvalidRequestURIError,
    LoginRequiredError,
)
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import get_supported_language_variant
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods

from idp import browser, interactions, problems
from idp.accounts import sessions
from idp.conf import policy
from idp.login import interrupting
from idp.login.dispatch import Next, Step
from idp.models import Interaction, SignIn
from idp.oidc import answers, checks, clients, deciding, flows, par, supported
from idp.oidc.answers import Destination
from idp.oidc.clients import RelyingParty
from idp.oidc.parameters import AuthorizationRequest, Parameters

_PAGES = {
    Step.LOGIN: "/sign-in",
    Step.FACTOR: "/sign-in/factor",
    Step.ENROL: "/sign-in/set-up",
    #: Of whichever plug-in it is.
    Step.INTERRUPT: "",
    Step.CONSENT: "/consent",
}
#: What a page in between may leave with; and what `prompt=none` is told.
_REFUSALS: dict[str, tuple[type[OAuth2Error], str]] = {
    "access_denied": (AccessDeniedError, "The person did not allow it."),
    "login_required": (LoginRequiredError, "The person has to sign in, which prompt=none forbids to ask."),
    "consent_required": (ConsentRequiredError, "The person has to allow it, which prompt=none forbids to ask."),
    "interaction_required": (InteractionRequiredError, "Something has to be asked, which prompt=none forbids."),
    "unmet_authentication_requirements": (
        checks.UnmetRequirementsError,
        "The person cannot sign in in the way that is essential to the application.",
    ),
}
#: As much as every server and proxy on the way takes in a URL.
_LONGEST_QUERY = 7000


@csrf_exempt
@require_http_methods(["GET", "POST"])
def authorize(request: HttpRequest) -> HttpResponse:
    """`/authorize`: client and redirect URI first, then the table of checks, then the dispatcher."""
    sent = Parameters(request.GET, request.POST)
    client = clients.find(sent.get("client_id"))
    if client is None:
        return answers.page(request, InvalidClientError("client_id is missing, repeated or not registered."))
    if _came_without_cookies(request, sent):
        return answers.see_other(f"{request.path}?{urlencode(sent.pairs())}")
    if name := par.name_in(sent):
        return _pushed(request, client, name)
    redirect_uri = sent.get("redirect_uri")
    if not client.check_redirect_uri(redirect_uri):
        error = InvalidRequestError("redirect_uri is missing, repeated or not registered exactly as it was sent.")
        return answers.page(request, error, application_name=client.record.client_name)
    try:
        asked = checks.validated(sent, client)
    except OAuth2Error as error:
        mode = sent.get("response_mode") if sent.get("response_mode") in supported.RESPONSE_MODES else ""
        to = Destination(redirect_uri=redirect_uri, state=sent.state, response_mode=mode)
        return answers.refusal(request, to, error)
    response = _first_answer(request, asked, client)
    _speak(asked.ui_locales, response)
    return response


@require_GET
def resume(request: HttpRequest) -> HttpResponse:
    """`/continue`: the one place that every page leads back to."""
    now = timezone.now()
    interaction = interactions.find(request, request.GET.get("i", ""), with_glance=True, now=now)
    if interaction is None:
        return _run_out(request)
    return _go_on(request, interaction, now=now)


def _pushed(request: HttpRequest, client: RelyingParty, name: str) -> HttpResponse:
    """RFC 9126 4: the request that was pushed, and nothing of what stands beside its name in the address."""
    now = timezone.now()
    interaction = interactions.bring(request, client.record, name, policy=policy(), now=now)
    if interaction is None:
        error = InvalidRequestURIError(
            "request_uri is unknown, used or expired, was opened in another browser, or is another application's.",
        )
        return answers.page(request, error, application_name=client.record.client_name)
    response = _go_on(request, interaction, now=now)
    browser.remember(request, response)
    _speak(interaction.parameters.get("ui_locales", ""), response)
    return response


def _go_on(request: HttpRequest, interaction: Interaction, *, now: datetime) -> HttpResponse:
    """The next page for a request that waits; or its answer, once."""
    asked = AuthorizationRequest.stored(interaction.parameters)
    client = clients.find(asked.client_id)
    if client is None or not client.check_redirect_uri(asked.redirect_uri):
        error = InvalidRequestError("The application was disabled, or its redirect_uri is no longer registered.")
        return answers.page(request, error, application_name=interaction.client.client_name)
    sign_in = _signed_in(request, now, interaction)
    error_code, scope = interaction.refused, ""
    if not error_code:
        scope = deciding.allowed_scope(asked, client, sign_in, interaction)
        at = interaction.created_at
        following = deciding.following(asked, client, sign_in, scope, at=at, now=now, interaction=interaction)
        _note(sign_in, following)
        if following.step in _PAGES:
            return answers.see_other(_page(following, interaction))
        error_code = following.error
    with transaction.atomic():
        if not interactions.finish(interaction, now=now):
            return _run_out(request)
        return _answered(request, asked, sign_in, scope=scope, error_code=error_code)


def _first_answer(request: HttpRequest, asked: AuthorizationRequest, client: RelyingParty) -> HttpResponse:
    """At once if nobody has to be asked; otherwise the first page on the way."""
    now = timezone.now()
    sign_in = _signed_in(request, now)
    # Consent is looked up only for somebody who need not sign in first.
    settled = not deciding.needs_somebody(asked, client, sign_in, at=now)
    scope = deciding.allowed_scope(asked, client, sign_in) if settled else ""
    following = deciding.following(asked, client, sign_in, scope, at=now, now=now)
    _note(sign_in, following)
    if following.step not in _PAGES:
        return _answered(request, asked, sign_in, scope=scope, error_code=following.error)
    interaction = interactions.park(request, client.record, asked.parameters(), policy=policy(), now=now)
    response = answers.see_other(_page(following, interaction))
    browser.remember(request, response)
    return response


def _answered(
    request: HttpRequest,
    asked: AuthorizationRequest,
    sign_in: SignIn | None,
    *,
    scope: str,
    error_code: str,
) -> HttpResponse:
    to = Destination(redirect_uri=asked.redirect_uri, state=asked.state, response_mode=asked.response_mode)
    if error_code or sign_in is None:
        error, description = _REFUSALS[error_code or "login_required"]
        return answers.refusal(request, to, error(description))
    try:
        code = flows.code(asked.within(scope), sign_in)
    except OAuth2Error as error:
        return answers.refusal(request, to, error)
    return answers.answer(request, to, code=code)


def _signed_in(request: HttpRequest, now: datetime, interaction: Interaction | None = None) -> SignIn | None:
    """Who is signed in at this browser. The sign-in that came with the request is not asked for again."""
    key = browser.cookie(request, browser.SESSION)
    here = interaction.sign_in if interaction is not None else None
    known = sessions.recognise(here, key, policy=policy(), now=now) if here is not None else None
    return known or sessions.find(key, policy=policy(), now=now)


def _came_without_cookies(request: HttpRequest, sent: Parameters) -> bool:
    """P-12: another site's form does not bring our cookies (SameSite=Lax); the same request by GET does."""
    if request.method != "POST" or len(urlencode(sent.pairs())) > _LONGEST_QUERY:
        return False
    return not any(browser.cookie(request, name) for name in (browser.SESSION, browser.BROWSER))


def _speak(ui_locales: str, response: HttpResponse) -> None:
    """Core 3.1.2.1: the first of these languages that we have, if any; it stays for the pages that follow."""
    for tag in ui_locales.split()[:20]:
        try:
            language = get_supported_language_variant(tag[:35].lower())
        except LookupError:
            continue
        browser.set_cookie(response, "regain-language", language, lifetime=browser.LANGUAGE_LIFETIME)
        return


def _note(sign_in: SignIn | None, following: Next) -> None:
    """Whether a plug-in holds the sign-in from here on, or lets it go."""
    if sign_in is not None and (following.step is Step.INTERRUPT or deciding.is_in(following)):
        interrupting.note(sign_in, held=following.step is Step.INTERRUPT)


def _page(following: Next, interaction: Interaction) -> str:
    return f"{following.page or _PAGES[following.step]}?{urlencode({'i': interaction.id})}"


def _run_out(request: HttpRequest) -> HttpResponse:
    return problems.page(
        request,
        status=400,
        heading=_("This sign-in has run out"),
        lead=_(
            "It was open for a long time, was finished already, or began in another browser. "
            "Go back to the application and sign in again.",
        ),
    )

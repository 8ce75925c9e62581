"""The authorization endpoint, and `/continue`, to which every page in between returns.

A request that can be answered at once is: no row is written for it. Every other one is parked as an
`Interaction`, and each page that does its one thing returns to `/continue`, where the same question is asked
again: what comes next? (`idp.login.dispatch`).
"""

from datetime import datetime, timedelta
from urllib.parse import urlencode

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import AccessDeniedError, InvalidClientError, InvalidRequestError
from authlib.oidc.core.errors import ConsentRequiredError, InteractionRequiredError, LoginRequiredError
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
from idp.login import consents
from idp.login.dispatch import Asked, Known, Next, Step, needs_login, next_step
from idp.models import Interaction, SignIn
from idp.oidc import answers, checks, clients, flows
from idp.oidc.checks import AuthorizationRequest, Parameters
from idp.oidc.clients import RelyingParty

_PAGES = {Step.LOGIN: "/sign-in", Step.CONSENT: "/consent"}
#: What a page in between may leave with; and what `prompt=none` is told.
_REFUSALS: dict[str, tuple[type[OAuth2Error], str]] = {
    "access_denied": (AccessDeniedError, "The person did not allow it."),
    "login_required": (LoginRequiredError, "The person has to sign in, which prompt=none forbids to ask."),
    "consent_required": (ConsentRequiredError, "The person has to allow it, which prompt=none forbids to ask."),
    "interaction_required": (InteractionRequiredError, "Something has to be asked, which prompt=none forbids."),
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
    redirect_uri = sent.get("redirect_uri")
    if not client.check_redirect_uri(redirect_uri):
        error = InvalidRequestError("redirect_uri is missing, repeated or not registered exactly as it was sent.")
        return answers.page(request, error, application_name=client.record.client_name)
    if _came_without_cookies(request, sent):
        return answers.see_other(f"{request.path}?{urlencode(sent.pairs())}")
    try:
        asked = checks.validated(sent, client)
        response = _first_answer(request, asked, client)
    except OAuth2Error as error:
        return answers.refusal(redirect_uri, error, state=sent.state)
    _speak(asked.ui_locales, response)
    return response


@require_GET
def resume(request: HttpRequest) -> HttpResponse:
    """`/continue`: the one place that every page leads back to."""
    now = timezone.now()
    interaction = interactions.find(request, request.GET.get("i", ""), now=now)
    if interaction is None:
        return _run_out(request)
    asked = AuthorizationRequest.stored(interaction.parameters)
    client = clients.find(asked.client_id)
    if client is None or not client.check_redirect_uri(asked.redirect_uri):
        error = InvalidRequestError("The application was disabled, or its redirect_uri is no longer registered.")
        return answers.page(request, error, application_name=interaction.client.client_name)
    sign_in = _signed_in(request, now, interaction)
    error_code, scope = interaction.refused, ""
    if not error_code:
        scope = _scope(asked, client, sign_in, interaction)
        following = _next(asked, client, sign_in, scope, at=interaction.created_at, interaction=interaction)
        if following.step in _PAGES:
            return answers.see_other(_page(following.step, interaction))
        error_code = following.error
    with transaction.atomic():
        if not interactions.finish(interaction, now=now):
            return _run_out(request)
        return _answered(asked, sign_in, scope=scope, error_code=error_code)


def _first_answer(request: HttpRequest, asked: AuthorizationRequest, client: RelyingParty) -> HttpResponse:
    """At once if nobody has to be asked; otherwise the first page on the way."""
    now = timezone.now()
    sign_in = _signed_in(request, now)
    # Consent is looked up only for somebody who need not sign in first.
    facts = _asked(asked, at=now)
    settled = not needs_login(facts, _known(asked, client, sign_in, scope=""))
    scope = _scope(asked, client, sign_in) if settled else ""
    following = _next(asked, client, sign_in, scope, at=now)
    if following.step not in _PAGES:
        return _answered(asked, sign_in, scope=scope, error_code=following.error)
    interaction = interactions.park(request, client.record, asked.parameters(), policy=policy(), now=now)
    response = answers.see_other(_page(following.step, interaction))
    browser.remember(request, response)
    return response


def _answered(
    asked: AuthorizationRequest,
    sign_in: SignIn | None,
    *,
    scope: str,
    error_code: str,
) -> HttpResponse:
    if error_code or sign_in is None:
        error, description = _REFUSALS[error_code or "login_required"]
        return answers.refusal(asked.redirect_uri, error(description), state=asked.state)
    return flows.answer(asked, sign_in, scope=scope)


def _next(
    asked: AuthorizationRequest,
    client: RelyingParty,
    sign_in: SignIn | None,
    scope: str,
    *,
    at: datetime,
    interaction: Interaction | None = None,
) -> Next:
    known = _known(asked, client, sign_in, scope=scope, interaction=interaction)
    if known.signed_in_for_this and asked.expects_sub not in ("", known.sub):
        # Core 3.1.2.1: somebody else than the hint names has signed in, and asking again would not end.
        return Next(step=Step.REFUSE, error="login_required")
    return next_step(_asked(asked, at=at), known)


def _asked(asked: AuthorizationRequest, *, at: datetime) -> Asked:
    return Asked(
        prompts=asked.prompts,
        max_age=None if asked.max_age is None else timedelta(seconds=asked.max_age),
        at=at,
        expects_sub=asked.expects_sub,
    )


def _known(
    asked: AuthorizationRequest,
    client: RelyingParty,
    sign_in: SignIn | None,
    *,
    scope: str,
    interaction: Interaction | None = None,
) -> Known:
    if sign_in is None:
        return Known()
    given = set(scope.split())
    for_this = interaction is not None and interaction.sign_in_id == sign_in.pk
    consented = interaction.consented_scopes if interaction is not None else None
    return Known(
        signed_in=True,
        sub=sign_in.user.sub,
        authenticated_at=sign_in.authenticated_at,
        signed_in_for_this=for_this,
        consent_stands=given >= set(asked.scopes),
        # Another person may have signed in since the consent page: what was allowed must be theirs to allow.
        consented_to_this=consented is not None and given >= set(consents.to_ask(client.record, consented)),
    )


def _scope(
    asked: AuthorizationRequest,
    client: RelyingParty,
    sign_in: SignIn | None,
    interaction: Interaction | None = None,
) -> str:
    """Of the scopes asked for, those this person has allowed: before, or on the page of this very request."""
    if sign_in is None:
        return ""
    # A client may have lost a scope while its request waited.
    scopes = [scope for scope in asked.scopes if scope in client.scopes]
    if interaction is not None and interaction.sign_in_id == sign_in.pk:
        missing = set(consents.to_ask(client.record, scopes)) - set(interaction.consented_before or ())  # type: ignore[attr-defined]
    else:
        missing = set(consents.needed(client.record, sign_in.user, scopes))
    if interaction is not None and interaction.consented_scopes is not None:
        missing |= set(consents.to_ask(client.record, scopes)) - set(interaction.consented_scopes)
    return " ".join(scope for scope in scopes if scope not in missing)


def _signed_in(request: HttpRequest, now: datetime, interaction: Interaction | None = None) -> SignIn | None:
    """Who is signed in at this browser. The sign-in that came with the request is not asked for again."""
    key = browser.cookie(request, browser.SESSION)
    if not key:
        return None
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


def _page(step: Step, interaction: Interaction) -> str:
    return f"{_PAGES[step]}?{urlencode({'i': interaction.id})}"


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

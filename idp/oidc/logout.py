"""Signing out at the wish of an application (OpenID Connect RP-Initiated Logout 1.0), or of the person alone.

With an ID token of the person who is signed in here, it happens at once. Everything less is a question: a link
somebody else made must not sign a person out. And only with such a token is the browser sent on, to an address
registered for its very purpose; every mistake in the request ends here, on a page.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode, urlsplit

import structlog
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_GET, require_http_methods

from idp import browser
from idp.accounts import sessions
from idp.audit.events import SignedOut
from idp.audit.record import record
from idp.forms import takes
from idp.middleware import allow_form_target
from idp.models import SignIn
from idp.oidc import answers, clients, id_tokens, subjects
from idp.oidc.checks import Parameters
from idp.oidc.clients import RelyingParty
from idp.oidc.id_tokens import Hint
from idp.plugins.waiting import application

log = structlog.get_logger(__name__)

#: A number on our own page, which anybody may write into its address.
_COUNT = re.compile("[1-9][0-9]?")
#: What the question carries along, so that the answer is judged by the same request.
_CARRIED = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state")


@dataclass(frozen=True, kw_only=True)
class LogoutRequest:
    """A logout request as far as it can be believed."""

    client: RelyingParty | None = None
    hint: Hint | None = None
    #: Where the browser goes afterwards; empty: to our own page.
    onward: str = ""

    def is_of(self, sign_in: SignIn) -> bool:
        """Whether the application knows the very person who is signed in here."""
        if self.hint is None or self.client is None:
            return False
        return self.hint["sub"] == subjects.of(sign_in.user, self.client.record)


@csrf_exempt  # an application may post to it (section 2); our own question is checked in `_decided`
@require_http_methods(["GET", "POST"])
def sign_out(request: HttpRequest) -> HttpResponse:
    """`/sign-out`: at once, or after a question."""
    if "decision" in request.POST:
        return _decided(request)
    sent = Parameters(request.GET, request.POST)
    if request.method == "POST" and not browser.cookie(request, browser.SESSION):
        # P-12: another site's form does not bring our cookies (SameSite=Lax); the same request by GET does.
        return answers.see_other(f"{request.path}?{urlencode(sent.pairs())}")
    now = timezone.now()
    asked = _read(sent)
    sign_in = _signed_in(request)
    if sign_in is None or asked.is_of(sign_in):
        return _signed_out(request, asked, sign_in, now=now)
    if asked.onward:
        # Browsers check the redirects after a form as well (P-28).
        target = urlsplit(asked.onward)
        allow_form_target(request, f"{target.scheme}://{target.netloc}")
    context = {
        "application": application(asked.client.record) if asked.client else None,
        "hidden": {name: sent.get(name) for name in _CARRIED if sent.get(name)},
    }
    return render(request, "idp/sign_out.html", context)


@csrf_protect
@takes("decision", *_CARRIED)
def _decided(request: HttpRequest) -> HttpResponse:
    """The person has answered our question, or pressed "sign out" on a page of ours."""
    if request.POST["decision"] != "yes":
        return answers.see_other("/account/")
    now = timezone.now()
    return _signed_out(request, _read(Parameters(request.POST)), _signed_in(request), now=now)


@require_GET
def signed_out(request: HttpRequest) -> HttpResponse:
    """`/signed-out`: it is done; and the way back, if an application sent the person."""
    client = clients.find(request.GET.get("client_id"))
    told = request.GET.get("told", "")
    context = {
        "application": application(client.record) if client else None,
        "applications_told": int(told) if _COUNT.fullmatch(told) else 0,
        "sign_in_url": "/sign-in",
    }
    return render(request, "idp/signed_out.html", context)


def _read(sent: Parameters) -> LogoutRequest:
    """What of the request can be believed (sections 2 and 3): in doubt, nothing."""
    if sent.repeated():
        return LogoutRequest()
    raw_hint = sent.get("id_token_hint")
    hint = id_tokens.read_hint(raw_hint) if raw_hint else None
    named = sent.get("client_id")
    client = clients.find(hint["aud"] if hint else named)
    if (raw_hint and hint is None) or (hint and named and named != hint["aud"]):
        log.info("logout request not believed", reason="id_token_hint")
        return LogoutRequest(client=clients.find(named))
    wanted = sent.get("post_logout_redirect_uri")
    if client is None or hint is None or not wanted:
        return LogoutRequest(client=client, hint=hint)
    if not client.check_post_logout_redirect_uri(wanted):
        log.info("logout request not believed", reason="post_logout_redirect_uri", client=client.client_id)
        # Without the hint: a request with a mistake in it is a question, not an order.
        return LogoutRequest(client=client)
    state = sent.get("state")
    onward = answers.with_query(wanted, [("state", state)] if state else [])
    return LogoutRequest(client=client, hint=hint, onward=onward)


def _signed_out(
    request: HttpRequest,
    asked: LogoutRequest,
    sign_in: SignIn | None,
    *,
    now: datetime,
) -> HttpResponse:
    """End the sign-in first, then go on: nobody is told they are signed out before they are."""
    page = {"client_id": asked.client.client_id} if asked.client else {}
    if sign_in is not None:
        with transaction.atomic():
            ended = sessions.end(sign_in.pk, by="person", now=now)
            if ended.sign_ins:
                record(SignedOut(user=sign_in.user_id, sign_in=sign_in.pk), origin=browser.origin(request))
        if ended.applications:
            page["told"] = str(ended.applications)
    response = answers.see_other(asked.onward or f"/signed-out?{urlencode(page)}".rstrip("?"))
    browser.drop_cookie(response, browser.SESSION)
    return response


def _signed_in(request: HttpRequest) -> SignIn | None:
    return sessions.held(browser.cookie(request, browser.SESSION))

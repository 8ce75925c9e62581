"""`/account/`: where somebody lands who signs in without an application waiting."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from idp import browser
from idp.accounts import sessions
from idp.browser import SeeOther
from idp.conf import policy


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Who is signed in here, and a way to sign out."""
    current = sessions.find(browser.cookie(request, browser.SESSION), policy=policy(), now=timezone.now())
    if current is None:
        return SeeOther("/sign-in")
    user = current.user
    account = {"name": user.name, "label": user.email or user.preferred_username}
    return render(request, "idp/account.html", {"account": account})

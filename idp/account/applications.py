"""`/account/applications/`: what a person allowed which application, and taking it back."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from idp import browser
from idp.account import frame
from idp.browser import SeeOther
from idp.forms import takes
from idp.login import consents
from idp.login.again import signed_in
from idp.models import Consent, SignIn

_HERE = "/account/applications/"


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """An application as the page lists it."""

    client_id: str
    name: str
    host: str
    #: What it may see, in words.
    items: tuple[consents.Item, ...]
    since: datetime


@takes("withdraw")
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def applications(request: HttpRequest, here: SignIn) -> HttpResponse:
    """The list; and, by POST, the end of one entry of it."""
    if request.method == "POST":
        return _withdrawn(request, here, now=timezone.now())
    context = {"applications": _allowed_by(here), "withdrawn": "withdrawn" in request.GET}
    return frame.show(request, here, "idp/account/applications.html", context)


def _withdrawn(request: HttpRequest, here: SignIn, *, now: datetime) -> HttpResponse:
    """Of the person who is signed in here, and of nobody else, whatever the form says."""
    done = consents.withdraw(
        here.user,
        request.POST.get("withdraw", ""),
        now=now,
        origin=browser.origin(request),
    )
    return SeeOther(f"{_HERE}?withdrawn=1" if done else _HERE)


def _allowed_by(here: SignIn) -> list[Allowed]:
    rows = Consent.objects.filter(user=here.user, client__disabled_at=None).select_related("client")
    return [
        Allowed(
            client_id=row.client.client_id,
            name=row.client.client_name,
            host=_host(row.client.client_uri, *row.client.redirect_uris),
            items=consents.in_words(row.scopes),
            since=row.given_at,
        )
        for row in rows.order_by("client__client_name", "client__client_id")
    ]


def _host(*uris: str) -> str:
    """Where people meet it: the first address that has a host. An application on one's own machine may have none."""
    return next((host for uri in uris if (host := urlsplit(uri).netloc)), "")

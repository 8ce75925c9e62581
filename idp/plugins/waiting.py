"""The authorization request that waits while its person is elsewhere: whose it is, and the way back to it."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlencode, urlsplit

from django.http import HttpRequest

from idp import interactions
from idp.middleware import allow_form_target
from idp.models import Client, Interaction
from idp.pages import Application

#: Where somebody lands for whom nothing waits.
HOME: Final = "/account/"
#: Pages of ours that may be gone back to, with the request that waits meanwhile; never another site (HR-03).
_OURS: Final = re.compile(r"/(account|console)/[A-Za-z0-9/_-]*(\?i=[A-Za-z0-9_-]{1,32})?")


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """The application a person is on the way to, and where their way goes on."""

    application: Application
    continue_url: str
    #: Who the application thinks is coming (OIDC Core 3.1.2.1, `login_hint`).
    login_hint: str


def waiting(request: HttpRequest, interaction_id: str, *, now: datetime) -> Waiting | None:
    """The waiting request of this browser. None if there is none, or another browser's."""
    interaction = interactions.find(request, interaction_id, now=now)
    if interaction is None:
        return None
    return Waiting(
        application=application(interaction.client),
        continue_url=sign_in_url(interaction.id),
        login_hint=interaction.parameters.get("login_hint", "")[:254],
    )


def sign_in_url(interaction_id: str = "") -> str:
    """The sign-in page, for a waiting request or for none."""
    return "/sign-in" + (f"?{urlencode({'i': interaction_id})}" if interaction_id else "")


def way_on(request: HttpRequest, *, otherwise: str = HOME, now: datetime) -> str:
    """From a page in between: back to the request that waits (`?i=`), or to the page of ours that was wanted (`?to=`).

    The form of the page may end at the application.
    """
    interaction = interactions.find(request, request.GET.get("i", ""), now=now)
    if interaction is None:
        return local(request.GET.get("to", "")) or otherwise
    let_form_end_at(request, interaction)
    return continue_url(interaction.id)


def let_form_end_at(request: HttpRequest, interaction: Interaction) -> None:
    """Allow the redirect that follows this page's form, when nothing else is to be asked (P-28)."""
    target = urlsplit(interaction.parameters["redirect_uri"])
    allow_form_target(
        request,
        f"{target.scheme}://{target.netloc}" if target.netloc else f"{target.scheme}:",
    )


def continue_url(interaction_id: str) -> str:
    """The dispatcher, for a waiting request."""
    return f"/continue?{urlencode({'i': interaction_id})}"


def local(target: str) -> str:
    """`target` if it is a page of ours to go back to, else nothing."""
    return target if _OURS.fullmatch(target) and "//" not in target else ""


def application(client: Client) -> Application:
    """The client as pages name it."""
    return Application(
        name=client.client_name,
        logo_uri=client.logo_uri,
        policy_uri=client.policy_uri,
        tos_uri=client.tos_uri,
        client_uri=client.client_uri,
    )

"""The authorization request that waits while its person is elsewhere: whose it is, and the way back to it."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.http import HttpRequest

from idp import interactions
from idp.models import Client
from idp.pages import Application


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


def application(client: Client) -> Application:
    """The client as pages name it."""
    return Application(
        name=client.client_name,
        logo_uri=client.logo_uri,
        policy_uri=client.policy_uri,
        tos_uri=client.tos_uri,
        client_uri=client.client_uri,
    )

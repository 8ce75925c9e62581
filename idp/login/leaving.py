"""Pages whose form may end at the application that waits."""

from urllib.parse import urlsplit

from django.http import HttpRequest

from idp.middleware import allow_form_target
from idp.models import Interaction


def let_form_end_at(request: HttpRequest, interaction: Interaction) -> None:
    """Allow the redirect that follows this page's form, when nothing else is to be asked (P-28)."""
    target = urlsplit(interaction.parameters["redirect_uri"])
    allow_form_target(
        request,
        f"{target.scheme}://{target.netloc}" if target.netloc else f"{target.scheme}:",
    )

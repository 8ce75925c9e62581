"""How recovery hooks into the provider: the link on the sign-in screen, its pages, the words of its messages."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.urls import URLPattern, URLResolver, include, path
from django.utils.translation import gettext as _

from idp.plugins.hooks import Letter, Link, Message, Plugin, Text
from recovery import journeys
from recovery.methods import registry

#: Journeys are kept a little longer than they live, so that a late tab is told what happened.
_KEPT = timedelta(days=1)


class RecoveryPlugin(Plugin):
    """`settings.IDP_PLUGINS` names this class."""

    def urlpatterns(self) -> Sequence[URLPattern | URLResolver]:
        return (path("recovery/", include("recovery.urls")),)

    def rescue(self, interaction_id: str) -> Link | None:
        query = f"?{urlencode({'i': interaction_id})}" if interaction_id else ""
        return Link(url=f"/recovery/{query}", label=_("Can't access your account?"))

    def letter(self, message: Message, *, language: str) -> Letter | Text | None:
        for method in registry.METHODS:
            if method.kind == message.kind:
                return method.words(message, language=language)
        return None

    def tidy(self, now: datetime) -> dict[str, int]:
        return {"journeys": journeys.sweep(now - _KEPT)}

"""How recovery hooks into the provider: the link on the sign-in screen, its pages, the words of its messages."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

from django.urls import URLPattern, URLResolver, include, path
from django.utils.translation import gettext as _

from idp.plugins import accounts
from idp.plugins.hooks import Letter, Link, Message, Plugin, Telling, Text, Thing, WayBack, WaysBack
from recovery import journeys, sentences, usernames
from recovery.conf import policy
from recovery.methods import registry

#: Journeys are kept a little longer than they live, so that a late tab is told what happened.
_KEPT = timedelta(days=1)


#: With what an address is lost.
_LOST_WITH = {"email": Thing.MAILBOX, "sms": Thing.PHONE}


def _label(channel: str) -> str:
    return _("text message") if channel == "sms" else _("email")


class RecoveryPlugin(Plugin):
    """`settings.IDP_PLUGINS` names this class."""

    def urlpatterns(self) -> Sequence[URLPattern | URLResolver]:
        return (path("recovery/", include("recovery.urls")),)

    def rescue(self, interaction_id: str, *, paused: bool) -> Link | None:
        query = {"i": interaction_id} if interaction_id else {}
        if paused:
            query["problem"] = "locked"
        return Link(url=f"/recovery/{'?' * bool(query)}{urlencode(query)}", label=_("Can't access your account?"))

    def letter(self, message: Message, *, language: str) -> Letter | Text | None:
        for method in registry.METHODS:
            if method.kind == message.kind:
                return method.words(message, language=language)
        return usernames.words(message, language=language) if message.kind == usernames.KIND else None

    def ways_back(self, user: UUID, *, now: datetime) -> WaysBack:
        """By the methods that the policy offers, at the addresses that prove somebody today."""
        reachable = accounts.channels(user, now=now)
        ways = [
            WayBack(kind=method.id, label=_label(method.channel), lost_with=_LOST_WITH.get(method.channel))
            for method in registry.enabled(policy())
            if method.channel in reachable
        ]
        return WaysBack(ways=tuple(ways), needed=policy().proofs_required)

    def history(self) -> Mapping[str, Telling]:
        return sentences.TELLINGS

    def frozen(self, user: UUID) -> None:
        journeys.let_go(user)

    def tidy(self, now: datetime) -> dict[str, int]:
        return {"journeys": journeys.sweep(now - _KEPT)}

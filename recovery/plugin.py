"""How recovery hooks into the provider: the link on the sign-in screen, its pages, the words of its messages."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.urls import URLPattern, URLResolver, include, path
from django.utils.translation import gettext as _

from idp.plugins import limits
from idp.plugins.hooks import (
    Coverage,
    Funnel,
    Glance,
    Letter,
    Link,
    Message,
    Plugin,
    SealedTable,
    Section,
    Telling,
    Text,
    Thing,
    WayBack,
    WaysBack,
)
from recovery import (
    asking,
    figures,
    in_force,
    in_words,
    journeys,
    loosening_mail,
    proof,
    sentences,
    standing,
    usernames,
)
from recovery.domain import ways
from recovery.domain.policy import FORGOT
from recovery.methods import registry
from recovery.pages import ACTIVATE_URL, REGISTER_URL

#: With what a way of proving is lost; a saved code is lost with nothing that people carry about.
_LOST_WITH = {
    ways.EMAIL: Thing.MAILBOX,
    ways.SMS: Thing.PHONE,
    ways.TOTP: Thing.PHONE,
    ways.PASSKEY: Thing.PHONE,
}


class RecoveryPlugin(Plugin):
    """`settings.IDP_PLUGINS` names this class."""

    def urlpatterns(self) -> Sequence[URLPattern | URLResolver]:
        return (path("recovery/", include("recovery.urls")),)

    def rescue(self, interaction_id: str, *, paused: bool) -> Link | None:
        query = {"i": interaction_id} if interaction_id else {}
        if paused:
            query["problem"] = "locked"
        return Link(url=f"/recovery/{'?' * bool(query)}{urlencode(query)}", label=_("Can't access your account?"))

    def activation(self) -> str:
        return ACTIVATE_URL

    def sealed(self) -> Sequence[SealedTable]:
        return (proof.SEALED, in_force.SEALED)

    def letter(self, message: Message, *, language: str) -> Letter | Text | None:
        for method in registry.messages():
            if method.kind == message.kind:
                return method.words(message, language=language)
        own = {usernames.KIND: usernames.words, in_force.KIND: loosening_mail.words}.get(message.kind)
        return own(message, language=language) if own else None

    def ways_back(self, user: UUID, *, now: datetime) -> WaysBack:
        """By the methods that the policy offers, what the account has for them today."""
        stands, policy = standing.of(user, has_password=False, now=now), in_force.policy(now)
        usable = [method for method in registry.enabled(policy) if method.id in stands.ways]
        found = [
            WayBack(kind=ways.WAYS[method.id].root, label=method.title(), lost_with=_LOST_WITH.get(method.id))
            for method in usable
        ]
        return WaysBack(
            ways=tuple(found),
            needed=ways.plan_for(stands, policy).needed.get(FORGOT, 1),
            suffice=ways.is_ready(stands, policy),
        )

    def interrupt(self, user: UUID, *, glance: Glance, again: bool, now: datetime) -> str:
        """Another way back, or a look at addresses that may lead nowhere."""
        policy = in_force.policy(now)
        if not again and asking.nothing_at_a_glance(glance, policy, now=now):
            return ""
        wants = asking.wanted(user, policy, now=now)
        asking.begin(user, wants, now=now)
        return REGISTER_URL if wants.anything else ""

    def coverage(self, now: datetime) -> Coverage:
        return figures.coverage(in_force.policy(now), now=now)

    def funnel(self, since: datetime, *, now: datetime) -> Funnel:
        return figures.funnel(since, policy=in_force.policy(now), now=now)

    def history(self) -> Mapping[str, Telling]:
        return sentences.TELLINGS

    def policy_in_words(self, now: datetime) -> Sequence[Section]:
        around, policy = limits.policy(), in_force.policy(now)
        return (
            *in_words.coming(policy, in_force.coming(now), around),
            *in_words.for_everybody(policy, around),
            *in_words.for_administrators(policy, around),
        )

    def frozen(self, user: UUID) -> None:
        journeys.let_go(user)

    def export(self, user: UUID) -> Mapping[str, Iterator[dict[str, Any]]]:
        return {"asked_at_sign_in": asking.export(user)}

    def every_minute(self, now: datetime) -> dict[str, int]:
        return {"accounts_told_of_a_looser_policy": in_force.advance(now)}

    def tidy(self, now: datetime) -> dict[str, int]:
        # Long enough for a late tab to be told what happened, and for whoever counts them.
        return {"journeys": journeys.sweep(now - figures.KEPT), "askings": asking.sweep()}

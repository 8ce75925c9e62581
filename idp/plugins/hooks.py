"""Where an app may hook into the provider. `settings.IDP_PLUGINS` names the classes; idp imports none of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver
from django.urls import URLPattern, URLResolver
from django.utils.module_loading import import_string

from idp.accounts.glances import Glance
from idp.channels import Letter, Text
from idp.models import Message
from idp.models.sealed import SealedTable, swap

__all__ = [
    "About",
    "Coverage",
    "Fared",
    "Fate",
    "Funnel",
    "Glance",
    "Held",
    "Letter",
    "Link",
    "Message",
    "Plugin",
    "SealedTable",
    "Section",
    "Stage",
    "Telling",
    "Text",
    "Thing",
    "WayBack",
    "WaysBack",
    "activation",
    "coverage",
    "exports",
    "frozen",
    "funnel",
    "history",
    "interrupt",
    "letter",
    "plugins",
    "policy_in_words",
    "rescue",
    "sealed",
    "swap",
    "tells_coverage",
    "tells_ways_back",
    "urlpatterns",
    "ways_back",
]


@dataclass(frozen=True, kw_only=True)
class Link:
    """A link for a page: where to, and its words."""

    url: str
    label: str


class Thing(StrEnum):
    """What people lose."""

    PHONE = "phone"
    MAILBOX = "mailbox"


@dataclass(frozen=True, kw_only=True)
class WayBack:
    """A way back into one account that would work today."""

    #: Ways of one kind prove the same thing: two mailboxes are one kind.
    kind: str
    #: Its words, in the language that is active when they are asked for.
    label: str
    #: With what it is lost; None if with nothing that people carry about.
    lost_with: Thing | None = None


@dataclass(frozen=True, kw_only=True)
class WaysBack:
    """Every way back into one account, and of how many kinds somebody needs them."""

    ways: tuple[WayBack, ...] = ()
    needed: int = 1
    #: Whether all of them together are as many, and such, as the policy asks for: `Coverage.ready` counts these.
    suffice: bool = False


class About(StrEnum):
    """What an entry of an account's history is about: its owner may look at one kind only."""

    SIGNING_IN = "signing-in"
    SECURITY = "security"
    RECOVERY = "recovery"
    APPLICATIONS = "applications"
    ACCOUNT = "account"


@dataclass(frozen=True, kw_only=True)
class Telling:
    """How entries of one name are told to the owner of the account."""

    about: About
    #: One sentence of the entry's fields, in the active language. An application's `client_id` comes with its name,
    #: as `application`.
    say: Callable[[Mapping[str, Any]], str]
    #: Whether it is something that its owner should look at.
    alarming: bool = False


@dataclass(frozen=True, kw_only=True)
class Held:
    """So many accounts could use this way back today."""

    name: str
    #: Its words, in the language that is active when they are asked for.
    label: str
    accounts: int


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """How many accounts could get back in today, of all that are active. Numbers only."""

    accounts: int
    #: With one way back or more; and with as many, and such, as the policy asks for.
    registered: int
    ready: int
    ways: tuple[Held, ...]
    #: Of these, those who administer the tenant.
    administrators: int
    administrators_ready: int


class Stage(StrEnum):
    """How far a recovery came, in order. Who came to one had come to all before it."""

    STARTED = "started"
    #: What is wrong was said.
    PROBLEM = "problem"
    #: A code was asked for, or what they hold.
    ASKED = "asked"
    #: Something was proved; and as much as it takes.
    PROVED = "proved"
    ENOUGH = "enough"
    FINISHED = "finished"


class Fate(StrEnum):
    """What has become of a recovery."""

    FINISHED = "finished"
    RUNNING = "running"
    #: All tries were used up.
    TRIES = "tries"
    #: Begun anew in the same browser, or another one of the same account finished.
    SUPERSEDED = "superseded"
    #: What was to be replaced changed meanwhile.
    STALE = "stale"
    #: Its time ran out: they left.
    EXPIRED = "expired"


@dataclass(frozen=True, kw_only=True)
class Fared:
    """So many recoveries that fared alike."""

    #: Empty: it was not said.
    problem: str
    stage: Stage
    fate: Fate
    count: int


@dataclass(frozen=True, kw_only=True)
class Funnel:
    """How the recoveries of some time went, those of accounts that do not exist among them. Numbers only."""

    #: The words of each problem by its name, in the active language and in order.
    problems: Mapping[str, str]
    fared: tuple[Fared, ...]
    #: From the beginning until it was of use: half of those that finished within, nineteen of twenty within.
    half_within: timedelta | None = None
    most_within: timedelta | None = None


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of what a policy comes to: a heading, and whole sentences, in the active language."""

    heading: str
    sentences: tuple[str, ...]


class Plugin:
    """What an app may answer to. Each method has an answer that means "nothing from me"."""

    def urlpatterns(self) -> Sequence[URLPattern | URLResolver]:
        """The addresses of the app's pages."""
        return ()

    def rescue(self, interaction_id: str, *, paused: bool) -> Link | None:
        """The way on for somebody who cannot sign in; shown on the sign-in screen and beside each error.

        `paused`: they may know their password, but there were too many tries.
        """
        del interaction_id, paused
        return None

    def activation(self) -> str:
        """The page to which an invitation's letter leads, which asks `accounts.invited`; empty if the app has none."""
        return ""

    def letter(self, message: Message, *, language: str) -> Letter | Text | None:
        """The words of a message of the app's own kind, for its channel; None if it is not the app's, or of no use."""
        del message, language
        return None

    def ways_back(self, user: UUID, *, now: datetime) -> WaysBack | None:
        """The ways back into this account that the app really offers; None if it offers none to anybody."""
        del user, now
        return None

    def interrupt(self, user: UUID, *, glance: Glance, again: bool, now: datetime) -> str:
        """The page that a person who has just signed in is to see first; empty if the app wants nothing of them.

        Asked when everything else is settled, and `again` when they come back from the page, which ends at
        `waiting.way_on`. The glance comes for nothing; whoever looks closer makes a sign-in slower.
        """
        del user, glance, again, now
        return ""

    def coverage(self, now: datetime) -> Coverage | None:
        """How many accounts could get back in, for administrators; None if the app brings nobody back."""
        del now
        return None

    def funnel(self, since: datetime, *, now: datetime) -> Funnel | None:
        """How the recoveries went that were begun after `since`, a week ago at the most; None as for `coverage`."""
        del since, now
        return None

    def history(self) -> Mapping[str, Telling]:
        """How the app's own audit entries are told to the owner of an account, by the name of the event."""
        return {}

    def policy_in_words(self, now: datetime) -> Sequence[Section]:
        """What the app's policy comes to, for administrators to read: every number of it, in sentences."""
        del now
        return ()

    def frozen(self, user: UUID) -> None:
        """The owner of this account froze it, or an administrator suspended it: let go of what is under way for it.

        In the transaction of that. `accounts.find` does not find the account until that is lifted.
        """
        del user

    def every_minute(self, now: datetime) -> dict[str, int]:
        """Take the next small step of what goes on by itself; how many of each kind. It ends within seconds."""
        del now
        return {}

    def export(self, user: UUID) -> Mapping[str, Iterator[dict[str, Any]]]:
        """What the app keeps about this account and its owner may have a copy of, by name; nothing secret."""
        del user
        return {}

    def sealed(self) -> Sequence[SealedTable]:
        """The app's own sealed rows: they are checked with all others, and sealed anew for a new root key."""
        return ()

    def tidy(self, now: datetime) -> dict[str, int]:
        """Remove the app's rows whose time is over; how many of each kind."""
        del now
        return {}


@lru_cache(maxsize=1)
def plugins() -> tuple[Plugin, ...]:
    """The plug-ins in the order of the setting. Raises ImportError, when the server starts, for a wrong name."""
    return tuple(import_string(name)() for name in settings.IDP_PLUGINS)


def urlpatterns() -> list[URLPattern | URLResolver]:
    return [pattern for plugin in plugins() for pattern in plugin.urlpatterns()]


def rescue(interaction_id: str, *, paused: bool = False) -> Link | None:
    """The first plug-in's way on."""
    return next((link for plugin in plugins() if (link := plugin.rescue(interaction_id, paused=paused))), None)


def activation() -> str:
    """The page of the first plug-in that has one for an invited person; empty: nobody can be invited."""
    return next((path for each in plugins() if (path := each.activation())), "")


def letter(message: Message, *, language: str) -> Letter | Text | None:
    """The words of `message` from whichever plug-in it belongs to."""
    return next((words for each in plugins() if (words := each.letter(message, language=language))), None)


def ways_back(user: UUID, *, now: datetime) -> WaysBack:
    """The ways back that the first plug-in with any offers; of no plug-in, none."""
    return next((found for each in plugins() if (found := each.ways_back(user, now=now))), WaysBack())


def interrupt(user: UUID, *, glance: Glance, again: bool, now: datetime) -> str:
    """The page of the first plug-in that wants something of this person; empty if none does."""
    return next((page for each in plugins() if (page := each.interrupt(user, glance=glance, again=again, now=now))), "")


def tells_ways_back() -> bool:
    """Whether some plug-in answers to `ways_back`; it is not asked."""
    return any(type(each).ways_back is not Plugin.ways_back for each in plugins())


def tells_coverage() -> bool:
    """Whether some plug-in answers to `coverage`; it is not asked."""
    return any(type(each).coverage is not Plugin.coverage for each in plugins())


def coverage(now: datetime) -> Coverage | None:
    """Of the first plug-in that brings people back."""
    return next((found for each in plugins() if (found := each.coverage(now))), None)


def funnel(since: datetime, *, now: datetime) -> Funnel | None:
    """Of the first plug-in that brings people back."""
    return next((found for each in plugins() if (found := each.funnel(since, now=now))), None)


def history() -> dict[str, Telling]:
    """How the entries of every plug-in are told."""
    return {name: telling for plugin in plugins() for name, telling in plugin.history().items()}


def exports(user: UUID) -> dict[str, Iterator[dict[str, Any]]]:
    """What every plug-in keeps about this account."""
    return {name: entries for plugin in plugins() for name, entries in plugin.export(user).items()}


def policy_in_words(now: datetime) -> list[Section]:
    """What the policies of every plug-in come to."""
    return [section for plugin in plugins() for section in plugin.policy_in_words(now)]


def sealed() -> list[SealedTable]:
    """The sealed tables of every plug-in."""
    return [table for plugin in plugins() for table in plugin.sealed()]


def frozen(user: UUID) -> None:
    """Tell every plug-in that this account was frozen or suspended."""
    for plugin in plugins():
        plugin.frozen(user)


@receiver(setting_changed)
def _forget(*, setting: str, **_kwargs: Any) -> None:
    if setting == "IDP_PLUGINS":
        plugins.cache_clear()

"""Where an app may hook into the provider. `settings.IDP_PLUGINS` names the classes; idp imports none of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver
from django.urls import URLPattern, URLResolver
from django.utils.module_loading import import_string

from idp.channels import Letter, Text
from idp.models import Message

__all__ = ["Letter", "Link", "Message", "Plugin", "Text", "letter", "plugins", "rescue", "urlpatterns"]


@dataclass(frozen=True, kw_only=True)
class Link:
    """A link for a page: where to, and its words."""

    url: str
    label: str


class Plugin:
    """What an app may answer to. Each method has an answer that means "nothing from me"."""

    def urlpatterns(self) -> Sequence[URLPattern | URLResolver]:
        """The addresses of the app's pages."""
        return ()

    def rescue(self, interaction_id: str) -> Link | None:
        """The way on for somebody who cannot sign in; shown on the sign-in screen and beside each error."""
        del interaction_id
        return None

    def letter(self, message: Message, *, language: str) -> Letter | Text | None:
        """The words of a message of the app's own kind, for its channel; None if it is not the app's, or of no use."""
        del message, language
        return None

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


def rescue(interaction_id: str) -> Link | None:
    """The first plug-in's way on."""
    return next((link for plugin in plugins() if (link := plugin.rescue(interaction_id))), None)


def letter(message: Message, *, language: str) -> Letter | Text | None:
    """The words of `message` from whichever plug-in it belongs to."""
    return next((words for each in plugins() if (words := each.letter(message, language=language))), None)


@receiver(setting_changed)
def _forget(*, setting: str, **_kwargs: Any) -> None:
    if setting == "IDP_PLUGINS":
        plugins.cache_clear()

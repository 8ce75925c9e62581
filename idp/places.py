"""Roughly where a network is, from a database file that the operator brings (GEOIP_DATABASE, MaxMind's format).

Only the network's prefix is looked up, so that nothing finer than a town comes out; nobody outside is asked. Without a
file no page shows a place. Words are in the tenant's own language where the file has it, else in English: a place is
written down once, for readers of any.

`maxminddb` reads the file; the package around it (geoip2) would bring a dozen more, for asking a web service.
"""

from functools import lru_cache
from ipaddress import ip_network
from typing import Any

import maxminddb
from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver

#: Origin.place, SignIn.place and Device.place.
LONGEST = 120
_FALLBACK = "en"


class UnusableDatabase(ValueError):  # noqa: N818 -- it says what happened
    """The file cannot be read, or is not one of towns or countries."""


@lru_cache(maxsize=4096)
def of(network: str) -> str:
    """As in "Lyon, France", or "France", or nothing; for a network as `browser.network` says it."""
    reader = database()
    if reader is None:
        return ""
    try:
        found = reader.get(ip_network(network).network_address)
    except ValueError:  # "unknown", or IPv6 in a file for IPv4
        return ""
    return _in_words(found) if isinstance(found, dict) else ""


@lru_cache(maxsize=1)
def database() -> maxminddb.Reader | None:
    """The operator's file, opened once; None if there is none. Raises UnusableDatabase."""
    if not settings.GEOIP_DATABASE:
        return None
    try:
        reader = maxminddb.open_database(settings.GEOIP_DATABASE)
    except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
        raise UnusableDatabase(f"{settings.GEOIP_DATABASE}: {error}") from error
    kind = reader.metadata().database_type
    if not kind.endswith(("City", "Country")):
        reader.close()
        raise UnusableDatabase(f"{settings.GEOIP_DATABASE} is a database of “{kind}”, not of towns or countries.")
    return reader


def _in_words(found: dict[str, Any]) -> str:
    names = [_name(found.get(part)) for part in ("city", "country")]
    return ", ".join(name for name in names if name)[:LONGEST]


def _name(part: Any) -> str:
    names = part.get("names") if isinstance(part, dict) else None
    if not isinstance(names, dict):
        return ""
    return str(names.get(settings.LANGUAGE_CODE) or names.get(_FALLBACK) or "")


@receiver(setting_changed)
def _forget(*, setting: str, **_kwargs: Any) -> None:
    if setting == "GEOIP_DATABASE":
        database.cache_clear()
        of.cache_clear()

"""What is wrong with a deployment, said when it starts."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004 -- its name there
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection
from django.utils import timezone

from idp import allowlist, branding, fetch, places
from idp.accounts import breached
from idp.conf import policy
from idp.plugins import hooks
from idp.seals import tables


@register(Tags.security)
def policy_is_sound(**_kwargs: Any) -> list[CheckMessage]:
    """Settings that contradict one another, a plug-in that is not there, a colour nobody could read."""
    found: list[CheckMessage] = []
    try:
        policy()
        branding.brand_css()
        hooks.plugins()
    except (ImproperlyConfigured, ImportError, ValueError) as error:
        found.append(Error(str(error), id="idp.E001"))
    try:
        if settings.BREACH_FILTER:
            breached.load(Path(settings.BREACH_FILTER))
    except (OSError, breached.UnusableFilter) as error:
        found.append(Error(f"BREACH_FILTER names no usable filter: {error}", id="idp.E003"))
    try:
        fetch.trusted()
    except OSError as error:
        found.append(Error(f"OUTBOUND_CA names no file of certificates: {error}", id="idp.E004"))
    try:
        places.database()
    except places.UnusableDatabase as error:
        found.append(Error(f"GEOIP_DATABASE names no usable database: {error}", id="idp.E005"))
    return found


@register(Tags.database)
def root_keys_open_what_is_there(*, databases: Sequence[str] | None = None, **_kwargs: Any) -> list[CheckMessage]:
    """`manage.py check --database default`: no key is missing that rows still need."""
    if not databases:
        return []
    try:
        return [Error(fault, id="idp.E007") for fault in tables.unopened(timezone.now())]
    except DatabaseError:
        return []  # away, or not migrated yet: that is said elsewhere


@register(Tags.security)
def nothing_was_added(**_kwargs: Any) -> list[CheckMessage]:
    """An app, a middleware, a backend, a grant or an address that is not this program's."""
    return [Error(fault, id="idp.E006") for fault in allowlist.faults()]


@register(Tags.database)
def roles_are_apart(databases: Sequence[str] | None = None, **_kwargs: Any) -> list[CheckMessage]:
    """One database role that does everything is a warning; asked for by `check --database default` and by `migrate`."""
    if "default" not in (databases or ()) or connection.vendor != "postgresql" or settings.DATABASE_RUNTIME_ROLE:
        return []
    return [
        Warning(
            "One database role owns the tables and runs the program: SQL that somebody smuggles in has all its rights.",
            hint="Set the three roles up: deploy/postgresql/roles.sql, docs/operate.md#the-database.",
            id="idp.W001",
        ),
    ]

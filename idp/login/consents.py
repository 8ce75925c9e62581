"""What an application may see of an account: what is asked of the person, and what they have allowed.

A consent is remembered for each person and application until it is taken back. Asking for more asks the person
again; the tenant's own applications (`skip_consent`) need not ask for what the tenant already decided.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from idp.audit.events import ConsentGiven, Origin
from idp.audit.record import record
from idp.models import Client, Consent, User

#: Says who somebody is, which every sign-in does: nothing to allow apart from the rest.
_IDENTITY = "openid"
#: What the page says of each scope.
_SENTENCES = {
    _IDENTITY: _("Who you are, by a number that only stands for you"),
    "profile": _("Your name, user name and language"),
    "email": _("Your email address"),
    "offline_access": _("The same, also while you are away"),
}
#: What a person may leave out and still use the application.
_OPTIONAL = frozenset[str]()


@dataclass(frozen=True, kw_only=True)
class Item:
    """A scope, and what the page says of it."""

    value: str
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Question:
    """What the consent page shows: what the application needs, and what may be left out."""

    required: tuple[Item, ...]
    optional: tuple[Item, ...]


def on_screen(parameters: dict[str, Any]) -> Question:
    """The question for a waiting request, in the language of the page."""
    scopes = _asked(parameters)
    # Alone, `openid` is the whole question; beside others it would only puzzle.
    shown = [scope for scope in scopes if scope != _IDENTITY] or scopes
    items = [Item(value=scope, sentence=gettext(_SENTENCES.get(scope, scope))) for scope in shown]
    return Question(
        required=tuple(item for item in items if item.value not in _OPTIONAL),
        optional=tuple(item for item in items if item.value in _OPTIONAL),
    )


def allowed(parameters: dict[str, Any], ticked: Iterable[str]) -> list[str]:
    """What "Allow" allows: all that the stored request needs, and of the rest what was ticked. Nothing else."""
    chosen = set(ticked)
    return [scope for scope in _asked(parameters) if scope not in _OPTIONAL or scope in chosen]


def needed(client: Client, user: User, scopes: Iterable[str]) -> tuple[str, ...]:
    """Of `scopes`, those that `user` has yet to allow `client`. Asks the database only if one could be missing."""
    wanted = to_ask(client, scopes)
    if not wanted:
        return ()
    given = standing(client, user)
    return tuple(scope for scope in wanted if scope not in given)


def to_ask(client: Client, scopes: Iterable[str]) -> tuple[str, ...]:
    """Of `scopes`, those that are for the person to allow."""
    if client.skip_consent:
        return ()
    return tuple(scope for scope in scopes if scope != _IDENTITY)


def standing(client: Client, user: User) -> frozenset[str]:
    """What `user` has allowed `client` so far; one query."""
    scopes = Consent.objects.filter(user=user, client=client).values_list("scopes", flat=True).first()
    return frozenset(scopes or ())


def remember(
    user: User,
    client: Client,
    scopes: Iterable[str],
    *,
    now: datetime,
    origin: Origin,
) -> None:
    """Add `scopes` to what `user` allows `client`; the audit is written in the same transaction."""
    given = tuple(scopes)
    with transaction.atomic():
        # Recording comes first: it holds the audit's head, so that two tabs add up instead of overwriting.
        record(ConsentGiven(user=user.pk, client_id=client.client_id, scopes=given), origin=origin)
        both = sorted(standing(client, user) | set(given))
        Consent.objects.bulk_create(
            [Consent(user=user, client=client, scopes=both, given_at=now)],
            update_conflicts=True,
            unique_fields=["user", "client"],
            update_fields=["scopes", "given_at"],
        )


def _asked(parameters: dict[str, Any]) -> list[str]:
    return str(parameters.get("scope", "")).split()

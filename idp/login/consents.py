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

from idp.audit.events import ConsentGiven, ConsentWithdrawn, Origin
from idp.audit.record import record
from idp.models import Client, Consent, Grant, User

#: Says who somebody is, which every sign-in does: nothing to allow apart from the rest.
_IDENTITY = "openid"
#: What the page says of each scope.
_SENTENCES = {
    _IDENTITY: _("Who you are, by a number that only stands for you"),
    "profile": _("Your name, user name, language and what else stands in your profile"),
    "email": _("Your email address"),
    "phone": _("Your phone number"),
    "address": _("Your postal address"),
    "groups": _("The groups you are in"),
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
    items = in_words(shown)
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


def withdraw(user: User, client_id: str, *, now: datetime, origin: Origin) -> bool:
    """Take back what `user` allowed the application, and end what it was given. False if there was nothing."""
    client = Client.objects.filter(client_id=client_id, consent__user=user).first()
    if client is None:
        return False
    with transaction.atomic():
        grants = Grant.objects.filter(user=user, client=client, ended_at=None)
        ended = grants.update(ended_at=now, ended_by="consent withdrawn")
        # Recording holds the audit's head: of two tabs, one takes it back.
        record(ConsentWithdrawn(user=user.pk, client_id=client.client_id, grants=ended), origin=origin)
        Consent.objects.filter(user=user, client=client).delete()
    return True


def in_words(scopes: Iterable[str]) -> tuple[Item, ...]:
    """What these scopes allow, in the language of the page and in an order that reads: "the same" comes last."""
    order = list(_SENTENCES)
    ordered = sorted(scopes, key=lambda scope: order.index(scope) if scope in order else len(order))
    return tuple(Item(value=scope, sentence=gettext(_SENTENCES.get(scope, scope))) for scope in ordered)


def _asked(parameters: dict[str, Any]) -> list[str]:
    """The scopes asked for; and those of claims that were asked for by name (OpenID Connect Core 5.5)."""
    return f"{parameters.get('scope', '')} {parameters.get('claims_scope', '')}".split()

"""The authorization request that waits for its person, and everything that may be done with it.

It is a row bound to the browser that brought it. Its id travels in addresses (`?i=`) and opens nothing in
another browser; the answer is given only to the browser that signed in *for* it.

A pushed request (RFC 9126) is the same row, born earlier: it waits for a browser to bring its name, and from then on
it is like any other.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from secrets import token_urlsafe
from types import MappingProxyType
from typing import Any

from django.db.models import OuterRef, Q, Subquery
from django.db.models.expressions import RawSQL
from django.http import HttpRequest

from idp import browser, keyring
from idp.accounts import glances
from idp.conf import Policy
from idp.models import Client, Consent, Interaction, SignIn


def park(
    request: HttpRequest,
    client: Client,
    parameters: dict[str, Any],
    *,
    policy: Policy,
    now: datetime,
) -> Interaction:
    """Write a validated request down. The response must set the browser cookie (`browser.remember`)."""
    return Interaction.objects.create(
        browser_hash=browser.browser_hash(request),
        client=client,
        parameters=parameters,
        created_at=now,
        expires_at=now + policy.interaction_lifetime,
    )


def push(client: Client, parameters: dict[str, Any], *, lifetime: timedelta, now: datetime) -> str:
    """Write down a validated request that no browser has brought yet. Returns its name, of which only a hash stays."""
    name = token_urlsafe(32)
    Interaction.objects.create(
        pushed_hash=keyring.fingerprint(name),
        client=client,
        parameters=parameters,
        created_at=now,
        expires_at=now + lifetime,
    )
    return name


def bring(request: HttpRequest, client: Client, name: str, *, policy: Policy, now: datetime) -> Interaction | None:
    """The pushed request of this name, as `find` returns it; None if it is used, over, or not this client's.

    The first browser that brings it has it: another one gets nothing, the same one may come again until it is
    answered. From the first time on it waits as long as any request. The response must set the browser cookie.
    """
    pushed_hash = keyring.fingerprint(name)
    Interaction.objects.filter(
        pushed_hash=pushed_hash,
        client=client,
        browser_hash="",
        expires_at__gt=now,
    ).update(
        browser_hash=browser.browser_hash(request),
        created_at=now,
        expires_at=now + policy.interaction_lifetime,
    )
    return _complete(Q(pushed_hash=pushed_hash, client=client) & _ours(request, now))


def find(request: HttpRequest, interaction_id: str, *, with_glance: bool = False, now: datetime) -> Interaction | None:
    """The waiting request with its client, its sign-in, and (as `consented_before`) what its person allowed before.

    None if it does not wait any more or is another browser's. One query, and a glance at the account within it.
    """
    if not interaction_id or len(interaction_id) > 32 or not browser.cookie(request, browser.BROWSER):  # noqa: PLR2004 -- the column
        return None
    return _complete(_waiting(request, interaction_id, now), glances.beside(glances.OF_SIGN_IN) if with_glance else {})


def signed_in(request: HttpRequest, interaction_id: str, sign_in: SignIn, *, now: datetime) -> bool:
    """Note that `sign_in` happened for this request. False if the request is gone or another browser's."""
    return bool(
        Interaction.objects.filter(_waiting(request, interaction_id, now)).update(
            sign_in=sign_in,
            consented_scopes=None,
        ),
    )


def consented(interaction: Interaction, scopes: list[str]) -> bool:
    """Note what the person allowed for this request, if the person and the request are still the same."""
    return bool(
        Interaction.objects.filter(
            pk=interaction.pk,
            sign_in=interaction.sign_in_id,
            finished_at=None,
        ).update(consented_scopes=scopes),
    )


def refuse(interaction: Interaction, error: str) -> None:
    """Note that the person said no; `/continue` tells the application."""
    Interaction.objects.filter(pk=interaction.pk, finished_at=None).update(refused=error)


def finish(interaction: Interaction, *, now: datetime) -> bool:
    """Mark the request as answered. False if it was already: then there is nothing to answer."""
    return bool(Interaction.objects.filter(pk=interaction.pk, finished_at=None).update(finished_at=now))


def sweep(now: datetime) -> int:
    """Remove requests whose time is over. Returns how many."""
    return Interaction.objects.filter(expires_at__lte=now).delete()[0]


def _complete(which: Q, more: Mapping[str, RawSQL] = MappingProxyType({})) -> Interaction | None:
    before = Consent.objects.filter(user=OuterRef("sign_in__user"), client=OuterRef("client"))
    return (
        Interaction.objects.select_related("client", "sign_in__user")
        .annotate(consented_before=Subquery(before.values("scopes")[:1]), **more)
        .filter(which, client__disabled_at=None)
        .first()
    )


def _waiting(request: HttpRequest, interaction_id: str, now: datetime) -> Q:
    return Q(pk=interaction_id) & _ours(request, now)


def _ours(request: HttpRequest, now: datetime) -> Q:
    return Q(browser_hash=browser.browser_hash(request), expires_at__gt=now, finished_at=None)

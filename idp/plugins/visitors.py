"""Whoever is signed in at this browser, for a page that a plug-in put in their way (`hooks.Plugin.interrupt`).

What they have, masked; where they add to it; and being let go. The pages that change something are the account's own.
"""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest

from idp import browser
from idp.accounts import address_claims, sessions
from idp.accounts import addresses as own
from idp.accounts.address_claims import Throttled
from idp.accounts.addresses import Own
from idp.conf import policy
from idp.factors import registry
from idp.models import SignIn, User

__all__ = ["Own", "Throttled", "Visitor", "add_url", "address_url", "addresses", "let_go", "send_test", "signed_in"]

_ADDRESSES = "/account/addresses/"
#: Where an address is added, by its channel.
_ADDING = {"email": f"{_ADDRESSES}add/", "sms": f"{_ADDRESSES}add/phone/"}


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """Somebody wholly signed in, and the sign-in by which they are."""

    user: UUID
    sign_in: UUID
    #: Whether a plug-in holds them here; others are only passing.
    is_held: bool


def signed_in(request: HttpRequest, *, now: datetime) -> Visitor | None:
    """Who is signed in here; one query."""
    here = sessions.find(browser.cookie(request, browser.SESSION), policy=policy(), now=now)
    if here is None:
        return None
    return Visitor(user=here.user_id, sign_in=here.pk, is_held=here.interruption == SignIn.Interruption.HELD)


def let_go(visitor: Visitor) -> bool:
    """They may go on to where they were going. False if nothing holds them: they were let go already."""
    return sessions.let_go(visitor.sign_in)


def addresses(user: UUID, *, now: datetime) -> list[Own]:
    """Their recovery addresses, those that they took out lately last. For pages after a sign-in only."""
    return own.of(User(id=user), now=now)


def add_url(kind: str, *, interaction_id: str = "") -> str:
    """Where they add one: a channel, or a kind of second factor as credentials name it."""
    return _on_the_way(_ADDING.get(kind) or registry.named(kind).add_url, interaction_id)


def address_url(address: UUID, *, interaction_id: str = "") -> str:
    """The page of one address: testing it, and taking it out."""
    return _on_the_way(f"{_ADDRESSES}{address}/", interaction_id)


def send_test(request: HttpRequest, address: UUID, *, interaction_id: str = "", now: datetime) -> str | Throttled:
    """Send a code to an address of theirs: the page on which it is typed."""
    here = sessions.find(browser.cookie(request, browser.SESSION), policy=policy(), now=now)
    row = own.find(here.user, address) if here else None
    if here is None or row is None:
        return address_url(address, interaction_id=interaction_id)
    context = own.Context(now=now, policy=policy(), origin=browser.origin(request))
    asked = address_claims.ask_to_test(here, row, context=context)
    if isinstance(asked, Throttled):
        return asked
    return _on_the_way(f"{_ADDRESSES}code/{asked.claim}/", interaction_id)


def _on_the_way(url: str, interaction_id: str) -> str:
    return f"{url}?{urlencode({'i': interaction_id})}" if interaction_id else url

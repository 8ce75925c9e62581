"""Everything that is kept about one account, as JSON, a piece at a time.

No secret is among it: a factor is named, not shown; keys, hashes and seals stay. Addresses are in clear, because they
are their owner's, who has just shown who they are.
"""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from django.utils import translation

from idp.account import history
from idp.accounts import credentials, sealing
from idp.models import AuditEntry, Client, Consent, Credential, Device, RecoveryAddress, SignIn, User
from idp.models.batches import in_batches
from idp.plugins import hooks


def pieces(user: User, *, now: datetime, language: str) -> Iterator[str]:
    """The document, piece by piece; sentences in `language`."""
    lists: tuple[tuple[str, Iterator[dict[str, Any]]], ...] = (
        ("addresses", _addresses(user)),
        ("credentials", _credentials(user)),
        ("sign_ins", _sign_ins(user)),
        ("browsers", _browsers(user)),
        ("consents", _consents(user)),
        *hooks.exports(user.pk).items(),
        ("history", _history(user, language=language)),
    )
    yield '{\n"made_at": ' + _json(now) + ',\n"account": ' + _json(_account(user))
    for name, entries in lists:
        yield f',\n"{name}": ['
        for number, entry in enumerate(entries):
            yield (",\n  " if number else "\n  ") + _json(entry)
        yield "\n]"
    yield "\n}\n"


def _account(user: User) -> dict[str, Any]:
    return {
        "sub": user.sub,
        "preferred_username": user.preferred_username,
        "name": user.name,
        "email": user.email,
        "email_verified": user.email_verified,
        "locale": user.locale,
        **user.claims,
        "groups": user.groups,
        "status": user.status,
        "frozen_at": user.frozen_at,
        "created_at": user.created_at,
        "updated_at": user.updated_at,
    }


def _addresses(user: User) -> Iterator[dict[str, Any]]:
    for row in in_batches(RecoveryAddress.objects.filter(user=user).select_related("user")):
        opened = sealing.open_address(row)
        if opened is not None:
            yield {
                "channel": row.channel,
                "address": opened.value,
                "changed_at": row.changed_at,
                "usable_from": row.usable_from,
                "told_until": row.told_until,
            }


def _credentials(user: User) -> Iterator[dict[str, Any]]:
    for row in Credential.objects.filter(user=user, kind=Credential.Kind.PASSWORD):
        yield {"kind": row.kind, "changed_at": row.changed_at}
    for row in credentials.factors_of(user):
        yield {
            "kind": row.kind,
            "name": row.factor.name,
            "added_at": row.factor.added_at,
            "last_used_at": row.factor.last_used_at,
        }


def _sign_ins(user: User) -> Iterator[dict[str, Any]]:
    for row in in_batches(SignIn.objects.filter(user=user)):
        yield {
            "at": row.authenticated_at,
            "methods": row.amr,
            "device": row.device,
            "network": row.network,
            "place": row.place,
            "last_seen_at": row.last_seen_at,
            "expires_at": row.expires_at,
            "ended_at": row.ended_at,
        }


def _browsers(user: User) -> Iterator[dict[str, Any]]:
    for row in in_batches(Device.objects.filter(user=user)):
        yield {
            "browser": row.label,
            "network": row.network,
            "place": row.place,
            "first_seen_at": row.first_seen_at,
            "last_seen_at": row.last_seen_at,
            "trusted_until": row.trusted_until,
            "forgotten_at": row.forgotten_at,
        }


def _consents(user: User) -> Iterator[dict[str, Any]]:
    for row in in_batches(Consent.objects.filter(user=user).select_related("client")):
        yield {
            "application": row.client.client_name,
            "client_id": row.client.client_id,
            "scopes": row.scopes,
            "given_at": row.given_at,
        }


def _history(user: User, *, language: str) -> Iterator[dict[str, Any]]:
    name_of = _Names().of
    for row in in_batches(AuditEntry.objects.filter(user=user.pk)):
        # The language is this thread's: another request may speak between two pieces.
        with translation.override(language):
            told = history.told(row, name_of(row.details))
        yield {
            "at": row.at,
            "event": row.name,
            "sentence": told.sentence,
            "details": row.details,
            "device": told.device,
            "network": told.network,
            "place": told.place,
        }


class _Names:
    """The names of applications, each looked up once; there are far fewer of them than entries."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def of(self, details: dict[str, Any]) -> dict[str, str]:
        client_id = details.get("client_id")
        if client_id is not None and client_id not in self._known:
            found = Client.objects.filter(client_id=client_id).values_list("client_name", flat=True).first()
            self._known[client_id] = found or ""
        return self._known


def _json(value: Any) -> str:
    encode: Callable[[Any], str] = lambda other: other.isoformat() if isinstance(other, datetime) else str(other)  # noqa: E731 -- named for its type
    return json.dumps(value, ensure_ascii=False, default=encode)

"""Registering an application from RFC 7591 metadata. Everything it says is checked; nothing is guessed or dropped.

Two members are ours: `skip_consent` (the tenant's own application) and `require_pkce` (false only for a
confidential client that cannot be changed).
"""

from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_urlsafe
from typing import Any

from django.db import transaction

from idp import keyring
from idp.audit.events import ClientRegistered
from idp.audit.record import record
from idp.models import Client
from idp.oidc import client_seals, redirect_uris, supported

_DEFAULTS: dict[str, Any] = {
    "response_types": list(supported.RESPONSE_TYPES),
    "grant_types": ["authorization_code"],
    "token_endpoint_auth_method": "client_secret_basic",
    "scope": supported.OPENID,
    "post_logout_redirect_uris": [],
    "default_max_age": None,
    "require_pkce": True,
    "skip_consent": False,
}
_PAGES = ("client_uri", "logo_uri", "policy_uri", "tos_uri", "initiate_login_uri")
_LISTS = ("redirect_uris", "post_logout_redirect_uris", "grant_types", "response_types")
_MEMBERS = frozenset({"client_name", "redirect_uris", *_PAGES, *_DEFAULTS})
_LONGEST_NAME = 100
_MOST_URIS = 50
_LONGEST_AGE = 365 * 24 * 3600


@dataclass(frozen=True, kw_only=True)
class Registered:
    """A registered application. The secret is shown once, here; afterwards only its hash exists."""

    client: Client
    client_secret: str
    metadata: dict[str, Any] = field(default_factory=dict)


def faults(metadata: object) -> list[str]:
    """What is wrong with `metadata`, in sentences that name the member. Empty is good."""
    if not isinstance(metadata, dict):
        return ["The file must hold one JSON object."]
    unknown = [f"{name} is not supported." for name in metadata if name not in _MEMBERS]
    wrong = [*_wrong_types(metadata)]
    return [*unknown, *wrong] if wrong else [*unknown, *_wrong_values(_DEFAULTS | metadata)]


def register(metadata: dict[str, Any], *, now: datetime) -> Registered:
    """Write the application down; its audit entry is written in the same transaction. Needs faultless metadata."""
    full = _DEFAULTS | metadata
    public = full["token_endpoint_auth_method"] == "none"
    secret = "" if public else token_urlsafe(32)
    columns = {name: value for name, value in full.items() if name != "response_types"}
    with transaction.atomic():
        client = Client(
            client_id=token_urlsafe(16),
            client_secret_hash=keyring.fingerprint(secret) if secret else "",
            created_at=now,
            **columns,
        )
        client_seals.put(client)
        client.save(force_insert=True)
        record(ClientRegistered(client_id=client.client_id))
    return Registered(client=client, client_secret=secret, metadata=_answer(client, full, secret))


def _answer(client: Client, full: dict[str, Any], secret: str) -> dict[str, Any]:
    """RFC 7591 3.2.1: everything that was registered, defaults included."""
    answer: dict[str, Any] = {
        "client_id": client.client_id,
        "client_id_issued_at": int(client.created_at.timestamp()),
    }
    if secret:
        # Zero: it does not expire.
        answer |= {"client_secret": secret, "client_secret_expires_at": 0}
    return answer | {name: value for name, value in full.items() if value is not None}


def _wrong_types(metadata: dict[str, Any]) -> list[str]:
    found = []
    for name, value in metadata.items():
        if name in _LISTS:
            good = isinstance(value, list) and all(isinstance(each, str) for each in value)
            found += [] if good else [f"{name} must be a list of strings."]
        elif name in ("require_pkce", "skip_consent"):
            found += [] if isinstance(value, bool) else [f"{name} must be true or false."]
        elif name == "default_max_age":
            good = type(value) is int and 0 <= value <= _LONGEST_AGE
            found += [] if good else [f"{name} must be a number of seconds, 0 to a year."]
        elif name in _MEMBERS and not isinstance(value, str):
            found.append(f"{name} must be a string.")
    return found


def _wrong_values(full: dict[str, Any]) -> list[str]:
    return [
        *_wrong_name(full.get("client_name", "")),
        *_wrong_uris(full),
        *_not_among("response_types", full["response_types"], supported.RESPONSE_TYPES),
        *_not_among("grant_types", full["grant_types"], supported.GRANT_TYPES),
        *_not_among("scope", full["scope"].split(), supported.SCOPE_VALUES),
        *_not_among(
            "token_endpoint_auth_method",
            [full["token_endpoint_auth_method"]],
            supported.CLIENT_AUTH_METHODS,
        ),
        *_missing(full),
    ]


def _wrong_name(name: str) -> list[str]:
    if not name.strip():
        return ["client_name is missing; people read it on the sign-in page."]
    if len(name) > _LONGEST_NAME:
        return [f"client_name is longer than {_LONGEST_NAME} characters."]
    if not name.isprintable():
        return ["client_name contains characters that cannot be seen."]
    return []


def _wrong_uris(full: dict[str, Any]) -> list[str]:
    given = [(name, full[name]) for name in _PAGES if full.get(name)]
    found = []
    for name in ("redirect_uris", "post_logout_redirect_uris"):
        uris = full.get(name, [])
        if len(uris) > _MOST_URIS:
            found.append(f"{name} has more than {_MOST_URIS} entries.")
        given += [(name, uri) for uri in uris]
    found += [f"{name}: {uri[:200]!r} {why}." for name, uri in given if (why := redirect_uris.fault(uri))]
    return found


def _not_among(name: str, values: list[str], choices: tuple[str, ...]) -> list[str]:
    wrong = [value for value in values if value not in choices]
    return [f"{name}: {value[:100]!r} is not supported; there is {', '.join(choices)}." for value in wrong]


def _missing(full: dict[str, Any]) -> list[str]:
    found = []
    if not full.get("redirect_uris"):
        found.append("redirect_uris is missing; it must name at least one address.")
    if "authorization_code" not in full["grant_types"]:
        found.append("grant_types must contain authorization_code.")
    if full["response_types"] != list(supported.RESPONSE_TYPES):
        found.append("response_types must be just code.")
    if supported.OPENID not in full["scope"].split():
        found.append("scope must contain openid.")
    if not full["require_pkce"] and full["token_endpoint_auth_method"] == "none":
        found.append("require_pkce cannot be false for a public client: PKCE is all that binds its codes.")
    return found

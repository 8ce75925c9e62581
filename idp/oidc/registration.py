"""Registering an application from RFC 7591 metadata. Everything it says is checked; nothing is guessed or dropped.

Some members are ours: `skip_consent` (the tenant's own application), `require_pkce` (false only for a confidential
client that cannot be changed), `profile` (`fapi2`: the FAPI 2.0 Security Profile), `access_token_format` (`jwt`:
RFC 9068), and `resources`: what it may ask tokens for (RFC 8707), or, without any grant type, what it is itself.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_urlsafe
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_noop as _

from idp import fetch, keyring
from idp.audit.events import ClientRegistered, Origin
from idp.audit.record import record
from idp.models import Client
from idp.oidc import client_seals, clients, keys, registration_rules, subjects, supported
from idp.oidc.faults import Fault
from idp.oidc.registration_rules import PAGES, GetJson

_DEFAULTS: dict[str, Any] = {
    "grant_types": ["authorization_code"],
    "redirect_uris": [],
    "token_endpoint_auth_method": "client_secret_basic",
    "token_endpoint_auth_signing_alg": "",
    "jwks": None,
    "jwks_uri": "",
    "post_logout_redirect_uris": [],
    "backchannel_logout_uri": "",
    "backchannel_logout_session_required": False,
    "default_max_age": None,
    "default_acr_values": [],
    "id_token_signed_response_alg": keys.DEFAULT,
    "subject_type": "public",
    "sector_identifier_uri": "",
    "dpop_bound_access_tokens": False,
    "require_pushed_authorization_requests": False,
    "access_token_format": "opaque",
    "resources": [],
    "profile": "",
    "require_pkce": True,
    "skip_consent": False,
}
#: What goes without saying with a profile.
_OF_PROFILE: dict[str, dict[str, Any]] = {
    clients.FAPI: {
        "token_endpoint_auth_method": "private_key_jwt",
        "dpop_bound_access_tokens": True,
        "require_pushed_authorization_requests": True,
    },
}
_LISTS = (
    *("redirect_uris", "post_logout_redirect_uris", "grant_types", "response_types", "resources"),
    "default_acr_values",
)
_TRUTHS = tuple(member for member, value in _DEFAULTS.items() if isinstance(value, bool))
_MEMBERS = frozenset({"client_name", "response_types", "scope", *PAGES, *_DEFAULTS})
#: Not a column as it is said: response types follow from grants, and of the sector only its host is kept.
_NO_COLUMN = frozenset({"response_types", "sector_identifier_uri"})
_LONGEST_AGE = 365 * 24 * 3600


@dataclass(frozen=True, kw_only=True)
class Registered:
    """A registered application. The secret is shown once, here; afterwards only its hash exists."""

    client: Client
    client_secret: str = field(repr=False)
    metadata: dict[str, Any] = field(default_factory=dict)


def faults(metadata: object, *, get_json: GetJson = fetch.get_json) -> list[str]:
    """What is wrong with `metadata`, in sentences that name the member. Empty is good.

    The last question is the sector's, which is asked of the application's own server.
    """
    if not isinstance(metadata, dict):
        return [Fault(_("The file must hold one JSON object."))]
    unknown = [Fault(_("%(name)s is not supported."), name=name) for name in metadata if name not in _MEMBERS]
    wrong = _wrong_types(metadata)
    if wrong:
        return [*unknown, *wrong]
    full = _full(metadata)
    found = [*unknown, *(sentence for rule in registration_rules.RULES for sentence in rule(full))]
    if not found:
        found = [*registration_rules.fetchable(full), *registration_rules.sector(full, get_json=get_json)]
    return found


def metadata_of(client: Client) -> dict[str, Any]:
    """What it would say today to be registered like that; its sector was settled then, and is not asked again."""
    said = {name: getattr(client, name) for name in _MEMBERS - _NO_COLUMN}
    return {name: value for name, value in said.items() if value not in (None, "")} | {"subject_type": "public"}


def register(
    metadata: dict[str, Any],
    *,
    now: datetime,
    by: UUID | None = None,
    reason: str = "",
    origin: Origin | None = None,
) -> Registered:
    """Write the application down; its audit entry is written in the same transaction. Needs faultless metadata."""
    full = _full(metadata)
    secret = token_urlsafe(32) if full["token_endpoint_auth_method"].startswith("client_secret") else ""
    columns = {name: value for name, value in full.items() if name not in _NO_COLUMN}
    if full["sector_identifier_uri"]:
        columns["sector_identifier"] = subjects.hosts([full["sector_identifier_uri"]])[0]
    # So that its key is published before it signs anything.
    keys.in_use(full["id_token_signed_response_alg"])
    with transaction.atomic():
        client = Client(
            client_id=token_urlsafe(16),
            client_secret_hash=keyring.fingerprint(secret) if secret else "",
            created_at=now,
            **columns,
        )
        client_seals.put(client)
        client.save(force_insert=True)
        says = client_seals.digest_of(client)
        record(ClientRegistered(client_id=client.client_id, by=by, reason=reason, says=says), origin=origin)
    return Registered(client=client, client_secret=secret, metadata=_answer(client, full, secret))


def _full(metadata: dict[str, Any]) -> dict[str, Any]:
    """What it says, and what follows from that where it says nothing (RFC 7591 2)."""
    profile = metadata.get("profile", "")
    full = _DEFAULTS | _OF_PROFILE.get(profile, {}) | metadata
    code_flow = "authorization_code" in full["grant_types"]
    full.setdefault("response_types", list(supported.RESPONSE_TYPES) if code_flow else [])
    full.setdefault("scope", supported.OPENID if code_flow else "")
    return full


def _answer(client: Client, full: dict[str, Any], secret: str) -> dict[str, Any]:
    """RFC 7591 3.2.1: everything that was registered, defaults included."""
    answer: dict[str, Any] = {
        "client_id": client.client_id,
        "client_id_issued_at": int(client.created_at.timestamp()),
    }
    if secret:
        # Zero: it does not expire.
        answer |= {"client_secret": secret, "client_secret_expires_at": 0}
    return answer | {name: value for name, value in full.items() if value not in (None, "")}


def _wrong_types(metadata: dict[str, Any]) -> list[str]:
    return [sentence for name, value in metadata.items() for sentence in _wrong_type(name, value)]


def _wrong_type(name: str, value: object) -> Iterable[str]:
    if name in _LISTS:
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            yield Fault(_("%(name)s must be a list of strings."), name=name)
    elif name in _TRUTHS:
        if not isinstance(value, bool):
            yield Fault(_("%(name)s must be true or false."), name=name)
    elif name == "default_max_age":
        if type(value) is not int or not 0 <= value <= _LONGEST_AGE:
            yield Fault(_("%(name)s must be a number of seconds, 0 to a year."), name=name)
    elif name == "jwks":
        if not isinstance(value, dict):
            yield Fault(_("jwks must be a JSON object."))
    elif name in _MEMBERS and not isinstance(value, str):
        yield Fault(_("%(name)s must be a string."), name=name)

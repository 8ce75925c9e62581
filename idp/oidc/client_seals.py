"""The seal on an application's row: what it registered is what we act on.

A redirect URI, a secret's hash or `skip_consent` written past the program would hand out codes to somebody else.
So the whole row is sealed where it is registered, and looked at where it is loaded.
"""

import json
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from idp import keyring
from idp.accounts import forgeries
from idp.models import Client
from idp.models.sealed import SealedTable, swap

_LABEL = "client"


def put(client: Client) -> None:
    """Seal `client` as it stands now; the caller saves it."""
    client.seal = keyring.seal(_LABEL, *_parts(client))


def is_intact(client: Client) -> bool:
    """Whether the row says what was registered."""
    if keyring.is_sealed(_LABEL, client.seal, *_parts(client)):
        return True
    forgeries.met("client", client)
    return False


def digest_of(client: Client) -> str:
    """Everything that is sealed, in 64 characters: what entries of the audit say about it, under whatever root key."""
    return keyring.fingerprint(keyring.canonical(*_parts(client)).hex())


def version_of(client: Client, members: Collection[str]) -> str:
    """What these columns say now, in 64 characters: another value as soon as one of them changes."""
    said = [part for name in sorted(members) for part in (name, _plain(getattr(client, name)))]
    return keyring.fingerprint(keyring.canonical(*said).hex())


def _parts(client: Client) -> list[keyring.Part]:
    """Every column by its name, except those that say nothing but their default: a new column breaks no old seal."""
    parts: list[keyring.Part] = []
    for field in Client._meta.concrete_fields:  # noqa: SLF001 -- Django's own name for its documented API
        value = getattr(client, field.attname)
        if field.attname != "seal" and value != field.get_default():
            parts += [field.attname, _plain(value)]
    return parts


def _plain(value: Any) -> keyring.Part:
    """The same for what was written and what is read back, on every database."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, list | dict):
        return json.dumps(value, sort_keys=True, separators=(",", ":"))
    return value if isinstance(value, int | str) else str(value)


#: For whoever checks every seal, or makes them anew (idp.seals).
SEALED = SealedTable(
    name="client",
    rows=lambda _now: Client.objects.all(),
    is_genuine=is_intact,
    stamped=("seal",),
    reseal=swap(put, "seal"),
    owner=lambda _row: None,
)

"""Every kind of sealed row, the provider's and its plug-ins', and whether the keys at hand know them all.

A sign-in that waits for its second factor, an address that is being claimed and the codes under way are not among
them: their time is over within the hour.
"""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Q

from idp import keyring
from idp.accounts import credentials, devices, invitations, proposals, roles, sealing, sessions
from idp.factors import totp
from idp.models import Credential, RecoveryAddress
from idp.models.sealed import SealedTable
from idp.oidc import client_seals, keys
from idp.plugins import hooks


def _reseal(credential: Credential) -> bool:
    encrypted = credential.kind == Credential.Kind.TOTP and credential.material
    material = totp.material_anew(credential) if encrypted else credential.material
    return credentials.reseal(credential, material=material)


_CREDENTIALS = SealedTable(
    name="credential",
    rows=lambda _now: Credential.objects.select_related("user"),
    is_genuine=sealing.is_genuine,
    stamped=("seal",),
    reseal=_reseal,
    freezes=True,
)
_ADDRESSES = SealedTable(
    name="recovery_address",
    rows=lambda _now: RecoveryAddress.objects.select_related("user"),
    is_genuine=sealing.is_address_genuine,
    stamped=("seal", "ciphertext"),
    reseal=credentials.reseal_address,
    freezes=True,
)


def every() -> tuple[SealedTable, ...]:
    """All of them, those that let people in first."""
    return (
        _CREDENTIALS,
        _ADDRESSES,
        roles.SEALED,
        client_seals.SEALED,
        keys.SEALED,
        invitations.SEALED,
        proposals.SEALED,
        sessions.SEALED,
        devices.SEALED,
        *hooks.sealed(),
    )


def unopened(now: datetime) -> list[str]:
    """What the root keys at hand do not know, in words for an operator. Empty is good.

    Letting people in with a key missing would take every seal made with it for a forgery, and freeze its account. Reads
    whole tables, so it is asked at start and by checks only.
    """
    known = tuple(key_id for key_id, _key in settings.ROOT_KEYS)
    found = [
        f"REGAIN_ROOT_KEYS lacks a key that rows of the kind {table.name} were sealed with"
        for table in every()
        if table.unknown(known, now=now).exists()
    ]
    if _codes_with_none_of((*known, *(key_id for key_id, _key in settings.RETIRED_KEYS))).exists():
        found.append("REGAIN_RETIRED_KEYS lacks a key that saved recovery codes were made with")
    if not found and not _is_digest_key_there():
        found.append("REGAIN_RETIRED_KEYS lacks the oldest root key, which look-up digests are made with")
    return found


def needed_retired_keys() -> list[str]:
    """Of the root keys but the newest, those that cannot be given up once they seal nothing any more.

    The oldest finds digests. The others only check saved recovery codes that were made while they were the newest.
    """
    newest, *older = (key_id for key_id, _key in (*settings.ROOT_KEYS, *settings.RETIRED_KEYS))
    every_key = [newest, *older]
    return [
        key_id
        for key_id in older
        if key_id == older[-1]
        or _codes().exclude(_made_with(*(other for other in every_key if other != key_id))).exists()
    ]


def _codes_with_none_of(key_ids: tuple[str, ...]) -> Any:
    return _codes().exclude(_made_with(*key_ids))


def _codes() -> Any:
    return Credential.objects.filter(kind=Credential.Kind.RECOVERY_CODES).exclude(material="")


def _made_with(*key_ids: str) -> Q:
    """All codes of a set are made at once, with one key; its id stands at the beginning of each stamp."""
    made = Q()
    for key_id in key_ids:
        made |= Q(material__contains=f'"{key_id}.')
    return made


def _is_digest_key_there() -> bool:
    row = RecoveryAddress.objects.order_by("pk").first()
    if row is None or not sealing.is_address_genuine(row):
        return True
    try:
        return sealing.is_digest_right(row)
    except keyring.Tampered:
        return True

"""Browsers that somebody signed in from before: recognised, trusted for a while, forgotten.

A browser holds one random key; each account that signed in there knows it by a row of its own, so that a key brings
nothing to anybody else. The row is sealed: one that was moved to another account, or whose trust was prolonged past
the program, is no known browser.
"""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from secrets import token_urlsafe

from django.db import transaction

from idp import keyring
from idp.accounts import forgeries
from idp.audit.events import DeviceAdded, DevicesDistrusted, DevicesForgotten, DeviceTrusted, Origin
from idp.audit.record import record
from idp.conf import Policy
from idp.models import Device
from idp.models.sealed import SealedTable, swap

_SEAL = "device"
#: How stale `last_seen_at` may be.
_SEEN_EVERY = timedelta(hours=12)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """The browser of a sign-in, and what is new about it."""

    device: Device
    #: What its browser is to hold from now on.
    key: str = field(repr=False)
    is_new: bool
    #: Whether the account knew any browser before; the first one of all is nobody's surprise.
    is_first: bool


def find(user_id: uuid.UUID, key: str, *, policy: Policy, now: datetime) -> Device | None:
    """The known browser of this key, if it is one for this account; one query, and none for a browser without key."""
    if not key:
        return None
    device = Device.objects.filter(user=user_id, key_hash=keyring.fingerprint(key), forgotten_at=None).first()
    return device if device is not None and is_known(device, policy=policy, now=now) else None


def is_known(device: Device, *, policy: Policy, now: datetime) -> bool:
    """Whether the row is ours and not too old; for one that was read along with its account."""
    return device.forgotten_at is None and now < device.last_seen_at + policy.device_lifetime and _is_genuine(device)


def is_trusted(device: Device | None, *, now: datetime) -> bool:
    """Whether its owner wants no second factor asked for here."""
    return device is not None and device.trusted_until is not None and now < device.trusted_until


def seen(
    user_id: uuid.UUID,
    key: str,
    known: Device | None,
    *,
    origin: Origin,
    now: datetime,
) -> Seen:
    """Note a finished sign-in from the browser of `key`; `known` is what `find` said. Runs in a transaction.

    A browser that the account does not know gets a new key, which is in the answer.
    """
    if known is not None:
        if now - known.last_seen_at > _SEEN_EVERY:
            where = {"label": origin.device, "network": origin.network, "place": origin.place}
            Device.objects.filter(pk=known.pk).update(last_seen_at=now, **where)
        return Seen(device=known, key=key, is_new=False, is_first=False)
    # Never the key that it came with: somebody else may have put it there, and would be known along with it (SE-01).
    fresh = token_urlsafe(32)
    _move(key, fresh)
    is_first = not Device.objects.filter(user=user_id).exists()
    device = Device(
        user_id=user_id,
        key_hash=keyring.fingerprint(fresh),
        label=origin.device,
        network=origin.network,
        place=origin.place,
        first_seen_at=now,
        last_seen_at=now,
    )
    _seal(device)
    device.save(force_insert=True)
    if not is_first:
        record(DeviceAdded(user=user_id, device=device.pk), origin=origin)
    return Seen(device=device, key=fresh, is_new=True, is_first=is_first)


def _move(key: str, fresh: str) -> None:
    """Other accounts that know this browser go on knowing it, by its new key."""
    if not key:
        return
    known_by = keyring.fingerprint(key)
    for device in Device.objects.filter(key_hash=known_by, forgotten_at=None):
        if not _is_genuine(device):
            continue
        device.key_hash = keyring.fingerprint(fresh)
        _seal(device)
        Device.objects.filter(pk=device.pk, key_hash=known_by).update(key_hash=device.key_hash, seal=device.seal)


def trust(device: Device, *, policy: Policy, origin: Origin, now: datetime) -> None:
    """Ask for no second factor here for a while, as its owner wished after showing one. Runs in a transaction."""
    device.trusted_until = now + policy.trust_devices_for
    _seal(device)
    Device.objects.filter(pk=device.pk).update(trusted_until=device.trusted_until, seal=device.seal)
    until = device.trusted_until.isoformat()
    record(DeviceTrusted(user=device.user_id, device=device.pk, until=until), origin=origin)


def distrust_all(user_id: uuid.UUID, *, by: str, origin: Origin) -> int:
    """Every browser is asked for the second factor again. Runs in its caller's transaction."""
    trusted = list(Device.objects.filter(user=user_id, forgotten_at=None, trusted_until__isnull=False))
    genuine = [device for device in trusted if _is_genuine(device)]
    for device in genuine:
        device.trusted_until = None
        _seal(device)
        Device.objects.filter(pk=device.pk).update(trusted_until=None, seal=device.seal)
    if genuine:
        record(DevicesDistrusted(user=user_id, devices=len(genuine), reason=by), origin=origin)
    return len(genuine)


def forget(
    user_id: uuid.UUID,
    device_id: uuid.UUID,
    *,
    by: str = "owner",
    origin: Origin,
    now: datetime,
) -> bool:
    """The account does not know this browser any more. False if it is not one of its own."""
    with transaction.atomic():
        gone = Device.objects.filter(pk=device_id, user=user_id, forgotten_at=None).update(forgotten_at=now)
        if gone:
            record(DevicesForgotten(user=user_id, devices=1, reason=by), origin=origin)
    return bool(gone)


def forget_all(user_id: uuid.UUID, *, by: str, origin: Origin, now: datetime, except_for: str = "") -> int:
    """Every browser is a new one, but for that of the key `except_for`. Runs in its caller's transaction."""
    rows = Device.objects.filter(user=user_id, forgotten_at=None)
    if except_for:
        rows = rows.exclude(key_hash=keyring.fingerprint(except_for))
    gone = rows.update(forgotten_at=now)
    if gone:
        record(DevicesForgotten(user=user_id, devices=gone, reason=by), origin=origin)
    return gone


def _parts(device: Device) -> tuple[keyring.Part, ...]:
    until = device.trusted_until
    return (
        device.id.bytes,
        device.user_id.bytes,
        device.key_hash,
        until.astimezone(UTC).isoformat() if until else None,
    )


def _seal(device: Device) -> None:
    device.seal = keyring.seal(_SEAL, *_parts(device))


def _is_genuine(device: Device) -> bool:
    return keyring.is_sealed(_SEAL, device.seal, *_parts(device)) or forgeries.refused(
        "device", device, alarm="device.seal_invalid", user=str(device.user_id)
    )


#: For whoever checks every seal, or makes them anew (idp.seals).
SEALED = SealedTable(
    name="device",
    rows=lambda _now: Device.objects.filter(forgotten_at=None),
    is_genuine=_is_genuine,
    stamped=("seal",),
    reseal=swap(_seal, "seal"),
)

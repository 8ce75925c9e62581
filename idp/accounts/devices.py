"""Browsers that somebody signed in from before: recognised, trusted for a while, forgotten.

A browser holds one random key; each account that signed in there knows it by a row of its own, so that a key brings
nothing to anybody else. The row is sealed: one that was moved to another account, or whose trust was prolonged past
the program, is no known browser.
"""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import IntegrityError, transaction

from idp import keyring
from idp.audit.events import DeviceAdded, DevicesForgotten, DeviceTrusted, Origin
from idp.audit.record import record
from idp.conf import Policy
from idp.models import Device

_SEAL = "device"
#: How stale `last_seen_at` may be.
_SEEN_EVERY = timedelta(hours=12)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """The browser of a sign-in, and what is new about it."""

    device: Device
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
    return (
        device.forgotten_at is None
        and now < device.last_seen_at + policy.device_lifetime
        and keyring.is_sealed(_SEAL, device.seal, *_parts(device))
    )


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
    """Note a finished sign-in from the browser of `key`; `known` is what `find` said. Runs in a transaction."""
    if known is not None:
        if now - known.last_seen_at > _SEEN_EVERY:
            where = {"label": origin.device, "network": origin.network, "place": origin.place}
            Device.objects.filter(pk=known.pk).update(last_seen_at=now, **where)
        return Seen(device=known, is_new=False, is_first=False)
    key_hash = keyring.fingerprint(key)
    rows = list(Device.objects.filter(user=user_id).values_list("pk", "key_hash"))
    device = Device(
        user_id=user_id,
        key_hash=key_hash,
        label=origin.device,
        network=origin.network,
        place=origin.place,
        first_seen_at=now,
        last_seen_at=now,
    )
    device.seal = keyring.seal(_SEAL, *_parts(device))
    # A row of the same key that was forgotten, or that is not ours, begins anew.
    if stale := [pk for pk, other in rows if other == key_hash]:
        Device.objects.filter(pk__in=stale).delete()
    try:
        with transaction.atomic():
            device.save(force_insert=True)
    except IntegrityError:
        # Another tab of this browser was faster.
        device = Device.objects.get(user=user_id, key_hash=key_hash)
        return Seen(device=device, is_new=False, is_first=False)
    if rows:
        record(DeviceAdded(user=user_id, device=device.pk), origin=origin)
    return Seen(device=device, is_new=True, is_first=not rows)


def trust(device: Device, *, policy: Policy, origin: Origin, now: datetime) -> None:
    """Ask for no second factor here for a while, as its owner wished after showing one. Runs in a transaction."""
    device.trusted_until = now + policy.trust_devices_for
    device.seal = keyring.seal(_SEAL, *_parts(device))
    Device.objects.filter(pk=device.pk).update(trusted_until=device.trusted_until, seal=device.seal)
    until = device.trusted_until.isoformat()
    record(DeviceTrusted(user=device.user_id, device=device.pk, until=until), origin=origin)


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

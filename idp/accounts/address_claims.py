"""Proving an address by a code that is sent there: one that is to be added, or one that is there and is tested.

The code is derived by the worker that sends it, for this asking, this account, this purpose and this address.
"""

import secrets
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import translation

from idp import caps, codes, keyring, otp, outbox, throttle
from idp.accounts import addresses, marks, reauthentication, sealing
from idp.accounts.addresses import Context, NotPossible
from idp.audit.events import AddressCodeFailed, AddressCodeSent, AddressConfirmed
from idp.audit.record import record
from idp.codes import Sent
from idp.conf import ADDRESS_CODES
from idp.models import AddressClaim, AddressNote, RecoveryAddress, SignIn, User

#: The kind of its messages in the outbox.
KIND = "idp.address_code"
_LABEL = "address-code"
_CLAIMED = "address-claim"
_RESEND = "address-resend"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A code is on its way."""

    claim: UUID


@dataclass(frozen=True, kw_only=True)
class Throttled:
    until: datetime


@dataclass(frozen=True, kw_only=True)
class Wrong:
    """`counted` is false for something that cannot be a code."""

    tries_left: int
    counted: bool = True


@dataclass(frozen=True, kw_only=True)
class Gone:
    """The asking is over: answered, out of tries, or too old."""


@dataclass(frozen=True, kw_only=True)
class Confirmed:
    """The code was right. `usable_from` is None where the address was theirs before."""

    address: UUID
    usable_from: datetime | None


# --- Looking ----------------------------------------------------------------------------------------------


def claim_of(user: User, claim_id: UUID, *, now: datetime) -> AddressClaim | None:
    """The asking that is still open. One whose root key was retired meanwhile is not: its codes cannot be made."""
    claim = (
        AddressClaim.objects.select_related("address__user", "user")
        .filter(pk=claim_id, user=user, spent_at=None, expires_at__gt=now)
        .first()
    )
    return claim if claim and keyring.knows(claim.key_id) else None


def newest(claim: AddressClaim) -> Sent | None:
    """The last code that was asked for, and how far its message has come."""
    return codes.newest(claim.id, ADDRESS_CODES)


def reference(claim: AddressClaim, generation: int) -> str:
    """The message's short name, on the page and in the message."""
    return otp.reference(claim.id.int & 0xFFFF, generation)


def claimed_address(claim: AddressClaim) -> str | None:
    """Where its codes go, in clear; None if the row was tampered with or its root key retired.

    For the worker, and for its owner's page.
    """
    if not keyring.knows(claim.key_id):
        return None
    if claim.address is not None:
        opened = sealing.open_address(claim.address)
        return opened.value if opened and opened.user == claim.user_id else None
    try:
        return keyring.decrypt(_CLAIMED, claim.ciphertext, claim.id.bytes, claim.user_id.bytes)
    except keyring.Tampered:
        return None


def code(claim: AddressClaim, generation: int) -> str:
    """The code of one generation: for this asking, this account, this purpose and this address."""
    target = claim.address_id.bytes if claim.address_id else claim.ciphertext
    return codes.derive(
        _LABEL,
        claim.id.bytes,
        claim.user_id.bytes,
        str(claim.purpose),
        target,
        bytes(claim.nonce),
        key_id=claim.key_id,
        generation=generation,
        digits=ADDRESS_CODES.digits,
    )


# --- Asking -----------------------------------------------------------------------------------------------


def ask_to_add(
    sign_in: SignIn,
    channel: str,
    typed: str,
    *,
    name: str,
    context: Context,
) -> Asked | Throttled | NotPossible:
    """Send a code to an address its owner wants to add. Raises reauthentication.NotFresh."""
    reauthentication.to_add(sign_in, channel, policy=context.policy, now=context.now)
    if addresses.has(sign_in.user_id, channel, typed):
        return NotPossible(why="already")
    living = RecoveryAddress.objects.filter(user=sign_in.user_id, told_until=None)
    if living.count() >= context.policy.most_addresses:
        return NotPossible(why="too-many")
    claim = _claim(sign_in, AddressClaim.Purpose.ADD, channel, context)
    claim.ciphertext = keyring.encrypt(_CLAIMED, typed, claim.id.bytes, sign_in.user_id.bytes)
    claim.name = name
    return _send_first(claim, sealing.address_digest(channel, typed), context)


def ask_to_test(sign_in: SignIn, row: RecoveryAddress, *, context: Context) -> Asked | Throttled:
    """Send a test code to an address that is there."""
    claim = _claim(sign_in, AddressClaim.Purpose.TEST, row.channel, context)
    claim.address = row
    return _send_first(claim, row.digest, context)


def send_again(claim: AddressClaim, *, context: Context) -> Throttled | None:
    """One more code; those already sent stay good until their own end."""
    paced = throttle.count(_RESEND, context.policy.address_resend, claim.id.bytes, now=context.now)
    if not paced.allowed:
        return Throttled(until=paced.resets_at)
    value = claimed_address(claim) or ""
    if held := _held_back(claim, sealing.address_digest(claim.channel, value), context):
        return held
    with transaction.atomic():
        claim = AddressClaim.objects.select_for_update().get(pk=claim.pk)
        claim.generation += 1
        claim.save(update_fields=["generation"])
        _post(claim, context)
    return None


# --- Answering --------------------------------------------------------------------------------------------


def answer(
    sign_in: SignIn,
    claim: AddressClaim,
    typed: str,
    *,
    context: Context,
) -> Confirmed | Wrong | Gone | Throttled | NotPossible:
    """Judge a typed code; if it is right, the address is the owner's. Raises reauthentication.NotFresh.

    The try is counted by one UPDATE, committed before anything is compared.
    """
    given = otp.normalised(typed, digits=ADDRESS_CODES.digits)
    if given is None:
        return Wrong(tries_left=max(0, ADDRESS_CODES.tries - claim.tries_used), counted=False)
    wrong = throttle.count(
        "address-wrong",
        context.policy.address_wrong_codes,
        claim.user_id.bytes,
        now=context.now,
    )
    if not wrong.allowed:
        return Throttled(until=wrong.resets_at)
    counted = AddressClaim.objects.filter(
        pk=claim.pk,
        spent_at=None,
        tries_used__lt=ADDRESS_CODES.tries,
        expires_at__gt=context.now,
    ).update(tries_used=F("tries_used") + 1)
    if not counted:
        return Gone()
    claim.refresh_from_db(fields=["tries_used"])
    live = codes.live(claim.id, ADDRESS_CODES, now=context.now)
    if not otp.matches(given, [code(claim, each.generation) for each in live]):
        return _failed(claim, context)
    throttle.clear("address-wrong", claim.user_id.bytes)
    if claim.purpose == AddressClaim.Purpose.TEST:
        return _tested(claim, context)
    return _added(sign_in, claim, context)


# --- Below ------------------------------------------------------------------------------------------------


def _claim(sign_in: SignIn, purpose: str, channel: str, context: Context) -> AddressClaim:
    return AddressClaim(
        user=sign_in.user,
        purpose=purpose,
        channel=channel,
        nonce=secrets.token_bytes(16),
        key_id=keyring.current_key_id(),
        expires_at=context.now + ADDRESS_CODES.longest_wait + ADDRESS_CODES.lifetime,
    )


def _send_first(claim: AddressClaim, digest: str, context: Context) -> Asked | Throttled:
    if held := _held_back(claim, digest, context):
        return held
    throttle.count(_RESEND, context.policy.address_resend, claim.id.bytes, now=context.now)
    with transaction.atomic():
        claim.save(force_insert=True)
        _post(claim, context)
    return Asked(claim=claim.pk)


def _held_back(claim: AddressClaim, digest: str, context: Context) -> Throttled | None:
    """Count one more code: to this address (whoever asks), and of this account (wherever it goes)."""
    policy, now = context.policy, context.now
    if used_up := caps.used_up(claim.channel, now=now):
        return Throttled(until=used_up.until)
    # Texts cost money, and the caps of delivery let fewer of them through: that is said here, where it can be told.
    most = policy.texts_per_hour if claim.channel == RecoveryAddress.Channel.SMS else policy.address_codes
    here = throttle.count("address-codes", most, digest, now=now)
    theirs = throttle.count("address-codes-day", policy.address_codes_per_day, claim.user_id.bytes, now=now)
    held = [counted.resets_at for counted in (here, theirs) if not counted.allowed]
    return Throttled(until=max(held)) if held else None


def _post(claim: AddressClaim, context: Context) -> None:
    outbox.post(
        outbox.Draft(
            kind=KIND,
            queue="otp",
            channel=claim.channel,
            user=claim.user_id,
            address=claim.address_id,
            reference=claim.pk,
            number=claim.generation,
            facts={
                "asked_at": context.now.isoformat(),
                "language": translation.get_language() or settings.LANGUAGE_CODE,
                **asdict(context.origin),
            },
            not_after=context.now + ADDRESS_CODES.longest_wait,
        ),
        now=context.now,
    )
    record(
        AddressCodeSent(
            user=claim.user_id,
            claim=claim.pk,
            purpose=claim.purpose,
            channel=claim.channel,
            generation=claim.generation,
        ),
        origin=context.origin,
    )


def _failed(claim: AddressClaim, context: Context) -> Wrong | Gone:
    left = max(0, ADDRESS_CODES.tries - claim.tries_used)
    with transaction.atomic():
        record(AddressCodeFailed(user=claim.user_id, claim=claim.pk, tries_left=left), origin=context.origin)
    return Wrong(tries_left=left) if left else Gone()


def _spend(claim: AddressClaim, context: Context) -> bool:
    return bool(AddressClaim.objects.filter(pk=claim.pk, spent_at=None).update(spent_at=context.now))


def _tested(claim: AddressClaim, context: Context) -> Confirmed | Gone:
    address = claim.address_id
    with transaction.atomic():
        if address is None or not _spend(claim, context):
            return Gone()
        AddressNote.objects.update_or_create(address_id=address, defaults={"confirmed_at": context.now})
        marks.clear(address)
        record(AddressConfirmed(user=claim.user_id, address=address), origin=context.origin)
    return Confirmed(address=address, usable_from=None)


def _added(sign_in: SignIn, claim: AddressClaim, context: Context) -> Confirmed | Gone | NotPossible:
    value = claimed_address(claim)
    if value is None or claim.user_id != sign_in.user_id:
        return Gone()
    with transaction.atomic():
        if not _spend(claim, context):
            return Gone()
        row = addresses.put(sign_in, claim.channel, value, called=claim.name, context=context)
    return row if isinstance(row, NotPossible) else Confirmed(address=row.pk, usable_from=row.usable_from)

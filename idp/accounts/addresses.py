"""An owner's recovery addresses: adding one, naming it, taking it out. The code that proves one is `address_claims`'.

Adding takes two things: a sign-in that is fresh (`reauthentication`) and the code. A new address is told of everything
at once but proves nobody during its quarantine; one that was taken out proves nobody any more and is told for as long.
So whoever sits down at an open session gains nothing by it before its owner has heard.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from idp import notices
from idp.accounts import credentials, marks, reauthentication, sealing
from idp.accounts.marks import Mark
from idp.audit.events import Origin
from idp.conf import Policy
from idp.models import AddressNote, RecoveryAddress, SignIn, User


@dataclass(frozen=True, kw_only=True)
class Own:
    """A recovery address as its owner sees it."""

    id: UUID
    channel: str
    #: Enough to recognise, not enough to read off: `ja•••@contoso.example`.
    masked: str
    name: str
    confirmed_at: datetime
    #: None: it can be used now.
    usable_from: datetime | None
    #: None: it is theirs; else it was taken out, and is told until then.
    told_until: datetime | None
    #: What a provider says is wrong with it.
    mark: Mark | None


@dataclass(frozen=True, kw_only=True)
class NotPossible:
    """Why not, as a word: `already` theirs, `too-many`, or the `last` that is left."""

    why: str


@dataclass(frozen=True, kw_only=True)
class Context:
    """What surrounds a request. Made once, at the edge."""

    now: datetime
    policy: Policy
    origin: Origin


# --- Looking ----------------------------------------------------------------------------------------------


def of(user: User, *, now: datetime) -> list[Own]:
    """The owner's addresses, those that were taken out lately last. One whose seal is wrong freezes the account."""
    rows = RecoveryAddress.objects.select_related("user", "note", "mark").filter(user=user).order_by("changed_at")
    opened = [(row, sealing.open_address(row)) for row in rows if row.told_until is None or row.told_until > now]
    own = [_own(row, address.value, now=now) for row, address in opened if address]
    return sorted(own, key=lambda each: each.told_until is not None)


def find(user: User, address_id: UUID) -> RecoveryAddress | None:
    """The owner's own address that was not taken out."""
    return (
        RecoveryAddress.objects.select_related("user", "note").filter(pk=address_id, user=user, told_until=None).first()
    )


def masked(channel: str, value: str) -> str:
    """For somebody who knows it: its first letters and its host, or the last two digits."""
    if channel != RecoveryAddress.Channel.EMAIL:
        return f"•••• {value[-2:]}"
    local, _at, host = value.rpartition("@")
    return f"{local[: min(2, max(1, len(local) - 1))]}•••@{host}"


def has(user: UUID, channel: str, typed: str) -> bool:
    """Whether this is one of their addresses already."""
    former = _former(user, channel, typed)
    return former is not None and former.told_until is None


def put(
    sign_in: SignIn,
    channel: str,
    value: str,
    *,
    called: str,
    context: Context,
) -> RecoveryAddress | NotPossible:
    """Add an address that its owner has just proved. Raises reauthentication.NotFresh. Runs in a transaction.

    One that was taken out comes back as any new one: in quarantine.
    """
    former = _former(sign_in.user_id, channel, value)
    if former is not None and former.told_until is None:
        return NotPossible(why="already")
    proof = (
        reauthentication.to_replace(sign_in, former, policy=context.policy, now=context.now)
        if former is not None
        else reauthentication.to_add(sign_in, channel, policy=context.policy, now=context.now)
    )
    usable_from = context.now + context.policy.address_quarantine
    try:
        row = credentials.write_address(
            proof,
            value,
            channel=channel,
            usable_from=usable_from,
            now=context.now,
            origin=context.origin,
        )
    except credentials.ProofStale:
        return NotPossible(why="already")
    note = {"name": called, "confirmed_at": context.now}
    AddressNote.objects.update_or_create(address=row, defaults=note)
    # Those that were there are told, and the new one too.
    notices.post(
        notices.ADDRESS_ADDED,
        sign_in.user_id,
        reference=proof.id,
        origin=context.origin,
        now=context.now,
        usable_from=usable_from.isoformat(),
    )
    return row


def name(row: RecoveryAddress, called: str) -> None:
    """What its owner calls it."""
    AddressNote.objects.update_or_create(
        address=row, defaults={"name": called}, create_defaults={"name": called, "confirmed_at": row.changed_at}
    )


def remove(sign_in: SignIn, row: RecoveryAddress, *, context: Context) -> datetime | NotPossible:
    """Take an address out. Returns until when it is told. Raises reauthentication.NotFresh.

    Not the last one that can be used: nobody could give it back.
    """
    proof = reauthentication.to_replace(sign_in, row, policy=context.policy, now=context.now)
    told_until = context.now + context.policy.address_quarantine
    with transaction.atomic():
        # Held until the end: of two removals at once, the second sees what the first left.
        User.objects.select_for_update().get(pk=row.user_id)
        others = RecoveryAddress.objects.filter(user=row.user_id, told_until=None).exclude(pk=row.pk)
        if not any(_is_usable(other, now=context.now) for other in others):
            return NotPossible(why="last")
        credentials.remove_address(proof, told_until=told_until, now=context.now, origin=context.origin)
        notices.post(
            notices.ADDRESS_REMOVED,
            row.user_id,
            reference=proof.id,
            origin=context.origin,
            now=context.now,
            told_until=told_until.isoformat(),
        )
    return told_until


# --- Below ------------------------------------------------------------------------------------------------


def _former(user: UUID, channel: str, value: str) -> RecoveryAddress | None:
    digest = sealing.address_digest(channel, value)
    return RecoveryAddress.objects.filter(user=user, channel=channel, digest=digest).first()


def _own(row: RecoveryAddress, value: str, *, now: datetime) -> Own:
    note = getattr(row, "note", None)
    return Own(
        id=row.pk,
        channel=row.channel,
        masked=masked(row.channel, value),
        name=note.name if note else "",
        confirmed_at=note.confirmed_at if note else row.changed_at,
        usable_from=row.usable_from if row.usable_from and row.usable_from > now else None,
        told_until=row.told_until,
        mark=marks.on(row),
    )


def _is_usable(row: RecoveryAddress, *, now: datetime) -> bool:
    return (row.usable_from is None or row.usable_from <= now) and sealing.is_address_genuine(row)

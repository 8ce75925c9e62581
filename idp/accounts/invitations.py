"""Inviting somebody: an account without anything to sign in with, and a letter whose link lets its reader set that up.

Whoever invites supplies an address. It is trusted for that one act, while the account has never been used, and the
account's history says so; afterwards the address is its owner's, and nobody else's word changes it. There is no other
way for staff to give somebody access, and this one is closed for ever by the first password.

The link is derived and not stored (as a stop link is): it names the invitation and which of its letters, under our
seal. Opening it changes nothing. Asking for another letter makes the links of earlier ones worthless.

An invited account signs in, and recovers, like one that does not exist.
"""

import binascii
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import translation

from idp import keyring, outbox
from idp.accounts import forgeries, sealing, standard_claims, tombstones
from idp.accounts.standard_claims import Unfit
from idp.audit.acts import AccountInvited, InvitationCancelled, InvitationSent
from idp.audit.events import Origin
from idp.audit.record import record
from idp.conf import Policy
from idp.models import Credential, Invitation, RecoveryAddress, Role, User
from idp.models.sealed import SealedTable, swap
from idp.models.user import canonical

#: The kind of its letters in the outbox.
KIND = "idp.invitation"
#: The name that the address of a link gives its token.
FIELD = "t"
_SEAL, _ADDRESS, _LINK = "invitation", "invitation-address", "invitation-link"
#: Which invitation, which letter.
_FORM = struct.Struct(">16sH")
#: Ours have about 80 characters; nobody has us decode more.
_LONGEST_TOKEN = 200
_LONGEST_NAME, _LONGEST_USERNAME, _LONGEST_EMAIL = 200, 150, 254
#: An invitation whose time was over so long ago that nobody comes back for it is taken away with its account.
_KEPT = timedelta(days=30)
#: At a time, so that one tidying never holds much.
_MOST = 500


class Refusal(StrEnum):
    """Why nobody was invited."""

    NO_ADDRESS = "no-address"
    UNFIT = "unfit"
    #: There is such an account; and: there is one, invited already.
    TAKEN = "taken"
    INVITED = "invited"
    #: The name or address of a deleted account is never given again.
    BURIED = "buried"


class NotInvited(Exception):  # noqa: N818 -- it says what happened
    """Nothing was done, because of `refusal`."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal)
        self.refusal = refusal


@dataclass(frozen=True, kw_only=True)
class Guest:
    """Who is to be invited. Without a user name they sign in with their address."""

    email: str
    username: str = ""
    name: str = ""


# --- Inviting ---------------------------------------------------------------------------------------------


def fitting(guest: Guest) -> Guest:
    """The guest as they will be stored. Raises NotInvited for what can be seen without looking at the accounts."""
    try:
        email = standard_claims.text("email", guest.email.strip(), longest=_LONGEST_EMAIL)
        username = standard_claims.text("username", guest.username.strip(), longest=_LONGEST_USERNAME)
        name = standard_claims.text("name", guest.name.strip(), longest=_LONGEST_NAME)
        validate_email(email)
    except ValidationError:
        raise NotInvited(Refusal.NO_ADDRESS) from None
    except Unfit:
        raise NotInvited(Refusal.UNFIT) from None
    username = username or email
    if max(len(username), len(canonical(username))) > _LONGEST_USERNAME or len(canonical(email)) > _LONGEST_EMAIL:
        raise NotInvited(Refusal.UNFIT)
    return Guest(email=email, username=username, name=name)


def objections(guests: Sequence[Guest]) -> dict[Guest, Refusal]:
    """What among the accounts there are stands against inviting each of them; two queries for all."""
    keys = {canonical(name) for guest in guests for name in (guest.email, guest.username)}
    buried = tombstones.buried(keys) if keys else frozenset()
    there = User.objects.filter(Q(username_key__in=keys) | Q(email_key__in=keys)) if keys else ()
    by_key = {key: user for user in there for key in (user.username_key, user.email_key) if key}
    found = {guest: _objection(guest, by_key, buried) for guest in guests}
    return {guest: refusal for guest, refusal in found.items() if refusal}


def _objection(guest: Guest, by_key: Mapping[str, User], buried: frozenset[str]) -> Refusal | None:
    email, username = canonical(guest.email), canonical(guest.username)
    if {email, username} & buried:
        return Refusal.BURIED
    at_address = by_key.get(email)
    if at_address and at_address.status == User.Status.INVITED and at_address.email_key == email:
        return Refusal.INVITED
    return Refusal.TAKEN if at_address or username in by_key else None


def invite(
    guest: Guest,
    *,
    by: UUID | None,
    role: str = "",
    reason: str = "",
    policy: Policy,
    origin: Origin | None = None,
    now: datetime,
) -> Invitation:
    """Make the account and post its letter. Raises NotInvited.

    `by` is the administrator who supplied the address; None for the operator, whose invitation alone may bring a
    `role` along.
    """
    if role and by is not None:
        raise ValueError("A role is proposed and agreed to (accounts.proposals); an administrator cannot invite one.")
    guest = fitting(guest)
    if refusal := objections([guest]).get(guest):
        raise NotInvited(refusal)
    user = User(
        sub=tombstones.unused_sub(),
        preferred_username=guest.username,
        email=guest.email,
        name=guest.name,
        status=User.Status.INVITED,
        created_at=now,
        updated_at=now,
    )
    invitation = Invitation(
        user=user, role=role, invited_by=by, invited_at=now, expires_at=now + policy.invitation_lifetime
    )
    invitation.ciphertext = keyring.encrypt(_ADDRESS, guest.email, invitation.id.bytes, user.pk.bytes)
    _seal(invitation)
    try:
        with transaction.atomic():
            user.save(force_insert=True)
            invitation.save(force_insert=True)
            identity = sealing.identity(user)
            record(AccountInvited(user=user.pk, by=by, role=role, reason=reason, identity=identity), origin=origin)
            _post(invitation, origin=origin, now=now)
    except IntegrityError:
        raise NotInvited(Refusal.TAKEN) from None
    return invitation


def send_again(
    invitation_id: UUID,
    *,
    by: UUID | None,
    reason: str = "",
    policy: Policy,
    origin: Origin | None = None,
    now: datetime,
) -> bool:
    """Post another letter, with a new link and all the time there is. False once it is activated or cancelled."""
    with transaction.atomic():
        invitation = open_ones().select_for_update(of=("self",)).filter(pk=invitation_id).first()
        if invitation is None or not is_genuine(invitation):
            return False
        invitation.generation += 1
        invitation.expires_at = now + policy.invitation_lifetime
        _seal(invitation)
        invitation.save(update_fields=["generation", "expires_at", "seal"])
        record(
            InvitationSent(user=invitation.user_id, by=by, generation=invitation.generation, reason=reason),
            origin=origin,
        )
        _post(invitation, origin=origin, now=now)
    return True


def cancel(
    invitation_id: UUID, *, by: UUID | None, reason: str = "", origin: Origin | None = None, now: datetime
) -> bool:
    """Take an invitation back, and the account with it, which was nobody's yet. False once it is activated.

    Its address and user name can be invited again: no application has ever heard of them.
    """
    with transaction.atomic():
        still_open = open_ones().filter(pk=invitation_id)
        user = still_open.values_list("user", flat=True).first()
        if user is None or not Invitation.objects.filter(pk__in=still_open.values("pk")).update(cancelled_at=now):
            return False
        record(InvitationCancelled(user=user, by=by, reason=reason), origin=origin)
        # The row stays, without a name: the history knows it by its key.
        User.objects.filter(pk=user, status=User.Status.INVITED).update(
            status=User.Status.DELETED,
            preferred_username=str(user),
            username_key=str(user),
            email="",
            email_key=None,
            name="",
            updated_at=now,
        )
        Invitation.objects.filter(pk=invitation_id).update(ciphertext="")
    return True


def cancel_forgotten(now: datetime) -> int:
    """Cancel invitations whose time was over long ago. Returns how many."""
    forgotten = open_ones().filter(expires_at__lte=now - _KEPT).values_list("pk", flat=True)
    return sum(cancel(each, by=None, now=now) for each in list(forgotten[:_MOST]))


# --- Looking ----------------------------------------------------------------------------------------------


def open_ones() -> QuerySet[Invitation]:
    """Those that nobody took up, or back; their time may be over, until another letter is sent."""
    return Invitation.objects.select_related("user").filter(
        activated_at=None, cancelled_at=None, user__status=User.Status.INVITED
    )


def at(email: str) -> Invitation | None:
    """The open invitation whose account has this address."""
    return open_ones().filter(user__email_key=canonical(email)).first()


def with_role(name: Role.Name) -> QuerySet[Invitation]:
    """The open invitations that bring this role along."""
    return open_ones().filter(role=name)


def of(user_id: UUID, *, now: datetime) -> Invitation | None:
    """The invitation that the owner of this account can take up now.

    None as well if the account ever had anything to sign in with: then nobody's word but its owner's changes it.
    """
    invitation = open_ones().filter(user=user_id, expires_at__gt=now).first()
    if invitation is None or not is_genuine(invitation):
        return None
    return None if Credential.objects.filter(user=user_id).exists() else invitation


def read(token: str, *, now: datetime) -> Invitation | None:
    """The invitation that this link can take up now. None, without saying why, for every other."""
    written, _dot, seal = token.partition(".")
    if len(token) > _LONGEST_TOKEN or not token.isascii():
        return None
    try:
        carried = urlsafe_b64decode(written + "=" * (-len(written) % 4))
    except binascii.Error:
        return None
    if len(carried) != _FORM.size or not keyring.is_sealed(_LINK, seal, carried):
        return None
    key, generation = _FORM.unpack(carried)
    row = Invitation.objects.filter(pk=UUID(bytes=key), generation=generation).first()
    return of(row.user_id, now=now) if row else None


def url(invitation: Invitation, path: str) -> str:
    """The link of its last letter, to the page at `path`."""
    carried = _FORM.pack(invitation.id.bytes, invitation.generation)
    token = f"{urlsafe_b64encode(carried).rstrip(b'=').decode()}.{keyring.seal(_LINK, carried)}"
    return f"{settings.ISSUER}{path}?{urlencode({FIELD: token})}"


def address(invitation: Invitation) -> str | None:
    """Where its letter goes, in clear; None if something else wrote to it. For the worker, and for the activation."""
    if not is_genuine(invitation):
        return None
    try:
        return keyring.decrypt(_ADDRESS, invitation.ciphertext, invitation.id.bytes, invitation.user_id.bytes)
    except keyring.Tampered:
        return None


def is_genuine(invitation: Invitation) -> bool:
    """Whether the row is as this program wrote it."""
    return keyring.is_sealed(_SEAL, invitation.seal, *_parts(invitation)) or forgeries.refused(
        "invitation", invitation, alarm="invitation.seal_invalid"
    )


# --- How --------------------------------------------------------------------------------------------------


def _post(invitation: Invitation, *, origin: Origin | None, now: datetime) -> None:
    draft = outbox.Draft(
        kind=KIND,
        queue="notice",
        channel=RecoveryAddress.Channel.EMAIL,
        user=invitation.user_id,
        address=None,
        reference=invitation.id,
        number=invitation.generation,
        facts={
            "language": translation.get_language() or settings.LANGUAGE_CODE,
            **asdict(origin or Origin()),
        },
        not_after=invitation.expires_at,
    )
    outbox.post(draft, now=now)


def _seal(invitation: Invitation) -> None:
    invitation.seal = keyring.seal(_SEAL, *_parts(invitation))


def _parts(invitation: Invitation) -> tuple[keyring.Part, ...]:
    return (
        invitation.id.bytes,
        invitation.user_id.bytes,
        invitation.ciphertext,
        str(invitation.role),
        invitation.invited_by.bytes if invitation.invited_by else None,
        invitation.generation,
        invitation.expires_at.isoformat(),
    )


def _renew(invitation: Invitation) -> None:
    row = (invitation.id.bytes, invitation.user_id.bytes)
    invitation.ciphertext = keyring.encrypted_anew(_ADDRESS, invitation.ciphertext, *row)
    _seal(invitation)


#: For whoever checks every seal, or makes them anew (idp.seals).
SEALED = SealedTable(
    name="invitation",
    rows=lambda now: open_ones().filter(expires_at__gt=now),
    is_genuine=is_genuine,
    stamped=("seal", "ciphertext"),
    reseal=swap(_renew, "seal", "ciphertext"),
)

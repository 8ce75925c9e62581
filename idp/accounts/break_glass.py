"""A new administrator, when none of them can get in any more. Never an old one: nobody gets in on anybody's behalf.

It takes two halves of a key, made once and kept by two people away from this machine; the deployment holds only what
tells that they are the right ones. It works only while no administrator has signed in for days, every one of them is
told, and the console says so for a month. Who has the root keys and may run commands could forge more than this; it is
there so that nobody who has to help is tempted to.
"""

from base64 import b32encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hmac import compare_digest
from secrets import token_bytes
from uuid import uuid4

from django.db import transaction

from idp import keyring, notices
from idp.accounts import invitations, roles
from idp.accounts.invitations import Guest
from idp.audit.acts import BreakGlassUsed
from idp.audit.events import Origin
from idp.audit.record import record
from idp.conf import Policy
from idp.models import AuditEntry, Invitation, Role, SignIn

#: For so long every page of the console says that it happened.
SHOWN_FOR = timedelta(days=30)
#: Each half by itself is as long as no one guesses, so that one of them is worth nothing.
_BYTES = 20
_GROUP = 4
_LABEL = "break-glass"


class Refusal(StrEnum):
    """Why nobody was invited."""

    NO_VERIFIER = "no-verifier"
    WRONG_HALVES = "wrong-halves"
    NO_ADMINISTRATOR = "no-administrator"
    #: One has signed in lately, so one can.
    SIGNED_IN = "signed-in"
    INVITED = "invited"


class NotOpened(Exception):  # noqa: N818 -- it says what happened
    """Nothing was done, because of `refusal`."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal)
        self.refusal = refusal


@dataclass(frozen=True, kw_only=True)
class Halves:
    """Both halves of the key, as people keep them on paper."""

    first: str
    second: str

    @property
    def verifier(self) -> str:
        """What the deployment keeps: from it neither half follows."""
        return keyring.fingerprint(keyring.canonical(_LABEL, _read(self.first), _read(self.second)).hex())


def make_halves() -> Halves:
    """A new pair, told apart by their first letter."""
    return Halves(first=_written("A"), second=_written("B"))


def invite(guest: Guest, halves: Halves, *, verifier: str, policy: Policy, now: datetime) -> Invitation:
    """Invite a new administrator, and tell all others. Raises NotOpened, or invitations.NotInvited."""
    if not verifier:
        raise NotOpened(Refusal.NO_VERIFIER)
    if not compare_digest(halves.verifier.encode(), verifier.encode()):
        raise NotOpened(Refusal.WRONG_HALVES)
    with transaction.atomic():
        if refusal := _objection(policy, now=now):
            raise NotOpened(refusal)
        invitation = invitations.invite(guest, by=None, role=Role.Name.ADMINISTRATOR, policy=policy, now=now)
        record(BreakGlassUsed(user=invitation.user_id, invitation=invitation.pk))
        roles.tell_all(notices.BREAK_GLASS, reference=uuid4(), origin=Origin(), now=now)
    return invitation


def last_used(*, now: datetime) -> datetime | None:
    """When it was used last, if that was in the last month; one query."""
    used = AuditEntry.objects.filter(name=BreakGlassUsed.name, at__gt=now - SHOWN_FOR)
    return used.order_by("-sequence").values_list("at", flat=True).first()


def _objection(policy: Policy, *, now: datetime) -> Refusal | None:
    administrators = roles.administrators()
    if not administrators:
        return Refusal.NO_ADMINISTRATOR
    lately = now - policy.break_glass_after
    if SignIn.objects.filter(user__in=administrators, authenticated_at__gt=lately).exists():
        return Refusal.SIGNED_IN
    return Refusal.INVITED if invitations.with_role(Role.Name.ADMINISTRATOR).exists() else None


def _written(letter: str) -> str:
    text = b32encode(token_bytes(_BYTES)).decode()
    return "-".join((letter, *(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))))


def _read(half: str) -> str:
    """However it was spaced and spelt."""
    return "".join(half.replace("-", " ").split()).upper()

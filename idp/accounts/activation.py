"""The first password of an invited person: with it the account becomes theirs, in one transaction, and once.

They come by here from a recovery (`plugins.passwords`), which has seen that they read the invitation's letter. Whoever
invited them never sees the password, and can give no other afterwards.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from django.db import transaction

from idp import notices
from idp.accounts import credentials, invitations, password_change, roles
from idp.accounts.password_change import PasswordUnfit, ProofStale
from idp.accounts.proofs import PROOF_LIFETIME, Earned, Proof
from idp.audit.acts import AccountActivated
from idp.audit.events import Origin
from idp.audit.record import record
from idp.conf import Policy
from idp.models import Invitation, RecoveryAddress, Role, User


@dataclass(frozen=True, kw_only=True)
class Activated:
    """The account is its owner's; whether it administers the tenant."""

    administrator: bool


def activate_account(
    proof: Proof,
    raw: str,
    *,
    policy: Policy,
    origin: Origin,
    now: datetime,
    then: Callable[[Activated], None],
) -> Activated | PasswordUnfit | ProofStale:
    """Spend `proof` on the first password, if the rules accept it. The address of the invitation is verified with it.

    `then` runs in the same transaction: what it raises undoes everything. Raises hashing.Busy, and then the proof is
    still good. ProofStale if the invitation was cancelled, taken up or too old by now.
    """
    invitation = invitations.of(proof.user, now=now)
    email = invitations.address(invitation) if invitation else None
    if invitation is None or email is None or proof.earned is not Earned.ACTIVATION:
        return ProofStale()
    judged = password_change.judge(invitation.user, raw, previous=None, policy=policy)
    if isinstance(judged, PasswordUnfit):
        return judged
    try:
        with transaction.atomic():
            _take_up(invitation, email, proof, now=now)
            credentials.write_password_hash(proof, judged, now=now, origin=origin)
            _verify_address(invitation, email, now=now, origin=origin)
            record(AccountActivated(user=proof.user, invitation=invitation.pk, by=invitation.invited_by), origin=origin)
            notices.post(notices.ACCOUNT_ACTIVATED, proof.user, reference=uuid4(), origin=origin, now=now)
            if invitation.role:
                _give_role(invitation, origin=origin, now=now)
            activated = Activated(administrator=invitation.role == Role.Name.ADMINISTRATOR)
            then(activated)
    except credentials.ProofStale:
        return ProofStale()
    return activated


def _take_up(invitation: Invitation, email: str, proof: Proof, *, now: datetime) -> None:
    """One UPDATE of the invitation decides that it is taken up, by this proof and no other."""
    still_open = Invitation.objects.filter(
        pk=invitation.pk, generation=invitation.generation, activated_at=None, cancelled_at=None, expires_at__gt=now
    )
    theirs = User.objects.filter(pk=proof.user, status=User.Status.INVITED)
    if not still_open.update(activated_at=now, ciphertext="") or not theirs.update(
        # The claim is what was sealed, whatever became of the column meanwhile.
        status=User.Status.ACTIVE,
        email=email,
        email_verified=True,
        updated_at=now,
    ):
        raise credentials.ProofStale(proof.id)


def _verify_address(invitation: Invitation, email: str, *, now: datetime, origin: Origin) -> None:
    proof = Proof(
        user=invitation.user_id,
        kind=RecoveryAddress.Channel.EMAIL,
        replaces=0,
        earned=Earned.ACTIVATION,
        source=invitation.pk,
        expires_at=now + PROOF_LIFETIME,
    )
    credentials.write_address(proof, email, channel=RecoveryAddress.Channel.EMAIL, now=now, origin=origin)


def _give_role(invitation: Invitation, *, origin: Origin, now: datetime) -> None:
    """The role that the operator's invitation brought; those who administer already hear of it."""
    roles.grant(invitation.user_id, Role.Name(invitation.role), by=invitation.invited_by, origin=origin, now=now)
    roles.tell_others(invitation.user, notices.ADMINISTRATOR_ADDED, reference=uuid4(), origin=origin, now=now)

"""Setting a password, with everything that belongs to it, in one transaction.

Whoever sets one (the owner at recovery, the owner while signed in) comes by here: the rules are the same on every
way, sessions and grants end with the password they came from, and every address is told.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction

from idp import hashing, notices
from idp.accounts import credentials, devices, freezes, hashers, intruders, lookup, pauses, sessions
from idp.accounts.password_rules import Fault, PasswordContext, faults, words_about
from idp.accounts.proofs import Earned, Proof
from idp.audit.events import Origin, SessionsEnded
from idp.audit.record import record
from idp.conf import Policy
from idp.models import Client, User


@dataclass(frozen=True, kw_only=True)
class Here:
    """The sign-in and the browser in which an owner changes something."""

    sign_in: UUID
    device_key: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class PasswordChanged:
    """Done; what else ended or went out because of it."""

    sessions_ended: int
    grants_ended: int
    addresses_told: notices.Told
    applications_told: int


@dataclass(frozen=True, kw_only=True)
class PasswordUnfit:
    """Not done; why. The proof is still good."""

    faults: tuple[Fault, ...]


@dataclass(frozen=True, kw_only=True)
class ProofStale:
    """Not done: the password was changed meanwhile, its owner froze it, or the proof is spent or too old."""


def change_password(
    proof: Proof,
    raw: str,
    *,
    proved_by: str,
    policy: Policy,
    origin: Origin,
    now: datetime,
    here: Here | None = None,
    then: Callable[[PasswordChanged], None] | None = None,
) -> PasswordChanged | PasswordUnfit | ProofStale:
    """Spend `proof` on `raw`, if the rules accept it. End everything that hung on the old password; tell the owner.

    `proved_by` names the way of proving, for the notice: a word of the vocabulary, such as "email". `here` is the
    sign-in in which the owner does it, which alone goes on; a recovery has none. `then` runs in the same transaction:
    what it raises undoes everything. Raises hashing.Busy, and then the proof is still good.
    """
    found = lookup.get(proof.user)
    if found.user is None or not _may_change(found.user, proof):
        return ProofStale()
    # Hashing takes longer than all the statements below: the transaction begins after it.
    previous = found.credential.material if found.credential else None
    encoded = judge(found.user, raw, previous=previous, policy=policy)
    if isinstance(encoded, PasswordUnfit):
        return encoded
    try:
        with transaction.atomic():
            credentials.write_password_hash(proof, encoded, now=now, origin=origin)
            ended = sessions.end_all(proof.user, by=proof.earned, now=now, except_for=here.sign_in if here else None)
            known_by = here.device_key if here else ""
            devices.forget_all(proof.user, by=proof.earned, origin=origin, now=now, except_for=known_by)
            record(
                SessionsEnded(
                    user=proof.user,
                    sign_ins=ended.sign_ins,
                    grants=ended.grants,
                    reason=proof.earned,
                ),
                origin=origin,
            )
            told = notices.password_changed(
                proof.user,
                reference=proof.id,
                proved_by=proved_by,
                sessions_ended=ended.sign_ins,
                origin=origin,
                now=now,
            )
            pauses.end_all(proof.user)
            intruders.reopen(proof.user, origin=origin)
            changed = PasswordChanged(
                sessions_ended=ended.sign_ins,
                grants_ended=ended.grants,
                addresses_told=told,
                applications_told=ended.applications,
            )
            if then is not None:
                then(changed)
    except (credentials.ProofStale, freezes.Frozen):
        return ProofStale()
    return changed


def judge(user: User, raw: str, *, previous: str | None, policy: Policy) -> str | PasswordUnfit:
    """The hash of `raw`, if the rules accept it as this account's password; the same rules on every way to one.

    `previous` is the hash that it replaces. Raises hashing.Busy.
    """
    context = PasswordContext(
        second_factor_enforced=policy.second_factor_enforced,
        words=words_about(
            tenant=settings.TENANT_NAME,
            name=user.name,
            username=user.preferred_username,
            email=user.email,
            applications=Client.objects.values_list("client_name", flat=True),
        ),
        previous=previous,
    )
    # The rules hash as well, to compare with the previous one: whoever came in for that does not stand in line again.
    with hashing.place():
        if unfit := faults(raw, context=context):
            return PasswordUnfit(faults=tuple(unfit))
        return hashers.hash_password(raw)


def _may_change(user: User, proof: Proof) -> bool:
    return user.may_recover if proof.earned is Earned.RECOVERY else user.may_sign_in

"""Adding, replacing, renaming and removing second factors: by their owner, who has just shown or proved who they are.

The only caller of the writer for factors. Each change is one transaction with its audit entry, and tells every address
of the account, which nobody can switch off (ASVS 6.3.7).
"""

import re
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from idp import notices
from idp.accounts import credentials, devices, reauthentication, sessions
from idp.accounts.credentials import ProofStale
from idp.accounts.proofs import Proof
from idp.audit.events import FactorRenamed, Origin, SessionsEnded
from idp.audit.record import record
from idp.conf import Policy
from idp.factors import recovery_codes, registry, requirements, totp
from idp.models import Credential, Factor, SignIn, User

__all__ = [
    "LastFactor",
    "New",
    "NotOffered",
    "ProofStale",
    "Replaced",
    "TooMany",
    "add",
    "imported_totp",
    "new_recovery_codes",
    "remove",
    "rename",
    "replace_lost",
    "suggested_name",
]

LONGEST_NAME: Final = 60
#: Of one kind, for one account: each is one more thing to compare a code with.
MOST: Final = 10
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]")


class NotOffered(Exception):  # noqa: N818 -- it says what happened
    """The tenant wants nobody to add a second factor."""


class LastFactor(Exception):  # noqa: N818 -- it says what happened
    """The policy asks this person for a second factor, and it is the only one."""


class TooMany(Exception):  # noqa: N818 -- it says what happened
    """The account has as many of the kind as there may be."""


def add(
    sign_in: SignIn,
    kind: str,
    material: Callable[[uuid.UUID], str],
    *,
    name: str,
    row: uuid.UUID | None = None,
    handle: str | None = None,
    counter: int = 0,
    policy: Policy,
    origin: Origin,
    now: datetime,
) -> Credential:
    """Add a factor that its owner has just shown to work; `counter` is what they showed, so that it works once.

    `material` makes what is kept, for the row that it will be. Raises NotFresh, NotOffered, TooMany, or ProofStale if
    the row or the handle is there already; then nothing was changed.
    """
    if not requirements.may_add(policy):
        raise NotOffered(kind)
    proof = reauthentication.to_add(sign_in, kind, row=row, policy=policy, now=now)
    name = tidy_name(name) or suggested_name(sign_in.user, kind)
    with transaction.atomic():
        _hold(sign_in.user_id)
        if _living(sign_in.user_id).filter(kind=kind).count() >= MOST:
            raise TooMany(kind)
        credential = credentials.write_factor(
            proof, material(proof.row), name=name, handle=handle, now=now, origin=origin
        )
        if counter:
            Factor.objects.filter(pk=credential.pk).update(counter=counter)
        _tell(notices.FACTOR_ADDED, credential, name, origin=origin, now=now)
    return credential


@dataclass(frozen=True, kw_only=True)
class New:
    """A factor that its owner has just shown to work, and that is not kept yet."""

    kind: str
    row: uuid.UUID
    material: str = field(repr=False)
    name: str
    handle: str | None = None
    #: What they showed, so that it works once.
    counter: int = 0


@dataclass(frozen=True, kw_only=True)
class Replaced:
    """Done; what else ended or went out because of it."""

    removed: int
    sessions_ended: int
    applications_told: int
    addresses_told: notices.Told


def replace_lost(
    earned: Proof,
    new: New,
    lost: Sequence[Proof],
    *,
    origin: Origin,
    now: datetime,
    then: Callable[[Replaced], None],
) -> Replaced:
    """Add `new`, and only then take away what was lost; against proofs of a finished recovery. In one transaction.

    Whoever has the lost thing may be signed in with it, or in a browser that it is not asked for in: all of that ends.
    `then` runs in the same transaction. Raises TooMany, or ProofStale if something of it was changed meanwhile; then
    nothing was changed.
    """
    user = User.objects.get(pk=earned.user)
    name = tidy_name(new.name) or suggested_name(user, new.kind)
    with transaction.atomic():
        _hold(user.pk)
        living = {factor.pk: factor for factor in _living(user.pk).select_related("factor")}
        if sum(factor.kind == new.kind for factor in living.values()) >= MOST:
            raise TooMany(new.kind)
        credential = credentials.write_factor(
            earned, new.material, name=name, handle=new.handle, now=now, origin=origin
        )
        if new.counter:
            Factor.objects.filter(pk=credential.pk).update(counter=new.counter)
        told = _tell(notices.FACTOR_ADDED, credential, name, origin=origin, now=now)
        for proof in lost:
            credentials.remove_factor(proof, now=now, origin=origin)
            facts = {"factor": proof.kind, "called": living[proof.row].factor.name}
            notices.post(notices.FACTOR_REMOVED, user.pk, reference=proof.id, origin=origin, now=now, **facts)
        ended = sessions.end_all(user.pk, by=earned.earned, now=now)
        devices.forget_all(user.pk, by=earned.earned, origin=origin, now=now)
        over = SessionsEnded(user=user.pk, sign_ins=ended.sign_ins, grants=ended.grants, reason=earned.earned)
        record(over, origin=origin)
        replaced = Replaced(
            removed=len(lost),
            sessions_ended=ended.sign_ins,
            applications_told=ended.applications,
            addresses_told=told,
        )
        then(replaced)
    return replaced


def new_recovery_codes(
    sign_in: SignIn,
    *,
    replaces: int,
    policy: Policy,
    origin: Origin,
    now: datetime,
) -> tuple[str, ...]:
    """Make a set of recovery codes, in place of the one of version `replaces` (0: none). Returned once, kept never.

    Raises NotFresh, NotOffered, or ProofStale if there is a newer set already.
    """
    if not requirements.may_add(policy):
        raise NotOffered(Credential.Kind.RECOVERY_CODES)
    kind = Credential.Kind.RECOVERY_CODES
    # A set that was removed is replaced as well: its row stands.
    current = Credential.objects.filter(user=sign_in.user_id, kind=kind).first()
    if replaces != (current.version if current else 0):
        raise ProofStale(replaces)
    proof = (
        reauthentication.to_replace(sign_in, current, policy=policy, now=now)
        if current
        else reauthentication.to_add(sign_in, kind, policy=policy, now=now)
    )
    made = recovery_codes.new_set(row=proof.row, user=proof.user)
    name = registry.named(kind).words().title
    with transaction.atomic():
        credential = credentials.write_factor(proof, made.material, name=name, now=now, origin=origin)
        _tell(notices.FACTOR_ADDED, credential, name, origin=origin, now=now)
    return made.codes


def rename(sign_in: SignIn, credential: Credential, name: str, *, origin: Origin) -> bool:
    """Call a factor of the owner's own something else. False if that is no name, or it is not theirs.

    Their history has it; no letter goes out, for nothing about getting in has changed.
    """
    name = tidy_name(name)
    if not name or credential.user_id != sign_in.user_id:
        return False
    with transaction.atomic():
        Factor.objects.filter(pk=credential.pk).update(name=name)
        record(FactorRenamed(user=credential.user_id, kind=credential.kind, row=credential.pk), origin=origin)
    return True


def remove(sign_in: SignIn, credential: Credential, *, policy: Policy, origin: Origin, now: datetime) -> None:
    """Take a factor away. Every browser is then asked for the second factor again, where one is left.

    Raises NotFresh, LastFactor, or ProofStale if it was changed or removed meanwhile.
    """
    proof = reauthentication.to_replace(sign_in, credential, policy=policy, now=now)
    name = credential.factor.name
    with transaction.atomic():
        _hold(sign_in.user_id)
        others = _living(sign_in.user_id).exclude(pk=credential.pk)
        if requirements.must_have(sign_in.user, policy) and not others.exists():
            raise LastFactor(credential.pk)
        credentials.remove_factor(proof, now=now, origin=origin)
        devices.distrust_all(sign_in.user_id, by="factor_removed", origin=origin)
        facts = {"factor": credential.kind, "called": name}
        notices.post(notices.FACTOR_REMOVED, proof.user, reference=proof.id, origin=origin, now=now, **facts)


def imported_totp(proof: Proof, secret: bytes) -> credentials.First:
    """The authenticator app that a new account brings along from another system, as it is to be written."""
    material = totp.material(secret, row=proof.row, user=proof.user)
    return credentials.First(proof=proof, what=material, name=str(registry.named(proof.kind).words().title))


# --- Names ------------------------------------------------------------------------------------------------


def tidy_name(typed: str) -> str:
    """A name as it is kept: one line that shows what it says."""
    return " ".join(_UNPRINTABLE.sub(" ", typed).split())[:LONGEST_NAME].strip()


def suggested_name(user: User, kind: str) -> str:
    """What a new factor of this kind is called unless its owner says otherwise."""
    title = registry.named(kind).words().title
    there = _living(user.pk).filter(kind=kind).count()
    return _("%(title)s %(n)d") % {"title": title, "n": there + 1} if there else title


# --- How ---------------------------------------------------------------------------------------------------


def _living(user_id: uuid.UUID) -> QuerySet[Credential]:
    return Credential.objects.filter(user=user_id, kind__in=credentials.FACTORS).exclude(material="")


def _hold(user_id: uuid.UUID) -> None:
    """One change of an account's factors at a time: of two that each leave one, the second would leave none."""
    User.objects.select_for_update().get(pk=user_id)


def _tell(kind: str, credential: Credential, name: str, *, origin: Origin, now: datetime) -> notices.Told:
    facts = {"factor": credential.kind, "called": name}
    return notices.post(kind, credential.user_id, reference=credential.proof, origin=origin, now=now, **facts)

"""Whose passkey was shown, and what that is worth. A stranger, a suspended account and a forged row are all None.

Nobody can guess a signature, so nothing is paused for the account: that would be a weapon for whoever knows the id of
somebody's passkey. Tries are counted for each passkey and network, known or not; they touch no other budget and are
touched by none.
"""

from dataclasses import dataclass
from datetime import datetime

import structlog
from django.db import transaction
from django.db.models import Q

from idp import throttle
from idp.accounts import credentials
from idp.audit.events import Origin, PasskeyCountWentBack
from idp.audit.record import record
from idp.conf import Policy
from idp.factors import strength
from idp.factors.passkey import challenges, wire
from idp.factors.passkey.challenges import Purpose
from idp.models import Credential, Factor, User

log = structlog.get_logger(__name__)

_TRIES = "passkey-network"


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A passkey that was shown: its owner, its credential, and how its key is kept (RFC 8176)."""

    user: User
    credential: Credential
    kept: str


def passkeys_of(user: User) -> list[wire.Passkey]:
    """The account's passkeys, for telling a browser which to ask for. For pages beyond a first proof only."""
    return [wire.read_material(row.material) for row in _rows_of(user)]


def shown(
    text: str,
    purpose: Purpose,
    *,
    browser_hash: str,
    user: User | None = None,
    origin: Origin,
    policy: Policy,
    now: datetime,
) -> Shown | None:
    """The passkey that answers a challenge given to this browser for `purpose`; None, whatever is wrong.

    `user` says whose it has to be. Without, the passkey says it, and then it has to name its account as well.
    """
    answer = wire.read(text)
    if answer is None:
        return None
    subject = (wire.handle(answer.credential_id), origin.network)
    tries = throttle.count(_TRIES, policy.passkey_tries, *subject, now=now)
    used_up = challenges.answer(
        answer.challenge,
        purpose,
        browser_hash=browser_hash,
        user_id=user.pk if user else None,
        now=now,
    )
    if not (tries.allowed and used_up):
        log.info("passkey refused", verdict="paused" if used_up else "no such challenge", network=origin.network)
        return None
    found = _proven(answer, user, purpose, origin=origin, now=now)
    if found is not None and tries.count > 1:
        throttle.clear(_TRIES, *subject)
    return found


def _proven(answer: wire.Answer, user: User | None, purpose: Purpose, *, origin: Origin, now: datetime) -> Shown | None:
    owner = user or _owner(answer.credential_id)
    may = owner is not None and (owner.may_recover if purpose is Purpose.RECOVER else owner.may_sign_in)
    row = _row(owner, answer.credential_id) if owner is not None and may else None
    if owner is None or row is None:
        log.info("passkey refused", verdict="not known here", network=origin.network)
        return None
    passkey = wire.read_material(row.material)
    asserted = wire.asserted(answer, passkey)
    if asserted is None or not (asserted.named_account or user):
        return None
    if not _used(row, asserted.counter, now=now):
        _went_back(row, origin=origin)
        return None
    return Shown(user=owner, credential=row, kept=strength.kept(backup_eligible=passkey.backup_eligible))


def _owner(credential_id: str) -> User | None:
    row = (
        Credential.objects.select_related("user")
        .filter(handle=wire.handle(credential_id), kind=Credential.Kind.PASSKEY)
        .exclude(material="")
        .first()
    )
    return row.user if row else None


def _row(user: User, credential_id: str) -> Credential | None:
    """The account's own passkey of this id. Its seal, and that of every other factor, was looked at."""
    wanted = wire.handle(credential_id)
    return next((row for row in _rows_of(user) if row.handle == wanted), None)


def _rows_of(user: User) -> list[Credential]:
    return [row for row in credentials.factors_of(user) if row.kind == Credential.Kind.PASSKEY]


def _used(row: Credential, counter: int, *, now: datetime) -> bool:
    """Note a use, by one UPDATE: a count that does not go up is none (WebAuthn 6.1.1), unless it never counts."""
    forward = Q(counter__lt=counter)
    if not counter:
        forward |= Q(counter=0)
    return bool(Factor.objects.filter(forward, credential=row).update(counter=counter, last_used_at=now))


def _went_back(row: Credential, *, origin: Origin) -> None:
    """A right signature with an old count: somewhere there are two of what there should be one of."""
    log.warning("passkey count went back", alarm="passkey.copied", user=str(row.user_id), credential=str(row.pk))
    with transaction.atomic():
        record(PasskeyCountWentBack(user=row.user_id, row=row.pk), origin=origin)

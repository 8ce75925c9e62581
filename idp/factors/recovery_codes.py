"""Saved recovery codes: ten texts on paper, each good for one sign-in when nothing else is at hand.

A code has 80 bits, which nobody guesses; but whoever has the table could try. So what is kept of a set is one salt and,
for each code, a keyed seal over its Argon2id hash (ASVS 6.5.2). The salt is the set's, not the code's: a try then costs
one hash and not ten, and ten random codes gain nothing from salts of their own. A code is used by inserting a row that
there can be once.
"""

import json
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from secrets import choice
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models import F

from idp import keyring, notices, otp
from idp.accounts import hashers
from idp.audit.events import Origin, RecoveryCodeUsed
from idp.audit.record import record
from idp.factors import typed
from idp.models import Credential, Factor, SpentCode

HOW_MANY: Final = 10
#: When this many are left, it is time for a new set.
FEW: Final = 3
_CHARACTERS: Final = 16
_GROUP: Final = 4
_SEAL: Final = "recovery-code"


@dataclass(frozen=True, kw_only=True)
class NewSet:
    """Ten codes, for the one page that shows them; and what is kept of them."""

    codes: tuple[str, ...] = field(repr=False)
    material: str = field(repr=False)


def new_set(*, row: uuid.UUID, user: uuid.UUID) -> NewSet:
    """Make a set for the credential `row` of `user`. Costs ten hashes: not inside a transaction."""
    codes = tuple("".join(choice(otp.ALPHABET) for _character in range(_CHARACTERS)) for _code in range(HOW_MANY))
    recipe = hashers.new_recipe()
    seals = [
        keyring.seal(_SEAL, row.bytes, user.bytes, number, hashers.stretch(code, recipe))
        for number, code in enumerate(codes)
    ]
    shown = tuple("-".join(code[at : at + _GROUP] for at in range(0, _CHARACTERS, _GROUP)) for code in codes)
    return NewSet(codes=shown, material=json.dumps({"recipe": recipe, "seals": seals}))


def read(answer: str) -> str | None:
    """The sixteen characters that were meant, however they were written; None if it is no such code."""
    text = typed.compact(answer).translate(otp.MEANT)
    return text if len(text) == _CHARACTERS and set(text) <= set(otp.ALPHABET) else None


def is_right(factors: list[Credential], code: str, *, origin: Origin, now: datetime) -> bool:
    """Whether `code` is of this person's set and was not used before; then it is used, and they are told.

    The same work, one hash, whatever the answer.
    """
    if not factors:
        hashers.stretch(code, hashers.new_recipe())
        return False
    (credential,) = factors
    number = _number_of(credential, code)
    return number is not None and _spend(credential, number, origin=origin, now=now)


def would_be_right(factors: list[Credential], code: str) -> bool:
    """What `is_right` would say, without using the code up; the same hash."""
    if not factors:
        hashers.stretch(code, hashers.new_recipe())
        return False
    (credential,) = factors
    number = _number_of(credential, code)
    spent = SpentCode.objects.filter(credential=credential, version=credential.version, number=number)
    return number is not None and not spent.exists()


def left(credential: Credential) -> int:
    """How many codes of the set were not used yet; one query."""
    return HOW_MANY - SpentCode.objects.filter(credential=credential, version=credential.version).count()


def are_used_up(user: uuid.UUID) -> bool:
    """Whether no code is left of the account's set; one query, with or without a set."""
    spent = SpentCode.objects.filter(credential__user=user, version=F("credential__version"))
    return spent.count() >= HOW_MANY


def _number_of(credential: Credential, code: str) -> int | None:
    kept = json.loads(credential.material)
    stretched = hashers.stretch(code, kept["recipe"])
    owner = (credential.pk.bytes, credential.user_id.bytes)
    matching = [
        number
        for number, sealed in enumerate(kept["seals"])
        if keyring.is_stamped(_SEAL, sealed, *owner, number, stretched)
    ]
    return matching[0] if matching else None


def _spend(credential: Credential, number: int, *, origin: Origin, now: datetime) -> bool:
    """One INSERT, of which the second fails; with its audit entry and its notice."""
    try:
        with transaction.atomic():
            spent = SpentCode(credential=credential, version=credential.version, number=number, spent_at=now)
            spent.save(force_insert=True)
            Factor.objects.filter(pk=credential.pk).update(last_used_at=now)
            remaining = left(credential)
            user = credential.user_id
            record(RecoveryCodeUsed(user=user, row=credential.pk, number=number, left=remaining), origin=origin)
            notices.post(
                notices.RECOVERY_CODE_USED,
                user,
                reference=uuid.uuid4(),
                origin=origin,
                now=now,
                left=remaining,
                few=remaining <= FEW,
            )
    except IntegrityError:
        return False
    return True

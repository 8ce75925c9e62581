"""What ties a code or a token to its row: the text itself says, under a seal, whose it is, for whom and how strong.

Only hashes are in the database, so nobody finds a token there. But whoever writes to it could make a row of their own
somebody else's, and then redeem a code, or refresh a token, that was handed to them: the application would take them
for that person. So what a row says is part of what is handed out, and compared when that comes back.

Instead of a seal in the row: rows would have to be sealed anew with each root key, and with each token that follows.
"""

from datetime import UTC, datetime
from hashlib import sha256
from secrets import token_urlsafe

import structlog
from django.db import transaction

from idp import keyring
from idp.accounts import alarms
from idp.audit.events import SealInvalid
from idp.audit.record import record
from idp.models import Grant

log = structlog.get_logger(__name__)

_LABEL = "grant-binding"
_ENTROPY_BYTES = 32
#: Of the digest in a refresh token: 128 bits.
_BOND = 32


def text(grant: Grant, *more: keyring.Part) -> str:
    """A new random text that is good for this grant as it stands, and for no other; `more` is bound as well."""
    chance = token_urlsafe(_ENTROPY_BYTES)
    return f"{chance}.{keyring.seal(_LABEL, chance, *_parts(grant), *more)}"


def holds(shown: str, grant: Grant, *more: keyring.Part) -> bool:
    """Whether it was made for a grant that says what this one says."""
    chance, _dot, seal = shown.partition(".")
    return keyring.is_stamped(_LABEL, seal, chance, *_parts(grant), *more)


def bond(grant: Grant) -> str:
    """What the grant says, in a few letters: for a text that has a seal of its own."""
    return sha256(keyring.canonical(*_parts(grant))).hexdigest()[:_BOND]


def was_forged(grant: Grant, *, now: datetime) -> None:
    """Something else wrote the row: end the family, and say so, to administrators as well."""
    log.error("seal invalid", alarm="grant.seal_invalid", grant=str(grant.pk), user=str(grant.user_id))
    with transaction.atomic():
        Grant.objects.filter(pk=grant.pk, ended_at=None).update(ended_at=now, ended_by="forged")
        record(SealInvalid(user=grant.user_id, table="grant", row=grant.pk))
        alarms.tell_once(table="grant", row=grant.pk)


def _parts(grant: Grant) -> tuple[keyring.Part, ...]:
    """Everything about a grant that stays as it was when somebody allowed it."""
    return (
        grant.id.bytes,
        grant.client_id.bytes,
        grant.user_id.bytes if grant.user_id else None,
        grant.sub,
        grant.scope,
        grant.acr,
        grant.auth_time.astimezone(UTC).isoformat() if grant.auth_time else None,
        *grant.amr,
    )

"""The keys that sign ID tokens: published first, used next, published on until their last token is dead (P-22).

A row's private half is encrypted and bound to its `kid`; what is published is computed from it. So whoever can
write to the database cannot make us publish a key of theirs. Parsed keys and the bytes of the JWK set stay in the
process for half a minute; a token is always signed with a key that every process publishes already.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from time import monotonic

import structlog
from django.db import IntegrityError, transaction
from django.utils import timezone
from joserfc.jwk import ECKey

from idp import keyring
from idp.audit.events import SigningKeyRotated
from idp.audit.record import record
from idp.models import SigningKey

log = structlog.get_logger(__name__)

ALGORITHM = "ES256"
#: How long relying parties and proxies may keep the JWK set.
CACHED_FOR = timedelta(minutes=5)
#: How long a key is published before it signs: every cache has seen it by then.
PUBLISHED_BEFORE_USE = timedelta(minutes=15)
#: How long an ID token is good, and so how long a retired key is published.
TOKEN_LIFETIME = timedelta(hours=1)
PUBLISHED_AFTER_USE = TOKEN_LIFETIME + CACHED_FOR

_LABEL = "signing-key"
_CURVE = "P-256"
_KEPT = 30.0


@dataclass(frozen=True, kw_only=True)
class Keys:
    """What a process knows of the keys, parsed once."""

    kid: str
    signing: ECKey
    #: Every key that ever signed here and opens, by `kid`: hints are accepted long after they expired.
    own: dict[str, ECKey]
    jwks: bytes
    etag: str


@dataclass(frozen=True, kw_only=True)
class Rotation:
    """What a rotation did, for the operator."""

    published: str = ""
    used: str = ""
    retired: str = ""
    #: The next key may not sign before this.
    not_before: datetime | None = None


_kept: tuple[float, Keys] | None = None


def current() -> Keys:
    """The keys; made on first need, and asked of the database again after half a minute."""
    global _kept  # noqa: PLW0603 -- one cache for the process
    if _kept is None or monotonic() > _kept[0]:
        _kept = (monotonic() + _KEPT, _load(timezone.now()))
    return _kept[1]


def forget() -> None:
    """Ask the database again, in this process."""
    global _kept  # noqa: PLW0603 -- as above
    _kept = None


def rotate(now: datetime) -> Rotation:
    """One step: publish a next key; or, once it was published long enough, use it and retire the one before."""
    current()
    try:
        return _rotate(now)
    finally:
        forget()


def _rotate(now: datetime) -> Rotation:
    with transaction.atomic():
        following = SigningKey.objects.select_for_update().filter(state=SigningKey.State.NEXT).first()
        if following is None:
            return Rotation(published=_add(SigningKey.State.NEXT, now), not_before=now + PUBLISHED_BEFORE_USE)
        if following.state_since + PUBLISHED_BEFORE_USE > now:
            return Rotation(not_before=following.state_since + PUBLISHED_BEFORE_USE)
        retired = SigningKey.objects.select_for_update().get(state=SigningKey.State.ACTIVE)
        _move(retired, SigningKey.State.RETIRED, now)
        _move(following, SigningKey.State.ACTIVE, now)
    return Rotation(used=following.kid, retired=retired.kid)


def _load(now: datetime) -> Keys:
    rows = list(SigningKey.objects.order_by("created_at"))
    if not any(row.state == SigningKey.State.ACTIVE for row in rows):
        _first(now)
        rows = list(SigningKey.objects.order_by("created_at"))
    own = {row.kid: key for row in rows if (key := _opened(row)) is not None}
    active = next(row for row in rows if row.state == SigningKey.State.ACTIVE)
    if active.kid not in own:
        raise keyring.Tampered(_LABEL)
    published = [own[row.kid] for row in rows if row.kid in own and _is_published(row, now)]
    jwks = json.dumps({"keys": [_public(key) for key in published]}, separators=(",", ":")).encode()
    return Keys(
        kid=active.kid,
        signing=own[active.kid],
        own=own,
        jwks=jwks,
        etag=f'"{sha256(jwks).hexdigest()[:32]}"',
    )


def _first(now: datetime) -> None:
    """The first key. Of several processes that need it at once, the constraint lets one make it."""
    try:
        with transaction.atomic():
            _add(SigningKey.State.ACTIVE, now)
    except IntegrityError:
        log.info("another process made the first signing key")


def _add(state: SigningKey.State, now: datetime) -> str:
    key = ECKey.generate_key(_CURVE, private=True)
    kid = key.thumbprint()
    SigningKey.objects.create(
        kid=kid,
        alg=ALGORITHM,
        state=state,
        public_jwk=key.as_dict(private=False),
        private_ciphertext=keyring.encrypt(_LABEL, json.dumps(key.as_dict(private=True)), kid),
        created_at=now,
        state_since=now,
    )
    record(SigningKeyRotated(kid=kid, state=state))
    return kid


def _move(row: SigningKey, state: SigningKey.State, now: datetime) -> None:
    row.state, row.state_since = state, now
    row.save(update_fields=["state", "state_since"])
    record(SigningKeyRotated(kid=row.kid, state=state))


def _opened(row: SigningKey) -> ECKey | None:
    """The key, if the row is ours. One that is not is neither used nor published."""
    try:
        key = ECKey.import_key(json.loads(keyring.decrypt(_LABEL, row.private_ciphertext, row.kid)))
    except keyring.Tampered:
        log.error("signing key does not open", alarm="seal", kid=row.kid)  # noqa: TRY400 -- no traceback near keys
        return None
    return key if key.thumbprint() == row.kid else None


def _is_published(row: SigningKey, now: datetime) -> bool:
    return row.state != SigningKey.State.RETIRED or row.state_since + PUBLISHED_AFTER_USE > now


def _public(key: ECKey) -> dict[str, object]:
    return {**key.as_dict(private=False), "kid": key.thumbprint(), "use": "sig", "alg": ALGORITHM}

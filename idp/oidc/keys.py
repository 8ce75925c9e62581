"""The keys that sign our tokens: published first, used next, published on until their last token is dead (P-22).

One for each algorithm that an application is registered for, made when it is first needed.

A row's private half, or where in a token it is, is encrypted and bound to its `kid`; what is published is computed from
it. So whoever can write to the database cannot make us publish a key of theirs. Parsed keys and the bytes of the JWK
set stay in the process for half a minute; a token is always signed with a key that every process publishes already.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from time import monotonic

import structlog
from django.db import IntegrityError, transaction
from django.utils import timezone

from idp import keyring
from idp.accounts import forgeries
from idp.audit.events import SigningKeyRotated
from idp.audit.record import record
from idp.models import SigningKey
from idp.models.sealed import SealedTable, swap
from idp.oidc import own_keys

log = structlog.get_logger(__name__)

#: What is used unless an application asks for another.
DEFAULT = "ES256"
#: How long relying parties and proxies may keep the JWK set.
CACHED_FOR = timedelta(minutes=5)
#: How long a key is published before it signs: every cache has seen it by then.
PUBLISHED_BEFORE_USE = timedelta(minutes=15)
#: How long an ID token is good, and so how long a retired key is published.
TOKEN_LIFETIME = timedelta(hours=1)
PUBLISHED_AFTER_USE = TOKEN_LIFETIME + CACHED_FOR

_LABEL = "signing-key"
_KEPT = 30.0


@dataclass(frozen=True, kw_only=True)
class OwnKey:
    """A key of ours: it is used with its own algorithm and no other."""

    kid: str
    alg: str
    key: own_keys.PrivateKey


@dataclass(frozen=True, kw_only=True)
class Keys:
    """What a process knows of the keys, parsed once."""

    #: By algorithm, the key that signs.
    active: dict[str, OwnKey]
    #: Every key that ever signed here and opens, by `kid`: hints are accepted long after they expired.
    own: dict[str, OwnKey]
    jwks: bytes
    etag: str


@dataclass(frozen=True, kw_only=True)
class Rotation:
    """What a rotation did to the keys of one algorithm, for the operator."""

    alg: str
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


def in_use(alg: str) -> OwnKey:
    """The key that signs with `alg`; made if there is none yet. Not inside a transaction that may be undone.

    Raises Tampered if there is one, and it is not ours.
    """
    key = current().active.get(alg)
    if key is None:
        _put(alg, SigningKey.State.ACTIVE, timezone.now())
        forget()
        key = current().active.get(alg)
    if key is None:
        raise keyring.Tampered(_LABEL)
    return key


def forget() -> None:
    """Ask the database again, in this process."""
    global _kept  # noqa: PLW0603 -- as above
    _kept = None


def rotate(now: datetime) -> tuple[Rotation, ...]:
    """One step for each algorithm in use: publish a next key; or, published long enough, use it and retire the old."""
    try:
        return tuple(_rotate(alg, now) for alg in sorted(current().active))
    finally:
        forget()


def rotate_due(now: datetime, *, lifetime: timedelta) -> tuple[Rotation, ...]:
    """The steps whose time has come: a key that is as old as `lifetime` has its successor signing by then."""
    current()
    try:
        return tuple(_rotate(alg, now) for alg in sorted(current().active) if _is_due(alg, now, lifetime))
    finally:
        forget()


def _is_due(alg: str, now: datetime, lifetime: timedelta) -> bool:
    since = dict(SigningKey.objects.filter(alg=alg).values_list("state", "state_since"))
    if SigningKey.State.NEXT in since:
        return since[SigningKey.State.NEXT] + PUBLISHED_BEFORE_USE <= now
    return since[SigningKey.State.ACTIVE] + lifetime - PUBLISHED_BEFORE_USE <= now


def _rotate(alg: str, now: datetime) -> Rotation:
    with transaction.atomic():
        rows = SigningKey.objects.select_for_update().filter(alg=alg)
        following = rows.filter(state=SigningKey.State.NEXT).first()
        if following is not None:
            return _follow(rows.get(state=SigningKey.State.ACTIVE), following, now)
    # Outside of the transaction: an RSA key takes its time.
    return Rotation(alg=alg, published=_put(alg, SigningKey.State.NEXT, now), not_before=now + PUBLISHED_BEFORE_USE)


def _follow(active: SigningKey, following: SigningKey, now: datetime) -> Rotation:
    """Let the next key sign, if it has been published long enough."""
    if following.state_since + PUBLISHED_BEFORE_USE > now:
        return Rotation(alg=following.alg, not_before=following.state_since + PUBLISHED_BEFORE_USE)
    if _opened(following) is None:
        raise keyring.Tampered(_LABEL)
    _move(active, SigningKey.State.RETIRED, now)
    _move(following, SigningKey.State.ACTIVE, now)
    return Rotation(alg=following.alg, used=following.kid, retired=active.kid)


def _load(now: datetime) -> Keys:
    rows = list(SigningKey.objects.order_by("created_at"))
    if not any(row.state == SigningKey.State.ACTIVE and row.alg == DEFAULT for row in rows):
        _put(DEFAULT, SigningKey.State.ACTIVE, now)
        rows = list(SigningKey.objects.order_by("created_at"))
    own = {row.kid: key for row in rows if (key := _opened(row)) is not None}
    active = [row for row in rows if row.state == SigningKey.State.ACTIVE]
    if not any(row.alg == DEFAULT and row.kid in own for row in active):
        raise keyring.Tampered(_LABEL)
    published = [own[row.kid] for row in rows if row.kid in own and _is_published(row, now)]
    jwks = json.dumps({"keys": [_public(key) for key in published]}, separators=(",", ":")).encode()
    return Keys(
        active={row.alg: own[row.kid] for row in active if row.kid in own},
        own=own,
        jwks=jwks,
        etag=f'"{sha256(jwks).hexdigest()[:32]}"',
    )


def _put(alg: str, state: SigningKey.State, now: datetime) -> str:
    """Make a key and its row; its `kid`. Of several processes that need it at once, the constraint lets one: then "".

    Raises KeysAway if it is to be made in a token, which does not do it.
    """
    made = own_keys.make(alg)
    kid = made.key.thumbprint()
    try:
        with transaction.atomic():
            SigningKey.objects.create(
                kid=kid,
                alg=alg,
                state=state,
                public_jwk=made.key.as_dict(private=False),
                private_ciphertext=keyring.encrypt(_LABEL, made.text, kid, alg),
                created_at=now,
                state_since=now,
            )
            record(SigningKeyRotated(kid=kid, state=state))
    except IntegrityError:
        log.info("another process made the signing key", alg=alg, state=state)
        made.discard()
        return ""
    return kid


def _move(row: SigningKey, state: SigningKey.State, now: datetime) -> None:
    row.state, row.state_since = state, now
    row.save(update_fields=["state", "state_since"])
    record(SigningKeyRotated(kid=row.kid, state=state))


def _opened(row: SigningKey) -> OwnKey | None:
    """The key, if the row is ours, algorithm included. One that is not is neither used nor published."""
    try:
        text = keyring.decrypt(_LABEL, row.private_ciphertext, row.kid, row.alg)
    except keyring.Tampered:
        log.error("signing key does not open", alarm="seal", kid=row.kid)  # noqa: TRY400 -- no traceback near keys
        forgeries.met("signing_key", row)
        return None
    key = own_keys.opened(row.alg, text)
    return OwnKey(kid=row.kid, alg=row.alg, key=key) if key.thumbprint() == row.kid else None


def _is_published(row: SigningKey, now: datetime) -> bool:
    return row.state != SigningKey.State.RETIRED or row.state_since + PUBLISHED_AFTER_USE > now


def _public(own: OwnKey) -> dict[str, object]:
    return {**own.key.as_dict(private=False), "kid": own.kid, "use": "sig", "alg": own.alg}


def _renew(row: SigningKey) -> None:
    row.private_ciphertext = keyring.encrypted_anew(_LABEL, row.private_ciphertext, row.kid, row.alg)


#: For whoever checks every seal, or makes them anew (idp.seals).
SEALED = SealedTable(
    name="signing_key",
    rows=lambda _now: SigningKey.objects.all(),
    is_genuine=lambda row: _opened(row) is not None,
    stamped=("private_ciphertext",),
    reseal=swap(_renew, "private_ciphertext"),
    owner=lambda _row: None,
)

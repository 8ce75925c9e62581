"""Who is signed in where. The browser holds a random key, the database its hash; every request asks the row."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from secrets import token_urlsafe

from django.db.models import Q, QuerySet

from idp import keyring, statements
from idp.accounts import forgeries, logouts
from idp.audit.events import Origin
from idp.conf import Policy
from idp.models import Grant, PendingSignIn, SignIn, User
from idp.models.sealed import SealedTable, swap

_SEAL = "sign-in"
#: How stale `last_seen_at` may be: most requests then write nothing.
_SEEN_EVERY = timedelta(minutes=1)
#: For how long after its own end a sign-in may live on as a session of an application.
_TOLD_AFTER_END = timedelta(days=30)

#: What a renewed sign-in has of its own.
_RENEWED = ("key_hash", "amr", "authenticated_at", "interruption", "seal")

_FIND = statements.Find(SignIn, by="key_hash", related=("user",))


@dataclass(frozen=True, kw_only=True)
class Begun:
    """A sign-in and the key that only its browser gets to know."""

    sign_in: SignIn
    key: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How much ended, for the page and the audit."""

    sign_ins: int
    grants: int
    #: How many applications are told of it.
    applications: int


def begin(
    user: User,
    *,
    amr: list[str],
    origin: Origin,
    policy: Policy,
    now: datetime,
    authenticated_at: datetime | None = None,
) -> Begun:
    """Sign `user` in: always a new row and a new key, so that no key from before the sign-in is worth anything.

    `authenticated_at` is when the first of it was shown, if that was before `now`.
    """
    key = token_urlsafe(32)
    sign_in = SignIn(
        key_hash=keyring.fingerprint(key),
        user=user,
        authenticated_at=authenticated_at or now,
        amr=amr,
        last_seen_at=now,
        expires_at=now + policy.session_absolute,
        device=origin.device,
        network=origin.network,
        place=origin.place,
    )
    _seal(sign_in)
    sign_in.save(force_insert=True)
    return Begun(sign_in=sign_in, key=key)


def renew(
    sign_in: SignIn,
    *,
    amr: list[str],
    authenticated_at: datetime,
    afresh: bool = False,
    policy: Policy,
    now: datetime,
) -> Begun | None:
    """The same sign-in after its person showed again who they are: another key, the same `sid` for applications.

    It lasts as long as one that began at `authenticated_at`: a second factor alone prolongs nothing. None if it ended
    meanwhile, or another tab renewed it first. `afresh`: it stands for a new one, of which nothing was asked yet.
    """
    key, known_by = token_urlsafe(32), sign_in.key_hash
    sign_in.key_hash = keyring.fingerprint(key)
    sign_in.amr, sign_in.authenticated_at = amr, authenticated_at
    sign_in.last_seen_at, sign_in.expires_at = now, authenticated_at + policy.session_absolute
    if afresh:
        sign_in.interruption = SignIn.Interruption.NONE
    _seal(sign_in)
    renewed = SignIn.objects.filter(pk=sign_in.pk, key_hash=known_by, ended_at=None).update(
        **{name: getattr(sign_in, name) for name in _RENEWED},
        last_seen_at=sign_in.last_seen_at,
        expires_at=sign_in.expires_at,
    )
    return Begun(sign_in=sign_in, key=key) if renewed else None


def find(key: str, *, policy: Policy, now: datetime) -> SignIn | None:
    """The living sign-in of this key with its user, or None; one query, and a write once a minute.

    Ended, expired, idle, tampered with, or of an account that may no longer sign in: all are None. A browser without
    a key costs no query.
    """
    if not key:
        return None
    row = _FIND(keyring.fingerprint(key))
    return recognise(row, key, policy=policy, now=now) if row is not None else None


def held(key: str) -> SignIn | None:
    """The sign-in of this key that nobody ended, with its user; even one whose time has passed.

    For signing out: applications may go on with it long after we would have asked for the password again.
    """
    if not key:
        return None
    row = SignIn.objects.select_related("user").filter(key_hash=keyring.fingerprint(key), ended_at=None).first()
    return row if row is not None and _is_genuine(row) else None


def recognise(sign_in: SignIn, key: str, *, policy: Policy, now: datetime) -> SignIn | None:
    """As `find`, for a row that was read already (with its user): no query."""
    lives = (
        sign_in.key_hash == keyring.fingerprint(key)
        and sign_in.ended_at is None
        and now < sign_in.expires_at
        and now < sign_in.last_seen_at + policy.session_idle
        and sign_in.user.may_sign_in
        and not _is_from_before_a_freeze(sign_in)
        and _is_genuine(sign_in)
    )
    if not lives:
        return None
    if now - sign_in.last_seen_at > _SEEN_EVERY:
        SignIn.objects.filter(pk=sign_in.pk, ended_at=None).update(last_seen_at=now)
    return sign_in


def _is_from_before_a_freeze(sign_in: SignIn) -> bool:
    """Of a sign-in that was on its way while its owner froze the account; the rest ended then."""
    frozen_at = sign_in.user.frozen_at
    return frozen_at is not None and sign_in.authenticated_at <= frozen_at


def hold(sign_in_id: uuid.UUID) -> None:
    """A plug-in wants something of this sign-in's person first."""
    SignIn.objects.filter(pk=sign_in_id, ended_at=None).update(interruption=SignIn.Interruption.HELD)


def let_go(sign_in_id: uuid.UUID) -> bool:
    """… and has had it, or lets them go on without. False if nobody holds it: another tab was faster."""
    held = SignIn.objects.filter(pk=sign_in_id, interruption=SignIn.Interruption.HELD, ended_at=None)
    return bool(held.update(interruption=SignIn.Interruption.OVER))


def others(here: SignIn, *, policy: Policy, now: datetime) -> int:
    """In how many other browsers the person of `here` is signed in."""
    return _living(here.user_id, policy=policy, now=now).exclude(pk=here.pk).count()


def count(user_id: uuid.UUID, *, policy: Policy, now: datetime) -> int:
    """In how many browsers a person is signed in."""
    return _living(user_id, policy=policy, now=now).count()


def end(sign_in_id: uuid.UUID, *, by: str, now: datetime) -> Ended:
    """End one sign-in and the grants that came of it, except those meant to outlive it (offline_access).

    Runs in its caller's transaction. Ending it again changes nothing and tells nobody.
    """
    sign_ins = SignIn.objects.filter(pk=sign_in_id, ended_at=None).update(ended_at=now, ended_by=by)
    return Ended(
        applications=logouts.post(Q(sign_in=sign_in_id), now=now) if sign_ins else 0,
        sign_ins=sign_ins,
        grants=Grant.objects.filter(sign_in=sign_in_id, ended_at=None)
        .exclude(scope__contains="offline_access")
        .update(ended_at=now, ended_by=by),
    )


def end_all(user_id: uuid.UUID, *, by: str, now: datetime, except_for: uuid.UUID | None = None) -> Ended:
    """End every sign-in and every grant of an account, whatever its scope. Runs in its caller's transaction.

    A sign-in that still waits for its second factor ends as well: what was shown of it may not be good any more.
    `except_for` names a sign-in that goes on, with what applications were given in it.
    """
    # An application's own session may have outlived ours: those whose time has passed here are told as well.
    lately = Q(sign_in__ended_at=None, sign_in__expires_at__gt=now - _TOLD_AFTER_END)
    grants, sign_ins = Q(user=user_id), Q(user=user_id)
    if except_for is not None:
        grants &= ~Q(sign_in=except_for) | Q(sign_in=None)
        sign_ins &= ~Q(pk=except_for)
    PendingSignIn.objects.filter(user=user_id, finished_at=None).update(finished_at=now)
    return Ended(
        applications=logouts.post(grants & lately, now=now),
        # Those past their end are dead already; counting them would tell people of devices they do not have.
        sign_ins=SignIn.objects.filter(sign_ins, ended_at=None, expires_at__gt=now).update(
            ended_at=now,
            ended_by=by,
        ),
        grants=Grant.objects.filter(grants, ended_at=None).update(ended_at=now, ended_by=by),
    )


def _living(user_id: uuid.UUID, *, policy: Policy, now: datetime) -> QuerySet[SignIn]:
    lately = {"expires_at__gt": now, "last_seen_at__gt": now - policy.session_idle}
    return SignIn.objects.filter(user=user_id, ended_at=None, **lately)


def _parts(sign_in: SignIn) -> tuple[keyring.Part, ...]:
    return (
        sign_in.id.bytes,
        sign_in.key_hash,
        sign_in.user_id.bytes,
        sign_in.authenticated_at.isoformat(),
        sign_in.expires_at.isoformat(),
        *sign_in.amr,
    )


def _seal(sign_in: SignIn) -> None:
    sign_in.seal = keyring.seal(_SEAL, *_parts(sign_in))


def _is_genuine(sign_in: SignIn) -> bool:
    return keyring.is_sealed(_SEAL, sign_in.seal, *_parts(sign_in)) or forgeries.refused(
        "sign_in", sign_in, alarm="sign_in.seal_invalid", user=str(sign_in.user_id)
    )


#: For whoever checks every seal, or makes them anew (idp.seals).
SEALED = SealedTable(
    name="sign_in",
    rows=lambda now: SignIn.objects.filter(ended_at=None, expires_at__gt=now),
    is_genuine=_is_genuine,
    stamped=("seal",),
    reseal=swap(_seal, "seal"),
)

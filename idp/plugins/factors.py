"""What its owner holds, shown to prove who they are: an app, a passkey, a saved code, the password.

Judged and used up here, and counted by whoever asks: see `idp.factors.tries` for sign-in's own limits, which strangers
who begin a recovery must not use up. And the second factor that takes the place of a lost one.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.http import HttpResponse

from idp import browser, hashing
from idp.accounts import credentials, freezes, lookup
from idp.accounts.proofs import Proof
from idp.audit.events import Origin
from idp.conf import policy
from idp.factors import enrolment, excused, recovery_codes, requirements, totp
from idp.factors.passkey import adding, answers, challenges, wire
from idp.factors.passkey.challenges import Purpose
from idp.models import Credential, User
from idp.pages import tenant
from idp.plugins.accounts import NOBODY

__all__ = [
    "LONGEST_NAME",
    "Busy",
    "Kind",
    "NewApp",
    "NewFactor",
    "Owned",
    "Replaced",
    "Shown",
    "Stale",
    "TooMany",
    "app_again",
    "app_code",
    "excuse",
    "held",
    "is_app_code",
    "is_recovery_code",
    "new_app",
    "new_passkey",
    "new_passkey_options",
    "offered",
    "owned",
    "passkey",
    "passkey_options",
    "password",
    "place",
    "recovery_code",
    "replace",
    "suggested_name",
]

Kind = Credential.Kind
Busy = hashing.Busy


NewFactor = enrolment.New
Replaced = enrolment.Replaced
#: The longest name that its owner can give one.
LONGEST_NAME = enrolment.LONGEST_NAME


@dataclass(frozen=True, kw_only=True)
class TooMany:
    """The account has as many of the kind as there may be."""


@dataclass(frozen=True, kw_only=True)
class Stale:
    """Something of it was changed meanwhile, or the very same thing is there already."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """The credential that was shown, as it was then."""

    id: UUID
    version: int


def excuse(response: HttpResponse, user: UUID, shown: Shown, *, shown_at: datetime) -> None:
    """Let the sign-in that follows in this browser not ask for what was just shown here, once, within five minutes.

    Only where it was not all that was shown: else one proof would be both the password and the factor beside it.
    """
    stamp = excused.stamp(user, shown.id, shown.version, shown_at=shown_at)
    browser.set_cookie(response, browser.SHOWN, stamp, lifetime=excused.LIFETIME)


def offered() -> bool:
    """Whether people here may have second factors."""
    return requirements.may_add(policy())


def held(user: UUID | None) -> frozenset[str]:
    """The kinds of second factor that the account could show today. Two queries, for nobody's account as well."""
    kept = credentials.factors_of(_account(user))
    used_up = recovery_codes.are_used_up(user or NOBODY)
    return frozenset(each.kind for each in kept if each.kind != Kind.RECOVERY_CODES or not used_up)


def place() -> AbstractContextManager[None]:
    """The right to hash; to be had before a try is counted that `recovery_code` or `password` judges. Raises Busy."""
    return hashing.place()


def is_app_code(typed: str) -> bool:
    """Whether it could be one."""
    return totp.read(typed) is not None


def is_recovery_code(typed: str) -> bool:
    """Whether it could be one."""
    return recovery_codes.read(typed) is not None


def app_code(user: UUID | None, typed: str, *, now: datetime) -> Shown | None:
    """The app whose code this is, which is used from here on. Of nobody (None) nothing is right, with the same work."""
    code = totp.read(typed)
    return _shown(totp.use(_of(user, Kind.TOTP), code, now=now)) if code else None


def recovery_code(user: UUID | None, typed: str, *, origin: Origin, now: datetime) -> Shown | None:
    """The set of saved codes that this is one of, which is used from here on and its owner told."""
    code = recovery_codes.read(typed)
    kept = _of(user, Kind.RECOVERY_CODES)
    return _shown(kept[0] if code and recovery_codes.is_right(kept, code, origin=origin, now=now) else None)


def password(user: UUID | None, raw: str, *, now: datetime) -> Shown | None:
    """The password, if this is it; the same work for nobody's."""
    found = lookup.get(user or NOBODY)
    right = credentials.verify_password(found.user, found.credential, raw, now=now)
    return _shown(found.credential if right else None)


def passkey_options(*, browser_hash: str, now: datetime) -> dict[str, Any]:
    """What a browser is to ask its authenticators for: the same for everybody, and naming no passkey (EN-05)."""
    return wire.request_options(challenges.give(Purpose.RECOVER, browser_hash=browser_hash, now=now), allowed=())


def passkey(user: UUID | None, answer: str, *, browser_hash: str, origin: Origin, now: datetime) -> Shown | None:
    """The passkey in this answer to a challenge that was given to this browser, if it is this account's."""
    shown = answers.shown(answer, Purpose.RECOVER, browser_hash=browser_hash, origin=origin, policy=policy(), now=now)
    return _shown(shown.credential if shown is not None and shown.user.pk == user else None)


# --- In place of what was lost ----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Owned:
    """A second factor that an account has, as its owner knows it."""

    id: UUID
    kind: str
    version: int
    name: str
    added_at: datetime
    last_used_at: datetime | None


def owned(user: UUID) -> list[Owned]:
    """What the account has, oldest first. For pages beyond a proof only."""
    return [
        Owned(
            id=each.pk,
            kind=each.kind,
            version=each.version,
            name=each.factor.name,
            added_at=each.factor.added_at,
            last_used_at=each.factor.last_used_at,
        )
        for each in credentials.factors_of(_account(user))
    ]


@dataclass(frozen=True, kw_only=True)
class NewApp:
    """A key for an authenticator app, shown to whoever holds a journey; kept once a code shows that the app has it."""

    user: User
    holder: UUID
    proposal: totp.Proposal

    def shown(self) -> dict[str, object]:
        """What its page needs; `key` comes back with the code."""
        key = self.proposal.sealed(self.holder, self.user.pk)
        return {**totp.drawn(self.proposal.secret, self.user, issuer=tenant().name), "key": key}

    def confirmed(self, code: str, *, name: str, now: datetime) -> NewFactor | None:
        """The factor that it becomes, if `code` is the app's."""
        digits = totp.read(code)
        step = totp.step_of(self.proposal.secret, digits, now=now) if digits else None
        if step is None:
            return None
        material = totp.material(self.proposal.secret, row=self.proposal.row, user=self.user.pk)
        return NewFactor(kind=Kind.TOTP, row=self.proposal.row, material=material, name=name, counter=step)


def new_app(user: UUID, *, holder: UUID, now: datetime) -> NewApp:
    """A key that nobody has yet."""
    return NewApp(user=User.objects.get(pk=user), holder=holder, proposal=totp.Proposal.new(now=now))


def app_again(user: UUID, key: str, *, holder: UUID, now: datetime) -> NewApp | None:
    """The key that a page carried along; None if its time is over or it is not from there."""
    proposal = totp.Proposal.opened(key, holder, user, now=now)
    return NewApp(user=User.objects.get(pk=user), holder=holder, proposal=proposal) if proposal else None


def new_passkey_options(user: UUID, *, browser_hash: str, now: datetime) -> dict[str, Any]:
    """What a browser is to ask its authenticators to make."""
    return adding.options(User.objects.get(pk=user), browser_hash=browser_hash, now=now)


def new_passkey(user: UUID, answer: str, *, name: str, browser_hash: str, now: datetime) -> NewFactor | None:
    """The passkey that a browser made."""
    made = adding.registered(User.objects.get(pk=user), answer, browser_hash=browser_hash, now=now)
    if made is None:
        return None
    passkey = made.passkey
    return NewFactor(
        kind=Kind.PASSKEY,
        row=uuid4(),
        material=passkey.material,
        name=name,
        handle=passkey.handle,
        counter=made.counter,
    )


def suggested_name(user: UUID, kind: str) -> str:
    return enrolment.suggested_name(_account(user), kind)


def replace(
    earned: Proof,
    new: NewFactor,
    lost: Sequence[Proof],
    *,
    origin: Origin,
    now: datetime,
    then: Callable[[Replaced], None],
) -> Replaced | TooMany | Stale:
    """Add the new one, and only then take away what was lost; with it end all sessions, and every address is told."""
    try:
        return enrolment.replace_lost(earned, new, lost, origin=origin, now=now, then=then)
    except enrolment.TooMany:
        return TooMany()
    except (enrolment.ProofStale, freezes.Frozen):
        return Stale()


# --- How --------------------------------------------------------------------------------------------------


def _of(user: UUID | None, kind: str) -> list[Credential]:
    return [each for each in credentials.factors_of(_account(user)) if each.kind == kind]


def _account(user: UUID | None) -> User:
    """As much of an account as is needed to find what it has."""
    return User(id=user or NOBODY)


def _shown(credential: Credential | None) -> Shown | None:
    return Shown(id=credential.pk, version=credential.version) if credential else None

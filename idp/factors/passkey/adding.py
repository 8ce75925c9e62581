"""A new passkey, for its owner, who has just shown who they are."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from idp import keyring
from idp.audit.events import Origin
from idp.conf import Policy
from idp.factors import enrolment, strength
from idp.factors.passkey import answers, challenges, wire
from idp.factors.passkey.challenges import Purpose
from idp.models import Credential, SignIn, User


@dataclass(frozen=True, kw_only=True)
class Added:
    credential: Credential
    #: How its key is kept (RFC 8176).
    kept: str


@dataclass(frozen=True, kw_only=True)
class Refused:
    """The answer was not one to what was asked, or the passkey is somebody's already."""


@dataclass(frozen=True, kw_only=True)
class TooMany:
    """The account has as many as there may be."""


def options(user: User, *, browser_hash: str, now: datetime) -> dict[str, Any]:
    """What the browser is to ask its authenticators for, with a challenge of this account's."""
    return wire.creation_options(
        challenges.give(Purpose.REGISTER, browser_hash=browser_hash, user_id=user.pk, now=now),
        user_handle=user_handle(user),
        name=user.label,
        display_name=user.called,
        others=answers.passkeys_of(user),
    )


def add(
    sign_in: SignIn,
    text: str,
    *,
    name: str,
    browser_hash: str,
    policy: Policy,
    origin: Origin,
    now: datetime,
) -> Added | Refused | TooMany:
    """Keep the passkey that answers a challenge given to this account and browser. Raises as `enrolment.add`."""
    made = registered(sign_in.user, text, browser_hash=browser_hash, now=now)
    if made is None:
        return Refused()
    try:
        credential = enrolment.add(
            sign_in,
            Credential.Kind.PASSKEY,
            lambda _row: made.passkey.material,
            name=name,
            handle=made.passkey.handle,
            counter=made.counter,
            policy=policy,
            origin=origin,
            now=now,
        )
    except enrolment.ProofStale:
        return Refused()
    except enrolment.TooMany:
        return TooMany()
    return Added(credential=credential, kept=strength.kept(backup_eligible=made.passkey.backup_eligible))


def registered(user: User, text: str, *, browser_hash: str, now: datetime) -> wire.Registered | None:
    """The passkey that answers a challenge given to this account and browser; None, whatever is wrong."""
    answer = wire.read(text)
    if answer is None or not challenges.answer(
        answer.challenge,
        Purpose.REGISTER,
        browser_hash=browser_hash,
        user_id=user.pk,
        now=now,
    ):
        return None
    return wire.registered(answer, user_handle=user_handle(user))


def user_handle(user: User) -> str:
    """What authenticators know the account by: nothing that anybody else knows it by (WebAuthn 14.6.1)."""
    return keyring.digest("passkey-user", user.pk.bytes)

"""Challenges: 256 bits of chance for one purpose and one browser, answered once within five minutes.

Only a hash is kept. That an answer counts is one UPDATE, and it comes before the answer is judged: a wrong answer uses
its challenge up like a right one, and of thirty identical answers one is judged at all.
"""

import uuid
from datetime import datetime, timedelta
from enum import StrEnum
from secrets import token_urlsafe

from idp import keyring, throttle
from idp.conf import Policy
from idp.models import Ceremony

LIFETIME = timedelta(minutes=5)


class Purpose(StrEnum):
    """What a challenge is for. It is good for nothing else."""

    #: A new passkey of somebody signed in.
    REGISTER = "register"
    #: A sign-in by a passkey alone: whose, it says itself.
    SIGN_IN = "sign-in"
    #: The second factor of a sign-in that waits for it.
    FACTOR = "factor"
    #: Showing once more who is signed in.
    AGAIN = "again"
    #: Trying one that is there: it opens nothing.
    TRY = "try"
    #: A proof in a recovery: whose passkey it is, it says itself.
    RECOVER = "recover"


_GIVEN = "passkey-challenges"


def may_have(network: str, *, policy: Policy, now: datetime) -> bool:
    """Whether this network has not asked for absurdly many: each is a row."""
    return throttle.count(_GIVEN, policy.passkey_challenges_per_network, network, now=now).allowed


def give(purpose: Purpose, *, browser_hash: str, user_id: uuid.UUID | None = None, now: datetime) -> str:
    """A new challenge, base64url, for this browser and (but for a sign-in or a recovery) this account."""
    challenge = token_urlsafe(32)
    Ceremony.objects.create(
        challenge_hash=keyring.fingerprint(challenge),
        purpose=purpose,
        browser_hash=browser_hash,
        user_id=user_id,
        expires_at=now + LIFETIME,
    )
    return challenge


def answer(
    challenge: str,
    purpose: Purpose,
    *,
    browser_hash: str,
    user_id: uuid.UUID | None = None,
    now: datetime,
) -> bool:
    """Use it up. False if it is not for this, for somebody else, over, or was answered already."""
    whose = {"user__isnull": True} if user_id is None else {"user": user_id}
    open_ones = Ceremony.objects.filter(
        challenge_hash=keyring.fingerprint(challenge),
        purpose=purpose,
        browser_hash=browser_hash,
        answered_at=None,
        expires_at__gt=now,
        **whose,
    )
    return bool(open_ones.update(answered_at=now))

"""Codes sent to an address: issuing one, and judging an answer. Shared by the methods that send messages.

The web process posts a message that names the challenge and a generation; the worker derives the code from the
same row when it writes the words. Neither keeps it.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from idp.plugins import accounts, delivery, keys, otp
from idp.plugins.otp import Sent
from recovery import challenges, proof
from recovery.domain.policy import OtpPolicy
from recovery.models import Challenge, Journey

_LABEL = "recovery-otp"
_NOBODY = UUID(int=0)


@dataclass(frozen=True, kw_only=True)
class Tried:
    """A counted try: how many are left, and whether the answer was a live code."""

    challenge: Challenge
    right: bool
    tries_left: int


def code(challenge: Challenge, subject: UUID | None, generation: int, *, digits: int) -> str:
    """The code of one generation. The same for whoever holds the row and the key ring."""
    parts: tuple[keys.Part, ...] = (
        challenge.id.bytes,
        (subject or _NOBODY).bytes,
        proof.PURPOSE,
        (challenge.address or _NOBODY).bytes,
        challenge.address_version,
        bytes(challenge.nonce),
    )
    if is_long(challenge, generation):
        return otp.derive_long(_LABEL, *parts, key_id=challenge.key_id, generation=generation)
    return otp.derive(_LABEL, *parts, key_id=challenge.key_id, generation=generation, digits=digits)


def is_long(challenge: Challenge, generation: int) -> bool:
    """Whether the code of this generation is a long one."""
    return challenge.long_since is not None and generation >= challenge.long_since


def read(challenge: Challenge, answer: str, *, digits: int) -> str | None:
    """What somebody typed, if it can be one of this asking's codes."""
    short = otp.normalised(answer, digits=digits)
    if short is not None and not is_long(challenge, challenge.since):
        return short
    return otp.normalised_long(answer) if is_long(challenge, challenge.generation) else None


def can_be_guessed(typed: str) -> bool:
    """Whether tries of this kind have to be counted over a day: 65 bits take no limit."""
    return len(typed) != otp.LONG


def reference(challenge: Challenge, generation: int) -> str:
    """The message's short name, on the page and in the message."""
    return otp.reference(challenge.id.int & 0xFFFF, generation)


def asked_by(message: delivery.Message) -> Challenge | None:
    """The challenge that a message carries a code of. None if it is of no more use, or not this account's.

    A code cannot be made any more once its root key is retired; the next one is made with the newest.

    Another address may have been typed meanwhile; or somebody wrote to these rows, which are not sealed. A code is
    told to the account it opens and to nobody else.
    """
    challenge = Challenge.objects.select_related("journey").filter(pk=message.reference).first()
    if challenge is None or challenge.spent_at or challenge.journey.ending or not keys.knows(challenge.key_id):
        return None
    same = (message.user_id, message.address_id) == (challenge.journey.subject, challenge.address)
    return challenge if same else None


def typed_digest(channel: str, typed: str) -> str:
    """What a typed address is counted under: however it is spelt, as long as it means the same address."""
    return keys.digest("recovery-typed", channel, accounts.canonical(typed))


def ask(row: Journey, method: str, *, channel: str, typed: str, long: bool, now: datetime) -> Challenge:
    """Open (or continue) the asking by `method` for the typed address; the next code gets the next generation.

    `long`: it is to be a long one, and so are those after it. The tries already used stay used: typing another address
    buys no fresh luck. Runs in its caller's transaction.
    """
    meant = accounts.address(row.subject, channel, typed, now=now)
    digest = typed_digest(channel, typed)
    challenge = Challenge.objects.select_for_update().filter(journey=row, method=method).first()
    if challenge is None:
        challenge = Challenge(journey=row, method=method, created_at=now, long_since=1 if long else None)
        _point_at(challenge, meant, digest)
        challenge.save(force_insert=True)
        return challenge
    challenge.generation += 1
    if challenge.typed_digest != digest or not keys.knows(challenge.key_id):
        challenge.since = challenge.generation
        _point_at(challenge, meant, digest)
    _grow(challenge, long=long)
    challenge.save(update_fields=[*_POINTED_AT, "generation", "since", "long_since"])
    return challenge


def ask_again(row: Journey, method: str, *, long: bool) -> Challenge | None:
    """One more code to the same address. None if nothing was asked yet, or it is answered."""
    challenge = Challenge.objects.select_for_update().filter(journey=row, method=method, spent_at=None).first()
    if challenge is not None:
        challenge.generation += 1
        _make_anew(challenge)
        _grow(challenge, long=long)
        challenge.save(update_fields=["key_id", "generation", "since", "long_since"])
    return challenge


def newest(challenge: Challenge, policy: OtpPolicy) -> Sent | None:
    """The last code asked for, good or not. One query."""
    return otp.newest(challenge.id, policy, since=challenge.since)


def live(challenge: Challenge, policy: OtpPolicy, *, now: datetime) -> list[Sent]:
    """The codes that are good now: the last few, each until its own end. One query."""
    if not keys.knows(challenge.key_id):
        return []
    return otp.live(challenge.id, policy, since=challenge.since, now=now)


def try_answer(row: Journey, method: str, answer: str, policy: OtpPolicy, *, now: datetime) -> Tried | None:
    """Count a try, then compare. None if there is no try left, or nothing to answer."""
    challenge = challenges.count_try(row, method, tries=policy.tries)
    if challenge is None:
        return None
    codes = [
        code(challenge, row.subject, each.generation, digits=policy.digits) for each in live(challenge, policy, now=now)
    ]
    right = otp.matches(answer, codes)
    # A decoy's codes were sent to nobody, so no answer is right, not even the one that matches.
    right = right and challenge.address is not None and row.subject is not None
    return Tried(challenge=challenge, right=right, tries_left=max(0, policy.tries - challenge.tries_used))


_POINTED_AT = ("address", "address_version", "typed_digest", "nonce", "key_id")


def _make_anew(challenge: Challenge) -> None:
    """If the root key was retired: from the newest code on they are made with today's; those before are no codes."""
    if not keys.knows(challenge.key_id):
        challenge.key_id = keys.current_key_id()
        challenge.since = challenge.generation


def _grow(challenge: Challenge, *, long: bool) -> None:
    """From the newest code on they are long; none becomes shorter again within an asking."""
    if long and challenge.long_since is None:
        challenge.long_since = challenge.generation


def _point_at(challenge: Challenge, meant: accounts.AddressRef | None, digest: str) -> None:
    challenge.address = meant.id if meant else None
    challenge.address_version = meant.version if meant else 0
    challenge.typed_digest = digest
    challenge.nonce = secrets.token_bytes(16)
    challenge.key_id = keys.current_key_id()

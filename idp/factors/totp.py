"""Codes of an authenticator app (RFC 6238): the app and we share a key and the time, and both compute six digits.

The arithmetic is django-otp's (`django_otp.oath`). Nothing else of that package is used, and its app is not installed:
its devices keep their keys in clear, in rows that anybody with SQL access may write, while ours are encrypted, sealed
and have one writer; and its throttling doubles a pause on the device's row for every failure, for up to a hundred
years, so that whoever reaches the form could shut its owner out. Our limits are `tries`.

A code is good for its own time step and for the one before and after it (a clock that is slow, a person who is). The
*step* that was used is remembered, not the digits: the next code must be of a later one, however it is spelt.
"""

import json
import uuid
from base64 import b32decode, b32encode
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hmac import compare_digest
from secrets import token_bytes
from typing import Final, Self
from urllib.parse import quote, urlencode

import segno
import structlog
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django_otp.oath import hotp

from idp import keyring
from idp.factors import typed
from idp.models import Credential, Factor, User

log = structlog.get_logger(__name__)

STEP: Final = timedelta(seconds=30)
DIGITS: Final = 6
#: How many steps a code may be early or late.
_NEIGHBOURS: Final = 1
#: RFC 4226 4, R6 recommends 160 bits.
_SECRET_BYTES: Final = 20
_SECRET: Final = "totp-secret"
_PROPOSAL: Final = "totp-proposal"
#: How long somebody may take to scan a code and type another.
_PROPOSED_FOR: Final = timedelta(minutes=30)
#: What a code is compared with for an account that has no such key, so that it costs the same.
_NOBODYS: Final = bytes(_SECRET_BYTES)


# --- At sign-in -------------------------------------------------------------------------------------------


def read(answer: str) -> str | None:
    """The six digits that were typed, however they were spaced; None if it is no such code."""
    text = typed.compact(answer)
    return text if len(text) == DIGITS and text.isascii() and text.isdigit() else None


def is_right(factors: list[Credential], code: str, *, now: datetime) -> bool:
    """Whether `code` is one of these apps' and later than the last one used; then it is used from here on."""
    return use(factors, code, now=now) is not None


def use(factors: list[Credential], code: str, *, now: datetime) -> Credential | None:
    """As `is_right`; which app it was."""
    found = [_matching(factor, code, now=now) for factor in factors]
    if not factors:
        step_of(_NOBODYS, code, now=now)
    matching = zip(factors, found, strict=True)
    return next((factor for factor, step in matching if step is not None and _use(factor, step, now=now)), None)


def would_be_right(factors: list[Credential], code: str, *, now: datetime) -> bool:
    """What `is_right` would say, without using the code up; the same work."""
    found = [_matching(factor, code, now=now) for factor in factors]
    if not factors:
        step_of(_NOBODYS, code, now=now)
    used = (factor.factor.counter for factor in factors)
    return any(step is not None and step > last for step, last in zip(found, used, strict=True))


def step_of(secret: bytes, code: str, *, now: datetime) -> int | None:
    """The time step that `code` belongs to, if it is near enough; the same work whether it is or not."""
    current = int(now.timestamp()) // int(STEP.total_seconds())
    near = range(current - _NEIGHBOURS, current + _NEIGHBOURS + 1)
    # Compared one by one and all of them, so that time does not tell which.
    matching = [step for step in near if compare_digest(_code(secret, step), code)]
    return max(matching, default=None)


def _matching(factor: Credential, code: str, *, now: datetime) -> int | None:
    try:
        text = keyring.decrypt(_SECRET, factor.material, factor.pk.bytes, factor.user_id.bytes)
    except keyring.Tampered:
        # Its seal was right, so this is a root key that was taken from the list too early.
        log.exception("authenticator key unreadable", row=str(factor.pk))
        return None
    return step_of(_decoded(text), code, now=now)


def _use(factor: Credential, step: int, *, now: datetime) -> bool:
    """One UPDATE: of many requests that bring a code of this step, one is told yes."""
    later = Factor.objects.filter(pk=factor.pk, counter__lt=step)
    return bool(later.update(counter=step, last_used_at=now))


def _code(secret: bytes, step: int) -> str:
    return f"{hotp(secret, step, digits=DIGITS):0{DIGITS}}"


# --- Adding one -------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A key that was shown to its owner and that no code has confirmed yet."""

    secret: bytes = field(repr=False)
    #: The row that it will be. It can become that once.
    row: uuid.UUID
    until: datetime

    @classmethod
    def new(cls, *, now: datetime) -> Self:
        return cls(secret=token_bytes(_SECRET_BYTES), row=uuid.uuid4(), until=now + _PROPOSED_FOR)

    def sealed(self, holder: uuid.UUID, user: uuid.UUID) -> str:
        """What the page carries along: unreadable, and good for this account in this sign-in (or recovery) only."""
        text = json.dumps([spelt(self.secret), str(self.row), self.until.isoformat()])
        return keyring.encrypt(_PROPOSAL, text, holder.bytes, user.bytes)

    @classmethod
    def opened(cls, sealed: str, holder: uuid.UUID, user: uuid.UUID, *, now: datetime) -> Self | None:
        """What the page carried along; None if its time is over or it is not from here."""
        try:
            text = keyring.decrypt(_PROPOSAL, sealed, holder.bytes, user.bytes)
        except keyring.Tampered:
            return None
        secret, row, until = json.loads(text)
        proposal = cls(secret=_decoded(secret), row=uuid.UUID(row), until=datetime.fromisoformat(until))
        return proposal if now < proposal.until else None


def material(secret: bytes, *, row: uuid.UUID, user: uuid.UUID) -> str:
    """What the credential keeps of its key: encrypted, so that no other row can hold it."""
    return keyring.encrypt(_SECRET, spelt(secret), row.bytes, user.bytes)


def material_anew(credential: Credential) -> str:
    """The same key under the newest root key. Raises Tampered if it does not open."""
    return keyring.encrypted_anew(_SECRET, credential.material, credential.pk.bytes, credential.user_id.bytes)


def spelt(secret: bytes) -> str:
    """A key as apps take it: base 32, without padding where there would be any."""
    return b32encode(secret).decode().rstrip("=")


def uri(secret: bytes, user: User, *, issuer: str) -> str:
    """What a QR code says to an app. It is told neither length nor time: those are what every app assumes."""
    # A colon parts issuer and account.
    issuer, account = (text.replace(":", " ") for text in (issuer, user.label))
    return f"otpauth://totp/{quote(f'{issuer}:{account}')}?{urlencode({'secret': spelt(secret), 'issuer': issuer})}"


def qr_code(text: str, *, title: str) -> SafeString:
    """`text` as an SVG to stand in a page: black on white with its quiet zone, whatever the page's colours are."""
    drawn = segno.make(text, error="m", micro=False)
    colours = {"dark": "#000", "light": "#fff"}
    svg = drawn.svg_inline(border=4, **colours, svgclass="qr", lineclass=None, title=title, omitsize=True)
    return mark_safe(svg)  # noqa: S308 -- segno escapes the title; the rest is numbers


def drawn(secret: bytes, user: User, *, issuer: str) -> dict[str, object]:
    """How a page shows a key: to scan, to open, and to type."""
    text, words = uri(secret, user, issuer=issuer), spelt(secret)
    return {
        "uri": text,
        "qr_code": qr_code(text, title=_("QR code for your authenticator app")),
        "groups": [words[at : at + 4] for at in range(0, len(words), 4)],
    }


def _decoded(text: str) -> bytes:
    return b32decode(text + "=" * (-len(text) % 8))

"""The links in notices that stop everything: what they carry, and whether it is ours.

A link names the account, the event that its notice tells of, and when that was, under a seal that only we can make. It
is derived and not stored: a row for each notice would have to outlive the notice itself, and there would be nothing in
it that the link cannot say. Every address that is told of one event gets the same link. It is no credential: all it
can do is stop, so it may be used more than once, and nothing is lost if somebody else reads it too.
"""

import binascii
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings

from idp import keyring

PATH = "/recovery/stop/"
#: The name that the address gives it.
FIELD = "t"
#: How long after the event a link works.
LIFETIME = timedelta(hours=240)
_SEAL = "stop-link"
#: Account, event, seconds since 1970.
_FORM = struct.Struct(">16s16sQ")
#: Ours have about 110 characters; nobody has us decode more.
_LONGEST = 200


@dataclass(frozen=True, kw_only=True)
class StopLink:
    """Whose account, and which event its owner says was not theirs."""

    user: UUID
    event: UUID
    at: datetime

    @property
    def works_until(self) -> datetime:
        return self.at + LIFETIME

    @property
    def token(self) -> str:
        carried = _FORM.pack(self.user.bytes, self.event.bytes, int(self.at.timestamp()))
        return f"{urlsafe_b64encode(carried).rstrip(b'=').decode()}.{keyring.seal(_SEAL, carried)}"

    @property
    def url(self) -> str:
        return f"{settings.ISSUER}{PATH}?{urlencode({FIELD: self.token})}"


def read(token: str, *, now: datetime) -> StopLink | None:
    """The link of this token. None if it is not ours, or its time is over: nobody is told which."""
    written, _dot, seal = token.partition(".")
    if len(token) > _LONGEST or not token.isascii():
        return None
    try:
        carried = urlsafe_b64decode(written + "=" * (-len(written) % 4))
    except binascii.Error:
        return None
    if len(carried) != _FORM.size or not keyring.is_sealed(_SEAL, seal, carried):
        return None
    user, event, seconds = _FORM.unpack(carried)
    link = StopLink(user=UUID(bytes=user), event=UUID(bytes=event), at=datetime.fromtimestamp(seconds, UTC))
    return link if now < link.works_until else None

"""A second factor that was shown in a recovery a moment ago, and is not asked for again at the sign-in that follows.

A recovery signs nobody in: the password is typed all the same, and only then what was shown counts. It is a sealed
stamp in the browser that showed it, for one account, one credential as it was, five minutes, and one sign-in.
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from idp import keyring, throttle
from idp.accounts import credentials
from idp.conf import Limit
from idp.models import User

#: NIST SP 800-63B asks for both factors in one authentication; this is how far apart they may lie in it.
LIFETIME = timedelta(minutes=5)
_SEAL, _USED = "factor-shown", "factor-shown-used"
_ONCE = Limit(count=1, per=2 * LIFETIME)
_LONGEST = 300


def stamp(user: UUID, credential: UUID, version: int, *, shown_at: datetime) -> str:
    """What the browser keeps. To be given only where the factor was not all that was shown."""
    said = f"{user}.{credential}.{version}.{int(shown_at.timestamp())}"
    return f"{said}.{keyring.seal(_SEAL, said)}"


def spend(text: str, user: User, *, now: datetime) -> str | None:
    """The kind of factor that need not be asked for, once; None if the stamp is not ours, not theirs, or over."""
    parts = text.split(".", 4) if len(text) <= _LONGEST else []
    if len(parts) != 5 or not keyring.is_sealed(_SEAL, parts[4], ".".join(parts[:4])):  # noqa: PLR2004 -- four facts and a seal
        return None
    owner, credential, version, seconds = parts[:4]
    shown_at = datetime.fromtimestamp(int(seconds), UTC)
    if owner != str(user.pk) or not shown_at - LIFETIME < now < shown_at + LIFETIME:
        return None
    kept = {(str(each.pk), str(each.version)): each for each in credentials.factors_of(user)}
    found = kept.get((credential, version))
    if found is None or not throttle.count(_USED, _ONCE, keyring.fingerprint(text), now=now).allowed:
        return None
    return str(found.kind)

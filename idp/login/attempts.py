"""One try at a password: counted first, then judged; the same work whoever it is for.

Tries are slowed per account and network, then per account over all networks. The subject of a limit is the
account when there is one, so that two spellings do not have two budgets, and the typed name when there is none,
so that an unknown account is paused exactly like a known one.
"""

from dataclasses import dataclass
from datetime import datetime

import structlog

from idp import hashing, keyring, throttle
from idp.accounts import credentials, lookup
from idp.audit.events import Origin
from idp.conf import Policy
from idp.models import User
from idp.models.user import canonical

log = structlog.get_logger(__name__)

_PER_NETWORK = "sign-in-network"


@dataclass(frozen=True, kw_only=True)
class Right:
    user: User


@dataclass(frozen=True, kw_only=True)
class Wrong:
    #: How many more tries are allowed here; told only when they become few.
    tries_left: int | None


@dataclass(frozen=True, kw_only=True)
class Paused:
    until: datetime


_FEW = 3


@hashing.place()
def try_password(
    identifier: str,
    raw: str,
    *,
    origin: Origin,
    policy: Policy,
    now: datetime,
) -> Right | Wrong | Paused:
    """Count a try at `identifier` and say what it was. A paused account hashes nothing.

    Raises hashing.Busy instead, before anything is looked up or counted, if there is no place to hash.
    """
    found = lookup.find(identifier)
    subject: keyring.Part = found.user.pk.bytes if found.user else canonical(identifier)
    here = throttle.count(_PER_NETWORK, policy.sign_in_per_network, subject, origin.network, now=now)
    if not here.allowed:
        log.info("sign-in paused", network=origin.network)
        return Paused(until=here.resets_at)
    everywhere = throttle.count(throttle.SIGN_IN_ACCOUNT, policy.sign_in_per_account, subject, now=now)
    if not everywhere.allowed:
        log.warning("sign-in paused everywhere", alarm="guessing")
        return Paused(until=everywhere.resets_at)
    if credentials.verify_password(found.user, found.credential, raw, now=now) and found.user:
        if here.count > 1:
            throttle.clear(_PER_NETWORK, subject, origin.network)
        if everywhere.count > 1:
            throttle.clear(throttle.SIGN_IN_ACCOUNT, subject)
        return Right(user=found.user)
    log.info("sign-in failed", network=origin.network, known=found.user is not None)
    return Wrong(tries_left=here.left if here.left <= _FEW else None)

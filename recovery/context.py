"""What surrounds a request, made once, at the edge."""

from dataclasses import dataclass
from datetime import datetime

from idp.plugins import audit
from recovery.domain.policy import RecoveryPolicy


@dataclass(frozen=True, kw_only=True)
class Context:
    """The time, the tenant's numbers, and from where it comes. The clock is read nowhere else."""

    now: datetime
    policy: RecoveryPolicy
    origin: audit.Origin

"""What an account could prove itself by today, in the words of `domain.ways`. The same statements for nobody's."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from idp.plugins import accounts, factors
from recovery.domain import ways
from recovery.domain.ways import Plan, Standing

#: The methods by which second factors prove their owner, by the kind of credential.
METHODS: Mapping[str, str] = {
    factors.Kind.TOTP: ways.TOTP,
    factors.Kind.PASSKEY: ways.PASSKEY,
    factors.Kind.RECOVERY_CODES: ways.RECOVERY_CODE,
}


def of(subject: UUID | None, *, has_password: bool, now: datetime) -> Standing:
    """How the account stands at this moment."""
    held = frozenset(METHODS[kind] for kind in factors.held(subject))
    known = {ways.PASSWORD} if has_password else set()
    return Standing(
        administrator=accounts.is_administrator(subject),
        ways=held | accounts.channels(subject, now=now) | known,
        factors=ways.roots(held),
    )


def written(plan: Plan) -> dict[str, Any]:
    """A plan as a journey's row keeps it."""
    return {"ways": sorted(plan.ways), "needed": dict(plan.needed)}


def read(kept: Mapping[str, Any]) -> Plan:
    return Plan(ways=frozenset(kept.get("ways", ())), needed=kept.get("needed", {}))

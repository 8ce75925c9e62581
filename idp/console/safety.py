"""Whether enough administrators would get back in by themselves: nobody could let one in who lost everything."""

from datetime import datetime
from uuid import UUID

from idp.accounts import powers, roles
from idp.models import User
from idp.plugins import hooks


def ready(now: datetime) -> powers.Ready:
    """Whether an administrator would get back in, as plug-ins tell it. Where none does, each of them counts."""
    if not hooks.tells_ways_back():
        return lambda _user: True

    def is_ready(user: UUID) -> bool:
        return hooks.ways_back(user, now=now).suffice

    return is_ready


def ready_administrators(now: datetime) -> int:
    """How many there are. A few statements for each: there are few."""
    active = User.objects.filter(pk__in=roles.administrators(), status=User.Status.ACTIVE, frozen_at=None)
    return sum(map(ready(now), active.values_list("pk", flat=True)))

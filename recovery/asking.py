"""Asking people at sign-in for another way back, and whether their addresses still lead to them.

What is wanted says `domain.registration`; here the facts are read, and it is remembered what was put off. That is
counted by one UPDATE, so that many tabs together get no more.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F

from idp.plugins import accounts, audit, delivery, visitors
from idp.plugins.hooks import Glance
from idp.plugins.visitors import Own, Visitor
from recovery import standing
from recovery.context import Context
from recovery.domain.events import AddressesPutOff, WayBackPutOff
from recovery.domain.policy import RecoveryPolicy
from recovery.domain.registration import Asked, Doubt, Fault, is_due, missing, skips_left, still_in_doubt
from recovery.models import Asking


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is wanted of somebody, and what they have."""

    #: The methods of which they are to add one; empty if none is missing.
    missing: tuple[str, ...]
    #: The addresses they are to look at.
    doubts: tuple[Doubt, ...]
    #: Their addresses, and their other ways.
    addresses: tuple[Own, ...]
    ways: frozenset[str]
    #: How often they may put off adding one, and until when.
    skips_left: int
    until: datetime

    @property
    def anything(self) -> bool:
        return bool(self.missing or self.doubts)

    @property
    def may_wait(self) -> bool:
        """An old address shuts nobody out; a missing way does, in the end."""
        return not self.missing or self.skips_left > 0


def nothing_at_a_glance(glance: Glance, policy: RecoveryPolicy, *, now: datetime) -> bool:
    """Whether it shows at once that nothing is wanted: nearly always."""
    seen = {standing.METHODS[kind] for kind in glance.factors} | glance.channels
    due = glance.confirmed_at is not None and is_due(glance.confirmed_at, policy, now=now)
    return not (missing(seen, policy, administrator=glance.has_role) or glance.is_marked or due)


def wanted(user: UUID, policy: RecoveryPolicy, *, now: datetime) -> Wanted:
    """What is wanted of this account, looked at closely."""
    stands = standing.of(user, has_password=False, now=now)
    addresses = tuple(own for own in visitors.addresses(user, now=now) if own.told_until is None)
    coming = {own.channel for own in addresses if own.usable_from is not None}
    asked = _asked(user)
    return Wanted(
        missing=missing(stands.ways | coming, policy, administrator=stands.administrator),
        doubts=still_in_doubt(_doubts(user, addresses, policy, now=now), asked, now=now),
        addresses=addresses,
        ways=stands.ways | coming,
        skips_left=skips_left(asked, policy, now=now),
        until=(asked.since or now) + policy.skip_within,
    )


def begin(user: UUID, wants: Wanted, *, now: datetime) -> None:
    """Note that a way is asked for, from when on the time runs; or that none is any more, so that it starts anew."""
    if wants.missing:
        Asking.objects.get_or_create(user=user)
        Asking.objects.filter(user=user, since=None).update(since=now)
    else:
        Asking.objects.filter(user=user).exclude(since=None).update(since=None, skips_used=0)


def put_off(visitor: Visitor, wants: Wanted, *, context: Context) -> bool:
    """Let them go on without. False if they have put it off as often as they may."""
    with transaction.atomic():
        if wants.missing and not _skip(visitor.user, context):
            return False
        if not visitors.let_go(visitor):
            # Another tab did, and that was counted.
            transaction.set_rollback(True)
            return True
        if wants.missing:
            left = skips_left(_asked(visitor.user), context.policy, now=context.now)
            audit.record(WayBackPutOff(user=visitor.user, skips_left=left), origin=context.origin)
        if wants.doubts:
            Asking.objects.update_or_create(user=visitor.user, defaults={"put_off_at": context.now})
            about = tuple(doubt.address for doubt in wants.doubts)
            audit.record(AddressesPutOff(user=visitor.user, addresses=about), origin=context.origin)
    return True


def export(user: UUID) -> Iterator[dict[str, Any]]:
    """What is kept of having asked them."""
    for row in Asking.objects.filter(user=user):
        yield {"since": row.since, "put_off": row.skips_used, "addresses_put_off_at": row.put_off_at}


def sweep() -> int:
    """Remove what is known of accounts that are gone. Returns how many."""
    return Asking.objects.exclude(user__in=accounts.everybody()).delete()[0]


# --- How --------------------------------------------------------------------------------------------------


def _asked(user: UUID) -> Asked:
    row = Asking.objects.filter(user=user).first()
    return Asked(since=row.since, skips_used=row.skips_used, put_off_at=row.put_off_at) if row else Asked()


def _skip(user: UUID, context: Context) -> bool:
    numbers = context.policy
    may = Asking.objects.filter(user=user, skips_used__lt=numbers.skips, since__gt=context.now - numbers.skip_within)
    return bool(may.update(skips_used=F("skips_used") + 1))


def _doubts(user: UUID, addresses: tuple[Own, ...], policy: RecoveryPolicy, *, now: datetime) -> list[Doubt]:
    """Of addresses that a code can be sent to now; in quarantine nobody asks."""
    marks = {mark.address: mark for mark in accounts.marks(user)}
    found = []
    for own in addresses:
        if own.channel not in delivery.channels() or own.channel not in policy.methods:
            continue
        if mark := marks.get(own.id):
            found.append(Doubt(address=own.id, fault=Fault(mark.fault), since=mark.since))
        elif is_due(own.confirmed_at, policy, now=now):
            since = own.confirmed_at + policy.reconfirm_after
            found.append(Doubt(address=own.id, fault=Fault.OLD, since=since))
    return found

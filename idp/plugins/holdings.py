"""What accounts hold that recovery could ask for, counted over all of them: for those who look after an installation.

Counted by the database, and grouped by what is held together, so that a plug-in judges a few dozen combinations
whether there are ten accounts or a million. A database cannot check a seal: a row that was written past the program
counts here, and is refused where somebody uses it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection
from django.db.models import Case, Count, F, IntegerField, Q, QuerySet, Value, When

from idp.accounts import roles
from idp.factors import recovery_codes
from idp.models import Credential, RecoveryAddress, SpentCode, User

_CHANNELS: Final = tuple(RecoveryAddress.Channel)
_FACTORS: Final = (Credential.Kind.TOTP, Credential.Kind.PASSKEY, Credential.Kind.RECOVERY_CODES)
#: Nobody gets into an account that its owner froze, until that is over.
_ACTIVE: Final = Q(status=User.Status.ACTIVE, frozen_at=None)
#: What an account holds together is a number, with a bit for each.
_BITS: Final = {name: 1 << place for place, name in enumerate((*_CHANNELS, *_FACTORS))}


@dataclass(frozen=True, kw_only=True)
class Holding:
    """So many active accounts that could use exactly these channels and kinds of factors today."""

    channels: frozenset[str]
    factors: frozenset[str]
    accounts: int


def of_everybody(*, now: datetime) -> list[Holding]:
    """Every active account, administrators among them. Two statements."""
    return _grouped(_active(), Q(), now=now)


def of_administrators(*, now: datetime) -> list[Holding]:
    """The active accounts among those whose role bears our seal. Three statements."""
    who = roles.administrators()
    if not who:
        return []
    return _grouped(_active().filter(pk__in=who), Q(user__in=who), now=now)


def _active() -> QuerySet[User]:
    return User.objects.filter(_ACTIVE)


def _grouped(accounts: QuerySet[User], theirs: Q, *, now: datetime) -> list[Holding]:
    # Few accounts are not active: to know those takes less than to look each of the others up.
    theirs &= ~Q(user__in=User.objects.exclude(_ACTIVE).values("pk"))
    found = _combinations(_addresses(now).filter(theirs), _credentials().filter(theirs))
    found[0] = accounts.count() - sum(found.values())
    return [
        Holding(
            channels=frozenset(str(channel) for channel in _CHANNELS if held & _BITS[channel]),
            factors=frozenset(str(kind) for kind in _FACTORS if held & _BITS[kind]),
            accounts=number,
        )
        for held, number in sorted(found.items())
        if number > 0
    ]


def _combinations(addresses: QuerySet[RecoveryAddress], credentials: QuerySet[Credential]) -> dict[int, int]:
    """What is held together, and by how many. Each table is read once; going from account to account takes longer."""
    held = [
        addresses.annotate(owner=F("user"), bit=_bit("channel", _CHANNELS)).values("owner", "bit"),
        credentials.annotate(owner=F("user"), bit=_bit("kind", _FACTORS)).values("owner", "bit"),
    ]
    every, values = held[0].union(held[1], all=True).query.sql_with_params()
    together = " + ".join(f"MAX(bit & {bit})" for bit in _BITS.values())
    of_each = f"SELECT {together} AS bits FROM ({every}) AS held GROUP BY owner"  # noqa: S608 -- all ours
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT bits, COUNT(*) FROM ({of_each}) AS each_one GROUP BY bits", values)  # noqa: S608
        return dict(cursor.fetchall())


def _bit(field: str, names: Iterable[str]) -> Case:
    cases = [When(**{field: name}, then=Value(_BITS[name])) for name in names]
    return Case(*cases, default=Value(0), output_field=IntegerField())


def _addresses(now: datetime) -> QuerySet[RecoveryAddress]:
    """As `accounts.channels`: out of quarantine, and not taken out."""
    return RecoveryAddress.objects.filter(Q(usable_from=None) | Q(usable_from__lte=now), told_until=None)


def _credentials() -> QuerySet[Credential]:
    """As `factors.held`: not removed, and of saved codes not all used."""
    return Credential.objects.filter(kind__in=_FACTORS).exclude(material="").exclude(pk__in=_used_up())


def _used_up() -> QuerySet[SpentCode, int]:
    """The sets of saved codes of which none is left."""
    spent = SpentCode.objects.filter(version=F("credential__version")).values("credential")
    return spent.annotate(count=Count("pk")).filter(count__gte=recovery_codes.HOW_MANY).values("credential")

"""What one look at an account tells of its ways back: enough to know, nearly always, that nothing has to be asked.

It rides along with the statement that finds a waiting request, so that a sign-in takes none more for it; its words are
written by hand because Django takes longer to write them than a database to answer. Nothing is opened and no seal is
looked at: whoever finds something missing looks closer before they say so.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import BooleanField, DateTimeField
from django.db.models.expressions import RawSQL

from idp.models import Credential, RecoveryAddress, User


@dataclass(frozen=True, kw_only=True)
class Glance:
    """Rows that are there. Whether they are genuine, and can be used today, is another question."""

    #: The channels of recovery addresses, those in quarantine included.
    channels: frozenset[str]
    #: The kinds of second factors; not saved codes, which may be used up.
    factors: frozenset[str]
    #: Whether there is a role that has not ended.
    has_role: bool
    #: Whether a provider said that something is wrong with an address.
    is_marked: bool
    #: When the address was confirmed that nobody confirmed for the longest time; None if there is none.
    confirmed_at: datetime | None


#: The column of the account beside which the glance is asked for.
OF_USER: Final = "idp_user.id"
OF_SIGN_IN: Final = "idp_signin.user_id"

_CHANNELS: Final = (RecoveryAddress.Channel.EMAIL, RecoveryAddress.Channel.SMS)
_FACTORS: Final = (Credential.Kind.TOTP, Credential.Kind.PASSKEY)
#: What is asked, of the account `{user}`. Nothing in it comes from outside.
_ADDRESS: Final = (
    "EXISTS (SELECT 1 FROM idp_recoveryaddress WHERE user_id = {user} AND channel = '%s' AND told_until IS NULL)"
)
_FACTOR: Final = "EXISTS (SELECT 1 FROM idp_credential WHERE user_id = {user} AND kind = '%s' AND material <> '')"
_MARKED: Final = (
    "EXISTS (SELECT 1 FROM idp_addressmark m JOIN idp_recoveryaddress a ON a.id = m.address_id"
    " WHERE a.user_id = {user} AND a.told_until IS NULL)"
)
_ROLE: Final = "EXISTS (SELECT 1 FROM idp_role WHERE user_id = {user} AND ended_at IS NULL)"
_CONFIRMED_AT: Final = (
    "SELECT MIN(COALESCE(n.confirmed_at, a.changed_at)) FROM idp_recoveryaddress a"
    " LEFT JOIN idp_addressnote n ON n.address_id = a.id WHERE a.user_id = {user} AND a.told_until IS NULL"
)
_WHETHER: Final[dict[str, str]] = {
    **{channel: _ADDRESS % channel for channel in _CHANNELS},
    **{kind: _FACTOR % kind for kind in _FACTORS},
    "marked": _MARKED,
    "role": _ROLE,
}


def beside(user: str) -> dict[str, RawSQL]:
    """What to ask for beside a row that leads to an account; `read` understands the answer."""
    asked = {name: RawSQL(sql.format(user=user), (), BooleanField()) for name, sql in _WHETHER.items()}  # noqa: S611
    asked["confirmed_at"] = RawSQL(_CONFIRMED_AT.format(user=user), (), DateTimeField())  # noqa: S611
    return {f"glance_{name}": expression for name, expression in asked.items()}


def read(row: object) -> Glance | None:
    """The glance that came with a row; None if it was not asked for."""
    return _read(row) if hasattr(row, "glance_marked") else None


def of(user: UUID) -> Glance:
    """The glance by itself: one statement."""
    return _read(User.objects.annotate(**beside(OF_USER)).get(pk=user))


def _read(row: object) -> Glance:
    def told(name: str) -> Any:
        return getattr(row, f"glance_{name}")

    return Glance(
        channels=frozenset(channel for channel in _CHANNELS if told(channel)),
        factors=frozenset(kind for kind in _FACTORS if told(kind)),
        has_role=told("role"),
        is_marked=told("marked"),
        confirmed_at=told("confirmed_at"),
    )

"""Every account there is, a page at a time, in the order of user names: for those who administer them.

Pages are found by where the last one ended (keyset), and a search is a range of an index: nothing is counted and
nothing is skipped, so a page of a million accounts costs what one of a hundred does.

A prefix is looked for in user names and in e-mail addresses, each in its own index; what both find is merged by the key
that was found. An account that has the prefix in both stands where its user name does.
"""

import re
from dataclasses import dataclass
from enum import IntEnum
from uuid import UUID

from django.db.models import QuerySet

from idp.accounts.lookup import LONGEST
from idp.models import User
from idp.models.user import canonical

#: What comes after every text that begins alike: the last character there is.
_LAST = "\U0010ffff"
_MARK = re.compile(r"(?P<by>name|email)-(?P<account>[0-9a-f]{32})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class _By(IntEnum):
    """By which key an account was found, in the order in which equal keys stand."""

    NAME = 0
    EMAIL = 1


_COLUMNS = {_By.NAME: "username_key", _By.EMAIL: "email_key"}


@dataclass(frozen=True, kw_only=True)
class Mark:
    """Where a page ended. It names the account and not the key, so that no address of somebody stands in an URL."""

    by: int
    account: UUID

    def __str__(self) -> str:
        return f"{_By(self.by).name.lower()}-{self.account.hex}"


@dataclass(frozen=True, kw_only=True)
class Page:
    """Some accounts, and where the next page begins; None if this is the last one."""

    accounts: tuple[User, ...]
    following: Mark | None


def read_mark(text: str) -> Mark | None:
    """A mark as `str` writes it; None for anything else."""
    found = _MARK.fullmatch(text)
    return Mark(by=_By[found["by"].upper()], account=UUID(found["account"])) if found else None


def page(*, prefix: str = "", status: User.Status | None = None, after: Mark | None = None, size: int) -> Page:
    """At most `size` accounts, in three queries. Deleted ones, which have no name, are shown if they are asked for.

    A mark of an account that is not there any more is the beginning.
    """
    key = canonical(prefix)
    if _CONTROL.search(key) or len(key) > LONGEST:
        return Page(accounts=(), following=None)
    start = _start(after)
    found = [(user.username_key, _By.NAME, user) for user in _found(_By.NAME, key, status, start)[: size + 1]]
    if key:
        found += [(user.email_key or "", _By.EMAIL, user) for user in _found(_By.EMAIL, key, status, start)[: size + 1]]
        # Both databases order by bytes, as Python does by code points: of UTF-8 that is the same.
        found.sort(key=lambda row: row[:2])
    more, found = len(found) > size, found[:size]
    return Page(
        accounts=tuple(user for _key, by, user in found if by is _By.NAME or not user.username_key.startswith(key)),
        following=Mark(by=found[-1][1], account=found[-1][2].pk) if more else None,
    )


def _start(after: Mark | None) -> tuple[str, _By] | None:
    if after is None:
        return None
    by = _By(after.by)
    key = User.objects.filter(pk=after.account).values_list(_COLUMNS[by], flat=True).first()
    return (key, by) if key is not None else None


def _found(by: _By, key: str, status: User.Status | None, start: tuple[str, _By] | None) -> QuerySet[User]:
    """The accounts whose key of this kind begins so, in its order, after `start`."""
    column = _COLUMNS[by]
    rows = User.objects.exclude(status=User.Status.DELETED) if status is None else User.objects.filter(status=status)
    if key:
        rows = rows.filter(**{f"{column}__gte": key, f"{column}__lt": key + _LAST})
    if start:
        started, started_by = start
        rows = rows.filter(**{f"{column}__gte" if by > started_by else f"{column}__gt": started})
    return rows.order_by(column)

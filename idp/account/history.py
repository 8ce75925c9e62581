"""What happened to one account, newest first: entries of the audit and sign-ins, merged, a page at a time.

Pages are found by where the last one ended (keyset), not by counting rows off: a page costs the same however far back
it is, and nothing shifts when something happens meanwhile.
"""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from idp.account import sentences
from idp.models import AuditEntry, Client, SignIn
from idp.plugins.hooks import About

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Of what happened at the same moment, the sign-in stands below what it led to.
_SIGN_IN, _ENTRY = 0, 1
_MARK = re.compile(r"(?P<micros>[0-9]{1,17})-(?:0-(?P<sign_in>[0-9a-f]{32})|1-(?P<sequence>[0-9]{1,18}))")


@dataclass(frozen=True, kw_only=True, order=True)
class Mark:
    """A place in the history. Ordered as time is."""

    at: datetime
    source: int
    sequence: int = 0
    sign_in: str = ""

    def __str__(self) -> str:
        micros = (self.at - _EPOCH) // timedelta(microseconds=1)
        return f"{micros}-{self.source}-{self.sequence if self.source == _ENTRY else self.sign_in}"


@dataclass(frozen=True, kw_only=True)
class Happening:
    """One line of the history."""

    mark: Mark
    at: datetime
    sentence: str
    alarming: bool
    device: str
    network: str
    place: str


@dataclass(frozen=True, kw_only=True)
class Page:
    """Some lines, newest first, and where the neighbouring pages begin; None if there is none."""

    lines: tuple[Happening, ...]
    older: Mark | None
    newer: Mark | None


def read_mark(text: str) -> Mark | None:
    """A mark as `str` writes it; None for anything else."""
    found = _MARK.fullmatch(text)
    if found is None:
        return None
    try:
        at = _EPOCH + timedelta(microseconds=int(found["micros"]))
    except OverflowError:
        return None
    if found["sequence"] is not None:
        return Mark(at=at, source=_ENTRY, sequence=int(found["sequence"]))
    return Mark(at=at, source=_SIGN_IN, sign_in=found["sign_in"])


def page(
    user_id: uuid.UUID,
    *,
    size: int,
    about: About | None = None,
    before: Mark | None = None,
    after: Mark | None = None,
) -> Page:
    """The `size` lines before a mark, or after one, or the newest. Three queries at the most."""
    ascending = after is not None
    mark = after if ascending else before
    rows: list[AuditEntry | SignIn] = [
        *_entries(user_id, about, mark, ascending=ascending)[: size + 1],
        *_sign_ins(user_id, about, mark, ascending=ascending)[: size + 1],
    ]
    rows.sort(key=mark_of, reverse=not ascending)
    more, rows = len(rows) > size, rows[:size]
    if ascending:
        rows.reverse()
    if not rows:
        return Page(lines=(), older=None, newer=None)
    first, last = mark_of(rows[0]), mark_of(rows[-1])
    beyond = more if ascending else mark is not None
    return Page(
        lines=tuple(_told(rows)),
        older=last if (ascending or more) else None,
        newer=first if beyond else None,
    )


def mark_of(row: AuditEntry | SignIn) -> Mark:
    """Where this row stands in the history."""
    if isinstance(row, SignIn):
        return Mark(at=row.authenticated_at, source=_SIGN_IN, sign_in=row.pk.hex)
    return Mark(at=row.at, source=_ENTRY, sequence=row.sequence)


def _entries(user_id: uuid.UUID, about: About | None, mark: Mark | None, *, ascending: bool) -> Any:
    rows = AuditEntry.objects.filter(user=user_id)
    if about is not None:
        rows = rows.filter(name__in=sentences.names_about(about))
    if mark is not None:
        rows = rows.filter(_beyond("at", "sequence", mark, _ENTRY, mark.sequence, ascending=ascending))
    return rows.order_by("at", "sequence") if ascending else rows.order_by("-at", "-sequence")


def _sign_ins(user_id: uuid.UUID, about: About | None, mark: Mark | None, *, ascending: bool) -> Any:
    if about not in (None, About.SIGNING_IN):
        return []
    rows = SignIn.objects.filter(user=user_id)
    if mark is not None:
        key = uuid.UUID(mark.sign_in) if mark.sign_in else None
        rows = rows.filter(_beyond("authenticated_at", "pk", mark, _SIGN_IN, key, ascending=ascending))
    return rows.order_by("authenticated_at", "pk") if ascending else rows.order_by("-authenticated_at", "-pk")


def _beyond(time: str, key: str, mark: Mark, source: int, at_key: Any, *, ascending: bool) -> Q:
    """Rows of one source that lie past the mark, the way we are going."""
    way = "gt" if ascending else "lt"
    past = Q(**{f"{time}__{way}": mark.at})
    if mark.source == source:
        return past | Q(**{time: mark.at, f"{key}__{way}": at_key})
    # Of the same moment, all of the other source lie on one side of it.
    return past | Q(**{time: mark.at}) if (source > mark.source) == ascending else past


def _told(rows: list[AuditEntry | SignIn]) -> list[Happening]:
    names = application_names(row.details for row in rows if isinstance(row, AuditEntry))
    return [told(row, names) for row in rows]


def told(row: AuditEntry | SignIn, names: Mapping[str, str]) -> Happening:
    """The row in words. `names` are those of applications, by client id."""
    if isinstance(row, SignIn):
        return Happening(
            mark=mark_of(row),
            at=row.authenticated_at,
            sentence=signed_in(row.amr),
            alarming=False,
            device=row.device,
            network=row.network,
            place=row.place,
        )
    fields = row.details
    if "client_id" in fields:
        fields = fields | {"application": names.get(fields["client_id"], "")}
    return Happening(
        mark=mark_of(row),
        at=row.at,
        sentence=sentences.of(row.name, fields),
        alarming=sentences.is_alarming(row.name),
        device=row.origin.get("device", ""),
        network=row.origin.get("network", ""),
        place=row.origin.get("place", ""),
    )


def application_names(details: Any) -> dict[str, str]:
    """The names of the applications that entries tell of; one query if there are any."""
    ids = {fields["client_id"] for fields in details if "client_id" in fields}
    return dict(Client.objects.filter(client_id__in=ids).values_list("client_id", "client_name")) if ids else {}


def signed_in(amr: list[str]) -> str:
    """A sign-in by what was shown (RFC 8176)."""
    if "pop" in amr:
        if "pwd" in amr:
            return _("Signed in with your password and a passkey")
        return _("Signed in with a passkey")
    if "otp" in amr:
        return _("Signed in with your password and an authenticator app")
    if "mfa" in amr:
        return _("Signed in with your password and a recovery code")
    return _("Signed in with your password")

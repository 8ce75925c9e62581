"""`/console/people/`: who has an account here, found by the beginning of a user name or an e-mail address."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from idp.account.wording import when
from idp.accounts import directory
from idp.console import frame, naming, wording
from idp.console.door import administrator
from idp.models import SignIn, User

_SIZE = 25


@dataclass(frozen=True, kw_only=True)
class Row:
    """One person. Of addresses the list says nothing."""

    url: str
    called: str
    username: str
    status: wording.Tag
    is_frozen: bool
    last_sign_in: str


@require_safe
@administrator
def people(request: HttpRequest, here: SignIn) -> HttpResponse:
    """A page of the list. What stands in the address and cannot be read is the beginning."""
    now = timezone.now()
    prefix, status = request.GET.get("q", "").strip(), _status(request.GET.get("status", ""))
    after = directory.read_mark(request.GET.get("after", ""))
    found = directory.page(prefix=prefix, status=status, after=after, size=_SIZE)
    context = {
        "rows": _rows(found.accounts, now=now),
        "prefix": prefix[: directory.LONGEST],
        "status": status or "",
        "statuses": [(each.value, wording.status(each).label) for each in User.Status],
        "next_url": _url(prefix, status, found.following) if found.following else "",
        "first_url": _url(prefix, status) if after else "",
    }
    return frame.show(request, here, "idp/console/people.html", context)


def _status(text: str) -> User.Status | None:
    return User.Status(text) if text in User.Status.values else None


def _rows(accounts: Iterable[User], *, now: datetime) -> list[Row]:
    accounts = list(accounts)
    seen = _last_sign_ins(user.pk for user in accounts)
    return [
        Row(
            url=naming.url(user.pk),
            called=naming.called(user),
            username="" if user.status == User.Status.DELETED else user.preferred_username,
            status=wording.status(User.Status(user.status)),
            is_frozen=user.frozen_at is not None,
            last_sign_in=when(seen[user.pk], now=now) if user.pk in seen else _("Not lately"),
        )
        for user in accounts
    ]


def _last_sign_ins(users: Iterable[UUID]) -> dict[UUID, datetime]:
    """When each of them last signed in, as far as that is kept; one query."""
    rows = SignIn.objects.filter(user__in=list(users)).values("user").annotate(last=Max("authenticated_at"))
    return dict(rows.values_list("user", "last"))


def _url(prefix: str, status: User.Status | None, after: directory.Mark | None = None) -> str:
    query = {"q": prefix, "status": status or "", "after": str(after) if after else ""}
    said = urlencode({name: value for name, value in query.items() if value})
    return f"{frame.PEOPLE}?{said}" if said else frame.PEOPLE

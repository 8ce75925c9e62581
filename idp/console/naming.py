"""What accounts are called where administrators read of them. Never an address, unless it is somebody's user name."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _

from idp.console.frame import PEOPLE
from idp.models import User


@dataclass(frozen=True, kw_only=True)
class Named:
    """A link to somebody's page."""

    label: str
    url: str


def url(user: UUID) -> str:
    return f"{PEOPLE}{user}/"


def names(users: Iterable[UUID | None]) -> Mapping[UUID, Named]:
    """Each of these accounts that there is; one query."""
    wanted = {user for user in users if user}
    found = User.objects.filter(pk__in=wanted).only("name", "preferred_username", "status") if wanted else ()
    return {user.pk: Named(label=called(user), url=url(user.pk)) for user in found}


def called(user: User) -> str:
    """A deleted account has no name any more."""
    return _("a deleted account") if user.status == User.Status.DELETED else user.called

"""What every page of the console says until it is over: that something happened which everybody should know of."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils.translation import gettext as _

from idp.accounts import break_glass
from idp.audit import export
from idp.console import wording


@dataclass(frozen=True, kw_only=True)
class Banner:
    """A heading, and what to do about it."""

    id: str
    heading: str
    text: str


def banners(now: datetime) -> list[Banner]:
    """The gravest first. One query, and one more where the audit goes to a second place."""
    found = []
    if used := break_glass.last_used(now=now):
        found.append(
            Banner(
                id="break-glass",
                heading=_("An administrator was invited with the emergency key on %(date)s")
                % {"date": wording.day(used)},
                text=_(
                    "Somebody with both halves of it did so on the server. If that was not agreed among you, cancel "
                    "the invitation or suspend the account, and have the server examined. The history says which it is."
                ),
            )
        )
    if settings.AUDIT_EXPORT and export.faults(now):
        found.append(
            Banner(
                id="audit-behind",
                heading=_("The history does not reach its second place"),
                text=_(
                    "Entries wait here and are sent later; nobody's sign-in depends on it. Ask whoever runs the "
                    "server: its log says which place it is, and why."
                ),
            )
        )
    return found

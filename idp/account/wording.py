"""What several account pages say alike: when, from where, which kind of address."""

from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from idp.models import RecoveryAddress


def when(at: datetime, *, now: datetime) -> str:
    """As in "Today 14:33", or "Yesterday 09:12", or the date with its time."""
    local, today = timezone.localtime(at), timezone.localtime(now).date()
    time = f"{local:%H:%M}"
    if local.date() == today:
        return _("Today %(time)s") % {"time": time}
    if local.date() == today - timedelta(days=1):
        return _("Yesterday %(time)s") % {"time": time}
    return date_format(local, pgettext("date format", "j F Y, H:i"))


def day(at: datetime) -> str:
    """The date, in the page's language."""
    return date_format(timezone.localtime(at), pgettext("date format", "j F Y"))


def device(label: str) -> str:
    """A browser as its owner recognises it."""
    return label or _("Unknown browser")


def place(where: str) -> str:
    """Roughly where; empty if it is not known."""
    return _("Near %(place)s") % {"place": where} if where else ""


def channel(name: str) -> str:
    """A kind of address, as a heading of its row."""
    return _("Email") if name == RecoveryAddress.Channel.EMAIL else _("Phone")

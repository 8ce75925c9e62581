"""What several account pages say alike: when, from where, which kind of address."""

from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from idp.accounts.marks import Mark
from idp.models import AddressMark, RecoveryAddress


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


def marked(mark: Mark) -> str:
    """What is wrong with an address, to its owner."""
    by_mail, unwanted = mark.channel == RecoveryAddress.Channel.EMAIL, mark.fault == AddressMark.Fault.COMPLAINED
    if by_mail and unwanted:
        said = _("On %(day)s your mail provider told us that our mail to this address was called junk.")
    elif by_mail:
        said = _("Mail to this address came back on %(day)s.")
    elif unwanted:
        said = _("On %(day)s this number refused text messages from us.")
    else:
        said = _("A text message did not reach this number on %(day)s.")
    return said % {"day": day(mark.since)}

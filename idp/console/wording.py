"""What the record names, as people say it: queues, channels, caps, faults, times, statuses."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from idp.accounts.invitations import Refusal
from idp.accounts.logouts import QUEUE as SIGN_OUTS
from idp.models import RecoveryAddress, User
from idp.traffic import Fault

_SECONDS_EXACTLY, _IN_SECONDS, _IN_MINUTES = timedelta(seconds=10), timedelta(minutes=2), timedelta(hours=2)


def queue(name: str) -> str:
    """What goes by this queue."""
    return {"otp": _("Codes"), SIGN_OUTS: _("Sign-outs"), "notice": _("Notices")}.get(name, name)


def channel(name: str) -> str:
    """By what something goes."""
    return _("Text message") if name == RecoveryAddress.Channel.SMS else _("Email")


def carried_by(queue_name: str, channel_name: str) -> str:
    """By what a message goes: sign-outs go to applications, whatever stands in their row."""
    return _("To applications") if queue_name == SIGN_OUTS else channel(channel_name)


def cap(name: str) -> str:
    """What a cap is about. Its own name, if it is new to us."""
    _channel, _hyphen, rest = name.partition("-")
    return {
        "email-budget": _("All email together, in an hour"),
        "sms-budget": _("All text messages together, in a day"),
        "messages-account-day": _("About one account, in a day"),
        "sms-block-hour": _("To one block of numbers, in an hour"),
    }.get(name) or {
        "asked-network": _("Asked for from one network, in an hour"),
        "asked-hour": _("Asked for, to one address in an hour"),
        "asked-day": _("Asked for, to one address in a day"),
        "address-hour": _("To one address of several accounts, in an hour"),
        "address-day": _("To one address of several accounts, in a day"),
    }.get(rest, name)


def fault(found: Fault) -> str:
    """Why messages of a queue do not go out."""
    which = queue(found.queue)
    if found.overdue is None:
        return _("%(queue)s: for a minute no provider has taken any, and some wait.") % {"queue": which}
    said = {"queue": which, "age": duration(found.overdue)}
    return _("%(queue)s: one has been due for %(age)s, and no worker takes it.") % said


def duration(length: timedelta) -> str:
    """As exact as anybody wants to know it."""
    seconds = length.total_seconds()
    if length < _SECONDS_EXACTLY:
        return _("%(number)s s") % {"number": number_format(round(seconds, 1), 1)}
    if length < _IN_SECONDS:
        return _("%(number)s s") % {"number": round(seconds)}
    if length < _IN_MINUTES:
        return _("%(number)s min") % {"number": round(seconds / 60)}
    return _("%(number)s h") % {"number": round(seconds / 3600)}


def count(number: int) -> str:
    """In groups of three digits: of accounts there may be many."""
    return str(number_format(number, force_grouping=True))


def time(at: datetime) -> str:
    """Hours and minutes: everything on these pages is of the last day."""
    return f"{timezone.localtime(at):%H:%M}"


def day(at: datetime) -> str:
    """A date, written out."""
    return date_format(timezone.localtime(at), pgettext("date format", "j F Y"))


def hour(begins: datetime, *, now: datetime) -> str:
    """As `time`, where the same hour of yesterday stands beside it."""
    is_today = timezone.localtime(begins).date() == timezone.localtime(now).date()
    said = {"time": time(begins)}
    return _("Today %(time)s") % said if is_today else _("Yesterday %(time)s") % said


@dataclass(frozen=True, kw_only=True)
class Tag:
    """A word and how it looks: `ok`, `warn` or empty."""

    label: str
    tone: str = ""


def status(of: User.Status) -> Tag:
    """What an account is."""
    return {
        User.Status.INVITED: Tag(label=_("Invited")),
        User.Status.ACTIVE: Tag(label=_("Active"), tone="ok"),
        User.Status.SUSPENDED: Tag(label=_("Suspended"), tone="warn"),
        User.Status.STOPPED: Tag(label=_("Stopped by its owner"), tone="warn"),
        User.Status.FROZEN: Tag(label=_("Stopped: a seal is wrong"), tone="warn"),
        User.Status.DELETED: Tag(label=_("Deleted")),
    }[of]


def not_invited(refusal: Refusal) -> str:
    """Why somebody was not invited, to an administrator."""
    return {
        Refusal.NO_ADDRESS: _("This is not an email address"),
        Refusal.UNFIT: _("The address, user name or name is too long, or has characters that none has"),
        Refusal.TAKEN: _("Somebody has an account with this address or user name"),
        Refusal.INVITED: _("This address is invited already"),
        Refusal.BURIED: _("This was the address or user name of a deleted account, and is not given again"),
    }[refusal]

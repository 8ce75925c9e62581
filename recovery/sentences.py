"""What a recovery's entries in the history say to the owner of the account. See `idp.plugins.hooks.Telling`."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from idp.plugins.hooks import About, Telling
from recovery.domain import events

Fields = Mapping[str, Any]


def _failed(fields: Fields) -> str:
    left = int(fields.get("tries_left", 0))
    if not left:
        return _("A wrong code was typed in a recovery, and it ended")
    return ngettext(
        "A wrong code was typed in a recovery; %(n)d more try was left",
        "A wrong code was typed in a recovery; %(n)d more tries were left",
        left,
    ) % {"n": left}


def _issued(fields: Fields) -> str:
    if int(fields.get("generation", 1)) > 1:
        return _("Another code for a recovery was sent to you")
    return _("A code for a recovery was sent to you")


def _put_off(fields: Fields) -> str:
    left = int(fields.get("skips_left", 0))
    if not left:
        return _("You put off adding another way back in, for the last time")
    return ngettext(
        "You put off adding another way back in; that can be done %(n)d more time",
        "You put off adding another way back in; that can be done %(n)d more times",
        left,
    ) % {"n": left}


TELLINGS = {
    events.PolicyApplied.name: Telling(
        about=About.RECOVERY,
        say=lambda _fields: _("The numbers of recovery that hold from here on were written down"),
    ),
    events.PolicyLooseningAnnounced.name: Telling(
        about=About.RECOVERY,
        say=lambda _fields: _("It was announced that recovery will ask for less"),
    ),
    events.RecoveryStarted.name: Telling(
        about=About.RECOVERY,
        say=lambda _fields: _("Somebody began to recover your account"),
    ),
    events.ActivationBegun.name: Telling(
        about=About.RECOVERY,
        say=lambda _fields: _("Somebody opened the link of your invitation"),
    ),
    events.UsernamesAsked.name: Telling(
        about=About.RECOVERY,
        say=lambda _fields: _("Your user name was sent to one of your addresses"),
    ),
    events.ChallengeIssued.name: Telling(about=About.RECOVERY, say=_issued),
    events.ChallengeFailed.name: Telling(about=About.RECOVERY, say=_failed, alarming=True),
    events.ChallengePassed.name: Telling(
        about=About.RECOVERY,
        say=lambda _fields: _("A right code was typed in a recovery"),
    ),
    events.RecoveryThrottled.name: Telling(
        about=About.RECOVERY,
        say=lambda _fields: _("Too many codes were asked for, so recovery had to wait"),
        alarming=True,
    ),
    events.AccountUnlocked.name: Telling(
        about=About.RECOVERY,
        say=lambda _fields: _("A recovery opened your account again and kept your password"),
    ),
    events.FactorReplaced.name: Telling(
        about=About.RECOVERY,
        say=lambda _fields: _("A recovery gave your account another second factor and kept your password"),
    ),
    events.WayBackPutOff.name: Telling(about=About.RECOVERY, say=_put_off),
    events.AddressesPutOff.name: Telling(
        about=About.RECOVERY,
        say=lambda _fields: _("You put off looking at addresses that may not reach you"),
    ),
    events.RecoveryCompleted.name: Telling(
        about=About.RECOVERY,
        say=lambda _fields: _("Your account was recovered"),
    ),
}

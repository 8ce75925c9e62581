"""What administrators did, as the owner of the account reads it: part of the table of `sentences`."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from idp.audit import acts
from idp.plugins.hooks import About, Telling


def _decision_closed(fields: Mapping[str, Any]) -> str:
    return {
        "carried-out": _("What two administrators had decided about you was done"),
        "withdrawn": _("An administrator withdrew what was proposed about you"),
    }.get(fields.get("outcome", ""), _("What an administrator had proposed about you came to nothing"))


def _invited(fields: Mapping[str, Any]) -> str:
    if fields.get("by"):
        return _("You were invited; an administrator supplied the address of your letter")
    return _("You were invited; the operator supplied the address of your letter")


TELLINGS: Mapping[str, Telling] = {
    acts.AccountInvited.name: Telling(about=About.ACCOUNT, say=_invited),
    acts.InvitationSent.name: Telling(
        about=About.ACCOUNT,
        say=lambda _fields: _("Your invitation was sent again; the link before it stopped working"),
    ),
    acts.InvitationCancelled.name: Telling(
        about=About.ACCOUNT, say=lambda _fields: _("The invitation to this account was cancelled")
    ),
    acts.AccountActivated.name: Telling(
        about=About.ACCOUNT,
        say=lambda _fields: _(
            "You took up your invitation: the address is yours, and nobody else has seen the password"
        ),
    ),
    acts.BreakGlassUsed.name: Telling(
        about=About.ACCOUNT,
        say=lambda _fields: _("Your invitation was made with the emergency key; every administrator was told"),
    ),
    acts.DecisionProposed.name: Telling(
        about=About.ACCOUNT,
        say=lambda _fields: _("An administrator proposed something about you that takes a second one"),
    ),
    acts.DecisionAgreed.name: Telling(
        about=About.ACCOUNT,
        say=lambda _fields: _("A second administrator agreed to what was proposed about you"),
    ),
    acts.DecisionClosed.name: Telling(about=About.ACCOUNT, say=_decision_closed),
    acts.AccountSuspended.name: Telling(
        about=About.ACCOUNT,
        say=lambda _fields: _("An administrator suspended your account"),
        alarming=True,
    ),
    acts.RecoveryRequired.name: Telling(
        about=About.ACCOUNT,
        say=lambda _fields: _("An administrator asked that you recover your account before you sign in again"),
        alarming=True,
    ),
    acts.SuspensionLifted.name: Telling(
        about=About.ACCOUNT,
        say=lambda _fields: _("An administrator lifted the suspension of your account"),
    ),
    acts.SessionsEndedByAdministrator.name: Telling(
        about=About.SIGNING_IN,
        say=lambda _fields: _("An administrator signed you out everywhere"),
    ),
    acts.AccountRemoved.name: Telling(
        about=About.ACCOUNT,
        say=lambda _fields: _("An administrator deleted your account"),
    ),
    acts.AdministratorDemoted.name: Telling(
        about=About.ACCOUNT,
        say=lambda _fields: _("Another administrator ended your role"),
    ),
    acts.FormRefused.name: Telling(
        about=About.ACCOUNT,
        say=lambda _fields: _("An administrator tried something with your account that nobody can do; it was refused"),
        alarming=True,
    ),
}

"""What a plug-in wants of somebody who has just signed in, before they get to where they were going.

A sign-in is asked about when it was made for the very request that waits, so that answers from a session cost nothing.
Once it is held, it remembers: then every application's request meets the page, until the plug-in has what it wants or
lets its person go on. The account's own pages stay open, for there they do what is wanted.
"""

from datetime import datetime
from urllib.parse import urlencode

from idp.accounts import glances, sessions
from idp.models import Interaction, SignIn
from idp.plugins import hooks

_HELD, _OVER = SignIn.Interruption.HELD, SignIn.Interruption.OVER


def page(sign_in: SignIn, interaction: Interaction | None, *, for_this: bool, now: datetime) -> str:
    """The page of the plug-in that wants something first; empty if none does. `for_this`: they signed in for this."""
    if sign_in.interruption == _OVER or not (for_this or sign_in.interruption == _HELD):
        return ""
    is_theirs = interaction is not None and interaction.sign_in_id == sign_in.pk
    glance = glances.read(interaction) if is_theirs else None
    return hooks.interrupt(
        sign_in.user_id,
        glance=glance or glances.of(sign_in.user_id),
        again=sign_in.interruption == _HELD,
        now=now,
    )


def note(sign_in: SignIn, *, held: bool) -> None:
    """What was decided, at the sign-in; nothing is written for one that was never held."""
    if held and sign_in.interruption != _HELD:
        sessions.hold(sign_in.pk)
    elif not held and sign_in.interruption == _HELD:
        sessions.let_go(sign_in.pk)


def on_the_way(sign_in: SignIn, where: str, *, now: datetime) -> str:
    """Where somebody goes who signed in without an application: there, or first to a page that leads there."""
    wanted = page(sign_in, None, for_this=True, now=now)
    if not wanted:
        return where
    note(sign_in, held=True)
    return f"{wanted}?{urlencode({'to': where})}"

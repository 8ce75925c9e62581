"""What the forms send, taken as text and bounded."""

from collections.abc import Mapping

from django.utils.translation import gettext as _

from idp.plugins.web import Problem
from recovery.work import HandedIn

#: The longest e-mail address there can be (RFC 5321).
LONGEST = 254


def identifier(posted: Mapping[str, str]) -> tuple[str, list[Problem]]:
    """What was typed to say who they are, and what to mend."""
    typed = posted.get("identifier", "").strip()
    if not typed:
        return typed, [Problem("identifier", _("Enter your email or username"))]
    if len(typed) > LONGEST:
        return typed[:LONGEST], [Problem("identifier", _("That is too long to be an email or a username"))]
    return typed, []


def handed_in(posted: Mapping[str, str]) -> HandedIn:
    """What came of the task in front of a first step."""
    return HandedIn(solution=posted.get("solution", ""), ticket=posted.get("ticket", ""))


def address(posted: Mapping[str, str]) -> str:
    return posted.get("address", "").strip()[: LONGEST + 1]


def code(posted: Mapping[str, str]) -> str:
    return posted.get("code", "")[:40]


def new_password(posted: Mapping[str, str]) -> tuple[str, list[Problem]]:
    """The new password exactly as typed: nothing is trimmed off it."""
    typed = posted.get("new_password", "")
    return typed, [] if typed else [Problem("new-password", _("Enter a new password"))]

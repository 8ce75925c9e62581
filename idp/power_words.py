"""What letters say of what administrators did: to whom it happened, and to the other administrators."""

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from idp.notice_words import Words

ACCOUNT_SUSPENDED = "idp.account_suspended"
RECOVERY_REQUIRED = "idp.recovery_required"
SUSPENSION_LIFTED = "idp.suspension_lifted"
SESSIONS_ENDED = "idp.sessions_ended"
ACCOUNT_REMOVED = "idp.account_removed"
ROLE_ENDED = "idp.role_ended"
ADMINISTRATOR_SUSPENDED = "idp.administrator_suspended"
ADMINISTRATOR_DELETED = "idp.administrator_deleted"
ADMINISTRATOR_DEMOTED = "idp.administrator_demoted"


def of(kind: str, facts: Mapping[str, Any], *, org: str) -> Words | None:
    """The words of a notice of `kind`; None if there is no such kind here."""
    say = _WORDS.get(kind)
    return say(facts, org) if say else None


def _account_suspended(_facts: Mapping[str, Any], org: str) -> Words:
    return Words(
        subject=_("Your %(org)s account was suspended") % {"org": org},
        heading=_("Your account was suspended"),
        lead=_(
            "An administrator suspended it. You are signed out everywhere, and nobody can sign in or recover the "
            "account until an administrator lifts that. Nothing of yours was changed."
        ),
        otherwise=_ask(org),
        is_yours=False,
    )


def _recovery_required(_facts: Mapping[str, Any], org: str) -> Words:
    return Words(
        subject=_("Get back into your %(org)s account before you sign in again") % {"org": org},
        heading=_("Get back into your account"),
        lead=_(
            "An administrator asks that you do. You are signed out everywhere. Open the sign-in page, choose “Can't "
            "access your account?” and set a new password; until then nobody can sign in."
        ),
        otherwise=_ask(org),
        is_yours=False,
    )


def _suspension_lifted(_facts: Mapping[str, Any], org: str) -> Words:
    return Words(
        subject=_("Your %(org)s account is no longer suspended") % {"org": org},
        heading=_("Your account is no longer suspended"),
        lead=_(
            "An administrator lifted the suspension. Sign in as before: your password and the rest are as they were."
        ),
        otherwise=_ask(org),
        is_yours=False,
    )


def _sessions_ended(_facts: Mapping[str, Any], org: str) -> Words:
    return Words(
        subject=_("You were signed out of your %(org)s account everywhere") % {"org": org},
        heading=_("You were signed out everywhere"),
        lead=_(
            "An administrator ended every session of your account, and applications were told. "
            "You can sign in again at once. Nothing of yours was changed."
        ),
        otherwise=_ask(org),
        is_yours=False,
    )


def _account_removed(_facts: Mapping[str, Any], org: str) -> Words:
    return Words(
        subject=_("Your %(org)s account was deleted") % {"org": org},
        heading=_("Your account was deleted"),
        lead=_(
            "An administrator deleted it. You are signed out everywhere, applications were told, and this address is "
            "removed once this message is on its way. It cannot be undone."
        ),
        otherwise=_ask(org),
        is_yours=False,
    )


def _role_ended(_facts: Mapping[str, Any], org: str) -> Words:
    return Words(
        subject=_("You are no longer an administrator of %(org)s") % {"org": org},
        heading=_("You are no longer an administrator"),
        lead=_("Another administrator ended that. Your account is otherwise as it was."),
        otherwise=_ask(org),
        is_yours=False,
    )


def _administrator_suspended(facts: Mapping[str, Any], org: str) -> Words:
    return _of_an_administrator(facts, org, _("An administrator suspended the account of %(who)s, an administrator."))


def _administrator_deleted(facts: Mapping[str, Any], org: str) -> Words:
    return _of_an_administrator(facts, org, _("An administrator deleted the account of %(who)s, an administrator."))


def _administrator_demoted(facts: Mapping[str, Any], org: str) -> Words:
    return _of_an_administrator(facts, org, _("An administrator ended the administrator role of %(who)s."))


def _of_an_administrator(facts: Mapping[str, Any], org: str, lead: str) -> Words:
    return Words(
        subject=_("%(org)s has one administrator less") % {"org": org},
        heading=_("There is one administrator less"),
        lead=lead % {"who": facts["who"]},
        otherwise=_("The history in the console says who did it, and why. Ask them, in another way than by email."),
        is_yours=False,
    )


def _ask(org: str) -> str:
    return _("Ask the administrators of %(org)s. None of them can see or set your password.") % {"org": org}


_WORDS: dict[str, Callable[[Mapping[str, Any], str], Words]] = {
    ACCOUNT_SUSPENDED: _account_suspended,
    RECOVERY_REQUIRED: _recovery_required,
    SUSPENSION_LIFTED: _suspension_lifted,
    SESSIONS_ENDED: _sessions_ended,
    ACCOUNT_REMOVED: _account_removed,
    ROLE_ENDED: _role_ended,
    ADMINISTRATOR_SUSPENDED: _administrator_suspended,
    ADMINISTRATOR_DELETED: _administrator_deleted,
    ADMINISTRATOR_DEMOTED: _administrator_demoted,
}

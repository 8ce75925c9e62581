"""What each kind of notice says: a subject, a heading, a sentence. In the language that is active when it is asked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

NEW_DEVICE = "idp.new_device"
FACTOR_ADDED = "idp.factor_added"
FACTOR_REMOVED = "idp.factor_removed"
FACTOR_PAUSED = "idp.factor_paused"
RECOVERY_CODE_USED = "idp.recovery_code_used"
ADDRESS_ADDED = "idp.address_added"
ADDRESS_REMOVED = "idp.address_removed"
PAUSES_ENDED = "idp.pauses_ended"
ACCOUNT_DELETED = "idp.account_deleted"
FREEZE_PLACED = "idp.freeze_placed"
FREEZE_LIFTED = "idp.freeze_lifted"
ACCOUNT_STOPPED = "idp.account_stopped"
RECOVERY_BEGUN = "idp.recovery_begun"
ADMINISTRATOR_RECOVERED = "idp.administrator_recovered"
ADMINISTRATOR_ADDED = "idp.administrator_added"
ACCOUNT_ACTIVATED = "idp.account_activated"
BREAK_GLASS = "idp.break_glass"
FORGERY_FOUND = "idp.forgery_found"
DECISION_PROPOSED = "idp.decision_proposed"
DECISION_AGREED = "idp.decision_agreed"
DECISION_CLOSED = "idp.decision_closed"


@dataclass(frozen=True, kw_only=True)
class Words:
    """One notice. `lead` is the sentence under the heading."""

    subject: str
    heading: str
    lead: str
    #: What to do if it wasn't you, where the usual ways (stop it, a new password) do not exist any more.
    otherwise: str = ""
    #: Whether its reader may have done it themselves.
    is_yours: bool = True


def of(kind: str, facts: Mapping[str, Any], *, org: str) -> Words | None:
    """The words of a notice of `kind`; None if there is no such kind here."""
    say = _WORDS.get(kind)
    return say(facts, org) if say else None


def factor(kind: str) -> str:
    """A kind of second factor, as a person calls it."""
    return {
        "totp": _("authenticator app"),
        "passkey": _("passkey"),
        "recovery_codes": _("recovery codes"),
    }.get(kind, kind)


def proved_by(ways: str) -> str:
    """How something was proved, as a person calls it; `ways` are words of the vocabulary, with commas between them."""
    called = {
        "email": _("A code sent by email"),
        "sms": _("A code sent by text message"),
        "password": _("The password before"),
        "totp": _("A code of the authenticator app"),
        "passkey": _("A passkey"),
        "recovery-code": _("A saved recovery code"),
    }
    return ", ".join(called.get(way, way) for way in ways.split(", "))


def _new_device(_facts: Mapping[str, Any], org: str) -> Words:
    return Words(
        subject=_("New sign-in to your %(org)s account") % {"org": org},
        heading=_("New sign-in to your account"),
        lead=_("Somebody signed in from a browser that your account did not know."),
    )


def _factor_added(facts: Mapping[str, Any], org: str) -> Words:
    if facts["factor"] == "recovery_codes":
        lead = _("New recovery codes were made. Codes that you saved before no longer work.")
    else:
        named = {"what": factor(facts["factor"]), "name": facts["called"]}
        lead = _("A way to sign in was added: %(what)s “%(name)s”.") % named
    return Words(
        subject=_("A way to sign in was added to your %(org)s account") % {"org": org},
        heading=_("A way to sign in was added"),
        lead=lead,
    )


def _factor_removed(facts: Mapping[str, Any], org: str) -> Words:
    named = {"what": factor(facts["factor"]), "name": facts["called"]}
    return Words(
        subject=_("A way to sign in was removed from your %(org)s account") % {"org": org},
        heading=_("A way to sign in was removed"),
        lead=_("It no longer works: %(what)s “%(name)s”.") % named,
    )


def _factor_paused(facts: Mapping[str, Any], org: str) -> Words:
    return Words(
        subject=_("Somebody knows your %(org)s password") % {"org": org},
        heading=_("Somebody typed your password, and then wrong codes"),
        lead=_(
            "Your password was right each time; the %(what)s kept them out. It is paused for a while. "
            "If this wasn't you, change your password.",
        )
        % {"what": factor(facts["factor"])},
    )


def _recovery_code_used(facts: Mapping[str, Any], org: str) -> Words:
    left = int(facts["left"])
    lead = ngettext("%(n)d code is left.", "%(n)d codes are left.", left) % {"n": left}
    if facts.get("few"):
        lead = f"{lead} {_('Make new ones before you need one.')}"
    return Words(
        subject=_("A recovery code was used for your %(org)s account") % {"org": org},
        heading=_("A recovery code was used"),
        lead=lead,
    )


def _address_added(facts: Mapping[str, Any], org: str) -> Words:
    return Words(
        subject=_("A way back was added to your %(org)s account") % {"org": org},
        heading=_("A recovery address was added"),
        lead=_(
            "It can be used to get back into the account from %(date)s on. Until then only what was there before can."
        )
        % {"date": _day(facts["usable_from"])},
    )


def _address_removed(facts: Mapping[str, Any], org: str) -> Words:
    return Words(
        subject=_("A way back was removed from your %(org)s account") % {"org": org},
        heading=_("A recovery address was removed"),
        lead=_("It can no longer be used to get back into the account. It is still told of changes until %(date)s.")
        % {"date": _day(facts["told_until"])},
    )


def _pauses_ended(_facts: Mapping[str, Any], org: str) -> Words:
    return Words(
        subject=_("Sign-in to your %(org)s account was opened again") % {"org": org},
        heading=_("Sign-in was opened again"),
        lead=_(
            "It had been paused after too many tries. Somebody showed that the account is theirs and ended the pause. "
            "The password was not changed.",
        ),
    )


def _recovery_begun(facts: Mapping[str, Any], org: str) -> Words:
    return Words(
        subject=_("Someone started getting back into your %(org)s account") % {"org": org},
        heading=_("Someone is getting back into your account"),
        lead=_("One thing was proved: %(how)s. One more is asked for before anything changes.")
        % {"how": proved_by(facts["proved_by"])},
    )


def _administrator_recovered(facts: Mapping[str, Any], org: str) -> Words:
    return Words(
        subject=_("An administrator of %(org)s got back into their account") % {"org": org},
        heading=_("An administrator got back in"),
        lead=_("%(who)s recovered their account. Proved by: %(how)s.")
        % {"who": facts["who"], "how": proved_by(facts["proved_by"])},
        otherwise=_("Ask them, in another way than by email. If it wasn't them, suspend the account."),
    )


def _administrator_added(facts: Mapping[str, Any], org: str) -> Words:
    return Words(
        subject=_("%(org)s has a new administrator") % {"org": org},
        heading=_("There is a new administrator"),
        lead=_("%(who)s administers %(org)s from now on.") % {"who": facts["who"], "org": org},
        otherwise=_("If nobody told you of it, ask the other administrators at once, in another way than by email."),
    )


def _account_activated(_facts: Mapping[str, Any], org: str) -> Words:
    return Words(
        subject=_("Your %(org)s account is ready") % {"org": org},
        heading=_("Your account is ready"),
        lead=_("A password was set with the invitation that we sent to this address. Nobody but you knows it."),
    )


def decision(kind: str) -> str:
    """What takes two administrators, as they call it."""
    return {
        "administrator": _("a new administrator"),
        "client": _("another security setting of an application"),
    }.get(kind, kind)


def _decision_proposed(facts: Mapping[str, Any], org: str) -> Words:
    return Words(
        subject=_("Something at %(org)s takes a second administrator") % {"org": org},
        heading=_("A second administrator is asked for"),
        lead=_("%(who)s proposed %(what)s. Look at it in the console, under Decisions.")
        % {"who": facts["who"], "what": decision(facts["decision"])},
        otherwise=_("If it should not happen, withdraw it there: each administrator can."),
    )


def _decision_agreed(facts: Mapping[str, Any], org: str) -> Words:
    return Words(
        subject=_("Two administrators of %(org)s agreed on something") % {"org": org},
        heading=_("Two administrators agreed"),
        lead=_("%(who)s agreed to %(what)s. It is carried out on %(date)s.")
        % {"who": facts["who"], "what": decision(facts["decision"]), "date": _day(facts["due_at"])},
        otherwise=_("If it should not happen, withdraw it in the console, under Decisions: each administrator can."),
    )


def _decision_closed(facts: Mapping[str, Any], org: str) -> Words:
    what = {"what": decision(facts["decision"])}
    lead = {
        "carried-out": _("It was carried out: %(what)s.") % what,
        "withdrawn": _("It was withdrawn: %(what)s.") % what,
    }.get(facts["outcome"], _("It came to nothing: %(what)s.") % what)
    return Words(
        subject=_("What was proposed at %(org)s is over") % {"org": org},
        heading=_("A proposal is over"),
        lead=lead,
        otherwise=_("The history in the console says who proposed it, and who agreed."),
    )


def _account_stopped(_facts: Mapping[str, Any], org: str) -> Words:
    return Words(
        subject=_("Your %(org)s account was stopped") % {"org": org},
        heading=_("Everything was stopped"),
        lead=_(
            "Somebody showed that the account is theirs and said that someone else was using it. Everybody was signed "
            "out, and nobody can sign in until they have finished getting back in."
        ),
        otherwise=_(
            "Whoever did it showed one thing that is yours, and needs more to get in. Be faster: open the sign-in page "
            "and choose “Can't access your account?”.",
        ),
    )


def _account_deleted(_facts: Mapping[str, Any], org: str) -> Words:
    return Words(
        subject=_("Your %(org)s account was deleted") % {"org": org},
        heading=_("Your account was deleted"),
        lead=_(
            "Its owner asked for it in the account. You are signed out everywhere, applications were told, "
            "and this address is removed once this message is on its way.",
        ),
        otherwise=_(
            "It cannot be undone, by nobody. Tell %(org)s at once: whoever did it knew how to sign in as you, "
            "and may have used applications in your name.",
        )
        % {"org": org},
    )


def _freeze_placed(facts: Mapping[str, Any], org: str) -> Words:
    return Words(
        subject=_("Your %(org)s account is frozen") % {"org": org},
        heading=_("Your account is frozen"),
        lead=_(
            "Somebody used the link “It wasn't me” of one of our messages to you. Everyone is signed out. Nobody can "
            "recover the account or change how people get in until somebody signs in, or until %(date)s.",
        )
        % {"date": _day(facts["until"])},
        otherwise=_(
            "Sign in, with your second step if you have one: that lifts it at once. Whoever froze it has read a "
            "message of ours to you.",
        ),
    )


def _freeze_lifted(facts: Mapping[str, Any], org: str) -> Words:
    said = {"date": _day(facts["frozen_at"])}
    if facts["by"] == "time":
        lead = _("It was frozen on %(date)s, and nobody signed in since. It can be recovered and changed again.") % said
    else:
        lead = _("It was frozen on %(date)s. Somebody has signed in since, so it can be recovered and changed again.")
        lead %= said
    return Words(
        subject=_("Your %(org)s account is no longer frozen") % {"org": org},
        heading=_("Your account is no longer frozen"),
        lead=lead,
    )


def _break_glass(_facts: Mapping[str, Any], org: str) -> Words:
    return Words(
        subject=_("The emergency key of %(org)s was used") % {"org": org},
        heading=_("An administrator was invited with the emergency key"),
        lead=_(
            "Somebody with both halves of it did so on the server, because no administrator of %(org)s had signed in "
            "for days."
        )
        % {"org": org},
        otherwise=_(
            "If that was not agreed among you, sign in now, cancel the invitation or suspend the account, and have the "
            "server examined."
        ),
    )


def _forgery_found(facts: Mapping[str, Any], org: str) -> Words:
    what = {
        "credential": _("a way to sign in"),
        "recovery_address": _("a recovery address"),
        "role": _("an administrator's role"),
        "client": _("an application"),
        "signing_key": _("a signing key"),
        "grant": _("what an application was given about somebody"),
    }.get(facts["table"], _("another sealed record"))
    return Words(
        subject=_("Something was written past %(org)s") % {"org": org},
        heading=_("Something was written past this program"),
        lead=_(
            "It concerns: %(what)s. The record does not carry the seal that only this program can make. It is not "
            "believed, and nobody gets in by it.",
        )
        % {"what": what},
        otherwise=_(
            "Ask who has access to the database, and have the audit verified: it says which record it is. You are "
            "told of each record once.",
        ),
    )


def _day(moment: str) -> str:
    return date_format(timezone.localtime(datetime.fromisoformat(moment)), "DATE_FORMAT")


_WORDS: dict[str, Callable[[Mapping[str, Any], str], Words]] = {
    NEW_DEVICE: _new_device,
    FACTOR_ADDED: _factor_added,
    FACTOR_REMOVED: _factor_removed,
    FACTOR_PAUSED: _factor_paused,
    RECOVERY_CODE_USED: _recovery_code_used,
    ADDRESS_ADDED: _address_added,
    ADDRESS_REMOVED: _address_removed,
    PAUSES_ENDED: _pauses_ended,
    ACCOUNT_DELETED: _account_deleted,
    FREEZE_PLACED: _freeze_placed,
    FREEZE_LIFTED: _freeze_lifted,
    ACCOUNT_STOPPED: _account_stopped,
    RECOVERY_BEGUN: _recovery_begun,
    ADMINISTRATOR_RECOVERED: _administrator_recovered,
    ADMINISTRATOR_ADDED: _administrator_added,
    ACCOUNT_ACTIVATED: _account_activated,
    BREAK_GLASS: _break_glass,
    FORGERY_FOUND: _forgery_found,
    DECISION_PROPOSED: _decision_proposed,
    DECISION_AGREED: _decision_agreed,
    DECISION_CLOSED: _decision_closed,
}

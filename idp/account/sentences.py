"""What each entry of an account's history says to its owner, by the name of the event: one sentence, plain words.

Nothing of it names an address or a code; entries hold none. A test holds this table complete against every event
there is: whoever adds one writes its sentence here, or in their plug-in's `history`.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from idp import notice_words
from idp.account import administration
from idp.audit import events
from idp.models import AddressClaim, AddressMark, Credential, RecoveryAddress
from idp.plugins import hooks
from idp.plugins.hooks import About, Telling

Fields = Mapping[str, Any]


def of(name: str, fields: Fields) -> str:
    """The sentence of one entry, in the active language."""
    telling = tellings().get(name)
    if telling is None:
        return _("Something happened that this page has no words for")
    return telling.say(fields)


def is_alarming(name: str) -> bool:
    """Whether the owner should look at it."""
    telling = tellings().get(name)
    return telling is not None and telling.alarming


def names_about(about: About) -> list[str]:
    """The names of all entries of one kind."""
    return [name for name, telling in tellings().items() if telling.about == about]


def tellings() -> dict[str, Telling]:
    """Those of idp and of every plug-in, by name."""
    return _own() | administration.TELLINGS | hooks.history()


# --- Sentences that depend on more than a name ------------------------------------------------------------


def _seal_invalid(fields: Fields) -> str:
    if fields.get("table") == "grant":
        return _("What an application was given about you was written past this program; it is not believed, and ended")
    return _("Something about how you sign in was written past this program, and is not believed")


def _credential_written(fields: Fields) -> str:
    kind, first = fields.get("kind", ""), fields.get("version") == 1
    if kind == Credential.Kind.PASSWORD:
        return _password_written(fields.get("earned", ""))
    if kind in RecoveryAddress.Channel.values:
        return _("A recovery address was added") if first else _("A recovery address was removed or changed")
    if kind == Credential.Kind.RECOVERY_CODES:
        return _("Recovery codes were made") if first else _("Recovery codes were replaced or removed")
    said = _("A way to sign in was added: %(what)s") if first else _("A way to sign in was removed: %(what)s")
    return said % {"what": notice_words.factor(kind)}


def _password_written(earned: str) -> str:
    return {
        "recovery": _("A new password was set after a recovery"),
        "current_credential": _("You changed your password"),
        "rehash": _("Your password was stored anew, in a stronger form; it is the same"),
        "import": _("Your password came along from another system"),
        "activation": _("You set your first password"),
    }.get(earned, _("Your password was set"))


def _address_code_sent(fields: Fields) -> str:
    if fields.get("purpose") == AddressClaim.Purpose.TEST:
        return _("A test code was sent to one of your addresses")
    return _("A code was sent to an address to be added")


def _address_marked(fields: Fields) -> str:
    if fields.get("fault") == AddressMark.Fault.COMPLAINED:
        return _("Our messages to one of your addresses were called unwanted")
    return _("One of your addresses could not be reached")


def _sessions_ended(fields: Fields) -> str:
    count = int(fields.get("sign_ins", 0))
    if not count:
        return _("Every other access to your account ended; nobody was signed in elsewhere")
    return ngettext("%(n)d session was signed out", "%(n)d sessions were signed out", count) % {"n": count}


def _freeze_lifted(fields: Fields) -> str:
    if fields.get("by") == "time":
        return _("Your account was frozen long enough; it can be recovered and changed again")
    return _("A sign-in ended the freeze of your account")


def _factor_paused(fields: Fields) -> str:
    what = notice_words.factor(fields.get("kind", ""))
    return _("Wrong tries paused a way to sign in: %(what)s") % {"what": what}


def _factor_renamed(fields: Fields) -> str:
    what = notice_words.factor(fields.get("kind", ""))
    return _("A way to sign in got another name: %(what)s") % {"what": what}


def _factor_tried(fields: Fields) -> str:
    what = notice_words.factor(fields.get("kind", ""))
    return _("A way to sign in was tried, and works: %(what)s") % {"what": what}


def _recovery_code_used(fields: Fields) -> str:
    left = fields.get("left", 0)
    said = ngettext(
        "A recovery code was used to sign in; %(n)d is left",
        "A recovery code was used to sign in; %(n)d are left",
        left,
    )
    return said % {"n": left}


def _devices_forgotten(fields: Fields) -> str:
    count = int(fields.get("devices", 0))
    return ngettext("%(n)d browser was forgotten", "%(n)d browsers were forgotten", count) % {"n": count}


def _grant_reused(_fields: Fields) -> str:
    return _("An application showed something twice that is good once; its access ended")


def _with_application(sentence: Callable[[], str]) -> Callable[[Fields], str]:
    """A sentence with the application's name in it, as `%(app)s`."""
    return lambda fields: sentence() % {"app": fields.get("application") or fields.get("client_id", "")}


def _plain(sentence: Callable[[], str]) -> Callable[[Fields], str]:
    return lambda _fields: sentence()


@lru_cache(maxsize=1)
def _own() -> dict[str, Telling]:
    signing_in, security, applications, account = (
        About.SIGNING_IN,
        About.SECURITY,
        About.APPLICATIONS,
        About.ACCOUNT,
    )
    return {
        events.AccountImported.name: Telling(
            about=account,
            say=_plain(lambda: _("Your account was brought here from another system")),
        ),
        events.AccountFrozen.name: Telling(
            about=security,
            say=_plain(lambda: _("Your account was stopped: something had been written past this program")),
            alarming=True,
        ),
        events.FreezePlaced.name: Telling(
            about=security,
            say=_plain(lambda: _("Somebody said of one of our messages “It wasn't me”, and froze your account")),
            alarming=True,
        ),
        events.FreezeLifted.name: Telling(about=security, say=_freeze_lifted),
        events.AccountStopped.name: Telling(
            about=security,
            say=_plain(lambda: _("Everything was stopped, because somebody else was using your account")),
            alarming=True,
        ),
        events.AccountReopened.name: Telling(
            about=security,
            say=_plain(lambda: _("Signing in became possible again after everything had been stopped")),
        ),
        events.AccountDeleted.name: Telling(about=account, say=_plain(lambda: _("Your account was deleted"))),
        events.LanguageChosen.name: Telling(
            about=account,
            say=_plain(lambda: _("You chose the language of messages")),
        ),
        events.DataDownloaded.name: Telling(
            about=account,
            say=_plain(lambda: _("A copy of your data was downloaded")),
        ),
        events.SealInvalid.name: Telling(
            about=security,
            say=_seal_invalid,
            alarming=True,
        ),
        events.CredentialWritten.name: Telling(about=security, say=_credential_written),
        events.PasskeyCountWentBack.name: Telling(
            about=security,
            say=_plain(lambda: _("A passkey was refused: it counts as if there were a copy of it")),
            alarming=True,
        ),
        events.DeviceAdded.name: Telling(
            about=signing_in,
            say=_plain(lambda: _("Somebody signed in from a browser that your account did not know")),
        ),
        events.DeviceTrusted.name: Telling(
            about=signing_in,
            say=_plain(lambda: _("A browser was trusted to sign in without a second step")),
        ),
        events.DevicesDistrusted.name: Telling(
            about=signing_in,
            say=_plain(lambda: _("Trusted browsers are asked for the second step again")),
        ),
        events.DevicesForgotten.name: Telling(about=signing_in, say=_devices_forgotten),
        events.FactorPaused.name: Telling(about=signing_in, say=_factor_paused, alarming=True),
        events.FactorRenamed.name: Telling(about=security, say=_factor_renamed),
        events.FactorTried.name: Telling(about=security, say=_factor_tried),
        events.RecoveryCodeUsed.name: Telling(about=signing_in, say=_recovery_code_used),
        events.AddressCodeSent.name: Telling(about=security, say=_address_code_sent),
        events.AddressCodeFailed.name: Telling(
            about=security,
            say=_plain(lambda: _("A wrong code was typed for one of your addresses")),
        ),
        events.AddressConfirmed.name: Telling(
            about=security,
            say=_plain(lambda: _("An address was tested, and works")),
        ),
        events.AddressMarked.name: Telling(about=security, say=_address_marked, alarming=True),
        events.MessagesHeld.name: Telling(
            about=security,
            say=_plain(lambda: _("So many messages were asked for in your name that some were not sent")),
            alarming=True,
        ),
        events.RoleGranted.name: Telling(
            about=account,
            say=_plain(lambda: _("You became an administrator")),
        ),
        events.RoleEnded.name: Telling(
            about=account,
            say=_plain(lambda: _("You are no longer an administrator")),
        ),
        events.PausesEnded.name: Telling(
            about=signing_in,
            say=_plain(lambda: _("Sign-in was opened again after too many tries at your password")),
        ),
        events.SessionsEnded.name: Telling(about=signing_in, say=_sessions_ended),
        events.SignedOut.name: Telling(about=signing_in, say=_plain(lambda: _("A session was signed out"))),
        events.ConsentGiven.name: Telling(
            about=applications,
            say=_with_application(lambda: _("You allowed %(app)s to use your account")),
        ),
        events.ConsentWithdrawn.name: Telling(
            about=applications,
            say=_with_application(lambda: _("You took back what you had allowed %(app)s")),
        ),
        events.GrantReuseDetected.name: Telling(about=applications, say=_grant_reused, alarming=True),
    }

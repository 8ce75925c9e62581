"""The policy in plain words, for whoever wants to know before they need it. Every number is the policy's own.

`for_everybody` is what `/recovery/how/` shows. Administrators read that and `for_administrators`, at
`/console/policy/`.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from idp.plugins import limits, otp
from idp.plugins.hooks import Section
from recovery.domain.loosening import Loosening
from recovery.domain.policy import FORGOT, INTRUDER, LOCKED, LOST_FACTOR, RecoveryPolicy
from recovery.domain.ways import EMAIL, PASSKEY, PASSWORD, RECOVERY_CODE, SMS, TOTP, offered


def for_everybody(policy: RecoveryPolicy, around: limits.Policy) -> tuple[Section, ...]:
    """How recovery works here; `around` are the provider's own numbers that matter to it."""
    sections = (
        Section(heading=_("Nobody can do it for you"), sentences=_nobody()),
        Section(heading=_("Before you need it"), sentences=_asked(policy)),
        Section(heading=_("What can be wrong"), sentences=_problems(policy)),
        Section(heading=_("How you prove that it is you"), sentences=_ways(policy)),
        Section(heading=_("How much is asked"), sentences=_proofs(policy)),
        Section(heading=_("Codes and time"), sentences=_codes(policy)),
        Section(heading=_("New and removed addresses"), sentences=_addresses(around)),
        Section(heading=_("What happens afterwards"), sentences=_afterwards()),
        Section(heading=_("If you have lost everything"), sentences=_everything_lost()),
    )
    return tuple(section for section in sections if section.sentences)


def coming(policy: RecoveryPolicy, next_one: Loosening | None, around: limits.Policy) -> tuple[Section, ...]:
    """What holds later, because it asks for less than what holds now; nothing, if nothing is announced."""
    if next_one is None:
        return ()
    if next_one.applies_from is None:
        heading = _("Coming soon")
    else:
        day = date_format(timezone.localtime(next_one.applies_from), "DATE_FORMAT")
        heading = _("From %(date)s") % {"date": day}
    return (Section(heading=heading, sentences=new_sentences(policy, next_one.policy, around)),)


def new_sentences(old: RecoveryPolicy, new: RecoveryPolicy, around: limits.Policy) -> tuple[str, ...]:
    """What can be said of the one policy and not of the other."""
    said = {sentence for section in for_everybody(old, around) for sentence in section.sentences}
    later = (sentence for section in for_everybody(new, around) for sentence in section.sentences)
    return tuple(sentence for sentence in later if sentence not in said)


def for_administrators(policy: RecoveryPolicy, around: limits.Policy) -> tuple[Section, ...]:
    """The numbers that nobody needs who wants to get back in."""
    return (Section(heading=_("How much and how often"), sentences=_machinery(policy, around)),)


# --- Sentences for everybody ------------------------------------------------------------------------------


def _nobody() -> tuple[str, ...]:
    return (
        _("You get back in by yourself, on these pages. It is the same for everybody, administrators included."),
        _("No administrator can see, set or reset your password, read your codes, or answer for you."),
        _("So nobody can talk somebody else into giving them your account."),
    )


def _asked(policy: RecoveryPolicy) -> tuple[str, ...]:
    """What sign-in asks of people while they can still get in."""
    wanted, said = policy.ways_wanted, []
    if wanted:
        said.append(
            ngettext(
                "When you sign in with fewer than %(n)d different way back, you are asked to add one.",
                "When you sign in with fewer than %(n)d different ways back, you are asked to add one.",
                wanted,
            )
            % {"n": wanted}
        )
        said.append(
            ngettext(
                "You can put it off %(n)d time, within %(time)s of the first time.",
                "You can put it off %(n)d times, within %(time)s of the first time.",
                policy.skips,
            )
            % {"n": policy.skips, "time": duration(policy.skip_within)}
        )
    if policy.reconfirm_after:
        said.append(
            _("An address that nobody confirmed for %(time)s is asked about. That keeps nobody out.")
            % {"time": duration(policy.reconfirm_after)}
        )
    return tuple(said)


def _problems(policy: RecoveryPolicy) -> tuple[str, ...]:
    said: Mapping[str, Callable[[], str]] = {
        FORGOT: lambda: _("You forgot your password: you set a new one, or create a passkey if that is safe enough."),
        LOCKED: lambda: _("You know your password, but sign-in is paused: it opens again, and your password stays."),
        LOST_FACTOR: lambda: _(
            "Your phone, app or security key is gone: another takes its place, your password stays."
        ),
        INTRUDER: lambda: _(
            "Somebody else is using your account: the first proof stops everything, then you set a new password."
        ),
    }
    return tuple(said[problem]() for problem in policy.problems if problem in said)


def _ways(policy: RecoveryPolicy) -> tuple[str, ...]:
    said: Mapping[str, Callable[[], str]] = {
        EMAIL: lambda: _("A code that we send to your email address. You type the address in full; we never show it."),
        SMS: lambda: _("A code that we text to your phone. You type the number in full; we never show it."),
        TOTP: lambda: _("A code of your authenticator app."),
        PASSKEY: lambda: _("A passkey or security key."),
        RECOVERY_CODE: lambda: _("A recovery code that you saved."),
        PASSWORD: lambda: _("Your password, if you know it, to replace a phone, app or security key that is gone."),
    }
    shown = dict.fromkeys(way for problem in policy.problems for way in offered(problem, policy))
    return tuple(said[way]() for way in said if way in shown)


def _proofs(policy: RecoveryPolicy) -> tuple[str, ...]:
    with_factor = policy.proofs_with_second_factor
    password = (
        _("A new password, if you have a second factor: %(proofs)s, on something else than that factor.")
        if with_factor == 1
        else _("A new password, if you have a second factor: %(proofs)s.")
    )
    without = _("A new password, if you have no second factor: %(proofs)s, or as many as your account has, if fewer.")
    replaced = _("Another second factor: %(proofs)s. A password that you know is one of them.")
    administrators = _("Administrators, for anything: %(proofs)s. One is an app, a passkey or a saved code.")
    asked = (
        (with_factor, password, True),
        (policy.proofs_without_second_factor, without, True),
        (policy.proofs_to_unlock, _("Opening sign-in again: %(proofs)s."), LOCKED in policy.problems),
        (policy.proofs_to_replace_a_factor, replaced, LOST_FACTOR in policy.problems),
        (policy.proofs_of_administrators, administrators, True),
    )
    return (
        *(sentence % {"proofs": _count_of_proofs(count)} for count, sentence, offered_here in asked if offered_here),
        _("Proofs never stand on the same thing: a mailbox, a phone line, a device, a sheet of saved codes."),
        _("Two mailboxes count once, and so do an app and a passkey: who takes one thing from you has one proof."),
        _("How much it takes is settled when you begin. What is added to the account after that does not help."),
    )


def _codes(policy: RecoveryPolicy) -> tuple[str, ...]:
    numbers = policy.otp
    return (
        _("A code that we send has %(digits)d digits. It works for %(time)s from when it was handed over.")
        % {"digits": numbers.digits, "time": duration(numbers.lifetime)},
        ngettext(
            "If you ask again, the last code that we sent works.",
            "If you ask again, the last %(n)d codes that we sent work.",
            numbers.live,
        )
        % {"n": numbers.live},
        _("Another code can be asked for %(often)s.") % {"often": _often(policy.resend)},
        ngettext(
            "There is %(n)d try for each way of proving; after that you begin anew.",
            "There are %(n)d tries for each way of proving; after that you begin anew.",
            numbers.tries,
        )
        % {"n": numbers.tries},
        *_guesses(policy),
        _("A recovery has to be finished within %(time)s.") % {"time": duration(policy.journey_lifetime)},
        _("Never read a code to anyone. Our staff will not ask for it."),
    )


def _guesses(policy: RecoveryPolicy) -> tuple[str, ...]:
    limit = policy.wrong_codes_per_day
    return (
        _("After %(n)d codes typed for one account within %(time)s, those that we send grow to %(long)d characters.")
        % {"n": policy.long_codes_after, "time": duration(limit.per), "long": otp.LONG},
        _("Nobody guesses a long code. It works however much was guessed before, so nobody can keep you out."),
        _("Short codes, codes of an app and the password, typed for one account: each %(often)s. Then that kind rests.")
        % {"often": _often(limit)},
    )


def _addresses(around: limits.Policy) -> tuple[str, ...]:
    waits = {"time": duration(around.address_quarantine)}
    if not around.address_quarantine:
        return (_("A new address proves who you are at once. One that was removed is told of nothing more."),)
    return (
        _("A new email address or phone number proves who you are only after %(time)s.") % waits,
        _("One that was removed proves nothing more, but is still told of everything for %(time)s.") % waits,
        _("So nobody who sits at your computer for a moment can make your account theirs without your noticing."),
    )


def _afterwards() -> tuple[str, ...]:
    return (
        _("A new password or a new second factor signs you out everywhere, and applications lose their access."),
        _("Opening sign-in again ends nothing."),
        _("Every address of your account is told, and it stands in your activity."),
        _("Where more than one proof is asked for, they are told after the first, before anything changes."),
        _("When an administrator gets back in, the other administrators are told."),
        _("Nothing signs you in by itself: you sign in, with your second factor if you have one."),
    )


def _everything_lost() -> tuple[str, ...]:
    return (
        _("Look for a browser where you are still signed in, for saved codes, for a SIM card with your old number."),
        _("If all of it is gone, we can't prove that the account is yours, and nobody can open it for you."),
        _("It can be closed, and you can be invited to a new one."),
    )


# --- Sentences for administrators -------------------------------------------------------------------------


def _machinery(policy: RecoveryPolicy, around: limits.Policy) -> tuple[str, ...]:
    numbers = policy.otp
    return (
        _("A policy that asks for less holds for nobody before everybody was told, and %(time)s have passed since.")
        % {"time": duration(policy.loosening_delay)},
        _("Recoveries begun from one network: %(often)s.") % {"often": _often(policy.starts_per_network)},
        _("Beyond %(here)s from one network, or %(everywhere)s from all, a browser does a small task before it begins.")
        % {"here": _often(policy.work_after), "everywhere": _often(policy.work_after_everywhere)},
        _("Without scripts one waits %(time)s or more instead. From one network that is possible %(often)s.")
        % {"time": duration(policy.work_wait), "often": _often(policy.waits_per_network)},
        _("A code that could not be handed over is dropped after %(time)s, by text message after %(texts)s.")
        % {"time": duration(numbers.longest_wait), "texts": duration(numbers.wait_of(SMS))},
        _("Emails that a stranger can cause, to one address: %(hour)s, and %(day)s.")
        % {"hour": _often(around.emails_per_hour), "day": _often(around.emails_per_day)},
        _("Text messages that a stranger can cause, to one number: %(hour)s, and %(day)s.")
        % {"hour": _often(around.texts_per_hour), "day": _often(around.texts_per_day)},
        _("Both together, about one account: %(often)s.") % {"often": _often(around.messages_per_account)},
        _("Both together, asked for from one network: %(often)s.") % {"often": _often(around.messages_per_network)},
        _("Text messages to one block of numbers: %(often)s.") % {"often": _often(around.texts_per_block)},
        ngettext(
            "An account can have %(n)d recovery address.",
            "An account can have %(n)d recovery addresses.",
            around.most_addresses,
        )
        % {"n": around.most_addresses},
    )


# --- Small words ------------------------------------------------------------------------------------------


def _count_of_proofs(count: int) -> str:
    return ngettext("%(n)d proof", "%(n)d different proofs", count) % {"n": count}


def _often(limit: limits.Limit) -> str:
    said = {"count": limit.count, "time": duration(limit.per)}
    return ngettext("once in %(time)s", "%(count)d times in %(time)s", limit.count) % said


def duration(length: timedelta) -> str:
    """In the largest unit that says it exactly: two days are days, ninety minutes are minutes."""
    seconds = int(length.total_seconds())
    if seconds % _MINUTE:
        return ngettext("%(n)d second", "%(n)d seconds", seconds) % {"n": seconds}
    if seconds % _HOUR:
        return ngettext("%(n)d minute", "%(n)d minutes", seconds // _MINUTE) % {"n": seconds // _MINUTE}
    if seconds % _DAY:
        return ngettext("%(n)d hour", "%(n)d hours", seconds // _HOUR) % {"n": seconds // _HOUR}
    return ngettext("%(n)d day", "%(n)d days", seconds // _DAY) % {"n": seconds // _DAY}


_MINUTE, _HOUR, _DAY = 60, 3600, 86400

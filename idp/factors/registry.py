"""The kinds of second factor there are, the best first: what pages call them, and who judges an answer.

A kind is added here and nowhere else; the pages that ask for one, offer one and list them go through this table.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.http import HttpRequest
from django.utils.translation import gettext as _

from idp import browser
from idp.conf import policy
from idp.factors import tries
from idp.factors.passkey import answers
from idp.factors.passkey.challenges import Purpose
from idp.models import Credential, Device, User
from idp.pages import Problem

Judge = Callable[[HttpRequest, User, Device | None, datetime], tries.Outcome]
Prepare = Callable[[HttpRequest, User, datetime], dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Words:
    """A kind as pages call it, in the language that is active when it is asked."""

    #: What it is: "Authenticator app".
    title: str
    #: Why somebody would choose it, in one line.
    detail: str
    #: The choice at sign-in: "Use your authenticator app".
    use: str
    #: The heading of the page that asks for it.
    heading: str


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of second factor."""

    #: As credentials name it.
    name: str
    #: As addresses and forms name it.
    slug: str
    #: A file of templates/idp/icons.
    icon: str
    words: Callable[[], Words]
    #: Where its owner adds one.
    add_url: str
    #: What the page that asks for it shows: fields and button, inside a form that says which kind it is for.
    template: str
    #: Judges what that form sent. The person's password is proven.
    judge: Judge
    #: What is said of a wrong answer, and beside what.
    refusal: Callable[[], Problem]
    #: A static file that the template needs.
    script: str = ""
    #: What the template needs besides.
    prepare: Prepare = lambda _request, _user, _now: {}
    #: Whether an account has one at the most, so that its page makes a new one and manages the old.
    single: bool = False


def of(slug: str) -> Kind | None:
    """The kind that addresses and forms call this."""
    return next((kind for kind in KINDS if kind.slug == slug), None)


def named(name: str) -> Kind:
    """The kind of a credential."""
    return next(kind for kind in KINDS if kind.name == name)


def held(factors: Iterable[Credential]) -> list[Kind]:
    """The kinds among `factors`, the best first."""
    names = {factor.kind for factor in factors}
    return [kind for kind in KINDS if kind.name in names]


def typed_code(request: HttpRequest, user: User, device: Device | None, now: datetime) -> tries.Outcome:
    """Judge a code that was typed into the field `otp`, whichever kind of code it is."""
    return tries.judge(
        user,
        request.POST.get("otp", ""),
        subject=user.pk.bytes,
        device=device,
        policy=policy(),
        origin=browser.origin(request),
        now=now,
    )


def code_refused() -> Problem:
    return Problem("otp", _("That code isn't right"))


def shown_passkey(request: HttpRequest, user: User, _device: Device | None, now: datetime) -> tries.Outcome:
    """Judge a passkey's answer in the field `passkey`. It has no budget in common with codes, for nobody guesses it."""
    shown = answers.shown(
        request.POST.get("passkey", ""),
        Purpose.FACTOR,
        browser_hash=browser.browser_hash(request),
        user=user,
        origin=browser.origin(request),
        policy=policy(),
        now=now,
    )
    return tries.Right(kind=Credential.Kind.PASSKEY, more=(shown.kept,)) if shown else tries.Wrong(tries_left=None)


def passkey_refused() -> Problem:
    """What everybody is told whose passkey did not let them in, whatever is wrong with it."""
    return Problem("passkey", _("That didn't work with this passkey. Try again, or use another way to sign in"))


def _passkey() -> Words:
    return Words(
        title=_("Passkey"),
        detail=_("Your finger, face or PIN on this device, or a security key. It also signs you in by itself."),
        use=_("Use a passkey"),
        heading=_("Use your passkey"),
    )


def _totp() -> Words:
    return Words(
        title=_("Authenticator app"),
        detail=_("A new code every 30 seconds. Works without network."),
        use=_("Use your authenticator app"),
        heading=_("Enter the code from your app"),
    )


def _recovery_codes() -> Words:
    return Words(
        title=_("Recovery codes"),
        detail=_("Ten codes to print or save, for when nothing else is at hand."),
        use=_("Use a recovery code"),
        heading=_("Enter a recovery code"),
    )


KINDS: Final = (
    Kind(
        name=Credential.Kind.PASSKEY,
        slug="passkey",
        icon="finger",
        words=_passkey,
        add_url="/account/factors/passkey/",
        template="idp/factor/passkey.html",
        judge=shown_passkey,
        refusal=passkey_refused,
        script="regain/passkey.js",
    ),
    Kind(
        name=Credential.Kind.TOTP,
        slug="totp",
        icon="shield",
        words=_totp,
        add_url="/account/factors/totp/",
        template="idp/factor/totp.html",
        judge=typed_code,
        refusal=code_refused,
    ),
    Kind(
        name=Credential.Kind.RECOVERY_CODES,
        slug="recovery-codes",
        icon="list",
        words=_recovery_codes,
        add_url="/account/factors/recovery-codes/",
        template="idp/factor/recovery_codes.html",
        judge=typed_code,
        refusal=code_refused,
        single=True,
    ),
)

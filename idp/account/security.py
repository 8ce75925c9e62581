"""`/account/security/`: how somebody gets in and back in, and whether they still would after losing something."""

from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from idp import notice_words
from idp.account import frame, history, readiness, wording
from idp.account import sessions as sessions_page
from idp.accounts import addresses, credentials, lookup
from idp.accounts.addresses import Own
from idp.conf import policy
from idp.factors import requirements
from idp.login.again import signed_in
from idp.models import Credential, SignIn
from idp.plugins import delivery, hooks

_RECENT = 5
_SESSIONS = 3


@dataclass(frozen=True, kw_only=True)
class Address:
    """A row of "Ways back in". `url` is empty for one that was taken out."""

    url: str
    channel: str
    title: str
    name: str
    masked: str
    tag: str
    tag_class: str
    confirmed: str
    #: What is wrong with it, if something is.
    wrong: str


@dataclass(frozen=True, kw_only=True)
class Method:
    """A second factor, as a row of "Signing in"."""

    url: str
    icon: str
    title: str
    name: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A row of the readiness card: what is lost, and what would be left."""

    what: str
    enough: bool
    left: str


@require_safe
@signed_in
def security(request: HttpRequest, here: SignIn) -> HttpResponse:
    """The whole picture, and from each part of it the way to change it."""
    now = timezone.now()
    factors = credentials.factors_of(here.user)
    back = hooks.ways_back(here.user_id, now=now)
    ready = readiness.judge(
        readiness.Facts(ways=back.ways, needed=back.needed, factors=tuple(each.kind for each in factors)),
    )
    password = lookup.get(here.user_id).credential
    context = {
        "ready": ready,
        "losses": _losses(ready),
        "addresses": [_address(own) for own in addresses.of(here.user, now=now)],
        "may_add_phone": delivery.SMS in delivery.channels(),
        "done": _done(request.GET.get("address", "")) or _done_to_phone(request.GET.get("phone", "")),
        "password_changed": wording.day(password.changed_at) if password else "",
        "methods": [_method(each, now=now) for each in factors],
        "may_add": requirements.may_add(policy()),
        "lines": history.page(here.user_id, size=_RECENT).lines,
        "sessions": sessions_page.living(here, now=now)[:_SESSIONS],
    }
    context["lines"] = [(line, wording.when(line.at, now=now)) for line in context["lines"]]
    return frame.show(request, here, "idp/account/security.html", context)


def _done(word: str) -> str:
    """What a page of an address has just done; its own word in our own address."""
    return {
        "added": _("Done. The address is told of everything at once, and you can get back in with it later."),
        "confirmed": _("Done. That address works."),
        "named": _("Done. That is what it is called now."),
        "removed": _("Done. Nobody can get in with that address any more; for some days it is still told of changes."),
        "gone": _("That code is over. Ask for another one."),
    }.get(word, "")


def _done_to_phone(word: str) -> str:
    return {
        "added": _("Done. The number is told of everything at once, and you can get back in with it later."),
        "confirmed": _("Done. That number works."),
        "removed": _("Done. Nobody can get in with that number any more; for some days it is still told of changes."),
    }.get(word) or _done(word)


def _losses(ready: readiness.Readiness) -> tuple[Loss, ...]:
    return (
        _loss(_("Without your phone"), ready.phone),
        _loss(_("Without your mailbox"), ready.mailbox),
        _loss(_("Without both"), ready.both),
    )


def _loss(what: str, without: readiness.Without) -> Loss:
    ways = _in_a_row([way.label for way in without.ways])
    match without.outcome:
        case readiness.Outcome.YES if without.factors:
            factors = _in_a_row([notice_words.factor(kind) for kind in without.factors])
            left = _("%(ways)s, then %(factors)s") % {"ways": ways, "factors": factors}
        case readiness.Outcome.YES:
            left = ways
        case readiness.Outcome.NO_FACTOR:
            left = _("your second step would be lost: add another one")
        case _:
            left = _("add another way back in")
    return Loss(what=what, enough=without.enough, left=left)


def _in_a_row(words: list[str]) -> str:
    each = list(dict.fromkeys(words))
    if len(each) < 2:  # noqa: PLR2004 -- nothing to join
        return "".join(each)
    return _("%(some)s or %(last)s") % {"some": ", ".join(each[:-1]), "last": each[-1]}


def _address(own: Own) -> Address:
    if own.told_until is not None:
        tag, tag_class = _("Removed, still told until %(day)s") % {"day": wording.day(own.told_until)}, ""
    elif own.usable_from is not None:
        tag, tag_class = _("Usable from %(day)s") % {"day": wording.day(own.usable_from)}, "warn"
    else:
        tag, tag_class = _("Confirmed"), "ok"
    return Address(
        url=f"/account/addresses/{own.id}/" if own.told_until is None else "",
        channel=own.channel,
        title=wording.channel(own.channel),
        name=own.name,
        masked=own.masked,
        tag=tag,
        tag_class=tag_class,
        confirmed=wording.day(own.confirmed_at),
        wrong=wording.marked(own.mark) if own.mark and own.told_until is None else "",
    )


_ICONS = {
    Credential.Kind.TOTP: "phone",
    Credential.Kind.PASSKEY: "finger",
    Credential.Kind.RECOVERY_CODES: "list",
}


def _method(credential: Credential, *, now: datetime) -> Method:
    factor, title = credential.factor, notice_words.factor(credential.kind)
    added = _("Added %(day)s") % {"day": wording.day(factor.added_at)}
    if factor.last_used_at is None:
        used = _("not used yet")
    else:
        used = _("last used %(when)s") % {"when": wording.when(factor.last_used_at, now=now)}
    return Method(
        url=f"/account/factors/{credential.pk}/",
        icon=_ICONS[Credential.Kind(credential.kind)],
        title=title[:1].upper() + title[1:],
        name=factor.name if factor.name != title else "",
        detail=f"{added} · {used}",
    )

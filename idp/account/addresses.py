"""`/account/addresses/`: the owner's recovery addresses. Each page does one thing; every change asks who it is.

A telephone is an address like a mailbox, where the tenant has a gateway for text messages; elsewhere nothing of it is
offered, and those that are there from before can be named and taken out.
"""

from datetime import datetime
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from idp import browser, code_pages
from idp.account import frame, wording
from idp.accounts import address_claims, addresses
from idp.accounts.address_claims import Asked, Confirmed, Gone, Throttled, Wrong
from idp.accounts.addresses import Context, NotPossible
from idp.browser import SeeOther
from idp.codes import Sent
from idp.conf import ADDRESS_CODES, policy
from idp.forms import takes
from idp.login.again import freshly, signed_in
from idp.models import AddressClaim, Message, RecoveryAddress, SignIn
from idp.pages import Problem
from idp.plugins import delivery
from idp.plugins.delivery import Number, Unfit
from idp.plugins.waiting import way_on

_HOME = "/account/security/"
_LONGEST = 254
_LONGEST_NAME = 60
_EMAIL, _SMS = RecoveryAddress.Channel.EMAIL, RecoveryAddress.Channel.SMS


@takes("address", "name")
@require_http_methods(["GET", "POST"])
@freshly
def add(request: HttpRequest, here: SignIn) -> HttpResponse:
    """`/account/addresses/add/`: where may we write to, so that you can get back in?"""
    return _adding(request, here, _EMAIL)


@takes("address", "name")
@require_http_methods(["GET", "POST"])
@freshly
def add_phone(request: HttpRequest, here: SignIn) -> HttpResponse:
    """`/account/addresses/add/phone/`: the same by text message. Nothing is added without a gateway."""
    if not _goes(_SMS):
        return SeeOther(_HOME)
    return _adding(request, here, _SMS)


def _adding(request: HttpRequest, here: SignIn, channel: str) -> HttpResponse:
    typed = request.POST.get("address", "").strip()[: _LONGEST + 1]
    called = _name(request)
    problems: list[Problem] = []
    if request.method == "POST":
        address, fault = _read(channel, typed)
        if fault:
            problems = [Problem("address", fault)]
        else:
            asked = address_claims.ask_to_add(here, channel, address, name=called, context=_context(request))
            if isinstance(asked, Asked):
                return SeeOther(frame.with_waiting(request, f"/account/addresses/code/{asked.claim}/"))
            problems = [Problem("address", _refusal(asked, channel))]
    page = {
        "channel": channel,
        "problems": problems,
        "address": typed,
        "name": called,
        "days": policy().address_quarantine.days,
        "back_url": _HOME,
    }
    return frame.show(request, here, "idp/address_add.html", page)


@takes("code", "send_again")
@require_http_methods(["GET", "POST"])
@freshly
def code(request: HttpRequest, here: SignIn, claim_id: UUID) -> HttpResponse:
    """`/account/addresses/code/…/`: the code that was sent there."""
    context = _context(request)
    claim = address_claims.claim_of(here.user, claim_id, now=context.now)
    if claim is None:
        return SeeOther(_HOME)
    if request.method == "GET":
        return _code_page(request, here, claim, context)
    if request.POST.get("send_again"):
        held = address_claims.send_again(claim, context=context)
        if not held:
            return SeeOther(request.get_full_path())
        return _code_page(request, here, claim, context, problem=_refusal(held, claim.channel))
    match address_claims.answer(here, claim, request.POST.get("code", "")[:40], context=context):
        case Confirmed(usable_from=usable_from):
            return _done(request, "added" if usable_from else "confirmed", claim.channel)
        case Gone():
            return _done(request, "gone", claim.channel)
        case Wrong() as wrong:
            return _code_page(request, here, claim, context, problem=_wrong_sentence(wrong, claim))
        case Throttled() | NotPossible() as refused:
            return _code_page(request, here, claim, context, problem=_refusal(refused, claim.channel))


@takes("act", "name")
@require_http_methods(["GET", "POST"])
@signed_in
def one(request: HttpRequest, here: SignIn, address_id: UUID) -> HttpResponse:
    """`/account/addresses/…/`: what it is called, whether it still works, and taking it out."""
    context = _context(request)
    own = next((each for each in addresses.of(here.user, now=context.now) if each.id == address_id), None)
    if own is None or own.told_until is not None:
        return SeeOther(_HOME)
    if request.method == "POST" and request.POST.get("act") in _ACTS:
        return _act(request, address_id=address_id)
    return _one_page(request, here, own)


@freshly
def _act(request: HttpRequest, here: SignIn, *, address_id: UUID) -> HttpResponse:
    """What the page's buttons do, once it is sure who presses them."""
    context = _context(request)
    row = addresses.find(here.user, address_id)
    if row is None:
        return SeeOther(_HOME)
    match request.POST["act"]:
        case "name":
            addresses.name(row, _name(request))
            return _done(request, "named", row.channel)
        case "test":
            if not _goes(row.channel):
                return _one_refused(request, here, address_id, _("We can't send text messages now."), context)
            asked = address_claims.ask_to_test(here, row, context=context)
            if isinstance(asked, Asked):
                return SeeOther(frame.with_waiting(request, f"/account/addresses/code/{asked.claim}/"))
            return _one_refused(request, here, address_id, _refusal(asked, row.channel), context)
        case _:
            done = addresses.remove(here, row, context=context)
            if isinstance(done, NotPossible):
                return _one_refused(request, here, address_id, _refusal(done, row.channel), context)
            return _done(request, "removed", row.channel)


_ACTS = ("name", "test", "remove")


def _one_refused(
    request: HttpRequest,
    here: SignIn,
    address_id: UUID,
    sentence: str,
    context: Context,
) -> HttpResponse:
    own = next(each for each in addresses.of(here.user, now=context.now) if each.id == address_id)
    return _one_page(request, here, own, problem=sentence)


def _one_page(request: HttpRequest, here: SignIn, own: addresses.Own, *, problem: str = "") -> HttpResponse:
    page = {
        "own": own,
        "wrong": wording.marked(own.mark) if own.mark else "",
        "may_test": _goes(own.channel),
        "problems": [Problem("", problem)] if problem else [],
        "days": policy().address_quarantine.days,
        "back_url": _HOME,
    }
    return frame.show(request, here, "idp/address.html", page)


def _code_page(
    request: HttpRequest,
    here: SignIn,
    claim: AddressClaim,
    context: Context,
    *,
    problem: str = "",
) -> HttpResponse:
    message = address_claims.newest(claim)
    if message is None:
        return SeeOther(_HOME)
    value = address_claims.claimed_address(claim) or ""
    page = {
        "purpose": claim.purpose,
        "channel": claim.channel,
        # It was typed a moment ago by whoever reads this, who has just shown who they are.
        "to": value if claim.purpose == AddressClaim.Purpose.ADD else addresses.masked(claim.channel, value),
        "problems": [Problem("code", problem)] if problem else [],
        "back_url": _HOME,
        **code_pages.shown(
            message,
            reference=address_claims.reference(claim, message.generation),
            delivery=_delivery(message, context.now),
            tries_left=max(0, ADDRESS_CODES.tries - claim.tries_used),
            resend=context.policy.address_resend.per,
            numbers=ADDRESS_CODES,
            now=context.now,
        ),
    }
    return frame.show(request, here, "idp/address_code.html", page)


def _delivery(message: Sent, now: datetime) -> str:
    """How far the message has come. Unlike in a recovery, its owner may know that the mailbox refused it."""
    state = message.delivery.state
    if state == Message.State.SENT:
        return "sent"
    return "failed" if state == Message.State.FAILED else code_pages.on_its_way(message, now)


def _name(request: HttpRequest) -> str:
    return " ".join(request.POST.get("name", "").split())[:_LONGEST_NAME]


def _done(request: HttpRequest, word: str, channel: str) -> HttpResponse:
    """On to the request that waits; else back to the security page, which says what was done."""
    home = f"{_HOME}?{'phone' if channel == _SMS else 'address'}={word}"
    return SeeOther(way_on(request, otherwise=home, now=timezone.now()))


def _goes(channel: str) -> bool:
    return channel in delivery.channels()


def _read(channel: str, typed: str) -> tuple[str, str]:
    """The address that `typed` means; or why it is none that we send to."""
    return _number(typed) if channel == _SMS else _mailbox(typed)


def _mailbox(typed: str) -> tuple[str, str]:
    try:
        validate_email(typed)
    except ValidationError:
        return "", _("Enter an email address, for example name@example.com")
    return typed, ""


def _number(typed: str) -> tuple[str, str]:
    match delivery.number(typed):
        case Number() as number:
            return number.e164, ""
        case Unfit.COUNTRY:
            return "", _("We can't send text messages to that country.")
        case Unfit.MALFORMED:
            return "", _("Enter a mobile number with its country code, for example +33 6 12 34 56 78")
        case _:
            return "", _("That isn't a mobile number. Enter one that receives text messages.")


def _refusal(refused: Throttled | NotPossible, channel: str) -> str:
    if isinstance(refused, Throttled):
        return _("Another code can be sent at %(time)s.") % {
            "time": timezone.localtime(refused.until).strftime("%H:%M"),
        }
    return {
        "already": _("This number is one of yours already")
        if channel == _SMS
        else _("This address is one of yours already"),
        "too-many": _("You have as many addresses as an account can have. Remove one first."),
        "last": _("This is the last address you can get back in with. Add another one first."),
    }[refused.why]


def _wrong_sentence(wrong: Wrong, claim: AddressClaim) -> str:
    return code_pages.wrong(
        address_claims.reference(claim, claim.generation),
        digits=ADDRESS_CODES.digits,
        tries_left=wrong.tries_left,
        counted=wrong.counted,
    )


def _context(request: HttpRequest) -> Context:
    return Context(now=timezone.now(), policy=policy(), origin=browser.origin(request))

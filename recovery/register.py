"""`/recovery/register/`: somebody signs in and has too few ways back, or an address that may lead nowhere.

Nothing is added here: each choice leads to the account page that does it, which brings them back to where they were
going, and there it is asked again whether enough is there.
"""

from datetime import datetime
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_http_methods

from idp.plugins import factors, visitors, waiting
from idp.plugins.visitors import Own, Throttled, Visitor
from idp.plugins.web import Choice, Problem, SeeOther, takes
from recovery import asking
from recovery.asking import Wanted
from recovery.context import Context
from recovery.domain import ways
from recovery.domain.registration import Doubt, Fault
from recovery.methods import registry
from recovery.pages import context_of


@takes("way", "gone", "test")
@require_http_methods(["GET", "POST"])
def register(request: HttpRequest) -> HttpResponse:
    """Say what is missing, and let them choose; whoever is asked for nothing goes on."""
    context = context_of(request)
    waits = waiting.waiting(request, request.GET.get("i", ""), now=context.now)
    interaction_id = request.GET["i"] if waits else ""
    visitor = visitors.signed_in(request, now=context.now)
    if visitor is None:
        return SeeOther(waiting.sign_in_url(interaction_id))
    onward = waiting.way_on(request, now=context.now)
    if not visitor.is_held:
        # An old tab: they have been let go, or were never asked.
        return SeeOther(onward)
    wants = asking.wanted(visitor.user, context.policy, now=context.now)
    if not wants.anything:
        return SeeOther(onward)
    answer = _answer(request, visitor, wants, interaction_id, onward, context) if request.method == "POST" else ""
    if isinstance(answer, HttpResponse):
        return answer
    page = {
        "application": waits.application if waits else None,
        "problems": [Problem("", answer)] if answer else [],
        **_page(wants, context),
    }
    return render(request, "recovery/register.html", page)


def _answer(
    request: HttpRequest, visitor: Visitor, wants: Wanted, interaction_id: str, onward: str, context: Context
) -> HttpResponse | str:
    """Where a button leads; or why it leads nowhere."""
    way = request.POST.get("way", "")
    if way == "later":
        # How much is left is the database's to say: another tab may have used it.
        may_go = asking.put_off(visitor, wants, context=context)
        return SeeOther(onward) if may_go else _("You can't put this off any longer.")
    if way in (method := {_VALUES[each]: each for each in wants.missing}):
        return SeeOther(visitors.add_url(_KINDS[method[way]], interaction_id=interaction_id))
    for doubt in wants.doubts:
        if request.POST.get("gone") == str(doubt.address):
            return SeeOther(visitors.address_url(doubt.address, interaction_id=interaction_id))
        if request.POST.get("test") == str(doubt.address):
            return _tested(request, doubt.address, interaction_id, context)
    return ""


def _tested(request: HttpRequest, address: UUID, interaction_id: str, context: Context) -> HttpResponse | str:
    match visitors.send_test(request, address, interaction_id=interaction_id, now=context.now):
        case Throttled(until=until):
            return _("Another code can be sent at %(time)s.") % {"time": timezone.localtime(until).strftime("%H:%M")}
        case url:
            return SeeOther(url)


# --- The page ---------------------------------------------------------------------------------------------

#: As the page's buttons call the methods.
_VALUES = {
    ways.PASSKEY: "passkey",
    ways.TOTP: "totp",
    ways.RECOVERY_CODE: "recovery-codes",
    ways.SMS: "phone",
    ways.EMAIL: "email",
}
#: As the provider calls what is added for them.
_KINDS = {
    ways.PASSKEY: factors.Kind.PASSKEY.value,
    ways.TOTP: factors.Kind.TOTP.value,
    ways.RECOVERY_CODE: factors.Kind.RECOVERY_CODES.value,
    ways.SMS: ways.SMS,
    ways.EMAIL: ways.EMAIL,
}


def _page(wants: Wanted, context: Context) -> dict[str, object]:
    wanted = context.policy.ways_wanted
    held = len(ways.roots(wants.ways & frozenset(context.policy.methods)))
    by_id = {own.id: own for own in wants.addresses}
    in_doubt = {doubt.address for doubt in wants.doubts}
    return {
        "choices": [_choice(way) for way in wants.missing],
        "asked_from_then_on": any(_KINDS[way] in factors.Kind.values for way in wants.missing),
        "has": held,
        "wanted": wanted,
        "segments": [number < held for number in range(wanted)],
        "facts": [_fact(own) for own in wants.addresses if own.id not in in_doubt] + _others(wants),
        "doubts": [(doubt, _doubt(doubt, by_id[doubt.address])) for doubt in wants.doubts],
        "may_wait": wants.may_wait,
        "skips_left": wants.skips_left,
        "until": timezone.localtime(wants.until),
    }


def _choice(way: str) -> Choice:
    title, detail, icon = {
        ways.PASSKEY: (
            _("Passkey"),
            _("Recommended. Your fingerprint, face or PIN – nothing to remember."),
            "finger",
        ),
        ways.TOTP: (_("Authenticator app"), _("Works without network."), "shield"),
        ways.RECOVERY_CODE: (_("Recovery codes"), _("Ten codes to print or save."), "list"),
        ways.SMS: (_("Phone number"), _("We text you a code."), "phone"),
        ways.EMAIL: (_("Email address"), _("We email you a code."), "mail"),
    }[way]
    return Choice(value=_VALUES[way], title=title, detail=detail, icon=icon)


def _fact(own: Own) -> str:
    facts = {"address": own.masked}
    if own.usable_from is not None:
        facts["day"] = _day(own.usable_from)
        if own.channel == ways.SMS:
            return _("Phone %(address)s can be used from %(day)s on.") % facts
        return _("Email %(address)s can be used from %(day)s on.") % facts
    if own.channel == ways.SMS:
        return _("Phone %(address)s is confirmed.") % facts
    return _("Email %(address)s is confirmed.") % facts


def _others(wants: Wanted) -> list[str]:
    """What they have besides addresses."""
    channels = {own.channel for own in wants.addresses}
    return [method.title().capitalize() for method in registry.named(sorted(wants.ways - channels))]


def _doubt(doubt: Doubt, own: Own) -> str:
    facts = {"address": own.masked, "day": _day(own.confirmed_at)}
    match doubt.fault:
        case Fault.BOUNCED if own.channel == ways.SMS:
            return _("A text message to %(address)s could not be delivered. Does the number still work?") % facts
        case Fault.BOUNCED:
            return _("Mail to %(address)s came back. Does the address still work?") % facts
        case Fault.COMPLAINED if own.channel == ways.SMS:
            return _("%(address)s refused text messages from us. Does the number still work?") % facts
        case Fault.COMPLAINED:
            return _("Mail to %(address)s was marked as unwanted. Do you still read it there?") % facts
        case Fault.OLD:
            return _("Do you still use %(address)s? You last confirmed it on %(day)s.") % facts


def _day(at: datetime) -> str:
    return date_format(timezone.localtime(at), pgettext("date format", "j F Y"))

"""`/account/language/`: in which language messages are written, and pages are shown here."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from idp import browser
from idp.account import frame
from idp.audit.events import LanguageChosen
from idp.audit.record import record
from idp.browser import SeeOther
from idp.forms import takes
from idp.login.again import signed_in
from idp.models import SignIn, User
from idp.pages import language_tag

_HERE = "/account/language/"
#: Messages speak the language of the page that asked for them.
_OF_THE_PAGE = "page"


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A language to choose. `tag` is empty where its name is in the page's own language."""

    value: str
    tag: str
    name: str
    current: bool


@takes("language")
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def language(request: HttpRequest, here: SignIn) -> HttpResponse:
    """The languages there are; by POST, one of them."""
    if request.method == "POST":
        return _choose(request, here, request.POST.get("language", ""), now=timezone.now())
    context = {"offers": _offers(here.user), "done": "done" in request.GET}
    return frame.show(request, here, "idp/account/language.html", context)


def _offers(user: User) -> list[Offer]:
    offers = [
        Offer(value=code, tag=language_tag(code), name=name, current=user.locale == code)
        for code, name in settings.LANGUAGES
    ]
    own = Offer(
        value=_OF_THE_PAGE,
        tag="",
        name=_("The language of the page I am on"),
        current=user.locale not in dict(settings.LANGUAGES),
    )
    return [*offers, own]


def _choose(request: HttpRequest, here: SignIn, chosen: str, *, now: datetime) -> HttpResponse:
    spoken = dict(settings.LANGUAGES)
    if chosen not in spoken and chosen != _OF_THE_PAGE:
        return SeeOther(_HERE)
    locale = chosen if chosen in spoken else ""
    with transaction.atomic():
        changed = User.objects.filter(pk=here.user_id).exclude(locale=locale).update(locale=locale, updated_at=now)
        if changed:
            record(LanguageChosen(user=here.user_id, language=locale), origin=browser.origin(request))
    response = SeeOther(f"{_HERE}?done=1")
    if locale:
        browser.set_cookie(response, "regain-language", locale, lifetime=browser.LANGUAGE_LIFETIME)
    return response

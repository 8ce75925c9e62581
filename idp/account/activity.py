"""`/account/activity/`: what happened to the account, in plain words, a page at a time."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from idp.account import frame, history, wording
from idp.account.history import Mark
from idp.login.again import signed_in
from idp.models import SignIn
from idp.plugins.hooks import About

_HERE = "/account/activity/"
_SIZE = 20


@dataclass(frozen=True, kw_only=True)
class Filter:
    """One kind of entries, as a link."""

    url: str
    label: str
    current: bool


@require_safe
@signed_in
def activity(request: HttpRequest, here: SignIn) -> HttpResponse:
    """Newest first. What stands in the address is a kind and a place; anything else is the beginning."""
    now = timezone.now()
    about = _about(request.GET.get("kind", ""))
    before = history.read_mark(request.GET.get("before", ""))
    after = None if before else history.read_mark(request.GET.get("after", ""))
    page = history.page(here.user_id, size=_SIZE, about=about, before=before, after=after)
    if not page.lines and (before or after):
        page = history.page(here.user_id, size=_SIZE, about=about)
    context = {
        "lines": [(line, wording.when(line.at, now=now)) for line in page.lines],
        "filters": _filters(about),
        "older_url": _url(about, before=page.older) if page.older else "",
        "newer_url": _url(about, after=page.newer) if page.newer else "",
    }
    return frame.show(request, here, "idp/account/activity.html", context)


def _about(text: str) -> About | None:
    return About(text) if text in list(About) else None


def _filters(current: About | None) -> list[Filter]:
    labels: dict[About | None, str] = {
        None: _("Everything"),
        About.SIGNING_IN: _("Signing in"),
        About.SECURITY: _("Security info"),
        About.RECOVERY: _("Recovery"),
        About.APPLICATIONS: _("Applications"),
        About.ACCOUNT: _("Account"),
    }
    return [Filter(url=_url(about), label=label, current=about == current) for about, label in labels.items()]


def _url(about: About | None, **marks: Mark | None) -> str:
    query = {"kind": about.value} if about else {}
    query |= {name: str(mark) for name, mark in marks.items() if mark}
    return f"{_HERE}?{urlencode(query)}" if query else _HERE

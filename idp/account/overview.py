"""`/account/`: where somebody lands who signs in without an application waiting; from here, all that is theirs."""

from dataclasses import dataclass
from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from idp.account import frame, wording
from idp.accounts import freezes, roles
from idp.login.again import signed_in
from idp.models import SignIn

#: For how long after a stop has ended this page says so.
_TELLS_OF_A_FREEZE = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class Way:
    """A page, and what it is good for. `icon` is a file of templates/idp/icons."""

    id: str
    url: str
    title: str
    detail: str
    icon: str


@require_safe
@signed_in
def home(request: HttpRequest, here: SignIn) -> HttpResponse:
    """Who is signed in here, and where what is."""
    now = timezone.now()
    lifted = freezes.last_lifted(here.user_id, since=now - _TELLS_OF_A_FREEZE)
    context = {
        "ways": (*_ways(), _console()) if roles.is_administrator(here.user_id) else _ways(),
        "frozen_on": wording.day(lifted.frozen_at) if lifted else "",
    }
    return frame.show(request, here, "idp/account/overview.html", context)


def _console() -> Way:
    """The administrators' pages, of which nobody else is told."""
    return Way(
        id="console",
        url="/console/",
        title=_("Administration"),
        detail=_("How this service does"),
        icon="home",
    )


def _ways() -> tuple[Way, ...]:
    return (
        Way(
            id="security",
            url="/account/security/",
            title=_("Security info"),
            detail=_("How you sign in, and how you get back in"),
            icon="shield",
        ),
        Way(
            id="password",
            url="/account/password/",
            title=_("Password"),
            detail=_("Change it while you know it"),
            icon="key",
        ),
        Way(
            id="sessions",
            url="/account/sessions/",
            title=_("Sessions"),
            detail=_("Where you're signed in, and signing out there"),
            icon="device",
        ),
        Way(
            id="applications",
            url="/account/applications/",
            title=_("Applications"),
            detail=_("What you allowed to use your account"),
            icon="list",
        ),
        Way(
            id="activity",
            url="/account/activity/",
            title=_("Activity"),
            detail=_("Everything that happened to your account"),
            icon="clock",
        ),
        Way(
            id="language",
            url="/account/language/",
            title=_("Language"),
            detail=_("Of our messages to you"),
            icon="mail",
        ),
        Way(
            id="data",
            url="/account/data/",
            title=_("Your data"),
            detail=_("A copy of what is kept about you"),
            icon="person",
        ),
        Way(
            id="delete",
            url="/account/delete/",
            title=_("Delete your account"),
            detail=_("For good; nobody can bring it back"),
            icon="alert",
        ),
    )

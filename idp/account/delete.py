"""`/account/delete/`: the end of one's own account."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from idp import browser
from idp.account import frame
from idp.accounts import lifecycle, roles
from idp.browser import SeeOther
from idp.conf import policy
from idp.forms import takes
from idp.login.again import freshly
from idp.models import SignIn
from idp.models.user import canonical
from idp.pages import Problem

_DELETED = "/account/deleted/"


@takes("username")
@require_http_methods(["GET", "HEAD", "POST"])
@freshly
def delete(request: HttpRequest, here: SignIn) -> HttpResponse:
    """What it means; by POST with the user name typed out, the end."""
    if request.method != "POST":
        return _page(request, here)
    typed = request.POST.get("username", "")
    if canonical(typed) != canonical(here.user.preferred_username):
        said = _("Type your user name to delete your account") if typed else _("Enter your user name")
        return _page(request, here, typed=typed[:150], problems=(Problem("confirm-username", said),))
    origin = browser.origin(request)
    match lifecycle.delete_own(here, policy=policy(), origin=origin, now=timezone.now()):
        case lifecycle.LastAdministrator():
            return _page(request, here)
        case lifecycle.Deleted():
            response = SeeOther(_DELETED)
            browser.drop_cookie(response, browser.SESSION)
            return response


@require_safe
def deleted(request: HttpRequest) -> HttpResponse:
    """It is done. Says the same to everybody who opens it."""
    return render(request, "idp/account/deleted.html", {"sign_in_url": "/sign-in"})


def _page(
    request: HttpRequest,
    here: SignIn,
    *,
    typed: str = "",
    problems: tuple[Problem, ...] = (),
) -> HttpResponse:
    context = {
        "username": here.user.preferred_username,
        "typed": typed,
        "problems": problems,
        "is_last_administrator": roles.is_the_only_administrator(here.user_id),
    }
    return frame.show(request, here, "idp/account/delete.html", context)

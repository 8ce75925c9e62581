"""Who is let in: asked anew at every request, of the account, of its role and of what was shown.

Somebody signed in who is no administrator reads what they read at an address that leads nowhere. An administrator
shows a second factor, and not long ago: a password that was found, or a browser that was left open, opens none of
these pages.
"""

from functools import wraps

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from idp import problems
from idp.accounts import credentials, reauthentication, roles
from idp.conf import policy
from idp.console import frame
from idp.factors import requirements
from idp.login import again
from idp.models import SignIn


def administrator(view: again.View) -> again.Plain:
    """Show the view to an administrator who has just shown a second factor, and hand their sign-in to it."""

    @again.signed_in
    @wraps(view)
    def guarded(request: HttpRequest, here: SignIn, *args: object, **kwargs: object) -> HttpResponse:
        if not roles.is_administrator(here.user_id):
            return problems.not_found(request)
        if not credentials.factors_of(here.user):
            return _without_factor(request, here)
        if not reauthentication.is_fresh(here, has_factor=True, policy=policy(), now=timezone.now()):
            return again.ask(request)
        return view(request, here, *args, **kwargs)

    return guarded


def _without_factor(request: HttpRequest, here: SignIn) -> HttpResponse:
    """Why this is as far as it goes, and the way to a second factor."""
    context = {"may_add": requirements.may_add(policy())}
    return frame.show(request, here, "idp/console/factor_first.html", context, status=403)

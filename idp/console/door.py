"""Who is let in: asked anew at every request, of the account, of its role and of what was shown.

Somebody signed in who is no administrator reads what they read at an address that leads nowhere. An administrator
shows a second factor, and not long ago: a password that was found, or a browser that was left open, opens none of
these pages.
"""

from functools import wraps

from django.core.exceptions import BadRequest
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from idp import browser, problems
from idp.accounts import credentials, reauthentication, roles
from idp.audit.acts import FormRefused
from idp.audit.record import record
from idp.conf import policy
from idp.console import frame
from idp.factors import requirements
from idp.login import again
from idp.models import SignIn, User


def administrator(view: again.View) -> again.Plain:
    """Show the view to an administrator who has just shown a second factor, and hand their sign-in to it.

    That one of them sends what no form has (BadRequest) is an entry in the history: no page of ours does that.
    """

    @again.signed_in
    @wraps(view)
    def guarded(request: HttpRequest, here: SignIn, *args: object, **kwargs: object) -> HttpResponse:
        if not roles.is_administrator(here.user_id):
            return problems.not_found(request)
        if not credentials.factors_of(here.user):
            return _without_factor(request, here)
        if not reauthentication.is_fresh(here, has_factor=True, policy=policy(), now=timezone.now()):
            return again.ask(request)
        try:
            return view(request, here, *args, **kwargs)
        except BadRequest:
            _remember(request, here)
            raise

    return guarded


def _remember(request: HttpRequest, here: SignIn) -> None:
    match = request.resolver_match
    if match is None:
        return
    about = User.objects.filter(pk=match.kwargs.get("account")).values_list("pk", flat=True).first()
    with transaction.atomic():
        record(FormRefused(user=about, page=match.url_name or "", by=here.user_id), origin=browser.origin(request))


def _without_factor(request: HttpRequest, here: SignIn) -> HttpResponse:
    """Why this is as far as it goes, and the way to a second factor."""
    context = {"may_add": requirements.may_add(policy())}
    return frame.show(request, here, "idp/console/factor_first.html", context, status=403)

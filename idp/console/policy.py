"""`/console/policy/`: what a recovery takes, in plain words, as the plug-ins tell it.

To be read only: a policy is part of the settings, and changes when they are deployed (docs/operate.md, Policies).
"""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from idp.console import frame
from idp.console.door import administrator
from idp.models import SignIn
from idp.plugins import hooks


@require_safe
@administrator
def policy(request: HttpRequest, here: SignIn) -> HttpResponse:
    """Every number of it, in sentences."""
    return frame.show(request, here, "idp/console/policy.html", {"sections": hooks.policy_in_words(timezone.now())})

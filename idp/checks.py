"""What is wrong with a deployment, said when it starts."""

from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured

from idp import branding
from idp.conf import policy
from idp.plugins import hooks


@register(Tags.security)
def policy_is_sound(**_kwargs: Any) -> list[CheckMessage]:
    """Settings that contradict one another, a plug-in that is not there, a colour nobody could read."""
    found: list[CheckMessage] = []
    try:
        policy()
        branding.brand_css()
        hooks.plugins()
    except (ImproperlyConfigured, ImportError, ValueError) as error:
        found.append(Error(str(error), id="idp.E001"))
    return found

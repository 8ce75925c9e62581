"""What is wrong with the recovery policy, said when the server starts."""

from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured

from idp.plugins import delivery
from recovery.conf import policy
from recovery.domain.policy import PROBLEMS
from recovery.domain.ways import PASSWORD, WAYS
from recovery.methods import registry
from recovery.methods.base import sends


@register(Tags.security)
def policy_is_sound(**_kwargs: Any) -> list[CheckMessage]:
    """The policy's numbers hold, and what it offers is built."""
    try:
        offered = policy()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="recovery.E001")]
    unknown = set(offered.methods) - (set(WAYS) - {PASSWORD})
    unbuilt = set(offered.problems) - set(PROBLEMS)
    unsent = {
        method.id for method in registry.enabled(offered) if sends(method) and method.channel not in delivery.channels()
    }
    return [
        Error(f"settings.RECOVERY offers {name!r}, and there is no provider for it: set SMS_URL.", id="recovery.E003")
        for name in sorted(unsent)
    ] + [
        Error(f"settings.RECOVERY offers {name!r}, which does not exist.", id="recovery.E002")
        for name in sorted(unknown | unbuilt)
    ]

"""What is removed once its time is over, and after how long."""

from datetime import datetime, timedelta

from idp import interactions, outbox
from idp.models import AccessToken
from idp.plugins import hooks

#: Sent messages are kept for the pages that show them and for questions of the same day.
_MESSAGES = timedelta(days=2)


def sweep(now: datetime) -> dict[str, int]:
    """Remove what has expired. Returns how many rows of each kind."""
    swept = {
        "interactions": interactions.sweep(now),
        "messages": outbox.sweep(before=now - _MESSAGES),
        "access_tokens": AccessToken.objects.filter(expires_at__lte=now).delete()[0],
    }
    for plugin in hooks.plugins():
        swept |= plugin.tidy(now)
    return swept

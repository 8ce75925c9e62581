"""What is removed once its time is over, and after how long."""

from datetime import datetime, timedelta

from django.db.models import Q

from idp import interactions, outbox
from idp.accounts import credentials, freezes, invitations
from idp.conf import policy
from idp.models import AccessToken, AddressClaim, Ceremony, Grant, Handover, PendingSignIn, Seen
from idp.plugins import hooks

#: Sent messages are kept for the pages that show them and for questions of the same day.
_MESSAGES = timedelta(days=2)
#: Receipts come within days: a mail server tries for five.
_HANDOVERS = timedelta(days=8)
#: How long a grant is kept after its end: what was issued from it can be traced for a month.
_GRANTS = timedelta(days=30)
#: At a time, so that one tidying never holds much.
_MOST_GRANTS = 5000


def sweep(now: datetime) -> dict[str, int]:
    """Remove what has expired. Returns how many rows of each kind."""
    swept = {
        "interactions": interactions.sweep(now),
        "pending_sign_ins": PendingSignIn.objects.filter(expires_at__lte=now).delete()[0],
        "address_claims": AddressClaim.objects.filter(expires_at__lte=now).delete()[0],
        "ceremonies": Ceremony.objects.filter(expires_at__lte=now).delete()[0],
        "addresses": credentials.erase_addresses(),
        "invitations": invitations.cancel_forgotten(now),
        "freezes": freezes.lift_overdue(policy=policy(), now=now),
        "messages": outbox.sweep(before=now - _MESSAGES),
        "handovers": Handover.objects.filter(handed_at__lte=now - _HANDOVERS).delete()[0],
        "access_tokens": AccessToken.objects.filter(expires_at__lte=now).delete()[0],
        "grants": _grants(now),
        "seen": Seen.objects.filter(expires_at__lte=now).delete()[0],
    }
    for plugin in hooks.plugins():
        swept |= plugin.tidy(now)
    return swept


def _grants(now: datetime) -> int:
    """Remove grants that ended long ago.

    Not before nothing of theirs can be shown again to any effect: while one token of a family lives, or the
    sign-in it came from, a second use of its code or of an old refresh token must be recognised and end it.
    """
    long_ago = now - _GRANTS
    over = Q(ended_at__lte=long_ago) | Q(refresh_expires_at__lte=long_ago) | Q(expires_at__lte=long_ago)
    never_lasted = Q(refresh_expires_at=None, created_at__lte=long_ago)
    # A client's own: nothing can be shown twice, and there may be one every few minutes.
    of_clients = Q(user=None)
    signed_out = Q(sign_in=None) | Q(sign_in__ended_at__isnull=False) | Q(sign_in__expires_at__lte=now)
    dead = Grant.objects.filter(over | (never_lasted & signed_out) | of_clients, access_tokens=None)
    return Grant.objects.filter(pk__in=list(dead.values_list("pk", flat=True)[:_MOST_GRANTS])).delete()[0]

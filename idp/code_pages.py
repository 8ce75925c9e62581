"""The page on which a code from a message is typed: what it says, the same wherever codes are sent.

Its parts are the templates of idp/parts/code.
"""

import math
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from idp.codes import Numbers, Sent

#: A message that takes longer than this is called delayed (FT-23).
_LATE = timedelta(minutes=1)
#: Seconds after which a page that waits for its message is drawn anew.
_REFRESH = 5


def shown(
    message: Sent,
    *,
    reference: str,
    delivery: str,
    tries_left: int,
    resend: timedelta,
    numbers: Numbers,
    now: datetime,
    characters: int | None = None,
) -> dict[str, Any]:
    """What the page shows of the newest message. The next one may be asked for `resend` after it.

    `characters`: its code is a long one, of so many.
    """
    asked_at = message.delivery.posted_at
    return {
        "reference": reference,
        "digits": numbers.digits,
        "characters": characters,
        "asked_at": timezone.localtime(asked_at),
        # While it waits, its end is only known to be no sooner than this; a page may be read for a while.
        "until": timezone.localtime(min(message.until, now + numbers.lifetime)),
        "tries_left": tries_left,
        "delivery": delivery,
        "handed_at": timezone.localtime(message.delivery.sent_at or asked_at),
        "again_in": max(0, math.ceil((asked_at + resend - now).total_seconds())),
        "refresh": _REFRESH if delivery == "waiting" else None,
    }


def on_its_way(message: Sent, now: datetime) -> str:
    """How far a message has come that no provider took: waiting, delayed, or failed."""
    if not message.is_good(now):
        return "failed"
    return "delayed" if now - message.delivery.posted_at > _LATE else "waiting"


def wrong(reference: str, *, digits: int, tries_left: int, counted: bool, characters: int | None = None) -> str:
    """What is said of a wrong code; or, if it was not `counted`, of something that cannot be one."""
    if not counted and characters:
        said = {"n": characters, "ref": reference}
        return _("Enter the %(n)d letters and digits of the code in message %(ref)s.") % said
    if not counted:
        return _("Enter the %(digits)d digits of the code in message %(ref)s.") % {"digits": digits, "ref": reference}
    if tries_left == 1:
        return _("That's not the code in message %(ref)s. 1 try left.") % {"ref": reference}
    return _("That's not the code in message %(ref)s. %(n)s tries left.") % {"ref": reference, "n": tries_left}

"""The answer to a try that has to wait."""

import math
from datetime import datetime

from django.http import HttpResponse

from idp.login.attempts import Paused


def answer(page: HttpResponse, paused: Paused, *, now: datetime) -> HttpResponse:
    """`page` as the answer to somebody who came too early (RFC 6585 4), with the seconds left if waiting helps."""
    page.status_code = 429
    if paused.until is not None:
        page.headers["Retry-After"] = str(max(1, math.ceil((paused.until - now).total_seconds())))
    return page

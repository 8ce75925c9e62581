"""`/account/sessions/`: where somebody is signed in and which browsers are known; ending one, or all (ASVS 7.5.2)."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.db import transaction
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from idp import browser, keyring
from idp.account import frame, wording
from idp.accounts import devices, sessions
from idp.audit.events import SessionsEnded, SignedOut
from idp.audit.record import record
from idp.browser import SeeOther
from idp.conf import policy
from idp.forms import takes
from idp.login.again import freshly, signed_in
from idp.models import Device, SignIn

_HERE = "/account/sessions/"
_SIGNED_OUT = "/signed-out"
#: What the page says after a press: its own word in its own address, nothing that anybody typed.
_DONE = ("ended", "others", "forgotten")


@dataclass(frozen=True, kw_only=True)
class Session:
    """A living sign-in, as its owner recognises it."""

    id: uuid.UUID
    is_here: bool
    device: str
    place: str
    network: str
    since: str
    last_seen: str
    applications: int


@dataclass(frozen=True, kw_only=True)
class Browser:
    """A known browser, as its owner recognises it."""

    id: uuid.UUID
    is_here: bool
    device: str
    place: str
    first_seen: str
    last_seen: str
    trusted_until: str


@takes("end", "forget", "everywhere")
@require_http_methods(["GET", "HEAD", "POST"])
def sessions_page(request: HttpRequest) -> HttpResponse:
    """Looking takes a session; ending anything takes somebody who has just shown who they are."""
    return _press(request) if request.method == "POST" else _look(request)


def living(here: SignIn, *, now: datetime) -> list[Session]:
    """The sign-ins of this person that still open something; this one first, then the latest. One query."""
    numbers = policy()
    rows = (
        SignIn.objects.filter(
            user=here.user_id,
            ended_at=None,
            expires_at__gt=now,
            last_seen_at__gt=now - numbers.session_idle,
        )
        .annotate(
            applications=Count(
                "grant__client",
                filter=Q(grant__ended_at=None, grant__code_redeemed_at__isnull=False),
                distinct=True,
            ),
        )
        .order_by("-last_seen_at", "pk")
    )
    return sorted((_session(row, here, now=now) for row in rows), key=lambda each: not each.is_here)


@signed_in
def _look(request: HttpRequest, here: SignIn) -> HttpResponse:
    now = timezone.now()
    done = request.GET.get("done", "")
    context = {
        "sessions": living(here, now=now),
        "browsers": _browsers(request, here, now=now),
        "done": done if done in _DONE else "",
    }
    return frame.show(request, here, "idp/account/sessions.html", context)


@freshly
def _press(request: HttpRequest, here: SignIn) -> HttpResponse:
    """One button was pressed. What belongs to somebody else, or to nobody, is not there."""
    now = timezone.now()
    if which := _id(request.POST.get("end", "")):
        return _end(request, here, which, now=now)
    if which := _id(request.POST.get("forget", "")):
        done = devices.forget(here.user_id, which, origin=browser.origin(request), now=now)
        return SeeOther(f"{_HERE}?done=forgotten" if done else _HERE)
    match request.POST.get("everywhere"):
        case "others":
            _end_all(request, here, except_for=here.pk, now=now)
            return SeeOther(f"{_HERE}?done=others")
        case "all":
            ended = _end_all(request, here, except_for=None, now=now)
            return _out(ended)
    return SeeOther(_HERE)


def _end(request: HttpRequest, here: SignIn, which: uuid.UUID, *, now: datetime) -> HttpResponse:
    with transaction.atomic():
        row = SignIn.objects.filter(pk=which, user=here.user_id, ended_at=None).first()
        if row is None:
            return SeeOther(_HERE)
        ended = sessions.end(row.pk, by="person", now=now)
        if ended.sign_ins:
            record(SignedOut(user=row.user_id, sign_in=row.pk), origin=browser.origin(request))
    return _out(ended) if row.pk == here.pk else SeeOther(f"{_HERE}?done=ended")


def _end_all(
    request: HttpRequest,
    here: SignIn,
    *,
    except_for: uuid.UUID | None,
    now: datetime,
) -> sessions.Ended:
    with transaction.atomic():
        ended = sessions.end_all(here.user_id, by="person", now=now, except_for=except_for)
        record(
            SessionsEnded(user=here.user_id, sign_ins=ended.sign_ins, grants=ended.grants, reason="person"),
            origin=browser.origin(request),
        )
    return ended


def _out(ended: sessions.Ended) -> HttpResponse:
    """To the page that says so, without the key."""
    told = f"?{urlencode({'told': ended.applications})}" if ended.applications else ""
    response = SeeOther(f"{_SIGNED_OUT}{told}")
    browser.drop_cookie(response, browser.SESSION)
    return response


def _session(row: SignIn, here: SignIn, *, now: datetime) -> Session:
    return Session(
        id=row.pk,
        is_here=row.pk == here.pk,
        device=wording.device(row.device),
        place=wording.place(row.place),
        network=row.network,
        since=wording.when(row.authenticated_at, now=now),
        last_seen=wording.when(row.last_seen_at, now=now),
        applications=row.applications,  # type: ignore[attr-defined]
    )


def _browsers(request: HttpRequest, here: SignIn, *, now: datetime) -> list[Browser]:
    key = browser.cookie(request, browser.DEVICE)
    key_hash = keyring.fingerprint(key) if key else ""
    rows = Device.objects.filter(user=here.user_id, forgotten_at=None).order_by("-last_seen_at", "pk")
    return [
        Browser(
            id=row.pk,
            is_here=row.key_hash == key_hash,
            device=wording.device(row.label),
            place=wording.place(row.place),
            first_seen=wording.day(row.first_seen_at),
            last_seen=wording.when(row.last_seen_at, now=now),
            trusted_until=wording.day(row.trusted_until)
            if row.trusted_until and devices.is_trusted(row, now=now)
            else "",
        )
        for row in rows
        if devices.is_known(row, policy=policy(), now=now)
    ]


def _id(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if text else None
    except ValueError:
        return None

"""From something shown to a sign-in: whether a second factor is still to come, and what follows when it is there.

Every way in ends here (password, passkey, second factor, being asked again), so that sessions, keys, known browsers and
notices are the same for all of them.
"""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

import structlog
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from idp import browser, interactions, notices
from idp.accounts import credentials, devices, freezes, sessions
from idp.accounts.reauthentication import MULTI_FACTOR
from idp.browser import SeeOther
from idp.conf import policy
from idp.factors import excused, strength
from idp.login import interrupting, pending
from idp.models import Device, PendingSignIn, SignIn, User
from idp.plugins.waiting import HOME, continue_url, local

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Toward:
    """Where a sign-in leads: an application's request, or a page of ours; and the sign-in that it goes on with."""

    interaction_id: str = ""
    target: str = ""
    continues: SignIn | None = None


def after_first(
    request: HttpRequest,
    user: User,
    amr: list[str],
    *,
    toward: Toward,
    device: Device | None,
    has_factor: bool = True,
    now: datetime,
) -> HttpResponse:
    """After a right password, or a passkey: the second factor, or in.

    A browser that its owner trusts is not asked for it, except where a page of ours asks again, or the account is
    frozen. `has_factor` is False if the caller has just read that there is none; else they are looked at here.
    """
    excused = toward.continues is None and user.frozen_at is None and devices.is_trusted(device, now=now)
    if MULTI_FACTOR in amr or excused or not has_factor or not credentials.factors_of(user):
        return enter(request, user, amr, authenticated_at=now, toward=toward, device=device, now=now)
    if shown := _shown_in_recovery(request, user, toward, now=now):
        amr = strength.together(amr, shown)
        response = enter(request, user, amr, authenticated_at=now, toward=toward, device=device, now=now)
        browser.drop_cookie(response, browser.SHOWN)
        return response
    return wait_for_factor(user, amr, authenticated_at=now, toward=toward, now=now)


def _shown_in_recovery(request: HttpRequest, user: User, toward: Toward, *, now: datetime) -> str | None:
    """What this browser showed a moment ago; nothing where a page of ours asks again, or the account is frozen."""
    stamp = browser.cookie(request, browser.SHOWN)
    if not stamp or toward.continues is not None or user.frozen_at is not None:
        return None
    return excused.spend(stamp, user, now=now)


def wait_for_factor(
    user: User,
    amr: list[str],
    *,
    authenticated_at: datetime,
    toward: Toward,
    now: datetime,
) -> HttpResponse:
    """Write down what was shown, and go to the page that asks for the second factor."""
    kept = pending.keep(
        user,
        amr=amr,
        authenticated_at=authenticated_at,
        continues=toward.continues,
        interaction_id=toward.interaction_id,
        target=toward.target,
        expires_at=now + policy().pending_lifetime,
    )
    log.info("second factor asked for", user=str(user.pk))
    query = f"?{urlencode({'i': toward.interaction_id})}" if toward.interaction_id else ""
    response = SeeOther(f"/sign-in/factor{query}")
    browser.set_cookie(response, browser.PENDING, kept.key)
    return response


def after_factor(
    request: HttpRequest,
    row: PendingSignIn,
    amr: list[str],
    *,
    trust: bool = False,
    now: datetime,
) -> HttpResponse | None:
    """After a right second factor: in. None if the pending sign-in was used up meanwhile."""
    toward = Toward(interaction_id=row.interaction_id, target=row.target, continues=row.continues)
    device = devices.find(row.user_id, browser.cookie(request, browser.DEVICE), policy=policy(), now=now)
    with transaction.atomic():
        if not pending.finish(row, now=now):
            return None
        return enter(
            request,
            row.user,
            amr,
            authenticated_at=row.authenticated_at,
            toward=toward,
            device=device,
            trust=trust,
            now=now,
        )


def stronger(
    here: SignIn,
    kind: str,
    more: tuple[str, ...] = (),
    *,
    where: str,
    now: datetime,
) -> HttpResponse | None:
    """After somebody signed in showed a second factor of `kind`, and nothing else: on to `where`, with a new key.

    The same sign-in, as old as it was: `auth_time`, `max_age` and `prompt=login` are about its first factor, which was
    not shown again. None if it ended meanwhile.
    """
    amr = strength.together(here.amr, kind, more)
    renewed = sessions.renew(here, amr=amr, authenticated_at=here.authenticated_at, policy=policy(), now=now)
    if renewed is None:
        return None
    log.info("signed in with more", user=str(here.user_id), sign_in=str(here.pk), amr=amr)
    response = SeeOther(where)
    browser.set_cookie(response, browser.SESSION, renewed.key)
    return response


def enter(
    request: HttpRequest,
    user: User,
    amr: list[str],
    *,
    authenticated_at: datetime,
    toward: Toward,
    device: Device | None,
    trust: bool = False,
    now: datetime,
) -> HttpResponse:
    """Sign in: session and keys anew, the browser noted, and on to where it leads.

    An account that was frozen on the way here, because a seal did not match, is not let in. One that its owner froze
    is so no more: whoever comes here has shown all that it takes.
    """
    if not user.may_sign_in:
        return SeeOther("/sign-in")
    origin = browser.origin(request)
    with transaction.atomic():
        begun = _session(request, user, amr, authenticated_at=authenticated_at, toward=toward, now=now)
        known_by = browser.cookie(request, browser.DEVICE)
        seen = devices.seen(user.pk, known_by, device, origin=origin, now=now)
        if seen.is_new and not seen.is_first:
            notices.post(notices.NEW_DEVICE, user.pk, reference=seen.device.pk, origin=origin, now=now)
        if trust and policy().trust_devices_for:
            devices.trust(seen.device, policy=policy(), origin=origin, now=now)
        if user.frozen_at is not None:
            freezes.lift(user, begun.sign_in, origin=origin, now=now)
        waits = interactions.signed_in(request, toward.interaction_id, begun.sign_in, now=now)
    log.info("signed in", user=str(user.pk), sign_in=str(begun.sign_in.pk), amr=amr)
    where = continue_url(toward.interaction_id) if waits else local(toward.target) or HOME
    if not waits and toward.continues is None:
        where = interrupting.on_the_way(begun.sign_in, where, now=now)
    response = SeeOther(where)
    browser.set_cookie(response, browser.SESSION, begun.key)
    if seen.is_new:
        browser.set_cookie(response, browser.DEVICE, seen.key, lifetime=policy().device_lifetime)
    if browser.cookie(request, browser.PENDING):
        browser.drop_cookie(response, browser.PENDING)
    return response


def _session(
    request: HttpRequest,
    user: User,
    amr: list[str],
    *,
    authenticated_at: datetime,
    toward: Toward,
    now: datetime,
) -> sessions.Begun:
    """The same sign-in with a new key where its person shows again who they are; else a new one.

    Somebody else's sign-in in this browser ends: nothing of it may be left to whoever signs in now (SE-01, SI-08).
    """
    here = toward.continues or sessions.find(browser.cookie(request, browser.SESSION), policy=policy(), now=now)
    if here is not None and here.user_id == user.pk:
        afresh, numbers = toward.continues is None, policy()
        renewed = sessions.renew(
            here, amr=amr, authenticated_at=authenticated_at, afresh=afresh, policy=numbers, now=now
        )
        if renewed is not None:
            return renewed
    elif here is not None:
        sessions.end(here.pk, by="replaced", now=now)
    return sessions.begin(
        user,
        amr=amr,
        authenticated_at=authenticated_at,
        origin=browser.origin(request),
        policy=policy(),
        now=now,
    )

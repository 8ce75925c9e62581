"""`/console/applications/`: what may send people here to sign in, and what an administrator may do with it.

What is guarded (`oidc.client_changes`) is only proposed here; the page of the application shows what waits, which is
decided with everything else that takes two (`decisions`).
"""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, Concatenate

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from idp import browser, forms, problems
from idp.accounts import proposals
from idp.accounts.proposals import AlreadyProposed
from idp.browser import SeeOther
from idp.conf import policy
from idp.console import client_forms, client_words, frame, matters, reasons
from idp.console.door import administrator
from idp.login import again
from idp.models import Client, Proposal, SignIn
from idp.oidc import client_changes, client_seals, registration
from idp.oidc.client_changes import By, Gone, Unfit
from idp.oidc.faults import in_words
from idp.pages import Problem

_View = Callable[Concatenate[HttpRequest, SignIn, str, ...], HttpResponse]


def _existing(view: _View) -> again.View:
    """Show the view for an application that there is, and whose row is ours; for others there is no such page."""

    @wraps(view)
    def guarded(request: HttpRequest, here: SignIn, client_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, here, client_id, *args, **kwargs)
        except Gone:
            return problems.not_found(request)

    return guarded


@require_safe
@administrator
def applications(request: HttpRequest, here: SignIn) -> HttpResponse:
    """All of them, by name."""
    rows = Client.objects.order_by("client_name", "client_id")
    waiting = set(
        proposals.open_ones(now=timezone.now()).filter(kind=Proposal.Kind.CLIENT).values_list("subject", flat=True),
    )
    listed = [{"row": row, "is_intact": client_seals.is_intact(row), "waits": row.client_id in waiting} for row in rows]
    return frame.show(request, here, "idp/console/applications.html", {"applications": listed})


@require_http_methods(["GET", "HEAD", "POST"])
@administrator
def register(request: HttpRequest, here: SignIn) -> HttpResponse:
    """The form; by POST, a new application, whose secret is shown this once."""
    members = client_forms.REGISTERING
    if request.method != "POST":
        return _form(request, here, "register", members, client_forms.BLANK)
    metadata, chosen = client_forms.read(request, members)
    reason = reasons.read(chosen)
    sent = {name: value for name, value in metadata.items() if value not in (None, "")}
    faults = registration.faults(sent)
    if faults or reason is None:
        return _form(request, here, "register", members, metadata, faults=faults, reason=chosen)
    done = registration.register(
        sent, now=timezone.now(), by=here.user_id, reason=reason, origin=browser.origin(request)
    )
    context = {"client": done.client, "secret": done.client_secret, "is_new": True}
    return frame.show(request, here, "idp/console/application_secret.html", context)


@require_safe
@administrator
@_existing
def application(request: HttpRequest, here: SignIn, client_id: str) -> HttpResponse:
    """Everything about one, and what can be done with it."""
    return _page(request, here, client_id)


@require_http_methods(["GET", "HEAD", "POST"])
@administrator
@_existing
def description(request: HttpRequest, here: SignIn, client_id: str) -> HttpResponse:
    """What people read about it; by POST, changed at once."""
    members, client = client_forms.DESCRIBING, client_changes.find(client_id)
    if request.method != "POST":
        return _form(request, here, "description", members, _all_of(client), client=client)
    metadata, chosen = client_forms.read(request, members)
    by, faults = _by(request, here, chosen), []
    if by is not None:
        try:
            client_changes.describe(client_id, metadata, by=by)
        except Unfit as unfit:
            faults = unfit.faults
        else:
            return SeeOther(f"{_address(client_id)}?done=described")
    return _form(request, here, "description", members, metadata, client=client, faults=faults, reason=chosen)


@require_http_methods(["GET", "HEAD", "POST"])
@administrator
@_existing
def security(request: HttpRequest, here: SignIn, client_id: str) -> HttpResponse:
    """What is guarded; by POST, a proposal."""
    members, client = client_forms.GUARDED, client_changes.find(client_id)
    if request.method != "POST":
        return _form(request, here, "security", members, _all_of(client), client=client)
    metadata, chosen = client_forms.read(request, members)
    by, faults = _by(request, here, chosen), []
    if by is not None:
        try:
            row = client_changes.propose(client_id, metadata, by=by, policy=policy(), now=timezone.now())
        except AlreadyProposed:
            return SeeOther(f"{_address(client_id)}?done=waiting")
        except Unfit as unfit:
            faults = unfit.faults
        else:
            return SeeOther(f"{_address(client_id)}?done=proposed" if row else _address(client_id))
    return _form(request, here, "security", members, metadata, client=client, faults=faults, reason=chosen)


@require_http_methods(["GET", "HEAD", "POST"])
@administrator
@_existing
def secret(request: HttpRequest, here: SignIn, client_id: str) -> HttpResponse:
    """Another secret, shown this once; the one before it dies at once or after a while, as was chosen."""
    if request.method != "POST":
        return _page(request, here, client_id)
    sent = forms.fields(request, "reason", "version", "overlap")
    by = _by(request, here, sent["reason"])
    if by is None:
        return _page(request, here, client_id, missing="reason-secret")
    now = timezone.now()
    until = now + policy().secret_overlap if sent["overlap"] else None
    made = client_changes.replace_secret(client_id, shown=sent["version"], keep_until=until, by=by)
    if made is None:
        return SeeOther(f"{_address(client_id)}?done=meanwhile")
    context = {"client": client_changes.find(client_id), "secret": made, "until": until}
    return frame.show(request, here, "idp/console/application_secret.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@administrator
@_existing
def state(request: HttpRequest, here: SignIn, client_id: str) -> HttpResponse:
    """Disable it, or enable it again."""
    if request.method != "POST":
        return _page(request, here, client_id)
    sent = forms.fields(request, "reason", "state")
    if sent["state"] not in ("disabled", "enabled"):
        return problems.unreadable(request)
    by = _by(request, here, sent["reason"])
    if by is None:
        return _page(request, here, client_id, missing="reason-state")
    if sent["state"] == "disabled":
        client_changes.disable(client_id, by=by, now=timezone.now())
    else:
        client_changes.enable(client_id, by=by)
    return SeeOther(f"{_address(client_id)}?done={sent['state']}")


# --- What the pages show ----------------------------------------------------------------------------------


def _address(client_id: str) -> str:
    return f"{frame.APPLICATIONS}{client_id}/"


def _by(request: HttpRequest, here: SignIn, chosen: str) -> By | None:
    """The administrator and their reason; None if they gave none."""
    reason = reasons.read(chosen)
    return By(user=here.user, reason=reason, origin=browser.origin(request)) if reason else None


def _all_of(client: Client) -> dict[str, Any]:
    return {name: getattr(client, name) for name in (*client_forms.DESCRIBING, *client_forms.GUARDED)}


def _form(
    request: HttpRequest,
    here: SignIn,
    form: str,
    members: tuple[str, ...],
    metadata: client_forms.Metadata,
    *,
    client: Client | None = None,
    faults: list[str] | None = None,
    reason: str | None = None,
) -> HttpResponse:
    """The form as it was filled in, with what is wrong with it. `reason` is None where nothing was sent yet."""
    without = reason is not None and reasons.read(reason) is None
    context = {
        "form": form,
        "client": client,
        "fields": client_forms.fields(members, metadata),
        "faults": in_words(faults or []),
        "problems": [Problem("reason", _("Choose a reason"))] if without else [],
        "reasons": reasons.Reason.choices,
        "reason": reason,
        "back_url": _address(client.client_id) if client else frame.APPLICATIONS,
    }
    return frame.show(request, here, "idp/console/application_form.html", context)


def _page(request: HttpRequest, here: SignIn, client_id: str, *, missing: str = "") -> HttpResponse:
    client, now = client_changes.find(client_id), timezone.now()
    metadata = _all_of(client) | {"token_endpoint_auth_method": client.token_endpoint_auth_method}
    context = {
        "client": client,
        "described": client_words.lines(client_forms.DESCRIBING[1:], metadata),
        "guarded": client_words.lines(("token_endpoint_auth_method", *client_forms.GUARDED), metadata),
        **_waiting(client, here, metadata, now=now),
        "secret_version": client_changes.secret_version(client) if client.client_secret_hash else "",
        "overlap_hours": round(policy().secret_overlap.total_seconds() / 3600),
        "previous_until": client.previous_secret_until
        if client.previous_secret_until and client.previous_secret_until > now
        else None,
        "reasons": reasons.Reason.choices,
        "problems": [Problem(missing, _("Choose a reason"))] if missing else [],
        "done": _done(request.GET.get("done", "")),
        "back_url": frame.APPLICATIONS,
    }
    return frame.show(request, here, "idp/console/application.html", context)


def _waiting(client: Client, here: SignIn, metadata: client_forms.Metadata, *, now: datetime) -> dict[str, Any]:
    """The change that waits, member by member; it is decided on the page of decisions."""
    row = client_changes.open_proposal(client.client_id, now=now)
    if row is None:
        return {"matter": None, "changes": ()}
    return {
        "matter": matters.of(row, here.user_id, now=now),
        "changes": client_words.changes(row.change, metadata),
    }


def _done(what: str) -> str:
    """What the page says of what was done a moment ago; nothing for a word that is not ours."""
    return {
        "described": _("Saved. People read it from now on; it can take half a minute."),
        "proposed": _("Proposed. All administrators are told."),
        "waiting": _("Nothing was proposed: another change waits already. Decide on that one first."),
        "disabled": _("Disabled. Whatever it had been given has ended."),
        "enabled": _("Enabled. It can take half a minute until everybody can sign in to it."),
        "meanwhile": _("Nothing was done: something else was, meanwhile. Look at what there is now."),
    }.get(what, "")

"""What administrators do with applications that are registered: who may do it alone, and what takes two.

What people read about an application is changed at once; so is its secret, and whether it is enabled, which gives
nobody anything. Where it receives answers, by which keys it is known, what it may ask for and whether it asks
people at all (AD-09) are *guarded*: a change of them is a proposal (`accounts.proposals`), which another administrator
agrees to and everybody can object to. When its time has come it is looked at as if it came that moment.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from secrets import token_urlsafe
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_noop as _

from idp import keyring
from idp.accounts import proposals
from idp.audit import client_acts
from idp.audit.events import Origin
from idp.audit.record import record
from idp.conf import Policy
from idp.models import Client, Grant, Proposal, User
from idp.oidc import client_seals, clients, registration, subjects
from idp.oidc.faults import Fault

#: What people read.
DESCRIBING = ("client_name", "client_uri", "logo_uri", "policy_uri", "tos_uri")
#: What gives somebody power over others' sign-ins.
GUARDED = (
    *("redirect_uris", "post_logout_redirect_uris", "initiate_login_uri"),
    *("backchannel_logout_uri", "backchannel_logout_session_required"),
    *("grant_types", "scope", "jwks", "jwks_uri"),
    *("skip_consent", "require_pkce"),
)


class Gone(Exception):  # noqa: N818 -- it says what happened
    """There is no such application, or its row is not ours."""


class Unfit(Exception):  # noqa: N818 -- it says what happened
    """What was asked for is none that can be registered; `faults` say why, in sentences that name the member."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__()
        self.faults = faults


@dataclass(frozen=True, kw_only=True)
class By:
    """The administrator who does it, why, and from where."""

    user: User
    reason: str
    origin: Origin


def find(client_id: str) -> Client:
    """The application, enabled or not. Raises Gone."""
    return _genuine(Client.objects.filter(client_id=client_id).first())


def describe(client_id: str, metadata: Mapping[str, Any], *, by: By) -> None:
    """Change what people read about it. Raises Gone, Unfit."""
    with transaction.atomic():
        client = _held(client_id)
        changed = _changed(client, metadata, among=DESCRIBING)
        _check(client, changed)
        if not changed:
            return
        says = _write(client, changed)
        record(
            client_acts.ClientDescribed(
                client_id=client_id, members=tuple(changed), by=by.user.pk, reason=by.reason, says=says
            ),
            origin=by.origin,
        )


def propose(client_id: str, metadata: Mapping[str, Any], *, by: By, policy: Policy, now: datetime) -> Proposal | None:
    """Ask for a change of what is guarded; None if it says what there is. Raises Gone, Unfit, AlreadyProposed."""
    client = find(client_id)
    changed = _changed(client, metadata, among=GUARDED)
    _check(client, changed)
    if not changed:
        return None
    what = proposals.Change(
        kind=Proposal.Kind.CLIENT,
        subject=client_id,
        change=changed,
        base=client_seals.version_of(client, GUARDED),
    )
    return proposals.propose(what, by=by.user, reason=by.reason, policy=policy, origin=by.origin, now=now)


def carry_out(row: Proposal) -> None:
    """Do what two administrators agreed on, in the transaction of its caller. Raises Stale if it cannot be done now."""
    try:
        client = _held(row.subject)
        if client_seals.version_of(client, GUARDED) != row.base or not set(row.change) <= set(GUARDED):
            raise proposals.Stale(row.pk)
        _check(client, row.change)
    except (Gone, Unfit) as reason:
        raise proposals.Stale(row.pk) from reason
    says = _write(client, row.change)
    record(
        client_acts.ClientChanged(client_id=row.subject, members=tuple(sorted(row.change)), decision=row.pk, says=says)
    )


def replace_secret(client_id: str, *, shown: str, keep_until: datetime | None, by: By) -> str | None:
    """Another secret, shown once by who called; the one before it is taken until `keep_until`, or dead.

    `shown` is the version of the secret that was on the page (`secret_version`). None if there is another one by
    now, or if the application has none at all. Raises Gone.
    """
    with transaction.atomic():
        client = _held(client_id)
        if not client.client_secret_hash or secret_version(client) != shown:
            return None
        secret = token_urlsafe(32)
        kept = client.client_secret_hash if keep_until else ""
        says = _write(
            client,
            {
                "client_secret_hash": keyring.fingerprint(secret),
                "previous_secret_hash": kept,
                "previous_secret_until": keep_until,
            },
        )
        record(
            client_acts.ClientSecretReplaced(
                client_id=client_id,
                previous_until=keep_until.isoformat() if keep_until else "",
                by=by.user.pk,
                reason=by.reason,
                says=says,
            ),
            origin=by.origin,
        )
    return secret


def secret_version(client: Client) -> str:
    """Which secret it is, for a form: says nothing about it."""
    return client_seals.version_of(client, ["client_secret_hash"])


def disable(client_id: str, *, by: By, now: datetime) -> None:
    """Nobody signs in to it any more, and what it was given ends. Does nothing if it is. Raises Gone."""
    with transaction.atomic():
        client = _held(client_id)
        if client.disabled_at is not None:
            return
        says = _write(client, {"disabled_at": now})
        grants = Grant.objects.filter(client=client, ended_at=None)
        ended = grants.update(ended_at=now, ended_by="client disabled")
        record(
            client_acts.ClientDisabled(client_id=client_id, grants=ended, by=by.user.pk, reason=by.reason, says=says),
            origin=by.origin,
        )


def enable(client_id: str, *, by: By) -> None:
    """As it was; nobody gets back what had ended. Does nothing if it is. Raises Gone."""
    with transaction.atomic():
        client = _held(client_id)
        if client.disabled_at is None:
            return
        says = _write(client, {"disabled_at": None})
        record(
            client_acts.ClientEnabled(client_id=client_id, by=by.user.pk, reason=by.reason, says=says),
            origin=by.origin,
        )


def open_proposal(client_id: str, *, now: datetime) -> Proposal | None:
    """The change that waits for agreement, or for its time."""
    return proposals.about(Proposal.Kind.CLIENT, client_id, now=now)


# --- How --------------------------------------------------------------------------------------------------


def _held(client_id: str) -> Client:
    return _genuine(Client.objects.select_for_update().filter(client_id=client_id).first())


def _genuine(client: Client | None) -> Client:
    """Whoever changed a row past the program does not get it sealed anew by a change of something else."""
    if client is None or not client_seals.is_intact(client):
        raise Gone
    return client


def _changed(client: Client, metadata: Mapping[str, Any], *, among: Iterable[str]) -> dict[str, Any]:
    """Of `metadata`, the members that say something else than the row."""
    return {name: metadata[name] for name in among if name in metadata and metadata[name] != getattr(client, name)}


def _check(client: Client, changed: Mapping[str, Any]) -> None:
    """Raises Unfit, unless the whole could be registered like that."""
    found = [*registration.faults(registration.metadata_of(client) | changed), *_subjects_stay(client, changed)]
    if found:
        raise Unfit(found)


def _subjects_stay(client: Client, changed: Mapping[str, Any]) -> Iterable[str]:
    """OpenID Connect Core 8.1: another sector would make strangers of everybody whom the application knows."""
    uris = changed.get("redirect_uris", client.redirect_uris)
    if client.subject_type != subjects.PAIRWISE or set(uris) <= set(client.redirect_uris):
        return
    if client.sector_identifier:
        yield Fault(_("redirect_uris of a pairwise application with a sector_identifier_uri can only become fewer."))
    elif subjects.hosts(uris) != subjects.hosts(client.redirect_uris):
        yield Fault(_("redirect_uris of a pairwise application must stay on their host."))


def _write(client: Client, values: Mapping[str, Any]) -> str:
    """Write the row, and return the digest of what it says now, for the entry of it."""
    for name, value in values.items():
        setattr(client, name, value)
    client_seals.put(client)
    client.save()
    # Saving made this process forget it, and another thread may have read the old row since.
    transaction.on_commit(clients.forget)
    return client_seals.digest_of(client)

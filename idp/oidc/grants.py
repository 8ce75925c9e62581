"""The row behind an authorization: its code and its refresh tokens, each good once.

Whether a code or a refresh token is still good is decided by one UPDATE whose row count is the truth; nothing is
looked up first and written later. One that is shown a second time ends the whole family (RFC 9700 4.14.2), unless
another client shows it: an outsider's attempt takes nothing from anybody.

A refresh token says which family and which generation it is, and carries a seal over that. So *every* token that
was ever replaced is recognised, not only the last: a thief who rotated twice is still found out when the
application shows the one it has. Codes and tokens are bound to what their row says (`bindings`): one whose row was made
somebody else's is none.
"""

import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from secrets import token_urlsafe

from django.db import transaction

from idp import keyring, statements
from idp.audit.events import GrantReuseDetected
from idp.audit.record import record
from idp.conf import Policy
from idp.models import Grant, SignIn, User
from idp.oidc import bindings, subjects, supported
from idp.oidc.clients import RelyingParty
from idp.oidc.parameters import AuthorizationRequest

_SEAL = "refresh-token"

#: Of any number of requests at once, one finds its code unused.
_REDEEM = statements.Change(
    Grant,
    "code_redeemed_at = %(now)s "
    "WHERE code_hash = %(code_hash)s AND client_id = %(client)s AND redirect_uri = %(redirect_uri)s "
    "AND code_redeemed_at IS NULL AND code_expires_at > %(now)s AND ended_at IS NULL "
    "AND EXISTS (SELECT 1 FROM idp_user WHERE idp_user.id = idp_grant.user_id AND idp_user.status = %(active)s) "
    # A process may not have heard yet that the client was disabled.
    "AND EXISTS (SELECT 1 FROM idp_client WHERE idp_client.id = idp_grant.client_id AND disabled_at IS NULL)",
    now="code_redeemed_at",
    client="client_id",
)
#: Of any number of requests at once, one finds its refresh token the current one.
_ROTATE = statements.Change(
    Grant,
    "refresh_hash = %(following)s, refresh_generation = %(generation)s, refresh_expires_at = %(until)s "
    "WHERE id = %(grant)s AND refresh_hash = %(shown)s AND ended_at IS NULL",
    grant="id",
    generation="refresh_generation",
    until="refresh_expires_at",
)
_FIND = statements.Find(Grant, by="id", related=("user",))


def begin(
    asked: AuthorizationRequest,
    client: RelyingParty,
    sign_in: SignIn,
    *,
    policy: Policy,
    now: datetime,
) -> str:
    """Write the grant for an answered request; returns its authorization code, of which only a hash stays."""
    grant = Grant(
        client=client.record,
        user=sign_in.user,
        sign_in=sign_in,
        scope=asked.scope,
        sub=subjects.of(sign_in.user, client.record),
        nonce=asked.nonce,
        auth_time=sign_in.authenticated_at,
        acr=supported.acr(sign_in.amr, asked.wanted_acr),
        amr=sign_in.amr,
        claims=asked.claims,
        resources=list(asked.resource),
        dpop_jkt=asked.dpop_jkt,
        redirect_uri=asked.redirect_uri,
        code_challenge=asked.code_challenge,
        code_expires_at=now + policy.code_lifetime,
        created_at=now,
    )
    code = bindings.text(grant)
    grant.code_hash = keyring.fingerprint(code)
    statements.insert(grant)
    return code


def redeem(code: str, redirect_uri: str, client: RelyingParty, *, now: datetime) -> Grant | None:
    """The grant of this code, the first time its own client shows it with the address it was sent to.

    A second time ends the family. Runs in its caller's transaction.
    """
    code_hash = keyring.fingerprint(code)
    claimed = _REDEEM(
        code_hash=code_hash,
        client=client.record.pk,
        redirect_uri=redirect_uri,
        now=now,
        active=User.Status.ACTIVE.value,
    )
    if claimed is not None and not bindings.holds(code, claimed):
        bindings.was_forged(claimed, now=now)
        return None
    if claimed is not None:
        return claimed
    used = Grant.objects.filter(code_hash=code_hash, client=client.record, code_redeemed_at__isnull=False)
    _end_family(used.first(), what="code", now=now)
    return None


def of_refresh_token(token: str, client: RelyingParty, *, now: datetime) -> Grant | None:
    """The living grant whose current refresh token this is, and whose person may still sign in.

    One that was replaced ends the family. Nothing is used up yet: that is `rotate`.
    """
    found = of_any_refresh_token(token, client, now=now)
    if found is None:
        return None
    grant, is_current = found
    if grant.ended_at is not None or grant.user is None or not grant.user.may_sign_in:
        return None
    if not is_current:
        _end_family(grant, what="refresh_token", now=now)
        return None
    return grant if is_alive(grant, now=now) else None


def first_refresh_token(grant: Grant, client: RelyingParty, *, jkt: str, policy: Policy, now: datetime) -> str:
    """The family's first refresh token, for a grant that was just redeemed.

    RFC 9449 5: a public client's is bound to its key `jkt`; that of one that authenticates is bound by that already.
    """
    token = _seal(grant, generation=1)
    Grant.objects.filter(pk=grant.pk).update(
        refresh_hash=keyring.fingerprint(token),
        refresh_generation=1,
        refresh_expires_at=now + policy.refresh_idle,
        expires_at=now + policy.refresh_absolute,
        dpop_jkt=jkt if client.record.is_public else "",
    )
    return token


def rotate(grant: Grant, *, policy: Policy, now: datetime) -> str | None:
    """The next refresh token, in exchange for the one `grant` was found by. None if somebody was faster."""
    token = _seal(grant, generation=grant.refresh_generation + 1)
    replaced = _ROTATE(
        grant=grant.pk,
        shown=grant.refresh_hash,
        following=keyring.fingerprint(token),
        generation=grant.refresh_generation + 1,
        until=now + policy.refresh_idle,
    )
    if replaced is not None:
        return token
    _end_family(grant, what="refresh_token", now=now)
    return None


def keep(grant: Grant, *, policy: Policy, now: datetime) -> bool:
    """Let the refresh token that `grant` was found by live on. False if it was ended a moment ago."""
    living = Grant.objects.filter(pk=grant.pk, refresh_hash=grant.refresh_hash, ended_at=None)
    return bool(living.update(refresh_expires_at=now + policy.refresh_idle))


def for_itself(client: RelyingParty, *, now: datetime) -> Grant:
    """A grant of a client that acts for itself (RFC 6749 4.4): it has no person, and their `sub` is never its own."""
    grant = Grant(client=client.record, user=None, scope="", sub=client.client_id, created_at=now)
    return statements.insert(grant)


def of_any_refresh_token(token: str, client: RelyingParty, *, now: datetime) -> tuple[Grant, bool] | None:
    """The family of a refresh token that was given to `client`, and whether it is the current one.

    Ends nothing, unless something else wrote to the family's row.
    """
    shown = _read(token)
    if shown is None:
        return None
    grant = _FIND(shown.grant_id)
    if grant is None or grant.client_id != client.record.pk:
        return None
    if shown.bond != bindings.bond(grant):
        if grant.ended_at is None:
            bindings.was_forged(grant, now=now)
        return None
    return grant, grant.refresh_hash == keyring.fingerprint(token)


def is_alive(grant: Grant, *, now: datetime) -> bool:
    """Whether the current refresh token of `grant` can be used, and its person may sign in."""
    if grant.ended_at is not None or grant.user is None or not grant.user.may_sign_in:
        return False
    if grant.refresh_expires_at is None or grant.expires_at is None:
        return False
    return now < min(grant.refresh_expires_at, grant.expires_at)


def end(grant: Grant, *, by: str, now: datetime) -> None:
    """End the family: its code, its refresh token and every access token."""
    Grant.objects.filter(pk=grant.pk, ended_at=None).update(ended_at=now, ended_by=by)


def may_refresh(grant: Grant, client: RelyingParty) -> bool:
    """OpenID Connect Core 11: a refresh token is for those who were allowed `offline_access`."""
    return client.check_grant_type("refresh_token") and supported.OFFLINE_ACCESS in grant.scope.split()


def _end_family(grant: Grant | None, *, what: str, now: datetime) -> None:
    if grant is None or grant.user_id is None:  # a client's own grant has nothing that could be shown twice
        return
    with transaction.atomic():
        ended = Grant.objects.filter(pk=grant.pk, ended_at=None).update(ended_at=now, ended_by=f"{what}_reuse")
        if ended:
            record(GrantReuseDetected(user=grant.user_id, grant=grant.pk, what=what))


# --- Refresh tokens: <grant>.<generation>.<bond>.<chance>.<seal> ---------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Shown:
    grant_id: uuid.UUID
    generation: int
    bond: str


def _seal(grant: Grant, *, generation: int) -> str:
    bond, chance = bindings.bond(grant), token_urlsafe(16)
    seal = keyring.seal(_SEAL, grant.pk.bytes, generation, bond, chance)
    return f"{_family(grant.pk)}.{generation}.{bond}.{chance}.{seal}"


def _read(token: str) -> _Shown | None:
    try:
        family, generation, bond, chance, seal = token.split(".", 4)
        grant_id = uuid.UUID(bytes=urlsafe_b64decode(family + "=="))
        shown = _Shown(grant_id=grant_id, generation=int(generation), bond=bond)
    except ValueError:
        return None
    if (family, generation) != (_family(shown.grant_id), str(shown.generation)):
        return None  # another spelling of the same: none of ours, and so no reuse of ours
    genuine = keyring.is_stamped(_SEAL, seal, shown.grant_id.bytes, shown.generation, bond, chance)
    return shown if genuine else None


def _family(grant_id: uuid.UUID) -> str:
    return urlsafe_b64encode(grant_id.bytes).rstrip(b"=").decode()

"""What the owner may do because they have just shown again who they are; and the proofs that follow from it.

One mechanism for everything sensitive: a sign-in is *fresh* if its person authenticated within the policy's time, with
a second factor if the account has one. Pages ask `is_fresh` and send people to `/sign-in/again`; the writer gets a
proof that nobody else can mint.
"""

import uuid
from datetime import datetime

from idp.accounts import credentials
from idp.accounts.proofs import PROOF_LIFETIME, Earned, Proof
from idp.conf import Policy
from idp.models import Credential, RecoveryAddress, SignIn, User

#: RFC 8176: more than one factor was shown.
MULTI_FACTOR = "mfa"


class NotFresh(Exception):  # noqa: N818 -- it says what happened
    """The sign-in is older than the policy allows for this, or weaker than the account can show."""


def is_fresh(sign_in: SignIn, *, has_factor: bool, policy: Policy, now: datetime) -> bool:
    """Whether this sign-in is good for sensitive acts."""
    recent = now - sign_in.authenticated_at < policy.step_up
    return recent and (MULTI_FACTOR in sign_in.amr or not has_factor)


def must_be_fresh(sign_in: SignIn, *, policy: Policy, now: datetime) -> None:
    """Raises NotFresh unless this sign-in is good for sensitive acts."""
    has_factor = bool(credentials.factors_of(sign_in.user))
    if not is_fresh(sign_in, has_factor=has_factor, policy=policy, now=now):
        raise NotFresh(sign_in.pk)


def to_add(
    sign_in: SignIn,
    kind: str,
    *,
    row: uuid.UUID | None = None,
    policy: Policy,
    now: datetime,
) -> Proof:
    """The right to add one factor or address of `kind`, as `row` if that was settled before. Raises NotFresh."""
    return _proof(sign_in, kind, row=row or uuid.uuid4(), replaces=0, policy=policy, now=now)


def to_replace(sign_in: SignIn, row: Credential | RecoveryAddress, *, policy: Policy, now: datetime) -> Proof:
    """The right to replace or remove this factor or address of the owner's own. Raises NotFresh."""
    kind = row.kind if isinstance(row, Credential) else row.channel
    if row.user_id != sign_in.user_id:
        raise NotFresh(sign_in.pk)
    return _proof(sign_in, kind, row=row.pk, replaces=row.version, policy=policy, now=now)


def by_password(
    user: User,
    credential: Credential | None,
    raw: str,
    *,
    source: uuid.UUID,
    now: datetime,
) -> Proof | None:
    """The right to replace the password that `raw` is. None if it is not; the same work either way."""
    if not credentials.verify_password(user, credential, raw, now=now) or credential is None:
        return None
    # A hash that was just upgraded is a version further.
    version = Credential.objects.values_list("version", flat=True).get(pk=credential.pk)
    return Proof(
        user=user.pk,
        kind=Credential.Kind.PASSWORD,
        replaces=version,
        earned=Earned.CURRENT_CREDENTIAL,
        source=source,
        expires_at=now + PROOF_LIFETIME,
    )


def _proof(
    sign_in: SignIn,
    kind: str,
    *,
    row: uuid.UUID,
    replaces: int,
    policy: Policy,
    now: datetime,
) -> Proof:
    must_be_fresh(sign_in, policy=policy, now=now)
    return Proof(
        user=sign_in.user_id,
        kind=kind,
        replaces=replaces,
        earned=Earned.STEP_UP,
        source=sign_in.pk,
        expires_at=now + PROOF_LIFETIME,
        row=row,
    )

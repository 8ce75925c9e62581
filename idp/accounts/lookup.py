"""Finding an account by what somebody typed."""

import re
import uuid
from dataclasses import dataclass

from django.db.models import Exists, F, FilteredRelation, OuterRef, Q, QuerySet

from idp import keyring
from idp.models import Credential, Device, User
from idp.models.user import canonical

#: The longest identifier there can be (RFC 5321: 254 for an address).
LONGEST = 254
#: Control and direction characters, which no stored identifier has.
_UNTYPEABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
#: What no account is stored under, for identifiers that cannot be anybody's.
_NOBODY = ""


@dataclass(frozen=True, kw_only=True)
class Found:
    """An account with its password credential; both may be missing."""

    user: User | None
    credential: Credential | None


@dataclass(frozen=True, kw_only=True)
class FoundHere(Found):
    """… and what decides how it signs in at one browser."""

    #: The row by which the account knows the browser, as it stands: whether it is good, `devices` says.
    device: Device | None
    #: Whether there is, or was, something besides the password to ask for: what, `credentials.factors_of` says.
    has_factor: bool


def find(identifier: str) -> Found:
    """The account with this user name or e-mail address, and its password: one query, found or not."""
    user = _with_password().filter(_called(identifier)).first()
    return Found(user=user, credential=_credential(user))


def find_at(identifier: str, device_key: str) -> FoundHere:
    """As `find`, for somebody at the browser of this key: one query as well, with or without a key."""
    user = (
        _with_password()
        .annotate(
            here=FilteredRelation("devices", condition=Q(devices__key_hash=keyring.fingerprint(device_key))),
            has_factor=Exists(Credential.objects.filter(user=OuterRef("pk")).exclude(kind=Credential.Kind.PASSWORD)),
        )
        .annotate(**{f"here_{column}": F(f"here__{column}") for column in _DEVICE})
        .filter(_called(identifier))
        .first()
    )
    return FoundHere(
        user=user,
        credential=_credential(user),
        device=_device(user),
        has_factor=user is not None and user.has_factor,
    )


def get(user_id: uuid.UUID) -> Found:
    """The account with this key, and its password: one query."""
    user = _with_password().filter(pk=user_id).first()
    return Found(user=user, credential=_credential(user))


_COLUMNS = ("id", "material", "version", "proof", "seal", "changed_at")
_DEVICE = ("id", "key_hash", "last_seen_at", "trusted_until", "forgotten_at", "seal")


def _called(identifier: str) -> Q:
    key = _NOBODY if _UNTYPEABLE.search(identifier) or len(identifier) > LONGEST else canonical(identifier)
    return Q(username_key=key) | Q(email_key=key)


def _with_password() -> QuerySet[User]:
    return User.objects.annotate(
        own=FilteredRelation("credentials", condition=Q(credentials__kind=Credential.Kind.PASSWORD)),
    ).annotate(**{f"own_{column}": F(f"own__{column}") for column in _COLUMNS})


def _credential(user: User | None) -> Credential | None:
    columns = {column: getattr(user, f"own_{column}", None) for column in _COLUMNS}
    if user is None or columns["id"] is None:
        return None
    return Credential(user=user, kind=Credential.Kind.PASSWORD, **columns)


def _device(user: User | None) -> Device | None:
    columns = {column: getattr(user, f"here_{column}", None) for column in _DEVICE}
    if user is None or columns["id"] is None:
        return None
    return Device(user=user, **columns)

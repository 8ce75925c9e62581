"""Finding an account by what somebody typed."""

import re
import uuid
from dataclasses import dataclass

from django.db.models import F, FilteredRelation, Q, QuerySet

from idp.models import Credential, User
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


def find(identifier: str) -> Found:
    """The account with this user name or e-mail address, and its password: one query, found or not."""
    key = _NOBODY if _UNTYPEABLE.search(identifier) or len(identifier) > LONGEST else canonical(identifier)
    user = _with_password().filter(Q(username_key=key) | Q(email_key=key)).first()
    return _found(user)


def get(user_id: uuid.UUID) -> Found:
    """The account with this key, and its password: one query."""
    return _found(_with_password().filter(pk=user_id).first())


_COLUMNS = ("id", "material", "version", "proof", "seal", "changed_at")


def _with_password() -> QuerySet[User]:
    return User.objects.annotate(
        own=FilteredRelation("credentials", condition=Q(credentials__kind=Credential.Kind.PASSWORD)),
    ).annotate(**{f"own_{column}": F(f"own__{column}") for column in _COLUMNS})


def _found(user: User | None) -> Found:
    columns = {column: getattr(user, f"own_{column}", None) for column in _COLUMNS}
    if user is None or columns["id"] is None:
        return Found(user=user, credential=None)
    return Found(user=user, credential=Credential(user=user, kind=Credential.Kind.PASSWORD, **columns))

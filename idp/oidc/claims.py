"""What is told about a person (OpenID Connect Core 5): by scope, or asked for by name.

Core 5.3.2: what is not known is left out, never null or empty. That an address or a number is verified is said only
together with it.
"""

from typing import Any

from idp.models import AccessToken, Grant, User
from idp.oidc import supported

#: Said of another claim, and only beside it.
_ABOUT = {"email_verified": "email", "phone_number_verified": "phone_number"}


def for_userinfo(token: AccessToken) -> dict[str, Any]:
    """What `token` may read: its scopes' claims; and those asked for by name, unless it was made narrower."""
    scopes = token.scope.split()
    names = {name for scope in supported.SCOPES if scope.value in scopes for name in scope.claims}
    if set(scopes) == set(token.grant.scope.split()):
        names |= _named(token.grant, "userinfo")
    return {"sub": token.grant.sub} | _told(token.grant.user, names - {"sub"})


def asked_of_id_token(grant: Grant) -> dict[str, Any]:
    """What the `claims` parameter asked to stand in the ID token itself. Asks the database only if it did."""
    names = _named(grant, "id_token") & set(supported.CLAIMS) - {"sub"}
    return _told(grant.user, names) if names else {}


def _named(grant: Grant, place: str) -> set[str]:
    return set((grant.claims or {}).get(place, ()))


def _told(user: User | None, names: set[str]) -> dict[str, Any]:
    if user is None:
        return {}
    known: dict[str, Any] = {
        **user.claims,
        "name": user.name,
        "preferred_username": user.preferred_username,
        "locale": user.locale,
        "email": user.email,
        "email_verified": user.email_verified,
        "groups": user.groups,
        "updated_at": int(user.updated_at.timestamp()),
    }
    told = {name: known[name] for name in names if known.get(name) not in (None, "", [], {})}
    for name, what in _ABOUT.items():
        told.pop(name, None)
        if name in names and known.get(what):
            told[name] = known.get(name) is True
    return told

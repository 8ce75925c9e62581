"""The `claims` parameter (OpenID Connect Core 5.5): claims asked for one by one, for the ID token or userinfo.

Strict about its form, for a request that cannot be read is a mistake; tolerant about its content, for Core 5.5 and
5.5.1 say that members and claims which are not understood are ignored. What is kept holds only claims there are.

A claim asked for by name is told under the same conditions as its scope: the client is registered for the scope, and
the person allowed it. Otherwise it is left out, as any claim may be (5.5.1).
"""

import json
from collections.abc import Collection
from typing import Any, NoReturn

from idp.oidc import supported

#: Claims for one place: by name, what is asked of each.
Asked = dict[str, dict[str, Any]]
PLACES = ("userinfo", "id_token")
_MEMBERS = ("essential", "value", "values")
_SCOPE_OF = {claim: scope.value for scope in supported.SCOPES for claim in scope.claims}
_KNOWN = frozenset({*_SCOPE_OF, *supported.ID_TOKEN_CLAIMS})


class UnreadableError(ValueError):
    """The parameter is not what Core 5.5 describes. The message says where."""


def read(text: str) -> dict[str, Asked]:
    """What is asked for, by place; empty if nothing that is known is. Raises UnreadableError."""
    try:
        sent = json.loads(text, parse_constant=_refuse, object_pairs_hook=_once)
        # What no text of ours can hold: halves of characters, and NUL (PostgreSQL keeps neither).
        json.dumps(sent, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        raise UnreadableError("claims is not JSON.") from error
    if "\\u0000" in text or not isinstance(sent, dict):
        raise UnreadableError("claims must be a JSON object.")
    asked = {place: _known(place, sent[place]) for place in PLACES if sent.get(place) is not None}
    return {place: claims for place, claims in asked.items() if claims}


def scopes_of(claims: dict[str, Asked]) -> frozenset[str]:
    """The scopes under which these claims are told."""
    return frozenset(_SCOPE_OF[name] for asked in claims.values() for name in asked if name in _SCOPE_OF)


def within(claims: dict[str, Any] | None, scopes: Collection[str]) -> dict[str, Asked] | None:
    """Of `claims`, those that `scopes` allow, and those that say how somebody signed in. None if none are left."""
    kept = {
        place: {name: wish for name, wish in asked.items() if _SCOPE_OF.get(name) in (None, *scopes)}
        for place, asked in (claims or {}).items()
    }
    return {place: asked for place, asked in kept.items() if asked} or None


def expected_subs(claims: dict[str, Asked]) -> tuple[str, ...]:
    """Core 5.5.1: the subjects that `sub` is asked with; the answer may be about nobody else. Empty: about anybody."""
    wishes = [_wanted(asked["sub"]) for asked in claims.values() if "sub" in asked]
    named = [wanted for wanted in wishes if wanted is not None]
    # Named in both places, it must be both; and nobody's `sub` is empty.
    return tuple(sorted(frozenset.intersection(*named) or {""})) if named else ()


def wanted_acr(claims: dict[str, Asked]) -> tuple[str, ...]:
    """The values that `acr` is asked with, in their order; none if no particular one is."""
    wish = claims.get("id_token", {}).get("acr", {})
    return tuple(value for value in _values(wish) if isinstance(value, str))


def essential_acr(claims: dict[str, Asked]) -> frozenset[str]:
    """Core 5.5.1.1: the values of which one must be reached. Empty: nothing in particular is essential."""
    wish = claims.get("id_token", {}).get("acr", {})
    return (_wanted(wish) or frozenset()) if wish.get("essential", False) else frozenset()


def unmet_acr(claims: dict[str, Asked]) -> bool:
    """Core 5.5.1.1: whether `acr` is essential, with values of which none can be reached here."""
    wish = claims.get("id_token", {}).get("acr", {})
    wanted = _wanted(wish)
    return wish.get("essential", False) and wanted is not None and not wanted & set(supported.ACR_VALUES)


def _known(place: str, claims: object) -> Asked:
    if not isinstance(claims, dict):
        raise UnreadableError(f"{place} in claims must be a JSON object.")
    return {name: _wish(wish) for name, wish in claims.items() if _is_wish(wish) and name in _KNOWN}


def _is_wish(wish: object) -> bool:
    """Core 5.5.1: null, or an object whose known members have their types."""
    if wish is None:
        return True
    if not isinstance(wish, dict):
        raise UnreadableError("Each claim in claims must be null or a JSON object.")
    if not isinstance(wish.get("essential", False), bool) or not isinstance(wish.get("values", []), list):
        raise UnreadableError("In claims, essential must be true or false, and values an array.")
    return True


def _wish(wish: dict[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (wish or {}).items() if name in _MEMBERS}


def _wanted(wish: dict[str, Any]) -> frozenset[str] | None:
    """What is asked for by `value` or `values`, as far as it is text; None if nothing particular is."""
    values = _values(wish)
    return frozenset(value for value in values if isinstance(value, str)) if values else None


def _values(wish: dict[str, Any]) -> list[Any]:
    return [wish["value"]] if wish.get("value") is not None else wish.get("values", [])


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _value in pairs}) < len(pairs):
        raise ValueError("a member comes twice")
    return dict(pairs)


def _refuse(_constant: str) -> NoReturn:
    raise ValueError("not a number of JSON")

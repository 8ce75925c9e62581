"""What the forms about applications ask, member by member: metadata in, fields out, and back.

The names are those of RFC 7591. A list of addresses is typed one to a line; a scope and a grant type are boxes.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.http import HttpRequest

from idp import forms
from idp.console import client_words
from idp.login import consents
from idp.oidc import client_changes, supported

Metadata = Mapping[str, Any]

#: Boxes that say what somebody may be asked for; `openid` comes with signing in.
_SCOPES = tuple(scope for scope in supported.SCOPE_VALUES if scope != supported.OPENID)
_SCOPE, _GRANT = "scope_", "grant_"
_REASON = "reason"


class Shape(StrEnum):
    TEXT = "text"
    LINES = "lines"
    JSON = "json"
    BOX = "box"
    CHOICE = "choice"


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field as the page draws it; or, with `heading`, a group of boxes under it."""

    name: str
    label: str
    shape: str
    hint: str = ""
    value: str = ""
    ticked: bool = False
    options: tuple[tuple[str, str], ...] = ()
    boxes: tuple["Field", ...] = ()


_SHAPES: Mapping[str, Shape] = {
    **dict.fromkeys(client_changes.DESCRIBING, Shape.TEXT),
    **dict.fromkeys(("initiate_login_uri", "backchannel_logout_uri", "jwks_uri"), Shape.TEXT),
    "redirect_uris": Shape.LINES,
    "post_logout_redirect_uris": Shape.LINES,
    "jwks": Shape.JSON,
    "token_endpoint_auth_method": Shape.CHOICE,
    **dict.fromkeys(("skip_consent", "require_pkce", "backchannel_logout_session_required"), Shape.BOX),
}
DESCRIBING = client_changes.DESCRIBING
GUARDED = client_changes.GUARDED
#: All that is asked of a new one. Not `skip_consent`: that takes two.
REGISTERING = (
    *DESCRIBING,
    "token_endpoint_auth_method",
    *(member for member in GUARDED if member != "skip_consent"),
)
#: What a new one begins with.
BLANK: Metadata = {
    "token_endpoint_auth_method": "client_secret_basic",
    "grant_types": ["authorization_code", "refresh_token"],
    "scope": "openid profile email",
    "require_pkce": True,
}


def fields(members: tuple[str, ...], metadata: Metadata) -> tuple[Field, ...]:
    """The fields for these members, as `metadata` fills them in."""
    return tuple(_field(member, metadata) for member in members)


def read(request: HttpRequest, members: tuple[str, ...]) -> tuple[dict[str, Any], str]:
    """What was typed, as metadata, and the reason that was chosen. Raises BadRequest for any other field."""
    sent = forms.fields(request, _REASON, *(name for member in members for name in _names(member)))
    return {member: _value(member, sent) for member in members}, sent[_REASON]


def _names(member: str) -> tuple[str, ...]:
    if member == "scope":
        return tuple(_SCOPE + scope for scope in _SCOPES)
    if member == "grant_types":
        return tuple(_GRANT + grant for grant in supported.GRANT_TYPES)
    return (member,)


def _value(member: str, sent: Mapping[str, str]) -> Any:
    if member == "scope":
        ticked = [scope for scope in _SCOPES if sent[_SCOPE + scope]]
        return " ".join([supported.OPENID, *ticked]) if sent.get(_GRANT + "authorization_code") else " ".join(ticked)
    if member == "grant_types":
        return [grant for grant in supported.GRANT_TYPES if sent[_GRANT + grant]]
    return _READ[_SHAPES[member]](sent[member].strip())


def _json(text: str) -> Any:
    """What stands there; the text itself, if it is no JSON: then it is none of our kinds of value, and refused."""
    if not text:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


_READ: Mapping[Shape, Callable[[str], Any]] = {
    Shape.TEXT: str,
    Shape.CHOICE: str,
    Shape.LINES: lambda text: [line.strip() for line in text.splitlines() if line.strip()],
    Shape.JSON: _json,
    Shape.BOX: bool,
}


def _field(member: str, metadata: Metadata) -> Field:
    label, hint = client_words.label(member), client_words.hint(member)
    if member == "scope":
        asked = metadata.get("scope", "").split()
        words = {item.value: item.sentence for item in consents.in_words(_SCOPES)}
        boxes = [_box(_SCOPE + scope, words[scope], scope, ticked=scope in asked) for scope in _SCOPES]
        return Field(name=member, label=label, hint=hint, shape="boxes", boxes=tuple(boxes))
    if member == "grant_types":
        held = metadata.get("grant_types", ())
        boxes = [
            _box(_GRANT + grant, client_words.grant_type(grant), grant, ticked=grant in held)
            for grant in supported.GRANT_TYPES
        ]
        return Field(name=member, label=label, hint=hint, shape="boxes", boxes=tuple(boxes))
    shape, value = _SHAPES[member], metadata.get(member)
    if shape == Shape.BOX:
        return _box(member, label, hint, ticked=bool(value))
    options = ()
    if shape == Shape.CHOICE:
        options = tuple((method, client_words.auth_method(method)) for method in supported.CLIENT_AUTH_METHODS)
    return Field(name=member, label=label, hint=hint, shape=shape, value=_text(shape, value), options=options)


def _box(name: str, label: str, hint: str, *, ticked: bool) -> Field:
    return Field(name=name, label=label, hint=hint, shape=Shape.BOX, ticked=ticked)


def _text(shape: Shape, value: Any) -> str:
    if value is None:
        return ""
    if shape == Shape.LINES:
        return "\n".join(value)
    return json.dumps(value, indent=1) if shape == Shape.JSON and not isinstance(value, str) else str(value)

"""What is registered of an application, as people say it. Beside it stands the name that RFC 7591 has for it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from idp.login import consents
from idp.oidc import client_changes


@dataclass(frozen=True, kw_only=True)
class Line:
    """One member: what it is called, and what it says; for a change, what it said before, too."""

    member: str
    label: str
    values: tuple[str, ...]
    before: tuple[str, ...] = ()


def label(member: str) -> str:
    """What a member is about."""
    return {
        "client_name": _("Name, as people read it on the sign-in page"),
        "client_uri": _("Home page"),
        "logo_uri": _("Logo"),
        "policy_uri": _("Privacy statement"),
        "tos_uri": _("Terms of use"),
        "token_endpoint_auth_method": _("How it shows who it is"),
        "redirect_uris": _("Where answers go after a sign-in"),
        "post_logout_redirect_uris": _("Where people go after signing out"),
        "initiate_login_uri": _("Where a sign-in can begin"),
        "backchannel_logout_uri": _("Where it is told that a session ended"),
        "backchannel_logout_session_required": _("It has to be told which session"),
        "grant_types": _("How it gets tokens"),
        "scope": _("What it may ask people for"),
        "jwks": _("Its public keys"),
        "jwks_uri": _("Where its public keys are"),
        "skip_consent": _("People are not asked whether they allow it"),
        "require_pkce": _("Its codes are bound by PKCE"),
    }.get(member, member)


def hint(member: str) -> str:
    """What to type; the member's name, where that says it."""
    return {
        "redirect_uris": _("One address to a line, complete and exact: redirect_uris"),
        "post_logout_redirect_uris": _("One address to a line: post_logout_redirect_uris"),
        "jwks": _("A JSON Web Key Set, for private_key_jwt only: jwks"),
        "jwks_uri": _("Instead of the keys themselves: jwks_uri"),
        "skip_consent": _("For applications of the organisation's own: skip_consent"),
        "require_pkce": _("Off only for an old application that cannot be changed: require_pkce"),
    }.get(member, member)


def grant_type(name: str) -> str:
    return {
        "authorization_code": _("People sign in to it"),
        "refresh_token": _("It stays connected while they are away"),
        "client_credentials": _("It acts for itself, for nobody"),
    }.get(name, name)


def auth_method(name: str) -> str:
    return {
        "client_secret_basic": _("By a secret, in the header (client_secret_basic)"),
        "client_secret_post": _("By a secret, in the form (client_secret_post)"),
        "private_key_jwt": _("By signing with its own key (private_key_jwt)"),
        "none": _("Not at all: it runs on people's devices (none)"),
    }.get(name, name)


def lines(members: tuple[str, ...], metadata: Mapping[str, Any]) -> tuple[Line, ...]:
    """What these members say, without those that say nothing."""
    said = [Line(member=each, label=label(each), values=values(each, metadata.get(each))) for each in members]
    return tuple(line for line in said if line.values)


def changes(change: Mapping[str, Any], metadata: Mapping[str, Any]) -> tuple[Line, ...]:
    """What is to become of members, beside what they say today."""
    return tuple(
        Line(
            member=each,
            label=label(each),
            values=values(each, change[each]) or (_("nothing"),),
            before=values(each, metadata.get(each)) or (_("nothing"),),
        )
        for each in client_changes.GUARDED
        if each in change
    )


def values(member: str, value: Any) -> tuple[str, ...]:
    """A value, as lines; empty if there is none."""
    if isinstance(value, bool):
        return (_("yes") if value else _("no"),)
    if not value:
        return ()
    if member in _WORDS:
        return _WORDS[member](value)
    if isinstance(value, dict):
        return (json.dumps(value, sort_keys=True),)
    return tuple(value) if isinstance(value, list) else (str(value),)


_WORDS: Mapping[str, Callable[[Any], tuple[str, ...]]] = {
    "scope": lambda value: tuple(item.sentence for item in consents.in_words(value.split())),
    "grant_types": lambda value: tuple(grant_type(each) for each in value),
    "token_endpoint_auth_method": lambda value: (auth_method(value),),
}

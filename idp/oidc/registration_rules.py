"""What an application may not say about itself, rule by rule: each looks at the whole and answers in sentences.

Pure but for one: the sector identifier is fetched, by the function that the caller hands in.
"""

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from django.utils.translation import gettext_noop as _

from idp import fetch
from idp.oidc import clients, jose, redirect_uris, resources, subjects, supported
from idp.oidc.faults import Fault

Metadata = dict[str, Any]
Rule = Callable[[Metadata], Iterable[str]]
GetJson = Callable[[str], Any]

PAGES = ("client_uri", "logo_uri", "policy_uri", "tos_uri", "initiate_login_uri")
FORMATS = ("opaque", "jwt")
_MOST_URIS = 50
_LONGEST_NAME = 100
#: What a member may hold, where that is one word of a few.
_CHOICES: dict[str, tuple[str, ...]] = {
    "token_endpoint_auth_method": supported.CLIENT_AUTH_METHODS,
    "token_endpoint_auth_signing_alg": ("", *supported.ASSERTION_ALGORITHMS),
    "id_token_signed_response_alg": supported.SIGNING_ALGORITHMS,
    "subject_type": supported.SUBJECT_TYPES,
    "access_token_format": FORMATS,
    "profile": ("", clients.FAPI),
}


def name(full: Metadata) -> Iterable[str]:
    """People read it on the sign-in page."""
    given = full.get("client_name", "")
    if not given.strip():
        yield Fault(_("client_name is missing; people read it on the sign-in page."))
    elif len(given) > _LONGEST_NAME:
        yield Fault(_("client_name is longer than %(most)s characters."), most=_LONGEST_NAME)
    elif not given.isprintable():
        yield Fault(_("client_name contains characters that cannot be seen."))


def addresses(full: Metadata) -> Iterable[str]:
    """RFC 9700 2.1: complete, and reachable by nobody else."""
    single = (*PAGES, "jwks_uri", "sector_identifier_uri", "backchannel_logout_uri")
    given = [(member, full[member]) for member in single if full.get(member)]
    for member in ("redirect_uris", "post_logout_redirect_uris"):
        if len(full[member]) > _MOST_URIS:
            yield Fault(_("%(member)s has more than %(most)s entries."), member=member, most=_MOST_URIS)
        given += [(member, uri) for uri in full[member]]
    for member, uri in given:
        if why := redirect_uris.fault(uri):
            yield Fault(_("%(member)s: %(uri)s %(why)s."), member=member, uri=repr(uri[:200]), why=Fault(why))


def words(full: Metadata) -> Iterable[str]:
    """What is not supported is refused, never ignored."""
    several = {
        "response_types": supported.RESPONSE_TYPES,
        "grant_types": supported.GRANT_TYPES,
        "default_acr_values": supported.ACR_VALUES,
    }
    for member, choices in several.items():
        yield from _not_among(member, full[member], choices)
    yield from _not_among("scope", full["scope"].split(), supported.SCOPE_VALUES)
    for member, choices in _CHOICES.items():
        yield from _not_among(member, [full[member]], choices)


def code_flow(full: Metadata) -> Iterable[str]:
    """RFC 7591 2.1: grant types, response types and redirect URIs go together."""
    if "authorization_code" in full["grant_types"]:
        if not full["redirect_uris"]:
            yield Fault(_("redirect_uris is missing; it must name at least one address."))
        if full["response_types"] != list(supported.RESPONSE_TYPES):
            yield Fault(_("response_types must be just code."))
        if supported.OPENID not in full["scope"].split() and full["profile"] != clients.FAPI:
            yield Fault(_("scope must contain openid."))
        return
    if "refresh_token" in full["grant_types"]:
        yield Fault(_("grant_types must contain authorization_code: refresh tokens come with codes only."))
    if full["redirect_uris"] or full["response_types"]:
        yield Fault(_("grant_types must contain authorization_code, or redirect_uris and response_types be empty."))
    if full["scope"].strip():
        yield Fault(_("scope must be empty without the grant type authorization_code: each speaks of a person."))
    if not full["grant_types"] and not full["resources"]:
        yield Fault(_("grant_types is empty, which makes a resource server; then resources must say what it is."))


def authentication(full: Metadata) -> Iterable[str]:
    """OpenID Connect Core 9: how it shows who it is, and what that needs."""
    method = full["token_endpoint_auth_method"]
    if method == "private_key_jwt":
        if bool(full["jwks_uri"]) == (full["jwks"] is not None):
            yield Fault(
                _("private_key_jwt needs the application's public keys: one of jwks and jwks_uri, and not both.")
            )
    else:
        for member in ("jwks", "jwks_uri", "token_endpoint_auth_signing_alg"):
            if full[member]:
                yield Fault(_("%(member)s is only for the authentication method private_key_jwt."), member=member)
    if method == "none":
        if not full["require_pkce"]:
            yield Fault(_("require_pkce cannot be false for a public client: PKCE is all that binds its codes."))
        if "client_credentials" in full["grant_types"]:
            yield Fault(_("grant_types: client_credentials is not for a public client, which has none."))
        if not full["grant_types"]:
            yield Fault(_("A resource server must authenticate: token_endpoint_auth_method cannot be none."))


def keys(full: Metadata) -> Iterable[str]:
    """RFC 7517: public keys, told apart by `kid`. A private one has been given away and is worthless."""
    if full["jwks"] is None:
        return
    entries = full["jwks"].get("keys")
    if not isinstance(entries, list) or not entries:
        yield Fault(_("jwks must be an object with a list of keys, at least one."))
        return
    for number, entry in enumerate(entries, start=1):
        try:
            key = jose.public_key(entry)
        except jose.Unreadable as reason:
            yield Fault(_("jwks: key %(number)s cannot be used: %(reason)s."), number=number, reason=Fault(str(reason)))
            continue
        wanted = full["token_endpoint_auth_signing_alg"]
        if not jose.algorithms_of(key) or (wanted and wanted not in jose.algorithms_of(key)):
            yield Fault(_("jwks: key %(number)s does not go with the algorithms for assertions."), number=number)
    kids = [entry.get("kid") for entry in entries if isinstance(entry, dict)]
    if len(entries) > 1 and (None in kids or len({str(kid) for kid in kids}) != len(kids)):
        yield Fault(_("jwks: each of several keys needs a kid of its own."))


def audience(full: Metadata) -> Iterable[str]:
    """RFC 8707 2."""
    for uri in full["resources"]:
        if not resources.is_absolute(uri) or "#" in uri:
            yield Fault(_("resources: %(uri)s is not an absolute URI without a fragment."), uri=repr(uri[:200]))


def logout(full: Metadata) -> Iterable[str]:
    """OpenID Connect Back-Channel Logout 2.2."""
    if full["backchannel_logout_session_required"] and not full["backchannel_logout_uri"]:
        yield Fault(_("backchannel_logout_session_required needs a backchannel_logout_uri."))


def fapi(full: Metadata) -> Iterable[str]:
    """FAPI 2.0 Security Profile 5.3.2 and 5.4."""
    if full["profile"] != clients.FAPI:
        return
    if full["token_endpoint_auth_method"] != "private_key_jwt":
        yield Fault(_("profile fapi2: token_endpoint_auth_method must be private_key_jwt."))
    for member in ("token_endpoint_auth_signing_alg", "id_token_signed_response_alg"):
        if full[member] == "RS256":
            yield Fault(
                _("profile fapi2: %(member)s must be %(algorithms)s or EdDSA."),
                member=member,
                algorithms=", ".join(supported.STRONG_ALGORITHMS[:-1]),
            )
    for member in ("require_pkce", "dpop_bound_access_tokens", "require_pushed_authorization_requests"):
        if not full[member]:
            yield Fault(_("profile fapi2: %(member)s cannot be false."), member=member)


def fetchable(full: Metadata) -> Iterable[str]:
    """What this provider will ask for later must be what it may ask for (rule 40)."""
    for member in ("jwks_uri", "backchannel_logout_uri"):
        if full[member]:
            try:
                fetch.check(full[member])
            except fetch.Failed as failed:
                yield Fault(_("%(member)s cannot be used: %(failed)s."), member=member, failed=Fault(str(failed)))


RULES: tuple[Rule, ...] = (
    name,
    addresses,
    words,
    code_flow,
    authentication,
    keys,
    audience,
    logout,
    fapi,
)


def sector(full: Metadata, *, get_json: GetJson) -> Iterable[str]:
    """OpenID Connect Core 8.1: one sector for all redirect URIs, which a file on its host confirms (P-25)."""
    uri = full["sector_identifier_uri"]
    if full["subject_type"] != subjects.PAIRWISE:
        if uri:
            yield Fault(_("sector_identifier_uri is only for subject_type pairwise."))
        return
    if not uri:
        hosts = subjects.hosts(full["redirect_uris"])
        if len(hosts) != 1:
            yield Fault(_("pairwise subjects for redirect_uris on several hosts need a sector_identifier_uri."))
        elif redirect_uris.is_loopback(hosts[0]):
            # Every program on every machine has this host.
            yield Fault(_("pairwise subjects for a native application need a sector_identifier_uri."))
        return
    if urlsplit(uri).scheme != "https":
        yield Fault(_("sector_identifier_uri must begin with https://."))
        return
    try:
        listed = get_json(uri)
    except fetch.Failed as failed:
        yield Fault(_("sector_identifier_uri could not be read: %(failed)s."), failed=Fault(str(failed)))
        return
    if not isinstance(listed, list) or not set(full["redirect_uris"]) <= {str(each) for each in listed}:
        yield Fault(_("sector_identifier_uri must hold a list with every one of the redirect_uris."))


def _not_among(member: str, values: list[str], choices: tuple[str, ...]) -> Iterable[str]:
    known = ", ".join(choice for choice in choices if choice)
    said = _("%(member)s: %(value)s is not supported; there is %(known)s.")
    return [
        Fault(said, member=member, value=repr(value[:100]), known=known) for value in values if value not in choices
    ]

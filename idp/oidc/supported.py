"""What this provider supports: the one list that discovery publishes and the checks enforce."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

#: Every endpoint, by its name in discovery. `urls` routes these very paths.
ENDPOINTS = {
    "authorization_endpoint": "/authorize",
    "token_endpoint": "/token",
    "userinfo_endpoint": "/userinfo",
    "jwks_uri": "/jwks",
    "end_session_endpoint": "/sign-out",
    "pushed_authorization_request_endpoint": "/par",
    "introspection_endpoint": "/introspect",
    "revocation_endpoint": "/revoke",
}

RESPONSE_TYPES = ("code",)
#: OAuth 2.0 Multiple Response Types 2.1 and Form Post Response Mode 2. A fragment would leave the code in scripts'
#: reach for nothing.
RESPONSE_MODES = ("query", "form_post")
GRANT_TYPES = ("authorization_code", "refresh_token", "client_credentials")
CLIENT_AUTH_METHODS = ("client_secret_basic", "client_secret_post", "private_key_jwt", "none")
#: RFC 7636 4.2: `plain` protects nothing.
CHALLENGE_METHODS = ("S256",)
#: OpenID Connect Core 3.1.2.1. `create` (Initiating User Registration 4) would need invitations.
PROMPTS = ("none", "login", "consent", "select_account")
#: FAPI 2.0 Security Profile 5.4: what its clients and their tokens are signed with; the default first.
STRONG_ALGORITHMS = ("ES256", "PS256", "EdDSA")
#: What ID tokens are signed with. One asymmetric list: no HMAC, no `none` (RFC 8725 3.1). OpenID Connect Core 15.1
#: makes RS256 everybody's.
SIGNING_ALGORITHMS = (*STRONG_ALGORITHMS, "RS256")
ASSERTION_ALGORITHMS = SIGNING_ALGORITHMS
#: RS256 is none of these, for anybody (P-07).
DPOP_ALGORITHMS = STRONG_ALGORITHMS
SUBJECT_TYPES = ("public", "pairwise")
#: How strong a sign-in is, in the words of others, the strongest first: it has every `acr` whose methods (RFC 8176) it
#: used. Names that everybody can look up, for Core 2 asks for URIs or registered names: phishing-resistant (OpenID
#: Connect Extended Authentication Profile ACR Values 2), REFEDS' profile for two different factors, and SAML's for a
#: password over TLS (SAML 2.0 Authentication Context 3.4.10).
ACR = {
    "phr": frozenset({"pop", "user", "mfa"}),
    "https://refeds.org/profile/mfa": frozenset({"mfa"}),
    "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport": frozenset({"pwd"}),
}
ACR_VALUES = tuple(ACR)


@dataclass(frozen=True, kw_only=True)
class Scope:
    """A scope, and the claims that userinfo gives for it (OpenID Connect Core 5.4)."""

    value: str
    claims: tuple[str, ...] = ()


OPENID = "openid"
OFFLINE_ACCESS = "offline_access"

SCOPES = (
    Scope(value=OPENID, claims=("sub",)),
    Scope(
        value="profile",
        claims=(
            *("name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile"),
            *("picture", "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at"),
        ),
    ),
    Scope(value="email", claims=("email", "email_verified")),
    Scope(value="phone", claims=("phone_number", "phone_number_verified")),
    Scope(value="address", claims=("address",)),
    #: Not of the standard, but of every provider: the names of the groups somebody is in.
    Scope(value="groups", claims=("groups",)),
    Scope(value=OFFLINE_ACCESS),
)
SCOPE_VALUES = tuple(scope.value for scope in SCOPES)
CLAIMS = tuple(claim for scope in SCOPES for claim in scope.claims)
#: What ID tokens say of the sign-in, besides `sub`.
ID_TOKEN_CLAIMS = ("iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "azp", "at_hash", "sid")


def acr(amr: Collection[str], wanted: Sequence[str] = ()) -> str:
    """The `acr` of a sign-in by these methods: the first one `wanted` that it has, else the strongest; or empty."""
    held = reached(amr)
    return next((value for value in (*wanted, *ACR_VALUES) if value in held), "")


def reached(amr: Collection[str]) -> frozenset[str]:
    """Every `acr` that a sign-in by these methods has."""
    return frozenset(value for value, methods in ACR.items() if methods <= set(amr))

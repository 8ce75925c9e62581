"""What this provider supports: the one list that discovery publishes and the checks enforce."""

from dataclasses import dataclass

#: Every endpoint, by its name in discovery. `urls` routes these very paths.
ENDPOINTS = {
    "authorization_endpoint": "/authorize",
    "token_endpoint": "/token",
    "userinfo_endpoint": "/userinfo",
    "jwks_uri": "/jwks",
    "end_session_endpoint": "/sign-out",
}

RESPONSE_TYPES = ("code",)
RESPONSE_MODES = ("query",)
GRANT_TYPES = ("authorization_code", "refresh_token")
CLIENT_AUTH_METHODS = ("client_secret_basic", "client_secret_post", "none")
#: RFC 7636 4.2: `plain` protects nothing.
CHALLENGE_METHODS = ("S256",)
#: OpenID Connect Core 3.1.2.1.
PROMPTS = ("none", "login", "consent", "select_account")
#: What ID tokens are signed with. One asymmetric list: no HMAC, no `none` (RFC 8725 3.1).
SIGNING_ALGORITHMS = ("ES256",)
SUBJECT_TYPES = ("public",)


@dataclass(frozen=True, kw_only=True)
class Scope:
    """A scope, and the claims that userinfo gives for it (OpenID Connect Core 5.4)."""

    value: str
    claims: tuple[str, ...] = ()


OPENID = "openid"
OFFLINE_ACCESS = "offline_access"

SCOPES = (
    Scope(value=OPENID, claims=("sub",)),
    Scope(value="profile", claims=("name", "preferred_username", "locale")),
    Scope(value="email", claims=("email", "email_verified")),
    Scope(value=OFFLINE_ACCESS),
)
SCOPE_VALUES = tuple(scope.value for scope in SCOPES)
CLAIMS = tuple(claim for scope in SCOPES for claim in scope.claims)
#: What ID tokens say of the sign-in, besides `sub`.
ID_TOKEN_CLAIMS = ("iss", "aud", "exp", "iat", "auth_time", "nonce", "amr", "azp", "at_hash", "sid")

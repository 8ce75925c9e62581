"""What is asked of an authorization request: a table of small checks, in the order of their rows.

The client and its redirect URI are not among them: `authorize` settles those first, because they decide whether
an error may leave by redirect at all. From here on every error does.
"""

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Self

from authlib.oauth2.rfc6749 import InvalidRequestError, InvalidScopeError, UnsupportedResponseTypeError
from authlib.oidc.core.errors import (
    RegistrationNotSupportedError,
    RequestNotSupportedError,
    RequestURINotSupportedError,
)
from django.http import QueryDict

from idp.oidc import id_tokens, supported
from idp.oidc.clients import RelyingParty

#: How much of `state` and `nonce` is kept: all of it, or the request is refused. Nothing is ever cut.
LONGEST = 4096
#: A day more than anybody asks for, and safe to add to a time.
_LONGEST_AGE = 10 * 365 * 24 * 3600
#: RFC 7636 4.2: S256 is always 43 characters of base64url.
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


class Parameters:
    """What was sent, by query and by form. RFC 6749 3.1: a parameter without a value counts as omitted."""

    def __init__(self, *sources: QueryDict) -> None:
        self._values: dict[str, list[str]] = {}
        for source in sources:
            for name, values in source.lists():
                self._values.setdefault(name, []).extend(str(value) for value in values)

    def get(self, name: str) -> str:
        """The value; empty if there is none, or more than one."""
        values = self._values.get(name, ())
        return values[0] if len(values) == 1 else ""

    def repeated(self) -> list[str]:
        return [name for name, values in self._values.items() if len(values) > 1]

    def pairs(self) -> list[tuple[str, str]]:
        return [(name, value) for name, values in self._values.items() for value in values]

    @property
    def state(self) -> str:
        """What goes back as it came; nothing if it came twice or cannot be kept."""
        state = self.get("state")
        return state if _fits(state) else ""


@dataclass(frozen=True, kw_only=True)
class AuthorizationRequest:
    """A request that passed every check. Its fields are named as OAuth and OpenID Connect name them."""

    client_id: str
    redirect_uri: str
    scope: str
    state: str = ""
    nonce: str = ""
    code_challenge: str = ""
    prompt: str = ""
    max_age: int | None = None
    login_hint: str = ""
    ui_locales: str = ""
    acr_values: str = ""
    #: The `sub` of the ID token given as a hint.
    expects_sub: str = ""

    @property
    def scopes(self) -> tuple[str, ...]:
        return tuple(self.scope.split())

    @property
    def prompts(self) -> frozenset[str]:
        return frozenset(self.prompt.split())

    def parameters(self) -> dict[str, Any]:
        """What is stored of a request that waits: every field that has a value."""
        return {name: value for name, value in asdict(self).items() if value not in ("", None)}

    @classmethod
    def stored(cls, parameters: dict[str, Any]) -> Self:
        """The request as it was stored."""
        return cls(**parameters)


def validated(sent: Parameters, client: RelyingParty) -> AuthorizationRequest:
    """The request, if every row of the table lets it pass. Raises the OAuth2Error of the first that does not."""
    for check in CHECKS:
        check(sent, client)
    max_age = sent.get("max_age")
    hint = id_tokens.read_hint(sent.get("id_token_hint"), client_id=client.client_id)
    return AuthorizationRequest(
        client_id=client.client_id,
        redirect_uri=sent.get("redirect_uri"),
        scope=client.get_allowed_scope(sent.get("scope")),
        state=sent.get("state"),
        nonce=sent.get("nonce"),
        code_challenge=sent.get("code_challenge"),
        prompt=" ".join(sent.get("prompt").split()),
        max_age=int(max_age) if max_age else client.record.default_max_age,
        login_hint=sent.get("login_hint"),
        ui_locales=sent.get("ui_locales"),
        acr_values=sent.get("acr_values"),
        expects_sub=hint["sub"] if hint else "",
    )


def check_repeated(sent: Parameters, _client: RelyingParty) -> None:
    """RFC 6749 3.1: no parameter more than once. RFC 8707 2 excepts `resource`."""
    repeated = set(sent.repeated()) - {"resource"}
    if repeated:
        known = sorted(repeated & _KNOWN)
        raise InvalidRequestError(
            f"The request has more than one {known[0]}." if known else "A parameter is repeated.",
        )


def check_response_type(sent: Parameters, _client: RelyingParty) -> None:
    """RFC 6749 3.1.1. Only the code flow is built (RFC 9700 2.1.2)."""
    response_type = sent.get("response_type")
    if not response_type:
        raise InvalidRequestError("response_type is missing; it must be code.")
    if response_type not in supported.RESPONSE_TYPES:
        raise UnsupportedResponseTypeError(
            None,
            description="Only the authorization code flow is supported: response_type must be code.",
        )


def check_response_mode(sent: Parameters, _client: RelyingParty) -> None:
    """OAuth 2.0 Multiple Response Types 2.1: for the code flow the default is `query`."""
    if sent.get("response_mode") not in ("", *supported.RESPONSE_MODES):
        raise InvalidRequestError("response_mode must be query, or left out.")


def check_request_objects(sent: Parameters, _client: RelyingParty) -> None:
    """OpenID Connect Core 6 and 7.2.1: what is not supported is refused, never silently ignored."""
    if sent.get("request"):
        raise RequestNotSupportedError("Request objects are not supported: send the parameters themselves.")
    if sent.get("request_uri"):
        raise RequestURINotSupportedError("request_uri is not supported: send the parameters themselves.")
    if sent.get("registration"):
        raise RegistrationNotSupportedError("registration is not supported: applications are registered here.")


def check_scope(sent: Parameters, client: RelyingParty) -> None:
    """OpenID Connect Core 3.1.2.1: `openid` is required; values that are not understood are ignored."""
    if supported.OPENID not in sent.get("scope").split():
        raise InvalidScopeError("scope must contain openid.")
    if supported.OPENID not in client.scopes:
        raise InvalidScopeError("The application is not registered for the scope openid.")


def check_pkce(sent: Parameters, client: RelyingParty) -> None:
    """RFC 7636 4.3, RFC 9700 2.1.1: S256 for everybody; a switch excepts a client that cannot be changed."""
    challenge, method = sent.get("code_challenge"), sent.get("code_challenge_method")
    if not challenge and not method:
        if client.record.require_pkce or client.record.is_public:
            raise InvalidRequestError("code_challenge is missing: PKCE with S256 is required (RFC 7636).")
        return
    if method not in supported.CHALLENGE_METHODS:
        raise InvalidRequestError("code_challenge_method must be S256.")
    if not _CHALLENGE.fullmatch(challenge):
        raise InvalidRequestError("code_challenge must be 43 characters of base64url, as S256 makes it.")


def check_texts(sent: Parameters, _client: RelyingParty) -> None:
    """P-33: state, nonce and hints are text and come back unchanged; what is too long is refused."""
    for name in _TEXTS:
        if not _fits(sent.get(name)):
            raise InvalidRequestError(f"{name} is longer than {LONGEST} bytes.")


def check_prompt(sent: Parameters, _client: RelyingParty) -> None:
    """OpenID Connect Core 3.1.2.1: `none` stands alone. Unknown values are refused (P-04)."""
    prompts = sent.get("prompt").split()
    if not set(prompts) <= set(supported.PROMPTS):
        raise InvalidRequestError("prompt has a value that is not supported; see prompt_values_supported.")
    if "none" in prompts and len(prompts) > 1:
        raise InvalidRequestError("prompt=none must stand alone.")


def check_max_age(sent: Parameters, _client: RelyingParty) -> None:
    """OpenID Connect Core 3.1.2.1: a number of seconds."""
    max_age = sent.get("max_age")
    if max_age and not (max_age.isascii() and max_age.isdigit() and int(max_age[:12]) <= _LONGEST_AGE):
        raise InvalidRequestError("max_age must be a number of seconds, 0 or more.")


def check_id_token_hint(sent: Parameters, client: RelyingParty) -> None:
    """OpenID Connect Core 3.1.2.1: an ID token of ours; that it has expired does not matter."""
    hint = sent.get("id_token_hint")
    if hint and id_tokens.read_hint(hint, client_id=client.client_id) is None:
        raise InvalidRequestError("id_token_hint is not an ID token that was issued here to this application.")


#: Read from top to bottom, this is the life of a request.
CHECKS: tuple[Callable[[Parameters, RelyingParty], None], ...] = (
    check_repeated,
    check_response_type,
    check_response_mode,
    check_request_objects,
    check_scope,
    check_pkce,
    check_texts,
    check_prompt,
    check_max_age,
    check_id_token_hint,
    # display, claims_locales and acr_values are wishes that may go unmet (Core 3.1.2.1, 5.2); ui_locales is met
    # by `authorize` if we have the language. All other parameters are ignored, as RFC 6749 3.1 says.
)

_TEXTS = ("state", "nonce", "login_hint", "ui_locales", "acr_values")
_KNOWN = frozenset(
    {
        *_TEXTS,
        "client_id",
        "code_challenge",
        "code_challenge_method",
        "id_token_hint",
        "max_age",
        "prompt",
        "redirect_uri",
        "response_mode",
        "response_type",
        "scope",
    },
)


def _fits(text: str) -> bool:
    return len(text) <= LONGEST and len(text.encode()) <= LONGEST

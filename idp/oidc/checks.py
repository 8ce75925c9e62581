"""What is asked of an authorization request: a table of small checks, in the order of their rows.

The client and its redirect URI are not among them: `authorize` settles those first, because they decide whether
an error may leave by redirect at all. From here on every error does.
"""

import re
from collections.abc import Callable

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import (
    InvalidRequestError,
    InvalidScopeError,
    UnauthorizedClientError,
    UnsupportedResponseTypeError,
)
from authlib.oidc.core.errors import (
    RegistrationNotSupportedError,
    RequestNotSupportedError,
    RequestURINotSupportedError,
)

from idp.oidc import claims_request, dpop, id_tokens, resources, supported
from idp.oidc.clients import RelyingParty
from idp.oidc.parameters import LONGEST, AuthorizationRequest, Parameters, fits

#: A day more than anybody asks for, and safe to add to a time.
_LONGEST_AGE = 10 * 365 * 24 * 3600
#: RFC 7636 4.2: S256 is always 43 characters of base64url.
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


class UnmetRequirementsError(OAuth2Error):  # type: ignore[misc]
    """OpenID Connect Core Error Code unmet_authentication_requirements 1.0, section 2."""

    error = "unmet_authentication_requirements"


def validated(sent: Parameters, client: RelyingParty) -> AuthorizationRequest:
    """The request, if every row of the table lets it pass. Raises the OAuth2Error of the first that does not."""
    for check in CHECKS:
        check(sent, client)
    max_age, scope = sent.get("max_age"), client.get_allowed_scope(sent.get("scope"))
    claims = claims_request.within(_claims(sent), client.scopes)
    more = claims_request.scopes_of(claims or {}) - set(scope.split())
    return AuthorizationRequest(
        client_id=client.client_id,
        redirect_uri=sent.get("redirect_uri"),
        scope=scope,
        state=sent.get("state"),
        nonce=sent.get("nonce"),
        code_challenge=sent.get("code_challenge"),
        response_mode=sent.get("response_mode"),
        prompt=" ".join(sent.get("prompt").split()),
        max_age=int(max_age) if max_age else client.record.default_max_age,
        login_hint=sent.get("login_hint"),
        ui_locales=sent.get("ui_locales"),
        acr_values=sent.get("acr_values") or " ".join(client.record.default_acr_values),
        claims=claims,
        claims_scope=client.get_allowed_scope(" ".join(more)),
        resource=tuple(sent.every("resource")),
        dpop_jkt=sent.get("dpop_jkt"),
        expects_sub=_expected_subs(sent, client),
    )


def check_repeated(sent: Parameters, _client: RelyingParty) -> None:
    """RFC 6749 3.1: no parameter more than once. RFC 8707 2 excepts `resource`."""
    repeated = set(sent.repeated()) - {"resource"}
    if repeated:
        known = sorted(repeated & _KNOWN)
        raise InvalidRequestError(
            f"The request has more than one {known[0]}." if known else "A parameter is repeated.",
        )


def check_pushed(sent: Parameters, client: RelyingParty) -> None:
    """RFC 9126 4 and 6, FAPI 2.0 Security Profile 5.3.2.2: who must push its requests gets no other answered."""
    if not sent.pushed and client.must_push:
        raise InvalidRequestError("This application must push its requests first (RFC 9126).")


def check_request_objects(sent: Parameters, _client: RelyingParty) -> None:
    """OpenID Connect Core 6 and 7.2.1: what is not supported is refused, never silently ignored."""
    if sent.get("request"):
        raise RequestNotSupportedError("Request objects are not supported: send the parameters themselves.")
    if sent.get("request_uri") and sent.pushed:
        # RFC 9126 2.1: the answer is a request_uri, so the question has none.
        raise InvalidRequestError("request_uri must not be pushed: send the parameters themselves.")
    if sent.get("request_uri"):
        raise RequestURINotSupportedError("request_uri must be one that was given out for a pushed request.")
    if sent.get("registration"):
        raise RegistrationNotSupportedError("registration is not supported: applications are registered here.")


def check_response_type(sent: Parameters, client: RelyingParty) -> None:
    """RFC 6749 3.1.1 and 4.1.2.1. Only the code flow is built (RFC 9700 2.1.2)."""
    response_type = sent.get("response_type")
    if not response_type:
        raise InvalidRequestError("response_type is missing; it must be code.")
    if response_type not in supported.RESPONSE_TYPES:
        raise UnsupportedResponseTypeError(
            None,
            description="Only the authorization code flow is supported: response_type must be code.",
        )
    if not client.check_grant_type("authorization_code"):
        raise UnauthorizedClientError("The application is not registered for the authorization code flow.")


def check_response_mode(sent: Parameters, _client: RelyingParty) -> None:
    """OAuth 2.0 Multiple Response Types 2.1: for the code flow the default is `query`."""
    if sent.get("response_mode") not in ("", *supported.RESPONSE_MODES):
        raise InvalidRequestError("response_mode must be query or form_post, or left out.")


def check_scope(sent: Parameters, client: RelyingParty) -> None:
    """OpenID Connect Core 3.1.2.1: `openid` is required; values that are not understood are ignored.

    A client that is not registered for `openid` speaks plain OAuth 2.0, and must ask for something (RFC 6749 3.3).
    """
    asked = sent.get("scope").split()
    if supported.OPENID in client.scopes and supported.OPENID not in asked:
        raise InvalidScopeError("scope must contain openid.")
    if supported.OPENID in asked and supported.OPENID not in client.scopes:
        raise InvalidScopeError("The application is not registered for the scope openid.")
    if not client.get_allowed_scope(sent.get("scope")):
        raise InvalidScopeError("scope must contain a value that the application is registered for.")


def check_pkce(sent: Parameters, client: RelyingParty) -> None:
    """RFC 7636 4.3, RFC 9700 2.1.1: S256 for everybody; a switch excepts a client that cannot be changed.

    FAPI 2.0 Security Profile 5.3.2.2 excepts nobody.
    """
    challenge, method = sent.get("code_challenge"), sent.get("code_challenge_method")
    if not challenge and not method:
        if client.record.require_pkce or client.record.is_public or client.is_fapi:
            raise InvalidRequestError("code_challenge is missing: PKCE with S256 is required (RFC 7636).")
        return
    if method not in supported.CHALLENGE_METHODS:
        raise InvalidRequestError("code_challenge_method must be S256.")
    if not _CHALLENGE.fullmatch(challenge):
        raise InvalidRequestError("code_challenge must be 43 characters of base64url, as S256 makes it.")


def check_texts(sent: Parameters, _client: RelyingParty) -> None:
    """P-33: state, nonce and hints are text and come back unchanged; what is too long is refused."""
    for name in _TEXTS:
        if not fits(sent.get(name)):
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


def check_claims(sent: Parameters, client: RelyingParty) -> None:
    """OpenID Connect Core 5.5, and 5.5.1.1 for an `acr` that is essential and out of reach: a failed sign-in."""
    try:
        claims = _claims(sent)
    except claims_request.UnreadableError as error:
        raise InvalidRequestError(str(error)) from error
    if claims_request.unmet_acr(claims):
        raise UnmetRequirementsError("No sign-in here reaches the acr that is essential; see acr_values_supported.")
    if sent.get("id_token_hint") and claims_request.expected_subs(claims) and not _expected_subs(sent, client):
        raise InvalidRequestError("id_token_hint and claims name different people.")


def check_resource(sent: Parameters, client: RelyingParty) -> None:
    """RFC 8707 2."""
    resources.check(sent.every("resource"), client)


def check_dpop_jkt(sent: Parameters, _client: RelyingParty) -> None:
    """RFC 9449 10: the thumbprint of the key that the code is to be bound to."""
    if sent.get("dpop_jkt") and not dpop.is_thumbprint(sent.get("dpop_jkt")):
        raise InvalidRequestError("dpop_jkt must be the SHA-256 thumbprint of a key, in base64url (RFC 9449, 10).")


#: Read from top to bottom, this is the life of a request.
CHECKS: tuple[Callable[[Parameters, RelyingParty], None], ...] = (
    check_repeated,
    check_pushed,
    check_request_objects,
    check_response_type,
    check_response_mode,
    check_scope,
    check_pkce,
    check_texts,
    check_prompt,
    check_max_age,
    check_id_token_hint,
    check_claims,
    check_resource,
    check_dpop_jkt,
    # display and claims_locales are wishes that may go unmet (Core 3.1.2.1, 5.2); ui_locales is met by `authorize` if
    # we have the language, acr_values by `deciding` if the person has the factor; what the grant says of `acr` is
    # true, whatever was wished. All other parameters are ignored, as RFC 6749 3.1 says.
)

_TEXTS = ("state", "nonce", "login_hint", "ui_locales", "acr_values", "claims")
_KNOWN = frozenset(
    {
        *_TEXTS,
        "client_id",
        "code_challenge",
        "code_challenge_method",
        "dpop_jkt",
        "id_token_hint",
        "max_age",
        "prompt",
        "redirect_uri",
        "request_uri",
        "response_mode",
        "response_type",
        "scope",
    },
)


def _claims(sent: Parameters) -> dict[str, claims_request.Asked]:
    return claims_request.read(sent.get("claims")) if sent.get("claims") else {}


def _expected_subs(sent: Parameters, client: RelyingParty) -> tuple[str, ...]:
    """Whom the ID token given as a hint and the claims name; both, if both do."""
    named = claims_request.expected_subs(_claims(sent))
    hint = id_tokens.read_hint(sent.get("id_token_hint"), client_id=client.client_id)
    if hint is None:
        return named
    return (hint["sub"],) if not named or hint["sub"] in named else ()

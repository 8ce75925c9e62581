"""The grants, as Authlib's flows with our storage underneath: authorization code, refresh token, client credentials."""

from dataclasses import dataclass
from typing import Any

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidScopeError, OAuth2Request, UnauthorizedClientError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, ClientCredentialsGrant, RefreshTokenGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import OpenIDCode
from django.conf import settings
from django.utils import timezone

from idp.conf import policy
from idp.models import Grant, SignIn
from idp.oidc import access_tokens, client_auth, grants, id_tokens, supported
from idp.oidc.clients import RelyingParty
from idp.oidc.parameters import AuthorizationRequest
from idp.oidc.resources import InvalidTargetError
from idp.oidc.server import Provider, TokenRequest


@dataclass(frozen=True)
class Redeemable:
    """A grant as Authlib asks about authorization codes and refresh tokens."""

    grant: Grant

    def get_redirect_uri(self) -> str:
        return self.grant.redirect_uri

    def get_scope(self) -> str:
        return self.grant.scope

    def check_client(self, client: RelyingParty) -> bool:
        return self.grant.client_id == client.record.pk

    @property
    def code_challenge(self) -> str:
        return self.grant.code_challenge

    @property
    def code_challenge_method(self) -> str:
        return supported.CHALLENGE_METHODS[0]


class ValidatedRequest(OAuth2Request):  # type: ignore[misc]
    """An authorization request that passed our checks, for Authlib to validate once more and answer."""

    def __init__(self, asked: AuthorizationRequest) -> None:
        super().__init__("GET", settings.ISSUER + supported.ENDPOINTS["authorization_endpoint"])
        parameters = {**asked.parameters(), "response_type": supported.RESPONSE_TYPES[0]}
        if asked.code_challenge:
            parameters["code_challenge_method"] = supported.CHALLENGE_METHODS[0]
        self.payload = BasicOAuth2Payload(parameters)


class S256(CodeChallenge):  # type: ignore[misc]
    """PKCE by S256 only. Whether a request may come without it is decided in `checks`."""

    DEFAULT_CODE_CHALLENGE_METHOD = supported.CHALLENGE_METHODS[0]
    SUPPORTED_CODE_CHALLENGE_METHOD = list(supported.CHALLENGE_METHODS)
    CODE_CHALLENGE_METHODS = {
        method: CodeChallenge.CODE_CHALLENGE_METHODS[method] for method in supported.CHALLENGE_METHODS
    }


class IdToken(OpenIDCode):  # type: ignore[misc]
    """Adds the ID token, made from the grant: Authlib would let a refresh claim a new sign-in (Core 12.2)."""

    def encode_id_token(self, token: dict[str, Any], request: OAuth2Request) -> str:
        redeemed = request.authorization_code or request.refresh_token
        return id_tokens.issue(
            redeemed.grant,
            client=request.client,
            access_token=token["access_token"],
            nonce=redeemed.grant.nonce if request.authorization_code else "",
            now=timezone.now(),
        )

    def exists_nonce(self, nonce: str, request: OAuth2Request) -> bool:
        """A nonce is the application's to check; a code is good once whatever its nonce."""
        del nonce, request
        return False


class CodeFlow(AuthorizationCodeGrant):  # type: ignore[misc]
    """RFC 6749 4.1."""

    TOKEN_ENDPOINT_AUTH_METHODS = list(client_auth.METHODS)

    def query_authorization_code(self, code: str, client: RelyingParty) -> Redeemable | None:
        """Claims the code: from here on it is used up, whatever the rest of the request is worth."""
        grant = grants.redeem(code, self.request.payload.redirect_uri or "", client, now=timezone.now())
        return _held(grant, self.request)

    def authenticate_user(self, authorization_code: Redeemable) -> Grant:
        # Claiming has seen to it that the account may sign in.
        return authorization_code.grant

    def generate_token(self, user: Grant, scope: str, **_kwargs: Any) -> dict[str, Any]:
        client, jkt = self.request.client, self.request.jkt
        token = _tokens(user, self.request, scope=scope)
        if grants.may_refresh(user, client):
            now = timezone.now()
            token["refresh_token"] = grants.first_refresh_token(user, client, jkt=jkt, policy=policy(), now=now)
        return token

    def delete_authorization_code(self, authorization_code: Redeemable) -> None:
        """It stays, used up, so that its second use is recognised."""


class RefreshFlow(RefreshTokenGrant):  # type: ignore[misc]
    """RFC 6749 6, with the rotation of RFC 9700 4.14.2."""

    TOKEN_ENDPOINT_AUTH_METHODS = list(client_auth.METHODS)
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> Redeemable | None:
        grant = grants.of_refresh_token(refresh_token, self.request.client, now=timezone.now())
        return _held(grant, self.request)

    def authenticate_user(self, refresh_token: Redeemable) -> Grant:
        # Finding it has seen to it that the account may sign in.
        return refresh_token.grant

    def generate_token(self, user: Grant, scope: str, **_kwargs: Any) -> dict[str, Any]:
        # What is asked for is judged first: a mistake uses nothing up.
        _resources(self.request, of=user.resources)
        now = timezone.now()
        if not self.request.client.rotates:
            if not grants.keep(user, policy=policy(), now=now):
                raise InvalidGrantError("The refresh token was ended.")
            return _tokens(user, self.request, scope=scope)
        following = grants.rotate(user, policy=policy(), now=now)
        if following is None:
            raise InvalidGrantError("The refresh token has been used already.")
        return {**_tokens(user, self.request, scope=scope), "refresh_token": following}

    def revoke_old_credential(self, refresh_token: Redeemable) -> None:
        """Done: it was exchanged for the new one in one statement."""


class ClientFlow(ClientCredentialsGrant):  # type: ignore[misc]
    """RFC 6749 4.4: a client for itself. Every scope there is speaks of a person, so none can be asked for."""

    TOKEN_ENDPOINT_AUTH_METHODS = [method for method in client_auth.METHODS if method != "none"]

    def validate_requested_scope(self) -> None:
        if self.request.payload.scope:
            raise InvalidScopeError("There is no scope without a person: leave scope out of client_credentials.")

    def generate_token(self, **_kwargs: Any) -> dict[str, Any]:
        client = self.request.client
        if client.record.is_public:
            raise UnauthorizedClientError("A public client has no credentials.")
        _resources(self.request, of=client.record.resources)
        return _tokens(grants.for_itself(client, now=timezone.now()), self.request, scope="")


def _held(grant: Grant | None, request: TokenRequest) -> Redeemable | None:
    """What was found, if it is bound to no key or to the one that was shown (RFC 9449 5, 10)."""
    if grant is None:
        return None
    if grant.dpop_jkt and grant.dpop_jkt != request.jkt:
        raise InvalidGrantError("It is bound to another key than the DPoP proof shows, or no proof came with it.")
    return Redeemable(grant)


def _resources(request: TokenRequest, *, of: list[str]) -> list[str]:
    """RFC 8707 2.2: what the access token is for, of what was granted: all of it, unless some is named.

    This provider's own address names the userinfo endpoint, which tokens for others do not open.
    """
    asked = list(dict.fromkeys(request.form.getlist("resource")))
    if any(each not in (*of, settings.ISSUER) for each in asked):
        raise InvalidTargetError("A resource was asked for that was not granted.")
    if settings.ISSUER in asked and len(asked) > 1:
        raise InvalidTargetError("A token for the userinfo endpoint is for nobody else.")
    return [each for each in asked or of if each != settings.ISSUER]


def _tokens(grant: Grant, request: TokenRequest, *, scope: str) -> dict[str, Any]:
    """RFC 6749 5.1, RFC 9449 5: the access token, and what it is."""
    scope = " ".join(dict.fromkeys(scope.split()))
    own = grant.resources if grant.user_id else request.client.record.resources
    token = access_tokens.issue(
        grant,
        request.client,
        scope=scope,
        resources=_resources(request, of=own),
        jkt=request.jkt,
        policy=policy(),
        now=timezone.now(),
    )
    answer = {
        "access_token": token,
        "token_type": "DPoP" if request.jkt else "Bearer",
        "expires_in": int(policy().access_token_lifetime.total_seconds()),
    }
    return answer | ({"scope": scope} if scope else {})


provider = Provider()
#: Exactly these; no implicit, hybrid, password, device or assertion grant is ever registered.
provider.register_grant(CodeFlow, [S256(required=True), IdToken()])
provider.register_grant(RefreshFlow, [IdToken()])
provider.register_grant(ClientFlow)


def code(asked: AuthorizationRequest, sign_in: SignIn) -> str:
    """Write the grant, and return its code. Raises OAuth2Error if the request no longer holds."""
    request = ValidatedRequest(asked)
    provider.get_authorization_grant(request).validate_authorization_request()
    return grants.begin(asked, request.client, sign_in, policy=policy(), now=timezone.now())

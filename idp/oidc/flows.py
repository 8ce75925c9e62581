"""The two grants, as Authlib's flows with our storage underneath: authorization code, and refresh token."""

from dataclasses import dataclass
from typing import Any

from authlib.oauth2.rfc6749 import InvalidGrantError, OAuth2Request
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, RefreshTokenGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import OpenIDCode
from django.conf import settings
from django.http import HttpResponse
from django.utils import timezone

from idp.conf import policy
from idp.models import Grant, SignIn
from idp.oidc import answers, client_auth, grants, id_tokens, supported
from idp.oidc.checks import AuthorizationRequest
from idp.oidc.clients import RelyingParty
from idp.oidc.server import Provider


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

    def __init__(self, asked: AuthorizationRequest, *, scope: str) -> None:
        super().__init__("GET", settings.ISSUER + supported.ENDPOINTS["authorization_endpoint"])
        self.asked = asked
        parameters = {**asked.parameters(), "scope": scope, "response_type": supported.RESPONSE_TYPES[0]}
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
            client_id=request.client.client_id,
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

    def create_authorization_response(self, redirect_uri: str, grant_user: SignIn) -> tuple[int, str, Any]:
        asked = self.request.asked
        code = grants.begin(
            asked,
            self.request.client,
            grant_user,
            scope=self.request.scope,
            policy=policy(),
            now=timezone.now(),
        )
        return 303, "", [("Location", answers.location(redirect_uri, code=code, state=asked.state))]

    def query_authorization_code(self, code: str, client: RelyingParty) -> Redeemable | None:
        """Claims the code: from here on it is used up, whatever the rest of the request is worth."""
        grant = grants.redeem(code, self.request.payload.redirect_uri or "", client, now=timezone.now())
        return Redeemable(grant) if grant else None

    def authenticate_user(self, authorization_code: Redeemable) -> Grant:
        # Claiming has seen to it that the account may sign in.
        return authorization_code.grant

    def generate_token(self, user: Grant, scope: str, **_kwargs: Any) -> dict[str, Any]:
        token = _tokens(user, scope)
        if grants.may_refresh(user, self.request.client):
            token["refresh_token"] = grants.first_refresh_token(user, policy=policy(), now=timezone.now())
        return token

    def delete_authorization_code(self, authorization_code: Redeemable) -> None:
        """It stays, used up, so that its second use is recognised."""


class RefreshFlow(RefreshTokenGrant):  # type: ignore[misc]
    """RFC 6749 6, with the rotation of RFC 9700 4.14.2."""

    TOKEN_ENDPOINT_AUTH_METHODS = list(client_auth.METHODS)
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> Redeemable | None:
        grant = grants.of_refresh_token(refresh_token, self.request.client, now=timezone.now())
        return Redeemable(grant) if grant else None

    def authenticate_user(self, refresh_token: Redeemable) -> Grant:
        # Finding it has seen to it that the account may sign in.
        return refresh_token.grant

    def generate_token(self, user: Grant, scope: str, **_kwargs: Any) -> dict[str, Any]:
        following = grants.rotate(user, policy=policy(), now=timezone.now())
        if following is None:
            raise InvalidGrantError("The refresh token has been used already.")
        return {**_tokens(user, scope), "refresh_token": following}

    def revoke_old_credential(self, refresh_token: Redeemable) -> None:
        """Done: it was exchanged for the new one in one statement."""


def _tokens(grant: Grant, scope: str) -> dict[str, Any]:
    now = timezone.now()
    return {
        "access_token": grants.access_token(grant, scope=scope, policy=policy(), now=now),
        "token_type": "Bearer",
        "expires_in": int(policy().access_token_lifetime.total_seconds()),
        "scope": scope,
    }


provider = Provider()
#: Exactly these; no implicit, hybrid, password, device or assertion grant is ever registered.
provider.register_grant(CodeFlow, [S256(required=True), IdToken()])
provider.register_grant(RefreshFlow, [IdToken()])


def answer(asked: AuthorizationRequest, sign_in: SignIn, *, scope: str) -> HttpResponse:
    """Write the grant and send its code to the application. Raises OAuth2Error if the request no longer holds."""
    request = ValidatedRequest(asked, scope=scope)
    flow = provider.get_authorization_grant(request)
    redirect_uri = flow.validate_authorization_request()
    return provider.handle_response(*flow.create_authorization_response(redirect_uri, sign_in))

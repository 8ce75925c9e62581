"""Authlib, with its defaults overridden in one place.

What it does by itself and must not do here (each is pinned by tests/idp/oidc/test_authlib_contract.py, so that an
upgrade shows what moved): it looks a code up, saves the tokens and deletes the code, which two requests can do at
once; it takes parameters from the query as from the body; it writes tokens to the debug log; access tokens live for
ten days; a refreshed ID token claims a new sign-in; PKCE may be `plain`, or left out; an error description may
repeat what was sent and then raise. So our checks run before it, its hooks lead to `grants`, where one statement
decides, and what it says about a request is a constant.
"""

import json
import logging
from datetime import datetime
from functools import cached_property
from typing import Any

from authlib.integrations.django_oauth2.requests import DjangoOAuth2Payload
from authlib.oauth2 import AuthorizationServer, OAuth2Error
from authlib.oauth2.rfc6749 import (
    InvalidClientError,
    InvalidRequestError,
    OAuth2Request,
    UnsupportedGrantTypeError,
)
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone

from idp.oidc import client_auth, clients, dpop, keys, supported
from idp.oidc.clients import RelyingParty

#: These write whole token responses to the debug log.
for _talkative in ("authorization_code", "client_credentials", "refresh_token"):
    logging.getLogger(f"authlib.oauth2.rfc6749.grants.{_talkative}").addFilter(
        lambda entry: entry.levelno > logging.DEBUG,
    )


class TokenRequest(OAuth2Request):  # type: ignore[misc]
    """A request to the token endpoint: its parameters are those of the body, and only those (RFC 6749 3.2)."""

    def __init__(self, request: HttpRequest) -> None:
        # Our own address, not the Host header's; and never an InsecureTransportError after the fact.
        super().__init__(request.method, settings.ISSUER + request.path, headers=request.headers)
        self.http = request
        #: The key that the client has proven to hold (RFC 9449); empty if it did not try.
        self.jkt = ""
        self.payload = _Body(request)

    @property
    def args(self) -> QueryDict:
        return self.http.GET

    @property
    def form(self) -> QueryDict:
        return self.http.POST


class _Body(DjangoOAuth2Payload):  # type: ignore[misc]
    @cached_property
    def data(self) -> dict[str, str]:
        return self._request.POST.dict()  # type: ignore[no-any-return]

    @property
    def datalist(self) -> dict[str, list[str]]:
        return dict(self._request.POST.lists())


class Provider(AuthorizationServer):  # type: ignore[misc]
    """The authorization server: which grants there are, who a client is, what an answer looks like."""

    def __init__(self) -> None:
        super().__init__()
        for method, authenticate in client_auth.METHODS.items():
            self.register_client_auth_method(method, authenticate)

    def token(self, request: HttpRequest) -> HttpResponse:
        """Answer a token request. Whatever it decides is one transaction, a refusal included."""
        asked = TokenRequest(request)
        now = timezone.now()
        try:
            client = self.authenticated(asked)
            if not asked.payload.grant_type:
                raise InvalidRequestError("grant_type is missing.")
            if asked.payload.grant_type not in supported.GRANT_TYPES:
                raise UnsupportedGrantTypeError(None)
            asked.jkt = _proven(request, client, now=now)
        except OAuth2Error as error:
            return self.handle_error_response(asked, error)  # type: ignore[no-any-return]
        keys.in_use(client.id_token_algorithm)  # before the transaction: a first key must not be undone with it
        with transaction.atomic():
            response = self.create_token_response(asked)
        if asked.jkt:
            dpop.offer_nonce(response, now=now)
        return response  # type: ignore[no-any-return]

    def authenticated(self, asked: TokenRequest) -> RelyingParty:
        """The client that asks at an endpoint for clients. Raises OAuth2Error if it is nobody, or two at once."""
        client_auth.check_one_method(asked)
        asked.client = self.authenticate_client(asked, list(client_auth.METHODS))
        return asked.client

    def query_client(self, client_id: str) -> RelyingParty | None:
        return clients.find(client_id)

    def authenticate_client(self, request: OAuth2Request, methods: list[str], endpoint: str = "token") -> RelyingParty:
        """Who is asking. Once known, not asked again."""
        if request.client is not None:
            return request.client  # type: ignore[no-any-return]
        try:
            return super().authenticate_client(request, methods, endpoint)  # type: ignore[no-any-return]
        except client_auth.NotAuthenticatedError:
            raise
        except InvalidClientError as error:
            raise client_auth.NotAuthenticatedError from error

    def save_token(self, token: dict[str, Any], request: OAuth2Request) -> None:
        """Nothing: tokens are rows before anybody hears of them (`grants`)."""

    def create_oauth2_request(self, request: OAuth2Request) -> OAuth2Request:
        return request

    def handle_response(self, status: int, body: Any, headers: list[tuple[str, str]]) -> HttpResponse:
        response = HttpResponse(json.dumps(body) if isinstance(body, dict) else body, status=status)
        for name, value in headers:
            response[name] = value
        return response

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens."""


def _proven(request: HttpRequest, client: RelyingParty, *, now: datetime) -> str:
    """The thumbprint of the key that the tokens will be bound to (RFC 9449 5); empty for bearer tokens."""
    url = settings.ISSUER + supported.ENDPOINTS["token_endpoint"]
    jkt = dpop.thumbprint(request, method="POST", url=url, now=now)
    if jkt is None and client.must_prove_possession:
        raise dpop.InvalidProofError("The tokens of this application are bound to a key: a DPoP proof is missing.")
    return jkt or ""

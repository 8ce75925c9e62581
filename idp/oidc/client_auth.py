"""Who is asking: RFC 6749 2.3, by exactly one method, the one that was registered.

Every failure gives the same answer (OI-28): which clients exist and which half was wrong is nobody's business. Only
who holds a client's private key is told what is wrong with the assertion they made.
"""

from base64 import b64decode
from collections.abc import Callable
from urllib.parse import unquote_plus

import structlog
from authlib.oauth2.rfc6749 import InvalidClientError, InvalidRequestError, OAuth2Request
from django.utils import timezone

from idp.oidc import assertions, clients
from idp.oidc.clients import RelyingParty

log = structlog.get_logger(__name__)

Query = Callable[[str], RelyingParty | None]


class NotAuthenticatedError(InvalidClientError):  # type: ignore[misc]
    """RFC 6749 5.2: 401, and the scheme to use."""

    status_code = 401
    description = "Client authentication failed."

    def get_headers(self) -> list[tuple[str, str]]:
        plain = [header for header in super().get_headers() if header[0] != "WWW-Authenticate"]
        return [*plain, ("WWW-Authenticate", 'Basic realm="token", charset="UTF-8"')]


def check_one_method(request: OAuth2Request) -> None:
    """RFC 6749 2.3: a client must not use more than one method; and never the query (2.3.1)."""
    if request.args:
        raise InvalidRequestError("Send the parameters in the body, not in the query (RFC 6749, 2.3.1).")
    repeated = [name for name, values in request.form.lists() if len(values) > 1 and name != "resource"]
    if repeated:
        raise InvalidRequestError("A parameter is repeated.")
    header = request.headers.get("Authorization")
    used = (header, request.form.get("client_secret"), request.form.get("client_assertion"))
    if sum(bool(each) for each in used) > 1:
        raise InvalidRequestError("Use one method of client authentication (RFC 6749, 2.3).")
    named = request.form.get("client_id")
    if header and named and named != _basic(header)[0]:
        raise InvalidRequestError("client_id is not the client that authenticates.")


def by_basic(query: Query, request: OAuth2Request) -> RelyingParty | None:
    """`client_secret_basic`: both halves are form-encoded before they are put together (RFC 6749 2.3.1)."""
    client_id, secret = _basic(request.headers.get("Authorization", ""))
    return _with_secret(query, client_id, secret)


def by_post(query: Query, request: OAuth2Request) -> RelyingParty | None:
    """`client_secret_post`."""
    return _with_secret(query, request.form.get("client_id", ""), request.form.get("client_secret", ""))


def by_assertion(query: Query, request: OAuth2Request) -> RelyingParty | None:
    """`private_key_jwt` (OpenID Connect Core 9). RFC 7521 4.2: `client_id` may be left out, and must not differ."""
    assertion = request.form.get("client_assertion", "")
    if not assertion or request.form.get("client_assertion_type") != assertions.TYPE:
        return None
    claimed = assertions.claimed_client_id(assertion)
    client = query(claimed)
    if client is None or not client.check_endpoint_auth_method("private_key_jwt", "token"):
        return None
    if request.form.get("client_id", claimed) != claimed:
        raise NotAuthenticatedError
    try:
        assertions.check(assertion, client, now=timezone.now())
    except assertions.RefusedError as refused:
        log.info("client assertion refused", client=client.client_id, reason=str(refused))
        raise NotAuthenticatedError(refused.told or None) from refused
    return client


def by_nothing(query: Query, request: OAuth2Request) -> RelyingParty | None:
    """`none`: a public client says who it is; its code is bound by PKCE instead."""
    if request.headers.get("Authorization"):
        return None
    if any(request.form.get(name) for name in ("client_secret", "client_assertion", "client_assertion_type")):
        return None
    return query(request.form.get("client_id", ""))


METHODS: dict[str, Callable[[Query, OAuth2Request], RelyingParty | None]] = {
    "client_secret_basic": by_basic,
    "client_secret_post": by_post,
    "private_key_jwt": by_assertion,
    "none": by_nothing,
}


def _with_secret(query: Query, client_id: str, secret: str) -> RelyingParty | None:
    if not client_id or not secret:
        return None
    client = query(client_id)
    if client is None:
        clients.check_no_secret(secret)
        return None
    return client if client.check_client_secret(secret) else None


def _basic(header: str) -> tuple[str, str]:
    scheme, _space, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        client_id, _colon, secret = b64decode(encoded.strip(), validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return unquote_plus(client_id), unquote_plus(secret)

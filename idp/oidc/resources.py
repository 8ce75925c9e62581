"""Resource indicators (RFC 8707): which resource servers a client's tokens are for."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from authlib.oauth2 import OAuth2Error

from idp.oidc.clients import RelyingParty

_MOST = 20


class InvalidTargetError(OAuth2Error):  # type: ignore[misc]
    """RFC 8707 2: a resource that is unknown, malformed, or not for this client."""

    error = "invalid_target"


def check(asked: Sequence[str], client: RelyingParty) -> None:
    """Section 2: each an absolute URI without a fragment, and one that `client` is registered for."""
    for uri in asked:
        if not is_absolute(uri) or "#" in uri:
            raise InvalidTargetError("Each resource must be an absolute URI without a fragment.")
        if uri not in client.record.resources:
            raise InvalidTargetError("The application is not registered for a resource that it asks for.")
    if len(asked) > _MOST:
        raise InvalidTargetError(f"A request may name {_MOST} resources.")


def is_absolute(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
    except ValueError:
        return False
    return bool(parts.scheme and (parts.netloc or parts.path))

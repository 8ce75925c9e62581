"""The endpoints that only programs call: token, key set, discovery."""

from datetime import timedelta

from django.http import HttpRequest, HttpResponse

from idp.oidc import discovery, keys
from idp.oidc.flows import provider
from idp.oidc.machine import Readers, cached, for_programs

_DISCOVERY_KEPT = timedelta(hours=1)


@for_programs("POST")
def token(request: HttpRequest) -> HttpResponse:
    """`/token`: a code or a refresh token for tokens (RFC 6749 3.2)."""
    return provider.token(request)


@for_programs("GET", "HEAD", readers=Readers.EVERYBODY)
def jwks(request: HttpRequest) -> HttpResponse:
    """`/jwks`: the public keys, the next one among them."""
    known = keys.current()
    return cached(request, known.jwks, etag=known.etag, lifetime=keys.CACHED_FOR)


@for_programs("GET", "HEAD", readers=Readers.EVERYBODY)
def configuration(request: HttpRequest) -> HttpResponse:
    """`/.well-known/openid-configuration`; and the same by the name that OAuth knows it by (RFC 8414 3)."""
    body, etag = discovery.prebuilt()
    return cached(request, body, etag=etag, lifetime=_DISCOVERY_KEPT)

"""Relying parties as Authlib asks about them, kept in the process for half a minute.

A warm request needs no query for its client. The price: a disabled or changed client is known everywhere only
after `_KEPT`. What it was given ends at once all the same: grants are rows, and none of a disabled client is redeemed.
"""

from dataclasses import dataclass
from functools import cached_property
from hmac import compare_digest
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import structlog
from authlib.oauth2.rfc6749 import ClientMixin
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.utils import timezone

from idp import keyring
from idp.models import Client
from idp.oidc import client_seals, redirect_uris, supported

log = structlog.get_logger(__name__)

_KEPT = 30.0
#: `Client.profile` of those held to the FAPI 2.0 Security Profile.
FAPI = "fapi2"
#: RFC 6749 leaves the length of client ids to us; the column is 64.
_LONGEST_ID = 64


@dataclass(frozen=True)
class RelyingParty(ClientMixin):  # type: ignore[misc]
    """A registered application. `record` is its row; nobody writes to it."""

    record: Client

    @property
    def client_id(self) -> str:
        return self.record.client_id

    @cached_property
    def scopes(self) -> tuple[str, ...]:
        """What it may ask for, of what there is."""
        registered = self.record.scope.split()
        return tuple(scope for scope in supported.SCOPE_VALUES if scope in registered)

    @property
    def is_native(self) -> bool:
        """A public client on the person's own machine, whose loopback port is chosen when it starts."""
        return self.record.is_public

    @property
    def is_fapi(self) -> bool:
        """Whether it is held to the FAPI 2.0 Security Profile."""
        return self.record.profile == FAPI

    @property
    def must_push(self) -> bool:
        """RFC 9126 6, FAPI 2.0 Security Profile 5.3.2.2: whether its requests come by the back channel only."""
        return self.is_fapi or self.record.require_pushed_authorization_requests

    @property
    def assertion_algorithms(self) -> tuple[str, ...]:
        """What its assertions may be signed with: the one it registered, or all that its profile allows."""
        if self.record.token_endpoint_auth_signing_alg:
            return (self.record.token_endpoint_auth_signing_alg,)
        return supported.STRONG_ALGORITHMS if self.is_fapi else supported.ASSERTION_ALGORITHMS

    @property
    def id_token_algorithm(self) -> str:
        """What its tokens are signed with. FAPI 2.0 Security Profile 5.4 leaves RS256 out (P-07)."""
        wanted = self.record.id_token_signed_response_alg
        return supported.STRONG_ALGORITHMS[0] if self.is_fapi and wanted not in supported.STRONG_ALGORITHMS else wanted

    @property
    def must_prove_possession(self) -> bool:
        """RFC 9449 5.2, FAPI 2.0 Security Profile 5.3.2.1: whether all its access tokens are bound to a key."""
        return self.is_fapi or self.record.dpop_bound_access_tokens

    @property
    def rotates(self) -> bool:
        """Whether a refresh token is replaced at each use. FAPI 2.0 5.3.2.1: not where only its client can use it."""
        return not self.is_fapi

    @property
    def is_resource_server(self) -> bool:
        """Whether it asks for no tokens and is shown those of others: then `resources` says what it is."""
        return not self.record.grant_types and not self.record.is_public

    def get_client_id(self) -> str:
        return self.record.client_id

    def get_default_redirect_uri(self) -> str:
        # OpenID Connect Core 3.1.2.1: `redirect_uri` is required, so there is no default.
        return ""

    def get_allowed_scope(self, scope: str | None) -> str:
        """What of `scope` this client may have. Core 3.1.2.1: values that are not understood are ignored."""
        asked = (scope or "").split()
        return " ".join(value for value in self.scopes if value in asked)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uris.is_registered(redirect_uri, self.record.redirect_uris, native=self.is_native)

    def check_post_logout_redirect_uri(self, uri: str) -> bool:
        registered = self.record.post_logout_redirect_uris
        return redirect_uris.is_registered(uri, registered, native=self.is_native)

    def check_client_secret(self, client_secret: str) -> bool:
        """Compares hashes in constant time: the secret's and, for as long as it is taken, the one's before it.

        A client without a secret has no right one.
        """
        given, until = keyring.fingerprint(client_secret), self.record.previous_secret_until
        is_current = _is_secret(given, self.record.client_secret_hash)
        is_previous = _is_secret(given, self.record.previous_secret_hash)
        return is_current or (is_previous and until is not None and timezone.now() < until)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        del endpoint
        return self.record.token_endpoint_auth_method == method

    def check_response_type(self, response_type: str) -> bool:
        return response_type in supported.RESPONSE_TYPES

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.record.grant_types


def _is_secret(given: str, stored: str) -> bool:
    return compare_digest(given, stored or _NOBODYS_SECRET) and bool(stored)


_NOBODYS_SECRET = "0" * 64
_kept: dict[str, tuple[float, RelyingParty]] = {}
_origins: tuple[float, frozenset[str]] | None = None
#: The wrong seals that were logged.
_alarmed: set[str] = set()


def find(client_id: str | None) -> RelyingParty | None:
    """The enabled application with this id; from the process if it was asked for within the last half minute."""
    # RFC 6749 A.1: printable ASCII. Anything else is nobody's, and some of it no database takes for a question.
    if not client_id or len(client_id) > _LONGEST_ID or not (client_id.isascii() and client_id.isprintable()):
        return None
    until, client = _kept.get(client_id, (0.0, None))
    if client is not None and monotonic() < until:
        return client
    record = Client.objects.filter(client_id=client_id, disabled_at=None).first()
    if record is None or not _is_intact(record):
        _kept.pop(client_id, None)
        return None
    found = RelyingParty(record)
    _kept[client_id] = (monotonic() + _KEPT, found)
    return found


def browser_origins() -> frozenset[str]:
    """The origins that public clients registered redirect URIs at, kept as long as a client is."""
    global _origins  # noqa: PLW0603 -- one cache for the process
    if _origins is None or monotonic() > _origins[0]:
        public = Client.objects.filter(token_endpoint_auth_method="none", disabled_at=None)
        uris = [urlsplit(uri) for client in public if client_seals.is_intact(client) for uri in client.redirect_uris]
        known = frozenset(f"{uri.scheme}://{uri.netloc}".lower() for uri in uris if uri.scheme in ("https", "http"))
        _origins = (monotonic() + _KEPT, known)
    return _origins[1]


def _is_intact(record: Client) -> bool:
    """A row that somebody else wrote is nobody's application; the log of a process says so once."""
    if client_seals.is_intact(record):
        return True
    if record.seal not in _alarmed:
        _alarmed.add(record.seal)
        log.error("client seal invalid", alarm="client.seal_invalid", client=record.client_id)
    return False


def check_no_secret(client_secret: str) -> None:
    """The work of checking a secret, for a client that does not exist."""
    compare_digest(keyring.fingerprint(client_secret), _NOBODYS_SECRET)


@receiver([post_save, post_delete], sender=Client)
def forget(**_kwargs: Any) -> None:
    """Ask the database again, in this process; done by itself when a client is saved here."""
    global _origins  # noqa: PLW0603 -- as above
    _kept.clear()
    _origins = None

"""A relying party that registered with us: RFC 7591 metadata as columns."""

import uuid

from django.db import models


class Client(models.Model):
    """`Client` in code, "application" on screens."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    client_id = models.CharField(max_length=64, unique=True)
    #: SHA-256 of a random secret; empty for public clients (token_endpoint_auth_method none).
    client_secret_hash = models.CharField(max_length=64, blank=True)
    #: The secret before it, and until when it is taken as well.
    previous_secret_hash = models.CharField(max_length=64, blank=True)
    previous_secret_until = models.DateTimeField(null=True)
    client_name = models.CharField(max_length=100)
    redirect_uris = models.JSONField()
    post_logout_redirect_uris = models.JSONField(default=list)
    token_endpoint_auth_method = models.CharField(max_length=30)
    grant_types = models.JSONField()
    scope = models.TextField()
    client_uri = models.TextField(blank=True)
    logo_uri = models.TextField(blank=True)
    policy_uri = models.TextField(blank=True)
    tos_uri = models.TextField(blank=True)
    initiate_login_uri = models.TextField(blank=True)
    default_max_age = models.PositiveIntegerField(null=True)
    #: OpenID Connect Registration 2: how strong its sign-ins are to be where a request says nothing.
    default_acr_values = models.JSONField(default=list)
    #: On for everybody; a deployment may switch it off for a confidential client that cannot be changed.
    require_pkce = models.BooleanField(default=True)
    #: The tenant's own applications need not ask for what the tenant already decided.
    skip_consent = models.BooleanField(default=False)
    #: "fapi2" holds the client to the FAPI 2.0 Security Profile; empty asks for what everybody owes.
    profile = models.CharField(max_length=20, blank=True)
    #: Public keys of `private_key_jwt`: the set itself, or where to fetch it.
    jwks = models.JSONField(null=True)
    jwks_uri = models.TextField(blank=True)
    #: The one algorithm of its assertions; empty for any that its profile allows.
    token_endpoint_auth_signing_alg = models.CharField(max_length=10, blank=True)
    id_token_signed_response_alg = models.CharField(max_length=10, default="ES256")
    #: OpenID Connect Core 8: `pairwise` subjects are told apart by sector.
    subject_type = models.CharField(max_length=10, default="public")
    sector_identifier = models.CharField(max_length=255, blank=True)
    dpop_bound_access_tokens = models.BooleanField(default=False)
    require_pushed_authorization_requests = models.BooleanField(default=False)
    #: "opaque", or "jwt" for resource servers that read RFC 9068 tokens.
    access_token_format = models.CharField(max_length=10, default="opaque")
    #: RFC 8707: the resources it may ask tokens for.
    resources = models.JSONField(default=list)
    backchannel_logout_uri = models.TextField(blank=True)
    backchannel_logout_session_required = models.BooleanField(default=False)
    disabled_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    #: Over all of the above (idp.oidc.client_seals): a row written past the program is an unknown application.
    seal = models.CharField(max_length=80)

    def __str__(self) -> str:
        return self.client_name

    @property
    def is_public(self) -> bool:
        return self.token_endpoint_auth_method == "none"

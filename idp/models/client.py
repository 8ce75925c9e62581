"""A relying party that registered with us: RFC 7591 metadata as columns."""

import uuid

from django.db import models


class Client(models.Model):
    """`Client` in code, "application" on screens."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    client_id = models.CharField(max_length=64, unique=True)
    #: SHA-256 of a random secret; empty for public clients (token_endpoint_auth_method none).
    client_secret_hash = models.CharField(max_length=64, blank=True)
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
    #: On for everybody; a deployment may switch it off for a confidential client that cannot be changed.
    require_pkce = models.BooleanField(default=True)
    #: The tenant's own applications need not ask for what the tenant already decided.
    skip_consent = models.BooleanField(default=False)
    disabled_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.client_name

    @property
    def is_public(self) -> bool:
        return self.token_endpoint_auth_method == "none"

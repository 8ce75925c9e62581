"""What an application was given, and the tokens that hang on it: one row is the whole family."""

import uuid

from django.db import models
from django.utils import timezone

from idp.models.client import Client
from idp.models.sign_in import SignIn
from idp.models.user import User


class Grant(models.Model):
    """One authorization: its code, its refresh token and its end. Only hashes of codes and tokens are kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    client = models.ForeignKey(Client, on_delete=models.CASCADE)
    #: None where the application acts for itself (client_credentials): never a person's `sub`.
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="grants", null=True)
    sign_in = models.ForeignKey(SignIn, on_delete=models.SET_NULL, null=True)
    scope = models.TextField()
    #: What the ID token repeats for as long as the grant lives (OIDC Core 12.2).
    sub = models.CharField(max_length=64)
    nonce = models.TextField(blank=True)
    auth_time = models.DateTimeField(null=True)
    acr = models.CharField(max_length=100, blank=True)
    amr = models.JSONField(default=list)
    #: The `claims` parameter as it was asked (OpenID Connect Core 5.5).
    claims = models.JSONField(null=True)
    #: The resources the tokens are for (RFC 8707).
    resources = models.JSONField(default=list)
    #: Thumbprint of the key that code and refresh token are bound to (RFC 9449).
    dpop_jkt = models.CharField(max_length=64, blank=True)

    redirect_uri = models.TextField(blank=True)
    code_hash = models.CharField(max_length=64, unique=True, null=True)
    code_challenge = models.CharField(max_length=128, blank=True)
    code_expires_at = models.DateTimeField(null=True)
    code_redeemed_at = models.DateTimeField(null=True)

    refresh_hash = models.CharField(max_length=64, unique=True, null=True)
    #: A token of an earlier generation, shown again, ends the family.
    refresh_generation = models.PositiveIntegerField(default=0)
    #: Moves with each use; the absolute end does not.
    refresh_expires_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)

    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=40, blank=True)

    def __str__(self) -> str:
        return f"grant {self.pk}"


class AccessToken(models.Model):
    """An opaque access token, by its hash. Alive while it and its grant are."""

    token_hash = models.CharField(max_length=64, primary_key=True)
    grant = models.ForeignKey(Grant, on_delete=models.CASCADE, related_name="access_tokens")
    scope = models.TextField()
    #: Whom it is for (RFC 8707), and the key it is bound to (RFC 9449); empty where it is neither.
    resources = models.JSONField(default=list)
    dpop_jkt = models.CharField(max_length=64, blank=True)
    issued_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"access token of {self.grant_id}"

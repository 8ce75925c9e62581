"""One authentication of one browser: who, when, how. The browser holds the key, we hold its hash."""

import uuid

from django.db import models

from idp.models.user import User


class SignIn(models.Model):
    """A session that outlives requests. Its id is the `sid` of ID tokens; its row is its record for the owner."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    key_hash = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sign_ins")
    authenticated_at = models.DateTimeField()
    #: RFC 8176 authentication method references, as given to relying parties.
    amr = models.JSONField()
    last_seen_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=40, blank=True)
    #: Browser and system as words, and the network's address prefix: for the owner to recognise.
    device = models.CharField(max_length=80, blank=True)
    network = models.CharField(max_length=50, blank=True)
    #: Binds the row to its key and user, so that copying a payload under another key gives nothing.
    seal = models.CharField(max_length=80)

    def __str__(self) -> str:
        return f"sign-in {self.pk}"

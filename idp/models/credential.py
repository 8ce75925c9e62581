"""What proves who somebody is, and where they can be reached to prove it. Written by one module only.

Both tables are guarded three times: `idp.accounts.credentials` is the only writer and takes a proof, each row
carries a seal made with a key that is not in the database, and triggers refuse what that writer would not do.
"""

import uuid

from django.db import models
from django.db.models import Q

from idp.models.user import User


class Credential(models.Model):
    """One authenticator of one account: (user, kind, material, version, proof), sealed."""

    class Kind(models.TextChoices):
        PASSWORD = "password"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="credentials")
    kind = models.CharField(max_length=20, choices=Kind)
    #: For a password: its Argon2id hash.
    material = models.TextField()
    #: 1 for the first, and one more each time it is replaced. A proof names the version it replaces.
    version = models.PositiveIntegerField()
    #: The proof this version was written against; its history is in the audit.
    proof = models.UUIDField()
    seal = models.CharField(max_length=80)
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "kind"],
                condition=Q(kind="password"),
                name="idp_credential_one_password",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.version} of {self.user_id}"


class RecoveryAddress(models.Model):
    """A verified address its owner can be sent a code at. Encrypted, and bound to its row; looked up by digest."""

    class Channel(models.TextChoices):
        EMAIL = "email"
        SMS = "sms"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="recovery_addresses")
    channel = models.CharField(max_length=10, choices=Channel)
    digest = models.CharField(max_length=64)
    ciphertext = models.TextField()
    version = models.PositiveIntegerField()
    proof = models.UUIDField()
    seal = models.CharField(max_length=80)
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "channel", "digest"], name="idp_recovery_address_once"),
        ]

    def __str__(self) -> str:
        return f"{self.channel} address of {self.user_id}"

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
        #: A key of an authenticator app (RFC 6238), encrypted.
        TOTP = "totp"
        #: The public half of a WebAuthn credential.
        PASSKEY = "passkey"
        #: The hashes of one set of saved recovery codes.
        RECOVERY_CODES = "recovery_codes"

    #: An account has one of these at the most; of the others, as many as its owner adds.
    SINGLE = (Kind.PASSWORD, Kind.RECOVERY_CODES)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="credentials")
    kind = models.CharField(max_length=20, choices=Kind)
    #: For a password its Argon2id hash, for a factor what `idp.factors` says. Empty: its owner removed it, and the row
    #: stays as the record of that (NIST SP 800-63B 4.1).
    material = models.TextField(blank=True)
    #: For a passkey: the fingerprint of its credential id, by which a browser names it.
    handle = models.CharField(max_length=64, unique=True, null=True)
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
                condition=Q(kind__in=["password", "recovery_codes"]),
                name="idp_credential_one_of_its_kind",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.version} of {self.user_id}"


class Factor(models.Model):
    """What changes with the use of a second factor, beside its credential: none of it opens anything."""

    credential = models.OneToOneField(Credential, on_delete=models.CASCADE, primary_key=True, related_name="factor")
    #: What its owner calls it.
    name = models.CharField(max_length=60)
    added_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    #: The last time step of RFC 6238 that was used, or the last signature count of a passkey: the next is higher.
    counter = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name}, {self.credential_id}"


class SpentCode(models.Model):
    """A saved recovery code that was used. Inserting it is the test: the key is unique."""

    credential = models.ForeignKey(Credential, on_delete=models.CASCADE, related_name="spent_codes")
    #: Of which set, and which of its codes.
    version = models.PositiveIntegerField()
    number = models.PositiveSmallIntegerField()
    spent_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["credential", "version", "number"], name="idp_spent_code_once"),
        ]

    def __str__(self) -> str:
        return f"code {self.number} of {self.credential_id}"


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
    #: A new address is told of everything at once, but proves nobody before this (quarantine). None: from its start.
    usable_from = models.DateTimeField(null=True)
    #: Its owner took it out. Until this moment it is still told of everything; it proves nobody any more.
    told_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "channel", "digest"], name="idp_recovery_address_once"),
        ]

    def __str__(self) -> str:
        return f"{self.channel} address of {self.user_id}"

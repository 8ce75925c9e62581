"""An owner's word that an address is theirs, until the code that was sent there proves it."""

import uuid

from django.db import models

from idp.models.credential import RecoveryAddress
from idp.models.user import User


class AddressClaim(models.Model):
    """One asking: may this address be added, or does the one that is there still work? Nothing hangs on it but that."""

    class Purpose(models.TextChoices):
        ADD = "add"
        TEST = "test"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE)
    purpose = models.CharField(max_length=10, choices=Purpose)
    channel = models.CharField(max_length=10, choices=RecoveryAddress.Channel)
    #: The address that is tested; None while one is only to be added.
    address = models.ForeignKey(RecoveryAddress, on_delete=models.CASCADE, null=True)
    #: The address that is to be added, encrypted and bound to this row and its account; empty for a test.
    ciphertext = models.TextField(blank=True)
    name = models.CharField(max_length=60, blank=True)
    nonce = models.BinaryField()
    key_id = models.CharField(max_length=16)
    #: How many codes were asked for; each is a message of its own.
    generation = models.PositiveSmallIntegerField(default=1)
    tries_used = models.PositiveSmallIntegerField(default=0)
    spent_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"claim to {self.purpose} {self.channel} of {self.user_id}"


class AddressNote(models.Model):
    """What is remembered of a recovery address beside its sealed row: nothing of it opens anything."""

    address = models.OneToOneField(RecoveryAddress, on_delete=models.CASCADE, primary_key=True, related_name="note")
    #: What its owner calls it; empty: it goes by its own letters, masked.
    name = models.CharField(max_length=60, blank=True)
    #: When a code sent there was last typed.
    confirmed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name or 'address'} {self.address_id}"

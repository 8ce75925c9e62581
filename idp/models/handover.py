"""What providers took, and what they said of it afterwards."""

from django.db import models

from idp.models.credential import RecoveryAddress
from idp.models.message import Message


class Handover(models.Model):
    """A message as a provider took it: what its receipts are matched with. No address, no words."""

    class Outcome(models.TextChoices):
        DELIVERED = "delivered"
        #: There is nobody at the address.
        BOUNCED = "bounced"
        #: It did not arrive, for a reason that says nothing of the address.
        FAILED = "failed"
        #: The recipient called it unwanted.
        COMPLAINED = "complained"

    message = models.ForeignKey(Message, on_delete=models.SET_NULL, null=True)
    address = models.ForeignKey(RecoveryAddress, on_delete=models.CASCADE)
    #: The provider's name, and a hash of what it calls the message.
    provider = models.CharField(max_length=30)
    reference_hash = models.CharField(max_length=64)
    handed_at = models.DateTimeField(db_index=True)
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True)
    outcome_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider", "reference_hash"], name="idp_handover_once"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} took {self.message_id}"


class AddressMark(models.Model):
    """Something is wrong with an address, says a provider. It informs its owner, and stops nothing.

    A row of its own: recovery addresses are sealed and guarded, and a provider's word shall not touch them.
    """

    class Fault(models.TextChoices):
        BOUNCED = "bounced"
        COMPLAINED = "complained"

    address = models.OneToOneField(RecoveryAddress, on_delete=models.CASCADE, primary_key=True, related_name="mark")
    fault = models.CharField(max_length=10, choices=Fault)
    provider = models.CharField(max_length=30)
    since = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.fault} since {self.since:%Y-%m-%d}"

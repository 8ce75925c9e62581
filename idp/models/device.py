"""A browser that somebody signed in from before. It holds a random key, we hold its hash, once for each account."""

import uuid

from django.db import models

from idp.models.user import User


class Device(models.Model):
    """A known browser of one account: it has a budget of tries of its own, and may be trusted for a while."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="devices")
    key_hash = models.CharField(max_length=64)
    #: Browser and system as words, network and place, as of the last time: for the owner to recognise.
    label = models.CharField(max_length=80, blank=True)
    network = models.CharField(max_length=50, blank=True)
    place = models.CharField(max_length=120, blank=True)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    #: Until when sign-in asks for no second factor here, because its owner said so.
    trusted_until = models.DateTimeField(null=True)
    forgotten_at = models.DateTimeField(null=True)
    #: Over account, key and trust: a row that was moved or prolonged by something else is no known browser.
    seal = models.CharField(max_length=80)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "key_hash"], name="idp_device_once"),
        ]

    def __str__(self) -> str:
        return f"device {self.pk} of {self.user_id}"

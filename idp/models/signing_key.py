"""Keys that sign ID tokens. The private half is encrypted with the key ring."""

from django.db import models
from django.db.models import Q


class SigningKey(models.Model):
    """Published first, used next, and published on until the last token it signed is dead (P-22)."""

    class State(models.TextChoices):
        NEXT = "next"
        ACTIVE = "active"
        RETIRED = "retired"

    kid = models.CharField(max_length=64, primary_key=True)
    alg = models.CharField(max_length=10)
    state = models.CharField(max_length=10, choices=State)
    public_jwk = models.JSONField()
    private_ciphertext = models.TextField()
    created_at = models.DateTimeField()
    state_since = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["alg", "state"],
                condition=Q(state__in=["next", "active"]),
                name="idp_signing_key_one_in_use",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.alg} key {self.kid} ({self.state})"

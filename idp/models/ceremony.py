"""A WebAuthn challenge that was given to a browser, to be answered once."""

from django.db import models

from idp.models.user import User


class Ceremony(models.Model):
    """One challenge: for what, for which browser, for whom. Answering it is one UPDATE."""

    challenge_hash = models.CharField(max_length=64, primary_key=True)
    #: `register`, `sign-in`, `factor`, `again` or `recover`: a challenge of one purpose answers no other.
    purpose = models.CharField(max_length=20)
    browser_hash = models.CharField(max_length=64)
    #: None where the passkey itself says whose it is (a discoverable credential).
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True)
    expires_at = models.DateTimeField(db_index=True)
    answered_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"challenge to {self.purpose}"

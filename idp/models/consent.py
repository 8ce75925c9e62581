"""What a person allowed an application to see, remembered until they take it back."""

from django.db import models

from idp.models.client import Client
from idp.models.user import User


class Consent(models.Model):
    """The scopes `user` has allowed `client`. Asking for more asks the person again."""

    user = models.ForeignKey(User, on_delete=models.CASCADE)
    client = models.ForeignKey(Client, on_delete=models.CASCADE)
    scopes = models.JSONField()
    given_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "client"], name="idp_consent_once")]

    def __str__(self) -> str:
        return f"consent of {self.user_id} to {self.client_id}"

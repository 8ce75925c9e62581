"""What somebody may do for others: a role, granted and ended, sealed like a credential."""

import uuid

from django.db import models

from idp.models.user import User


class Role(models.Model):
    """One role of one account. A row without our seal grants nothing."""

    class Name(models.TextChoices):
        ADMINISTRATOR = "administrator"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="roles")
    name = models.CharField(max_length=20, choices=Name)
    granted_at = models.DateTimeField()
    #: The administrator who did; None for the first one of all.
    granted_by = models.UUIDField(null=True)
    ended_at = models.DateTimeField(null=True)
    seal = models.CharField(max_length=80)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "name"],
                condition=models.Q(ended_at=None),
                name="idp_role_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.user_id}"

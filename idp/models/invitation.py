"""Somebody is asked to have an account: until they are, there is nothing to sign in with."""

import uuid

from django.db import models

from idp.models.role import Role
from idp.models.user import User


class Invitation(models.Model):
    """One invitation of one account that was never used. Sealed: what is written past the program activates nothing."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.OneToOneField(User, on_delete=models.CASCADE)
    #: Where its letter goes, encrypted and bound to this row and its account. It becomes the first way back.
    ciphertext = models.TextField()
    #: A role that comes with the account; only an operator's invitation has one.
    role = models.CharField(max_length=20, choices=Role.Name, blank=True)
    #: The administrator who supplied the address; None: the operator did.
    invited_by = models.UUIDField(null=True)
    invited_at = models.DateTimeField()
    #: Which letter is the last: links of earlier ones are dead.
    generation = models.PositiveSmallIntegerField(default=1)
    expires_at = models.DateTimeField(db_index=True)
    activated_at = models.DateTimeField(null=True)
    cancelled_at = models.DateTimeField(null=True)
    seal = models.CharField(max_length=80)

    def __str__(self) -> str:
        return f"invitation {self.pk}"

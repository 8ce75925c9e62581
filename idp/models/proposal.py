"""What one administrator asked for, and another has to agree to."""

import uuid

from django.db import models


class Proposal(models.Model):
    """One change that gives somebody power. Sealed; what is written past the program is carried out by nobody."""

    class Kind(models.TextChoices):
        #: The administrator role for an account; `subject` is its key.
        ADMINISTRATOR = "administrator"
        #: What is sealed of an application; `subject` is its client_id.
        CLIENT = "client"

    class Outcome(models.TextChoices):
        OPEN = ""
        CARRIED_OUT = "carried-out"
        WITHDRAWN = "withdrawn"
        #: Nobody agreed in time, one of the two is no administrator any more, or what it was about has changed.
        LAPSED = "lapsed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=20, choices=Kind)
    subject = models.CharField(max_length=64)
    #: What is to become of it, as the one who carries it out reads it; and which version of it was looked at.
    change = models.JSONField(default=dict)
    base = models.CharField(max_length=80, blank=True)
    reason = models.CharField(max_length=20)
    proposed_by = models.UUIDField()
    proposed_at = models.DateTimeField()
    agreed_by = models.UUIDField(null=True)
    #: From when on it may be carried out. None: nobody has agreed yet.
    due_at = models.DateTimeField(null=True)
    #: Until when somebody has to agree.
    expires_at = models.DateTimeField()
    outcome = models.CharField(max_length=20, choices=Outcome, default=Outcome.OPEN, blank=True)
    closed_at = models.DateTimeField(null=True)
    seal = models.CharField(max_length=80)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject"],
                condition=models.Q(outcome=""),
                name="idp_proposal_one_at_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"proposal {self.pk}"

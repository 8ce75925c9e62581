"""What happened to accounts: a hash chain whose head is sealed (idp.audit)."""

from django.db import models


class AuditEntry(models.Model):
    """One event. It names accounts by key only and outlives them: there is no foreign key."""

    sequence = models.PositiveBigIntegerField(primary_key=True)
    at = models.DateTimeField()
    name = models.CharField(max_length=60)
    user = models.UUIDField(null=True, db_index=True)
    #: Typed fields of the event; from where and with what it came.
    details = models.JSONField()
    origin = models.JSONField()
    previous_hash = models.CharField(max_length=64)
    entry_hash = models.CharField(max_length=64)

    class Meta:
        indexes = [
            # Whoever reads the history of everybody asks for an event, the last ones first, or for a time.
            models.Index(fields=["name", "sequence"], name="idp_auditentry_event"),
            models.Index(fields=["at"], name="idp_auditentry_at"),
        ]

    def __str__(self) -> str:
        return f"{self.sequence} {self.name}"


class AuditHead(models.Model):
    """The last link, sealed. Exactly one row; whoever appends holds it until their transaction ends."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    sequence = models.PositiveBigIntegerField()
    entry_hash = models.CharField(max_length=64)
    seal = models.CharField(max_length=80)

    def __str__(self) -> str:
        return f"head at {self.sequence}"

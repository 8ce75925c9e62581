"""How far looking after the evidence has come: which seals were checked, which were wrong, what was exported."""

from django.db import models


class SealCheck(models.Model):
    """Where the check of every seal stands. Exactly one row; it is moved on by one UPDATE."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    #: The table being read, and the key of its last row that was looked at; both empty at the beginning.
    table = models.CharField(max_length=40, blank=True)
    position = models.CharField(max_length=64, blank=True)
    begun_at = models.DateTimeField()
    #: When all tables were last gone through; None: not yet.
    finished_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"at {self.table} {self.position}"


class ForgedRow(models.Model):
    """A row that did not carry our seal. Inserting it tests whether administrators were told: the key is unique."""

    table = models.CharField(max_length=40)
    row = models.CharField(max_length=64)
    found_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["table", "row"], name="idp_forged_row_once")]

    def __str__(self) -> str:
        return f"{self.table} {self.row}"


class AuditExport(models.Model):
    """A second place that the audit goes to, and how far it has come there."""

    #: Its address without what is secret in it.
    target = models.CharField(max_length=200, primary_key=True)
    #: The last entry that it has.
    sequence = models.PositiveBigIntegerField(default=0)
    exported_at = models.DateTimeField(null=True)
    #: Some worker is at it until then: nobody else is, so that entries stay in their order.
    held_until = models.DateTimeField(null=True)
    #: Since when it takes nothing, and why, in a word of ours.
    failing_since = models.DateTimeField(null=True)
    fault = models.CharField(max_length=80, blank=True)

    def __str__(self) -> str:
        return f"{self.target} at {self.sequence}"

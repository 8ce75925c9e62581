"""How often something happened within a period: a limit of record, so that no flushed cache forgives anybody."""

from django.db import models


class Counter(models.Model):
    """One row for one limit and subject. `key` is a keyed digest: it names nobody."""

    key = models.CharField(max_length=64, primary_key=True)
    count = models.PositiveIntegerField()
    resets_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.count} until {self.resets_at:%H:%M}"

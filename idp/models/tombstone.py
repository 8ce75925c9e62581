"""What is left of a deleted account: that its names were somebody's."""

from django.db import models


class Tombstone(models.Model):
    """A keyed digest of a name or subject that is never given again. It names nobody to who does not know the name."""

    digest = models.CharField(max_length=64, primary_key=True)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"tombstone of {self.created_at:%Y}"

"""What may be shown once: the `jti` of an assertion or of a proof of possession."""

from django.db import models


class Seen(models.Model):
    """A keyed digest of something that was shown. Inserting it is the test: the key is unique."""

    key = models.CharField(max_length=64, primary_key=True)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"seen, until {self.expires_at:%H:%M}"

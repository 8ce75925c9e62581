"""One authentication of one browser: who, when, how. The browser holds the key, we hold its hash."""

import uuid

from django.db import models

from idp.models.user import User


class SignIn(models.Model):
    """A session that outlives requests. Its id is the `sid` of ID tokens; its row is its record for the owner."""

    class Interruption(models.TextChoices):
        """A plug-in wants something before applications get their answers."""

        NONE = ""
        #: It does, and has not had it: every application's request meets its page.
        HELD = "held"
        #: It had it, or its person may go on without.
        OVER = "over"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    key_hash = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sign_ins")
    authenticated_at = models.DateTimeField()
    #: RFC 8176 authentication method references, as given to relying parties.
    amr = models.JSONField()
    last_seen_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=40, blank=True)
    #: Browser and system as words, and the network's address prefix: for the owner to recognise.
    device = models.CharField(max_length=80, blank=True)
    network = models.CharField(max_length=50, blank=True)
    #: Roughly where that network is, if the operator has a database for it (idp.places).
    place = models.CharField(max_length=120, blank=True)
    interruption = models.CharField(max_length=10, choices=Interruption, blank=True, default=Interruption.NONE)
    #: Binds the row to its key and user, so that copying a payload under another key gives nothing.
    seal = models.CharField(max_length=80)

    def __str__(self) -> str:
        return f"sign-in {self.pk}"


class PendingSignIn(models.Model):
    """A sign-in that has its first factor and waits for its second. It opens nothing; its browser holds its key."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    key_hash = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE)
    #: What was shown so far (RFC 8176).
    amr = models.JSONField()
    #: When the first of it was shown.
    authenticated_at = models.DateTimeField()
    #: The sign-in that this one goes on with, where somebody is asked again; None for a new one.
    continues = models.ForeignKey(SignIn, on_delete=models.CASCADE, null=True)
    #: The authorization request it is for, or the page of ours that asked.
    interaction_id = models.CharField(max_length=32, blank=True)
    target = models.CharField(max_length=200, blank=True)
    expires_at = models.DateTimeField(db_index=True)
    finished_at = models.DateTimeField(null=True)
    #: As a sign-in's: a row that something else wrote leads nowhere.
    seal = models.CharField(max_length=80)

    def __str__(self) -> str:
        return f"pending sign-in {self.pk}"

"""The outbox: a message to send is a row first (idp.outbox)."""

import uuid

from django.db import models

from idp.models.credential import RecoveryAddress
from idp.models.user import User


class Message(models.Model):
    """One letter on its way, without its words: those are written by the worker that sends it."""

    class State(models.TextChoices):
        WAITING = "waiting"
        #: A worker has claimed it.
        SENDING = "sending"
        SENT = "sent"
        #: Its useful life ended before it could be handed over.
        EXPIRED = "expired"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    #: Who writes the words: a dotted name that a plug-in or idp itself answers to.
    kind = models.CharField(max_length=60)
    queue = models.CharField(max_length=10)
    #: By what it goes. Nobody's has one too: the same providers are asked for it.
    channel = models.CharField(max_length=10, choices=RecoveryAddress.Channel, default=RecoveryAddress.Channel.EMAIL)
    #: None for a decoy: it walks the same road and is handed to nobody.
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True)
    address = models.ForeignKey(RecoveryAddress, on_delete=models.SET_NULL, null=True)
    #: What it is about (a challenge, an event) and which one of several (a code's generation).
    reference = models.UUIDField()
    number = models.PositiveSmallIntegerField(default=1)
    #: Facts for its words: language, device, times. Never a secret, never an address.
    facts = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    #: Which bell its worker answers: the same bell again means that this worker is no more.
    bell = models.UUIDField(null=True)
    created_at = models.DateTimeField()
    #: When it may next be tried, and after when it is of no use to anybody.
    due_at = models.DateTimeField()
    not_after = models.DateTimeField()
    #: When a provider was found for it: the clock of a code starts here. What that provider then did with it is in
    #: `state`, and on no page: nobody's message gets as far as this, and no further.
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["reference", "number", "address"], name="idp_message_once"),
        ]
        indexes = [models.Index(fields=["state", "queue", "due_at"], name="idp_message_by_queue")]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

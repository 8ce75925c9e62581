"""The record of recoveries: journeys, the challenges in them, and what was proven. Swept when their time is over."""

import uuid

from django.db import models


class Journey(models.Model):
    """The stored facts of a `domain.journey.Journey`. Its browser holds a key; the row holds the key's hash."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    #: Raised by each change; a slow tab that read an older one changes nothing.
    revision = models.PositiveIntegerField(default=0)
    browser_hash = models.CharField(max_length=64, unique=True)
    interaction_id = models.CharField(max_length=32, blank=True)
    #: Keyed digest of whose guesses and messages are counted: the account or, so that an unknown one is limited like a
    #: known one, what was typed. It stays when the journey becomes nobody's: no limit tells of that.
    counted_as = models.CharField(max_length=64)
    #: No foreign keys to accounts: this app knows them by key only. None for a decoy.
    subject = models.UUIDField(null=True, db_index=True)
    password_version = models.PositiveIntegerField(default=0)
    #: What it takes, made before the first code is sent: a `domain.ways.Plan`.
    plan = models.JSONField(default=dict)
    #: It began in a browser that this account was signed in to before: what befalls the account may be told there.
    known_browser = models.BooleanField(default=False)
    problem = models.CharField(max_length=20, blank=True)
    method = models.CharField(max_length=20, blank=True)
    challenged = models.BooleanField(default=False)
    ending = models.CharField(max_length=20, blank=True)
    #: What the last page tells: how many sessions ended, how many addresses were written to.
    result = models.JSONField(default=dict)
    #: When enough was proven, and when it was of use: sign-in open again, or what the problem asked for done. For those
    #: who count recoveries (`figures`); nothing is decided by it.
    enough_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"journey {self.pk}"


class PolicyInForce(models.Model):
    """The policy that people live under, and the looser one that was announced to them. One row, sealed: `in_force`."""

    id = models.PositiveSmallIntegerField(primary_key=True)
    numbers = models.JSONField()
    since = models.DateTimeField()
    #: Empty: nothing is announced.
    announced = models.JSONField(default=dict)
    announced_at = models.DateTimeField(null=True)
    #: The last account that was written to, in the order of their keys.
    told_up_to = models.UUIDField(null=True)
    #: From when on the announced one holds; None: not everybody was told yet.
    applies_from = models.DateTimeField(null=True)
    seal = models.CharField(max_length=80)

    def __str__(self) -> str:
        return f"policy since {self.since}"


class Asking(models.Model):
    """Somebody was asked at sign-in for another way back, or about an address, and may have put it off."""

    #: No foreign key, as above; swept when the account is gone.
    user = models.UUIDField(primary_key=True)
    #: When they were first asked for the way that is missing; None: none is, or nobody has asked yet.
    since = models.DateTimeField(null=True)
    skips_used = models.PositiveSmallIntegerField(default=0)
    #: When they last put off looking at addresses that may lead nowhere.
    put_off_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"asking of {self.user}"


class Challenge(models.Model):
    """One asking by one method in one journey. Codes that are sent are derived from this row and the key ring."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    journey = models.ForeignKey(Journey, on_delete=models.CASCADE, related_name="challenges")
    method = models.CharField(max_length=20)
    #: The address a code goes to, and its version. None: the typed address is not the account's, or a decoy.
    address = models.UUIDField(null=True)
    address_version = models.PositiveIntegerField(default=0)
    #: Keyed digest of the typed address: typing it again is asking again.
    typed_digest = models.CharField(max_length=64)
    nonce = models.BinaryField(max_length=16)
    #: The root key its codes are derived with, so that a rotation in between changes no code.
    key_id = models.CharField(max_length=16)
    #: HOTP's counter: one more with each message. Codes before `since` went to another address.
    generation = models.PositiveIntegerField(default=1)
    since = models.PositiveIntegerField(default=1)
    #: From which generation on codes are long: somebody was guessing when it was asked for. None: all are short.
    long_since = models.PositiveIntegerField(null=True)
    #: Counted before each comparison and never given back.
    tries_used = models.PositiveIntegerField(default=0)
    spent_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["journey", "method"], name="recovery_challenge_one_a_method"),
        ]

    def __str__(self) -> str:
        return f"challenge {self.pk}"


class JourneyProof(models.Model):
    """Somebody at this journey's browser read a message, or showed what they have. Sealed, good for this journey."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    journey = models.ForeignKey(Journey, on_delete=models.CASCADE, related_name="proofs")
    user = models.UUIDField()
    method = models.CharField(max_length=20)
    purpose = models.CharField(max_length=20)
    #: The address that was read, or the credential that was shown, and its version.
    thing = models.UUIDField()
    thing_version = models.PositiveIntegerField()
    browser_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    consumed_at = models.DateTimeField(null=True)
    seal = models.CharField(max_length=80)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["journey", "method"], name="recovery_proof_one_a_method"),
        ]

    def __str__(self) -> str:
        return f"proof {self.pk}"

"""An account: who somebody is to relying parties, and whether they may sign in. No credential is kept here."""

import unicodedata
import uuid
from secrets import token_urlsafe
from typing import Any, NoReturn

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.utils import timezone


def canonical(identifier: str) -> str:
    """How identifiers are compared: NFKC, case folded, without spaces around them.

    Comparing only. Messages go to the stored spelling, never to what somebody typed (CVE-2019-19844).
    """
    return unicodedata.normalize("NFKC", identifier.strip()).casefold()


def new_sub() -> str:
    """A subject identifier: random, so that it says nothing and is never given twice (OIDC Core 2)."""
    return token_urlsafe(16)


class User(AbstractBaseUser):
    """One person. `sub` is what relying parties know them by; the primary key never leaves the house."""

    class Status(models.TextChoices):
        INVITED = "invited"
        ACTIVE = "active"
        SUSPENDED = "suspended"
        #: Its owner stopped everything because somebody else was in; what ends it is the recovery that did it.
        STOPPED = "stopped"
        #: A seal did not match: nobody enters until it is understood why.
        FROZEN = "frozen"
        DELETED = "deleted"

    #: Whose owner can prove that it is theirs, while nobody else's decision stands against it.
    MAY_RECOVER = (Status.ACTIVE, Status.STOPPED)

    # Credentials live apart, sealed, in their own table (idp.models.credential).
    password = None
    last_login = None

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    sub = models.CharField(max_length=64, unique=True, default=new_sub, editable=False)
    preferred_username = models.CharField(max_length=150)
    #: The canonical user name and e-mail address: what sign-in and recovery look accounts up by. Ordered by their bytes
    #: on either database (migration 0013), so that a prefix is a range of the index.
    username_key = models.CharField(max_length=150, unique=True, editable=False)
    email_key = models.CharField(max_length=254, unique=True, null=True, editable=False)
    name = models.CharField(max_length=200, blank=True)
    #: Claims for relying parties. Codes go to RecoveryAddress rows, never here.
    email = models.EmailField(blank=True)
    email_verified = models.BooleanField(default=False)
    #: Further standard claims (OpenID Connect Core 5.1), as given: given_name, phone_number, address, zoneinfo …
    claims = models.JSONField(default=dict)
    #: What the `groups` scope tells.
    groups = models.JSONField(default=list)
    #: A BCP 47 tag we have words in, or empty: then messages speak the language of the page that asked.
    locale = models.CharField(max_length=20, blank=True)
    status = models.CharField(max_length=20, choices=Status, default=Status.ACTIVE)
    #: What a suspended account was, and is again when that is lifted; empty if it is not suspended.
    status_before = models.CharField(max_length=20, choices=Status, blank=True, default="")
    #: When its owner froze it (`idp.accounts.freezes`; not the status, which is ours). None: it is not frozen.
    frozen_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    #: When a claim last changed (`updated_at`).
    updated_at = models.DateTimeField(default=timezone.now)

    USERNAME_FIELD = "preferred_username"

    class Meta:
        indexes = [
            # Lists of accounts of one status, in their order; and how many those are.
            models.Index(fields=["status", "username_key"], name="idp_user_by_status"),
            # Few are; whoever looks for those whose time is over reads no others.
            models.Index(fields=["frozen_at"], condition=models.Q(frozen_at__isnull=False), name="idp_user_frozen"),
        ]

    def __str__(self) -> str:
        return f"account {self.pk}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.set_keys()
        super().save(*args, **kwargs)

    def set_keys(self) -> None:
        """Take the keys from user name and address, where rows are written without `save`."""
        self.username_key = canonical(self.preferred_username)
        self.email_key = canonical(self.email) or None

    @property
    def label(self) -> str:
        """Which account it is, where its owner reads it."""
        return self.email or self.preferred_username

    @property
    def called(self) -> str:
        """What its owner is called."""
        return self.name or self.preferred_username

    @property
    def initial(self) -> str:
        """Stands where a picture would."""
        return self.called[:1].upper()

    @property
    def may_sign_in(self) -> bool:
        return self.status == self.Status.ACTIVE

    @property
    def may_recover(self) -> bool:
        """Whether its owner can prove that it is theirs: nobody else's decision stands against it."""
        return self.status in self.MAY_RECOVER

    def set_password(self, raw_password: str | None) -> NoReturn:
        raise NotImplementedError("A password changes only against a proof: idp.accounts.credentials.")

    def set_unusable_password(self) -> NoReturn:
        raise NotImplementedError("Credentials live apart from users: idp.accounts.credentials.")

    def check_password(self, raw_password: str) -> NoReturn:
        raise NotImplementedError("Verifying a password checks its seal: idp.accounts.credentials.")

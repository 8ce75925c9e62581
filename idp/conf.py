"""The provider's numbers: one frozen policy, read once from `settings.IDP`.

Pure functions take what they need from it as arguments; only views, tasks and commands call `policy()`.
"""

from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.dispatch import receiver


@dataclass(frozen=True, kw_only=True)
class Limit:
    """At most `count` within `per`, starting with the first one counted."""

    count: int
    per: timedelta


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Sessions, tokens and sign-in, as numbers. `docs/operate.md` prints this table for operators."""

    #: A session ends after this long without a request, and after that long in any case (ASVS 7.3.1, 7.3.2).
    session_idle: timedelta = timedelta(hours=1)
    session_absolute: timedelta = timedelta(hours=12)
    #: How long an authorization request waits for its person: a recovery (30 min) must fit into it.
    interaction_lifetime: timedelta = timedelta(hours=1)
    #: RFC 9700 2.1.1 and ASVS 10.4.3: an authorization code lives one minute at the most.
    code_lifetime: timedelta = timedelta(seconds=60)
    access_token_lifetime: timedelta = timedelta(minutes=10)
    refresh_idle: timedelta = timedelta(days=30)
    refresh_absolute: timedelta = timedelta(days=365)
    #: How long a key signs before the next one does, which was published in time (P-22).
    signing_key_lifetime: timedelta = timedelta(days=30)
    #: Tries at one account from one network before sign-in pauses there; and from everywhere in a day
    #: (NIST SP 800-63B 3.2.2 allows at most 100 consecutive failures).
    sign_in_per_network: Limit = Limit(count=10, per=timedelta(minutes=10))
    sign_in_per_account: Limit = Limit(count=100, per=timedelta(days=1))
    #: Messages that somebody can cause who has proved nothing: letters and texts to one address, both about one
    #: account, both from one network, texts to one block of numbers; and how often a text is handed over anew that a
    #: gateway may have taken (idp.caps).
    emails_per_hour: Limit = Limit(count=5, per=timedelta(hours=1))
    emails_per_day: Limit = Limit(count=10, per=timedelta(days=1))
    texts_per_hour: Limit = Limit(count=3, per=timedelta(hours=1))
    texts_per_day: Limit = Limit(count=6, per=timedelta(days=1))
    messages_per_account: Limit = Limit(count=20, per=timedelta(days=1))
    messages_per_network: Limit = Limit(count=300, per=timedelta(hours=1))
    texts_per_block: Limit = Limit(count=20, per=timedelta(hours=1))
    texts_unanswered: Limit = Limit(count=2, per=timedelta(days=1))
    #: Whether every sign-in asks for a second factor; passwords of 8 characters are enough only then.
    second_factor_enforced: bool = False
    #: Whether proofs of possession need a nonce of ours besides their own id (RFC 9449 8). It costs a request.
    dpop_nonce_required: bool = False

    def __post_init__(self) -> None:
        if not timedelta(0) < self.code_lifetime <= timedelta(seconds=60):
            raise ImproperlyConfigured("IDP['code_lifetime'] must be between 1 and 60 seconds.")
        if not (1 <= self.sign_in_per_network.count <= 100 and 1 <= self.sign_in_per_account.count <= 100):  # noqa: PLR2004 -- NIST SP 800-63B 3.2.2
            raise ImproperlyConfigured("IDP['sign_in_per_network'] and ['sign_in_per_account'] allow 1 to 100 tries.")
        if self.session_idle > self.session_absolute:
            raise ImproperlyConfigured("IDP['session_idle'] is longer than IDP['session_absolute'].")
        if self.signing_key_lifetime < timedelta(days=1):
            raise ImproperlyConfigured("IDP['signing_key_lifetime'] must be a day or more.")
        if self.session_absolute > timedelta(days=30):
            raise ImproperlyConfigured("IDP['session_absolute'] may be 30 days at the most.")


@lru_cache(maxsize=1)
def policy() -> Policy:
    """The tenant's policy. Raises ImproperlyConfigured for an unknown name or a value out of bounds."""
    try:
        return Policy(**settings.IDP)
    except TypeError as error:
        raise ImproperlyConfigured(f"settings.IDP: {error}") from error


@receiver(setting_changed)
def _forget(*, setting: str, **_kwargs: Any) -> None:
    if setting == "IDP":
        policy.cache_clear()

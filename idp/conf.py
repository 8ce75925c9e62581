"""The provider's numbers: one frozen policy, read once from `settings.IDP`.

Pure functions take what they need from it as arguments; only views, tasks and commands call `policy()`.
"""

import math
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
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
class Slowdown:
    """So many failures without a pause; then one after each, of `first`, twice as long each time, up to `longest`."""

    free: int
    first: timedelta
    longest: timedelta

    @property
    def pauses(self) -> tuple[timedelta, ...]:
        """The pauses after `free` failures, one more, and so on; the last one stays."""
        doublings = math.ceil(math.log2(self.longest / self.first))
        return (*(self.first * 2**doubling for doubling in range(doublings)), self.longest)


class SecondFactor(StrEnum):
    """What the tenant asks of people besides a password. Whoever has a second factor is always asked for it."""

    #: Nobody is offered one.
    OFF = "off"
    OFFERED = "offered"
    REQUIRED_FOR_ADMINISTRATORS = "required_for_administrators"
    REQUIRED = "required"


@dataclass(frozen=True, kw_only=True)
class CodePolicy:
    """Codes that prove an address to its account; never a sign-in factor (NIST SP 800-63B 3.1.3.1)."""

    digits: int = 8
    #: From the moment the provider accepted the message (ASVS 6.5.5: ten minutes at the most).
    lifetime: timedelta = timedelta(minutes=10)
    #: Wrong answers to one asking, over all of its codes.
    tries: int = 5
    #: How many of the last codes stay good: people type the code that arrived first.
    live: int = 3
    #: A message that waited longer is dropped rather than delivered late.
    longest_wait: timedelta = timedelta(minutes=10)


#: The same for every tenant: nothing about it is a matter of taste.
ADDRESS_CODES = CodePolicy()


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
    #: How wrong passwords slow a browser that the account does not know: for its network first; then, over all
    #: networks, for every such browser. A known one has a budget of its own, with the numbers of a network.
    sign_in_per_network: Slowdown = Slowdown(free=10, first=timedelta(minutes=1), longest=timedelta(minutes=15))
    sign_in_per_account: Slowdown = Slowdown(free=30, first=timedelta(minutes=1), longest=timedelta(minutes=15))
    #: After so many wrong passwords in a row a password alone opens nothing from where they came
    #: (NIST SP 800-63B 3.2.2 allows 100).
    sign_in_failures: int = 100
    #: How many different accounts unknown browsers of one network may fail at before the others there wait; and those
    #: of all networks together, before each network is allowed a tenth of its number. Coarse: against machines.
    stuffing_per_network: Limit = Limit(count=100, per=timedelta(hours=1))
    stuffing_everywhere: Limit = Limit(count=500, per=timedelta(hours=1))
    #: Who signs in with a second factor. Passwords of 8 characters are enough only where everybody does.
    second_factor: SecondFactor = SecondFactor.OFFERED
    #: Tries at one kind of second factor of one account (NIST SP 800-63B 3.2.2). Each kind has its own, so that nobody
    #: who fails at one closes another.
    factor_tries: Limit = Limit(count=10, per=timedelta(hours=1))
    factor_tries_per_day: Limit = Limit(count=30, per=timedelta(days=1))
    #: Tries with one passkey from one network: they cannot be guessed, so this only saves work. And challenges for
    #: passkeys a network gets; every sign-in page asks for one.
    passkey_tries: Limit = Limit(count=10, per=timedelta(minutes=10))
    passkey_challenges_per_network: Limit = Limit(count=600, per=timedelta(minutes=10))
    #: How long a password that was right waits for its second factor.
    pending_lifetime: timedelta = timedelta(minutes=10)
    #: For how long the owner may have a browser asked for no second factor; zero: never.
    trust_devices_for: timedelta = timedelta(days=30)
    #: A browser that nobody signed in from for this long is a new one.
    device_lifetime: timedelta = timedelta(days=400)
    #: Sensitive pages ask again who you are if the last time is longer ago (ASVS 7.5.1, 7.5.3).
    step_up: timedelta = timedelta(minutes=10)
    #: Codes to one address, and to all addresses of one account, that is being added or tested; wrong codes of one
    #: account in a day; another code for the same asking.
    address_codes: Limit = Limit(count=5, per=timedelta(hours=1))
    address_codes_per_day: Limit = Limit(count=20, per=timedelta(days=1))
    address_wrong_codes: Limit = Limit(count=30, per=timedelta(days=1))
    address_resend: Limit = Limit(count=1, per=timedelta(seconds=60))
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
    #: How long an account that its owner froze stays so, if nobody signs in; and how many links that are not
    #: ours one network may try to stop something with.
    freeze_lasts: timedelta = timedelta(hours=72)
    stop_links_per_network: Limit = Limit(count=20, per=timedelta(minutes=10))
    #: How long an invitation can be taken up (ASVS 6.4.1: a link for a first password is short-lived and used once).
    invitation_lifetime: timedelta = timedelta(hours=72)
    #: What takes two administrators: how long everybody can object once the second one agreed, and how long a proposal
    #: waits for one.
    decision_delay: timedelta = timedelta(hours=24)
    decision_lifetime: timedelta = timedelta(days=7)
    #: For how long no administrator has signed in before the emergency key invites a new one.
    break_glass_after: timedelta = timedelta(days=3)
    #: How long an application's secret is taken after another one was made, where it was not given away.
    secret_overlap: timedelta = timedelta(hours=24)
    #: How many recovery addresses an account may have.
    most_addresses: int = 5
    #: How long a new recovery address proves nobody, and a removed one is still told of everything.
    address_quarantine: timedelta = timedelta(days=7)
    #: What web has of this machine: how many processes, and how many requests each works on at a time.
    web_processes: int = 2
    web_threads: int = 4
    #: How many passwords one process hashes at a time (0: its share of the processors), how many more may wait
    #: for a turn, and for how long. Together fewer than its threads, so that one is always left for what never
    #: hashes: the endpoints of applications (idp.hashing).
    hashing_threads: int = 0
    hashing_queue: int = 1
    hashing_patience: timedelta = timedelta(seconds=2)
    #: Whether proofs of possession need a nonce of ours besides their own id (RFC 9449 8). It costs a request.
    dpop_nonce_required: bool = False

    def __post_init__(self) -> None:
        for holds, otherwise in (*self._factors(), *self._pauses(), *self._times(), *self._hashing()):
            if not holds:
                raise ImproperlyConfigured(otherwise)

    def _factors(self) -> tuple[tuple[bool, str], ...]:
        most = 100  # NIST SP 800-63B 3.2.2
        tries = (self.factor_tries.count, self.factor_tries_per_day.count)
        return (
            (
                self.second_factor in list(SecondFactor),
                f"IDP['second_factor'] (SECOND_FACTOR) must be one of {', '.join(SecondFactor)}.",
            ),
            (
                all(1 <= count <= most for count in tries),
                "IDP['factor_tries'] and ['factor_tries_per_day'] allow 1 to 100 tries.",
            ),
            (
                1 <= self.address_wrong_codes.count <= most,
                "IDP['address_wrong_codes'] allows 1 to 100 tries.",
            ),
        )

    def _pauses(self) -> tuple[tuple[bool, str], ...]:
        most = 100  # NIST SP 800-63B 3.2.2
        both = (self.sign_in_per_network, self.sign_in_per_account)
        return (
            (
                all(1 <= each.free <= most for each in both),
                "IDP['sign_in_per_network'] and ['sign_in_per_account'] allow 1 to 100 tries without a pause.",
            ),
            (
                all(timedelta(0) < each.first <= each.longest <= timedelta(hours=1) for each in both),
                "IDP['sign_in_per_network'] and ['sign_in_per_account']: pauses grow, and last 1 hour at most.",
            ),
            (1 <= self.sign_in_failures <= most, "IDP['sign_in_failures'] must be 1 to 100."),
            (
                all(limit.count >= 1 for limit in (self.stuffing_per_network, self.stuffing_everywhere)),
                "IDP['stuffing_per_network'] and ['stuffing_everywhere'] must allow 1 account or more.",
            ),
        )

    def _times(self) -> tuple[tuple[bool, str], ...]:
        nothing, minute, day = timedelta(0), timedelta(minutes=1), timedelta(days=1)
        return (
            (
                nothing < self.code_lifetime <= minute,
                "IDP['code_lifetime'] must be between 1 and 60 seconds.",
            ),
            (
                self.session_idle <= self.session_absolute,
                "IDP['session_idle'] is longer than IDP['session_absolute'].",
            ),
            (self.session_absolute <= 30 * day, "IDP['session_absolute'] may be 30 days at the most."),
            (self.signing_key_lifetime >= day, "IDP['signing_key_lifetime'] must be a day or more."),
            (
                nothing <= self.trust_devices_for <= 90 * day,
                "IDP['trust_devices_for'] may be 90 days at the most.",
            ),
            (minute <= self.step_up <= 15 * minute, "IDP['step_up'] must be between 1 and 15 minutes."),
            (
                minute <= self.pending_lifetime <= 30 * minute,
                "IDP['pending_lifetime'] must be between 1 and 30 minutes.",
            ),
            (
                nothing <= self.address_quarantine <= 30 * day,
                "IDP['address_quarantine'] may be 30 days at the most.",
            ),
            (day <= self.freeze_lasts <= 14 * day, "IDP['freeze_lasts'] must be between 1 and 14 days."),
            (
                60 * minute <= self.invitation_lifetime <= 14 * day,
                "IDP['invitation_lifetime'] must be between 1 hour and 14 days.",
            ),
            (
                day <= self.break_glass_after <= 30 * day,
                "IDP['break_glass_after'] must be between 1 and 30 days.",
            ),
            (
                60 * minute <= self.decision_delay <= 14 * day,
                "IDP['decision_delay'] must be between 1 hour and 14 days.",
            ),
            (
                day <= self.decision_lifetime <= 30 * day,
                "IDP['decision_lifetime'] must be between 1 and 30 days.",
            ),
            (
                timedelta() <= self.secret_overlap <= 30 * day,
                "IDP['secret_overlap'] must be between nothing and 30 days.",
            ),
        )

    def _hashing(self) -> tuple[tuple[bool, str], ...]:
        return (
            (
                self.web_processes >= 1 and self.hashing_threads >= 0 and self.hashing_queue >= 0,
                "IDP['web_processes'] is 1 or more, ['hashing_threads'] and ['hashing_queue'] 0 or more.",
            ),
            (
                max(1, self.hashing_threads) + self.hashing_queue < self.web_threads,
                (
                    "IDP['hashing_threads'] (1 at least) and ['hashing_queue'] are fewer than ['web_threads'], "
                    "which WEB_THREADS sets: one thread is kept for what never hashes."
                ),
            ),
            (
                timedelta(0) < self.hashing_patience <= timedelta(seconds=30),
                "IDP['hashing_patience'] is more than nothing and 30 seconds at the most.",
            ),
        )

    @property
    def second_factor_enforced(self) -> bool:
        """Whether no sign-in goes by a password alone."""
        return self.second_factor == SecondFactor.REQUIRED


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

"""The numbers of recovery, in one frozen value that checks itself."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

#: What can stop somebody. They forgot their password; they know it, but sign-in is paused; what they have as a second
#: factor is gone; somebody else is in.
FORGOT: Final = "forgot"
LOCKED: Final = "locked"
LOST_FACTOR: Final = "lost-factor"
INTRUDER: Final = "intruder"
#: On no list, and chosen by nobody: there is no password yet. It begins with the letter of an invitation.
ACTIVATION: Final = "activation"
PROBLEMS: Final = (FORGOT, LOCKED, LOST_FACTOR, INTRUDER)


@dataclass(frozen=True, kw_only=True)
class Limit:
    """At most `count` within `per`, starting with the first one counted."""

    count: int
    per: timedelta


@dataclass(frozen=True, kw_only=True)
class OtpPolicy:
    """Codes sent to an address."""

    #: NIST SP 800-63B 4.2.1.2 asks for 6; at 8, thirty guesses are 9 in ten million with three codes alive.
    digits: int = 8
    #: From the moment the provider accepted the message (ASVS 6.5.5: ten minutes at the most).
    lifetime: timedelta = timedelta(minutes=10)
    #: Wrong answers in one journey, over all of its codes.
    tries: int = 5
    #: How many of the last codes stay good: people type the code that arrived first.
    live: int = 3
    #: A message that waited longer is dropped rather than delivered late; a text message sooner.
    longest_wait: timedelta = timedelta(minutes=10)
    sms_longest_wait: timedelta = timedelta(minutes=5)

    def wait_of(self, channel: str) -> timedelta:
        """How long a message may wait that goes by `channel`."""
        return min(self.sms_longest_wait, self.longest_wait) if channel == "sms" else self.longest_wait

    def __post_init__(self) -> None:
        if not 6 <= self.digits <= 9:  # noqa: PLR2004 -- below NIST's floor, above what HOTP's 31 bits carry
            raise ValueError("RECOVERY['otp']: digits must be 6 to 9.")
        if not timedelta(0) < self.lifetime <= timedelta(minutes=10):
            raise ValueError("RECOVERY['otp']: lifetime may be 10 minutes at the most.")
        if not 1 <= self.tries <= 10:  # noqa: PLR2004 -- more would be guessing
            raise ValueError("RECOVERY['otp']: tries must be 1 to 10.")
        if not 1 <= self.live <= 3:  # noqa: PLR2004 -- each live code is one more that a guess can hit
            raise ValueError("RECOVERY['otp']: live must be 1 to 3.")


@dataclass(frozen=True, kw_only=True)
class RecoveryPolicy:
    """What a tenant asks of people who lost their way in. Tightened freely, loosened within these bounds."""

    #: The problems and methods on screen, in their order. What is listed must be built and registered.
    problems: tuple[str, ...] = PROBLEMS
    methods: tuple[str, ...] = ("email", "totp", "passkey", "recovery-code")
    #: How many proofs, of different roots (`domain.ways`): for a new password of an account whose second factor sign-in
    #: still asks for; of one without (or all it has, if those are fewer); for opening sign-in again; for another second
    #: factor, where the known password may be one of them; and of administrators for anything.
    proofs_with_second_factor: int = 1
    proofs_without_second_factor: int = 2
    proofs_to_unlock: int = 1
    proofs_to_replace_a_factor: int = 2
    proofs_of_administrators: int = 2
    #: On how many different roots everybody is to have ways back; who has fewer is asked at sign-in. 0: nobody is.
    ways_wanted: int = 2
    #: How often that may be put off, and for how long since it was first asked, whichever ends first.
    skips: int = 3
    skip_within: timedelta = timedelta(days=14)
    #: After how long somebody is asked whether an address is still theirs. 0: never.
    reconfirm_after: timedelta = timedelta(days=180)
    #: How long everybody has, once they were told, before a policy that asks for less holds (`recovery.in_force`).
    loosening_delay: timedelta = timedelta(hours=72)
    #: A journey's time of work.
    journey_lifetime: timedelta = timedelta(minutes=30)
    otp: OtpPolicy = field(default_factory=OtpPolicy)
    #: Codes sent again within one journey; guesses at one account, of each kind that can be guessed. How many messages
    #: somebody may cause at all is the provider's to say (`settings.IDP`).
    resend: Limit = Limit(count=1, per=timedelta(seconds=60))
    wrong_codes_per_day: Limit = Limit(count=30, per=timedelta(days=1))
    #: After so many of them the codes that are sent are long ones, which nobody guesses and no limit has to hold.
    long_codes_after: int = 15
    #: Journeys begun from one network: coarse, against machines.
    starts_per_network: Limit = Limit(count=200, per=timedelta(hours=1))
    #: Beyond so many beginnings, from one network or from all, a browser does a small task first (`recovery.work`);
    #: how long somebody waits instead who has no scripts, and how often one network may.
    work_after: Limit = Limit(count=20, per=timedelta(minutes=10))
    work_after_everywhere: Limit = Limit(count=300, per=timedelta(minutes=10))
    work_wait: timedelta = timedelta(seconds=20)
    waits_per_network: Limit = Limit(count=60, per=timedelta(hours=1))

    def __post_init__(self) -> None:
        if not self.problems or not self.methods:
            raise ValueError("RECOVERY: at least one problem and one method must be offered.")
        for name in ("with_second_factor", "without_second_factor", "to_unlock"):
            if not 1 <= getattr(self, f"proofs_{name}") <= 2:  # noqa: PLR2004 -- more, and nobody comes back
                raise ValueError(f"RECOVERY['proofs_{name}'] must be 1 or 2.")
        for name in ("to_replace_a_factor", "of_administrators"):
            if getattr(self, f"proofs_{name}") not in (2, 3):
                raise ValueError(f"RECOVERY['proofs_{name}'] must be 2 or 3: one would be a way around the other.")
        if not timedelta(minutes=5) <= self.journey_lifetime <= timedelta(hours=1):
            raise ValueError("RECOVERY['journey_lifetime'] must be between 5 minutes and 1 hour.")
        if self.wrong_codes_per_day.count > 100:  # noqa: PLR2004 -- NIST SP 800-63B 3.2.2
            raise ValueError("RECOVERY['wrong_codes_per_day'] may be 100 at the most.")
        if not 1 <= self.long_codes_after <= self.wrong_codes_per_day.count:
            raise ValueError("RECOVERY['long_codes_after'] must be 1 or more, and at most wrong_codes_per_day.")
        if not timedelta(days=1) <= self.loosening_delay <= timedelta(days=30):
            raise ValueError("RECOVERY['loosening_delay'] must be between 1 and 30 days.")
        self._check_asking()
        self._check_work()

    def _check_asking(self) -> None:
        if not 0 <= self.ways_wanted <= 3:  # noqa: PLR2004 -- there are four roots, and one of them costs a gateway
            raise ValueError("RECOVERY['ways_wanted'] must be 0 to 3.")
        if not 0 <= self.skips <= 10:  # noqa: PLR2004 -- more is the same as never
            raise ValueError("RECOVERY['skips'] must be 0 to 10.")
        if not timedelta(0) <= self.skip_within <= timedelta(days=60):
            raise ValueError("RECOVERY['skip_within'] may be 60 days at the most.")
        if self.reconfirm_after and not timedelta(days=30) <= self.reconfirm_after <= timedelta(days=730):
            raise ValueError("RECOVERY['reconfirm_after'] must be 30 to 730 days, or 0 for never.")

    def _check_work(self) -> None:
        if not timedelta(seconds=5) <= self.work_wait <= timedelta(minutes=2):
            raise ValueError("RECOVERY['work_wait'] must be between 5 seconds and 2 minutes.")
        if min(self.work_after.count, self.work_after_everywhere.count, self.waits_per_network.count) < 1:
            raise ValueError("RECOVERY['work_after'], ['work_after_everywhere'], ['waits_per_network'] must allow 1.")

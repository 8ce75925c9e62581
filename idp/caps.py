"""How many messages somebody may cause who has proved nothing. Of record in the database, like every limit.

Twice it is counted. When a message is *asked for*, under what was typed: the account that is meant (or the name, if
there is none) with the address, and the network. That is the same for known and unknown, so a page may tell it. And
when one is *handed over*, which happens to real addresses only, so no page tells: there the caps stand that a
stranger could use up for others, if guesses counted.

Notices ask nothing and are not caused by strangers: they count, and are never held.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Count, Max
from django.db.models.fields.json import KT

from idp import keyring, throttle
from idp.audit.events import MessagesHeld, Origin
from idp.audit.record import record
from idp.channels import Letter, Text, segments
from idp.conf import Limit, Policy
from idp.models import AuditEntry, Message, RecoveryAddress

log = structlog.get_logger(__name__)

EMAIL, SMS = RecoveryAddress.Channel.EMAIL.value, RecoveryAddress.Channel.SMS.value
#: The queue of messages that a stranger can cause; the others are about something that was done with a proof.
_STRANGERS = "otp"
#: Numbers are given out in blocks of ten thousand (idp.channels.numbers).
_BLOCK_DIGITS = 4


@dataclass(frozen=True, kw_only=True)
class Held:
    """A cap holds: which, and until when."""

    cap: str
    until: datetime


@dataclass(frozen=True, kw_only=True)
class Holding:
    """A cap that began to hold: for how many it did, and when for the last one."""

    cap: str
    channel: str
    times: int
    last: datetime


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What the tenant may send in all by a channel, and how much of it is used. Notices count on where codes end."""

    channel: str
    used: int
    of: int
    resets_at: datetime

    @property
    def is_used_up(self) -> bool:
        return self.used >= self.of


@dataclass(frozen=True, kw_only=True)
class _Cap:
    name: str
    limit: Limit
    subject: tuple[keyring.Part, ...] = ()
    by: int = 1


def asked(
    *,
    channel: str,
    subject: keyring.Part,
    typed: str,
    origin: Origin,
    policy: Policy,
    now: datetime,
) -> Held | None:
    """Count one more message that somebody asks for; None if it may be posted.

    `subject` is the account, or what was typed to name it; `typed` a digest of the address. That the tenant's own
    budget is used up is said to everybody alike.
    """
    if held := used_up(channel, now=now):
        return held
    hour, day = _to_one_address(channel, policy)
    caps = (
        _Cap(name=f"{channel}-asked-network", limit=policy.messages_per_network, subject=(origin.network,)),
        _Cap(name=f"{channel}-asked-hour", limit=hour, subject=(subject, typed)),
        _Cap(name=f"{channel}-asked-day", limit=day, subject=(subject, typed)),
    )
    return _first_that_holds(caps, channel=channel, now=now, origin=origin)


def used_up(channel: str, *, now: datetime) -> Held | None:
    """Whether the tenant's own budget has come to its end; counts nothing."""
    budget = _in_all(channel)
    looked = throttle.look(budget.name, budget.limit, now=now)
    return None if looked.left else Held(cap=budget.name, until=looked.resets_at)


def handed_over(
    message: Message, words: Letter | Text, *, to: str, digest: str, policy: Policy, now: datetime
) -> Held | None:
    """Count a message that is about to be handed over for the address `to`; None if it may go."""
    channel = message.channel
    in_all = _in_all(channel, by=_units(words, to))
    if message.queue != _STRANGERS:
        throttle.count(in_all.name, in_all.limit, now=now, by=in_all.by)
        return None
    hour, day = _to_one_address(channel, policy)
    caps = [
        _Cap(name=f"{channel}-address-hour", limit=hour, subject=(digest,)),
        _Cap(name=f"{channel}-address-day", limit=day, subject=(digest,)),
        _Cap(name="messages-account-day", limit=policy.messages_per_account, subject=(message.user_id.bytes,)),
    ]
    if channel == SMS:
        block = to[:-_BLOCK_DIGITS]
        caps.append(_Cap(name="sms-block-hour", limit=policy.texts_per_block, subject=(block,)))
    return _first_that_holds([*caps, in_all], channel=channel, now=now, user=message.user_id)


def unanswered(message: Message, *, policy: Policy, now: datetime) -> bool:
    """Whether a text that a gateway may have taken, without saying so, may be handed over once more: each may cost."""
    return throttle.count("sms-unanswered", policy.texts_unanswered, message.pk.bytes, now=now).allowed


def held_since(since: datetime) -> list[Holding]:
    """Which caps began to hold, the latest first; one query over the history's entries of this name."""
    entries = AuditEntry.objects.filter(name=MessagesHeld.name, at__gt=since)
    rows = entries.values_list(KT("details__cap"), KT("details__channel"))
    found = rows.annotate(times=Count("pk"), last=Max("at")).order_by("-last")
    return [Holding(cap=cap, channel=channel, times=times, last=last) for cap, channel, times, last in found]


def budgets(now: datetime) -> list[Budget]:
    """How much of the tenant's own is used, for each channel there is; a query for each."""
    found = []
    for channel in (EMAIL, SMS) if settings.SMS_GATEWAYS else (EMAIL,):
        cap = _in_all(channel)
        counted = throttle.look(cap.name, cap.limit, now=now)
        found.append(Budget(channel=channel, used=counted.count, of=cap.limit.count, resets_at=counted.resets_at))
    return found


def price(number: str) -> int:
    """What a segment to this number costs, in the units of the budget."""
    return next((price for prefix, price in settings.SMS_PRICES if number.startswith(prefix)), 1)


def _to_one_address(channel: str, policy: Policy) -> tuple[Limit, Limit]:
    if channel == SMS:
        return policy.texts_per_hour, policy.texts_per_day
    return policy.emails_per_hour, policy.emails_per_day


def _in_all(channel: str, *, by: int = 1) -> _Cap:
    """The tenant's own: letters in an hour, money for texts in a day."""
    if channel == SMS:
        return _Cap(name="sms-budget", limit=Limit(count=settings.SMS_DAILY_BUDGET, per=timedelta(days=1)), by=by)
    return _Cap(name="email-budget", limit=Limit(count=settings.EMAIL_HOURLY_CAP, per=timedelta(hours=1)), by=by)


def _units(words: Letter | Text, to: str) -> int:
    return segments.size(words.body).segments * price(to) if isinstance(words, Text) else 1


def _first_that_holds(
    caps: Iterable[_Cap],
    *,
    channel: str,
    now: datetime,
    user: object = None,
    origin: Origin | None = None,
) -> Held | None:
    for cap in caps:
        counted = throttle.count(cap.name, cap.limit, *cap.subject, now=now, by=cap.by)
        if counted.allowed:
            continue
        if counted.count - cap.by <= cap.limit.count:
            _tell(cap.name, channel=channel, user=user, origin=origin)
        return Held(cap=cap.name, until=counted.resets_at)
    return None


def _tell(cap: str, *, channel: str, user: object, origin: Origin | None) -> None:
    """Once in each period: an alarm repeated by every message would itself be a flood."""
    log.error("messages held", alarm="messages.held", cap=cap, channel=channel)
    with transaction.atomic():
        record(MessagesHeld(user=user, cap=cap, channel=channel), origin=origin)

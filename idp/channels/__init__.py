"""Channels: a message in, a provider out. They know no account and no journey.

    email      what EMAIL_URL names: mail servers (smtp) and providers with an interface of their own (mail_apis)
    sms        what SMS_URL names: gateways, spoken to over http, each in its dialect
    chain      several providers in order, and two halves of a hand-over: is one there, and will it take this
    receipts   what a provider tells us afterwards, once it has shown that it is the provider (sns: Amazon)

Names of modules that judge without asking anybody: `numbers` (telephone numbers), `segments` (how long a text is).
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Letter:
    """The words of one e-mail, in one language."""

    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Text:
    """The words of one text message, in one language. `segments.fitting` has seen to it that they fit."""

    body: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Handed:
    """A provider took it: which one, and what it calls the message, for receipts to be matched with."""

    provider: str
    reference: str = ""


class Away(Exception):  # noqa: N818 -- it says what happened
    """The provider cannot be reached or does not take messages now: try again later."""


class Deferred(Away):
    """A provider is there, but did not take *this* message now. Nobody's message gets here, so no page may tell."""


class Unknown(Deferred):
    """The message was handed over and no answer came: it may have been taken, and charged."""


class Refused(Exception):  # noqa: N818 -- it says what happened
    """The provider will never take this message for this recipient."""


class Bounced(Refused):
    """Nobody can be reached at this address, says the provider."""


class Forged(Exception):  # noqa: N818 -- it says what happened
    """Whoever sent this receipt did not show that they are the provider."""


class Unreadable(Exception):  # noqa: N818 -- it says what happened
    """The receipt comes from the provider, and is not what the provider is known to send."""


class NotNow(Exception):  # noqa: N818 -- it says what happened
    """Whether the receipt comes from the provider cannot be found out now: it shall be sent again."""

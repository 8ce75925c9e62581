"""Channels: a message in, a provider out. They know no account and no journey."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Letter:
    """The words of one message, in one language."""

    subject: str
    text: str
    html: str


class Away(Exception):  # noqa: N818 -- it says what happened
    """The provider cannot be reached or does not take messages now: try again later."""


class Refused(Exception):  # noqa: N818 -- it says what happened
    """The provider will never take this message for this recipient."""

"""What a method is to the journey. Each is one file that `registry` names; what the journey has to know is a `Way`."""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeGuard
from uuid import UUID

from idp.plugins import audit
from idp.plugins.delivery import Message
from idp.plugins.factors import Shown
from idp.plugins.hooks import Letter, Text
from idp.plugins.web import Choice


class Method(Protocol):
    """A way of proving."""

    id: str

    def title(self) -> str:
        """What it is called in a sentence."""

    def choice(self) -> Choice:
        """How it is offered."""


class MessageMethod(Method, Protocol):
    """A method that sends a code to an address its owner types in full."""

    channel: str
    #: The kind of its messages in the outbox.
    kind: str

    def fault(self, typed: str) -> str:
        """What is wrong with the form of the typed address, in words; empty if nothing is."""

    def meant(self, typed: str) -> str:
        """The one spelling of what was typed, if there is nothing wrong with its form."""

    def words(self, message: Message, *, language: str) -> Letter | Text | None:
        """The message with its code, written by the worker. None if it is of no more use."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came from a browser in reply, and which browser that is."""

    text: str = field(repr=False)
    browser_hash: str
    origin: audit.Origin


class HeldMethod(Method, Protocol):
    """A method that asks for what its owner has already: nothing is sent."""

    #: Whether somebody could get it right by guessing.
    guessable: bool

    def fault(self, text: str) -> str:
        """What is wrong with the form of an answer, in words; empty if nothing is. It costs no try."""

    def place(self) -> AbstractContextManager[None]:
        """What has to be had before a try is counted. Raises hashing.Busy."""

    def judge(self, subject: UUID | None, answer: Answer, *, now: datetime) -> Shown | None:
        """What was shown, if it is the account's; then it is used up. The same work for nobody's account (None)."""


def sends(method: Method | None) -> TypeGuard[MessageMethod]:
    """Whether it is a method that sends a code."""
    return hasattr(method, "channel")


def asks_for_held(method: Method | None) -> TypeGuard[HeldMethod]:
    """Whether it is a method that asks for what is there already."""
    return hasattr(method, "judge")

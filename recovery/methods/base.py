"""What a method is to the journey."""

from typing import Protocol

from idp.plugins.delivery import Message
from idp.plugins.hooks import Letter, Text
from idp.plugins.web import Choice


class MessageMethod(Protocol):
    """A method that sends a code to an address its owner types in full."""

    id: str
    channel: str
    #: The kind of its messages in the outbox.
    kind: str

    def choice(self) -> Choice:
        """How it is offered."""

    def fault(self, typed: str) -> str:
        """What is wrong with the form of the typed address, in words; empty if nothing is."""

    def meant(self, typed: str) -> str:
        """The one spelling of what was typed, if there is nothing wrong with its form."""

    def words(self, message: Message, *, language: str) -> Letter | Text | None:
        """The message with its code, written by the worker. None if it is of no more use."""

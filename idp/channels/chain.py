"""Several providers in order, and a hand-over in two halves.

First half: is a provider there? Everybody's message takes it, also nobody's, and what comes of it may be told on a
page. Second half: will it take this message? Only messages to somebody get there, so nothing of it may be told.

A provider that was in trouble rests for a while: it is asked last, so that the next message does not wait for it.
Each half goes on to the next provider; a message that two of them took says the same twice, because codes are derived.
"""

from collections.abc import Sequence
from time import monotonic
from typing import Any, Generic, Protocol, TypeVar

import structlog

from idp.channels import Away, Bounced, Deferred, Handed, Refused, Unknown

log = structlog.get_logger(__name__)

#: For one attempt with all providers together: less than a task may take, so that the worker lives to note the result.
SECONDS = 15.0
#: For one half of it with one provider.
SECONDS_EACH = 7.0
#: How long a provider in trouble is asked last.
_REST = 30.0

WordsT_contra = TypeVar("WordsT_contra", contravariant=True)


class Provider(Protocol[WordsT_contra]):
    """One provider of a channel."""

    @property
    def name(self) -> str:
        """What it is called in logs, metrics, and the address its receipts come to."""

    def open(self, *, seconds: float) -> None:
        """Find out whether it is there, within the time. Raises Away."""

    def send(self, words: WordsT_contra, *, to: str, key: str, seconds: float) -> str:
        """Hand over, after `open`. Returns what it calls the message. Raises Refused, Bounced, Deferred or Unknown."""

    def release(self) -> None:
        """Let go of it after `open`, whatever came of it. What can be used again may be kept."""


_in_trouble: dict[str, float] = {}


class Line(Generic[WordsT_contra]):
    """One message's way to whichever provider is there: a context. Entering is the first half; raises Away."""

    def __init__(self, providers: Sequence[Provider[WordsT_contra]]) -> None:
        self._left = sorted(providers, key=lambda each: _is_resting(each.name))
        self._deadline = monotonic() + SECONDS
        self._open: Provider[WordsT_contra] | None = None

    def __enter__(self) -> "Line[WordsT_contra]":
        self._advance()
        return self

    def __exit__(self, *_raised: object) -> None:
        self._release()

    @property
    def provider(self) -> str:
        """Which one was found."""
        return self._open.name if self._open else ""

    def send(self, words: WordsT_contra, *, to: str, key: str) -> Handed:
        """The second half. Raises Bounced, Refused (nobody will take it), Deferred or Unknown (try again later)."""
        problem: Away | Refused | None = None
        while self._open is not None:
            provider = self._open
            try:
                reference = provider.send(words, to=to, key=key, seconds=self._seconds())
            except Bounced:
                # Another provider would be told the same by the same mailbox, only later.
                raise
            except (Refused, Away) as error:
                _note(provider, error)
                problem = _graver(problem, error)
                self._go_on()
            else:
                _in_trouble.pop(provider.name, None)
                return Handed(provider=provider.name, reference=reference)
        raise problem or Deferred("out of time")

    def _advance(self) -> None:
        """Open the next provider that is there. Raises Away if none is."""
        reasons = []
        while self._left and self._seconds() > 0:
            provider = self._left.pop(0)
            try:
                provider.open(seconds=self._seconds())
            except Away as error:
                provider.release()
                _rest(provider.name)
                log.warning("provider away", provider=provider.name, error=str(error), alarm="provider")
                reasons.append(f"{provider.name}: {error}")
            else:
                self._open = provider
                return
        raise Away("; ".join(reasons) or "out of time")

    def _go_on(self) -> None:
        self._release()
        try:
            self._advance()
        except Away:
            self._open = None

    def _release(self) -> None:
        if self._open is not None:
            self._open.release()
            self._open = None

    def _seconds(self) -> float:
        return min(SECONDS_EACH, self._deadline - monotonic())


def forget_trouble() -> None:
    """Ask every provider in its order again."""
    _in_trouble.clear()


def _note(provider: Provider[Any], error: Away | Refused) -> None:
    log.warning("provider did not take it", provider=provider.name, kind=type(error).__name__, error=str(error))
    if isinstance(error, Unknown):
        _rest(provider.name)


def _graver(before: Away | Refused | None, error: Away | Refused) -> Away | Refused:
    """What is told of several: that it may have been taken; else that it may be later; else that it never will."""
    if before is None or isinstance(error, Unknown):
        return error
    if isinstance(before, Away):
        return before
    return error


def _rest(name: str) -> None:
    _in_trouble[name] = monotonic() + _REST


def _is_resting(name: str) -> bool:
    return _in_trouble.get(name, 0.0) > monotonic()

"""Not asking again what has just not answered: whoever waits for it would wait once for each time it is asked."""

from collections.abc import Callable
from threading import Lock
from time import monotonic


class Breaker:
    """Lets everybody through until something fails; then one asks in each `pause`, and the others need not wait.

    It belongs to one process and its threads. Time is the process's own, which no clock that is set moves.
    """

    def __init__(self, *, pause: float, clock: Callable[[], float] = monotonic) -> None:
        self._pause = pause
        self._clock = clock
        self._lock = Lock()
        #: Until when nobody is let through; None while all is well.
        self._shut_until: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether the last one who asked had no answer: open as a fuse is, through which nothing flows."""
        return self._shut_until is not None

    def lets_through(self) -> bool:
        """Whether to ask. After a failure the first to come when the pause is over asks for all the others."""
        with self._lock:
            if self._shut_until is None:
                return True
            if self._clock() < self._shut_until:
                return False
            self._shut_until = self._clock() + self._pause
            return True

    def failed(self) -> bool:
        """It did not answer. True if it did before: once for each outage."""
        with self._lock:
            was_well = self._shut_until is None
            self._shut_until = self._clock() + self._pause
            return was_well

    def succeeded(self) -> bool:
        """It answered. True if it did not before."""
        with self._lock:
            was_away = self._shut_until is not None
            self._shut_until = None
            return was_away

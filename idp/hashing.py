"""Where passwords are hashed: in a few threads of their own, with a short line before them.

A hash is made to take time. Were it made in the thread of its request, a burst of sign-ins would hold every
thread of the server, and the endpoints that applications live on would wait behind passwords. So only so many are
hashed at a time in one process, so many more may wait, and whoever comes when the line is full is told so at once
(`Busy`, a page with status 503). Hashing and waiting together are always fewer than the server's threads.

A place is taken *before* anything is counted: a try that is never judged must not pause anybody. Whoever has a place
hashes at once.

Threads instead of processes: every scheme lets go of the interpreter while it works, and no password leaves the
process. Threads of our own instead of the request's, because only a thread's own priority can be lowered, and never
be raised again: tokens go before passwords on a processor that both want.

Only requests are refused. A command or a worker that hashes waits for its turn.
"""

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import Final, ParamSpec, TypeVar

import structlog
from django.core.signals import setting_changed
from django.dispatch import receiver

from idp.conf import Policy, policy

log = structlog.get_logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

RETRY_AFTER: Final = 5
"""Seconds after which somebody who was refused should come again."""

_NICENESS: Final = 10
_SECONDS_BETWEEN_LINES: Final = 1


class Busy(Exception):  # noqa: N818 -- it says what happened
    """Everybody who may hash or wait is there already. Nothing was begun, so nothing has to be undone."""


@contextmanager
def impatient() -> Iterator[None]:
    """Whoever wants to hash inside is refused rather than kept waiting for long. Requests run inside."""
    before = _impatient.set(True)
    try:
        yield
    finally:
        _impatient.reset(before)


@contextmanager
def place() -> Iterator[None]:
    """Hold the right to hash, for all of the block, or raise Busy before it begins. Also a decorator.

    A block inside a block of the same thread needs no second place.
    """
    if _mine.get() is not None:
        yield
        return
    pool = _pool()
    pool.enter(patient=not _impatient.get())
    before = _mine.set(pool)
    try:
        yield
    finally:
        _mine.reset(before)
        pool.leave()


def run(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do expensive work in the pool, in a place of its own if the caller has none; its errors are the caller's.

    The work must not touch the database: its thread has no connection, and would keep one.
    """
    with place():
        pool = _mine.get() or _pool()
        return pool.threads.submit(work, *args, **kwargs).result()


class Pool:
    """So many threads, and before them a line in which nobody is overtaken. One for each process."""

    def __init__(self, *, threads: int, queue: int, patience: timedelta) -> None:
        self.size = threads
        # Threads start when there is something to do.
        self.threads = ThreadPoolExecutor(threads, "hashing", initializer=_step_back)
        self._queue = queue
        self._patience = patience.total_seconds()
        self._lock = threading.Lock()
        self._hashing = 0
        self._line: deque[threading.Event] = deque()
        self._refused = 0
        self._said_at = -float(_SECONDS_BETWEEN_LINES)

    def enter(self, *, patient: bool) -> None:
        """Take one of the places, at once or when it is our turn. Raises Busy, but never to the patient."""
        with self._lock:
            if self._hashing < self.size:
                self._hashing += 1
                return
            if not patient and len(self._line) >= self._queue:
                self._refuse()
            turn = threading.Event()
            self._line.append(turn)
        if turn.wait(None if patient else self._patience):
            return
        with self._lock:
            if not turn.is_set():  # else it came in the very last moment
                self._line.remove(turn)
                self._refuse()

    def leave(self) -> None:
        """Hand the place to whoever has waited longest, or give it back."""
        with self._lock:
            if self._line:
                self._line.popleft().set()
            else:
                self._hashing -= 1

    def _refuse(self) -> None:
        """Raise, and say so: at most one line a second, or the log would be the next thing to be full."""
        self._refused += 1
        now = time.monotonic()
        if now - self._said_at >= _SECONDS_BETWEEN_LINES:
            log.warning(
                "hashing is full",
                alarm="hashing",
                hashing=self._hashing,
                waiting=len(self._line),
                refused=self._refused,
            )
            self._said_at, self._refused = now, 0
        raise Busy


def size(numbers: Policy, *, cpus: int) -> int:
    """How many passwords one web process hashes at a time, unless the policy says: its share of the processors.

    With those who wait, no more than half of its threads: somebody who has just been let in is still at work when the
    next one has a place already.
    """
    if numbers.hashing_threads:
        return numbers.hashing_threads
    return max(1, min(cpus // numbers.web_processes, numbers.web_threads // 2 - numbers.hashing_queue))


# --- One for each process ---------------------------------------------------------------------------------

_impatient: ContextVar[bool] = ContextVar("impatient", default=False)
#: The pool in which this thread has a place.
_mine: ContextVar["Pool | None"] = ContextVar("mine", default=None)
_making = threading.Lock()
_made: list[Pool] = []


def _pool() -> Pool:
    with _making:
        if not _made:
            numbers = policy()
            _made.append(
                Pool(
                    threads=size(numbers, cpus=_cpus()),
                    queue=numbers.hashing_queue,
                    patience=numbers.hashing_patience,
                ),
            )
        return _made[0]


def _cpus() -> int:
    """Those that this process may use, where the system tells."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _step_back() -> None:
    """Let this thread go behind the others. On Linux, and nowhere else, a thread has a priority of its own."""
    if sys.platform == "linux":
        os.nice(_NICENESS)


def _forget() -> None:
    """A child process has none of its parent's threads or places, and perhaps a lock that nobody will release."""
    global _making  # noqa: PLW0603 -- as above
    _making = threading.Lock()
    _made.clear()
    _mine.set(None)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


@receiver(setting_changed)
def _forget_numbers(*, setting: str, **_kwargs: object) -> None:
    if setting == "IDP":
        _made.clear()

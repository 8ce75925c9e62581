"""Every place for hashing is taken, and every place in the line: what a burst of sign-ins does to a process."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from idp import hashing
from idp.conf import policy


@contextmanager
def full_pool() -> Iterator[None]:
    """Hold the pool of this process full, with threads that hold real places, until the end of the block."""
    pool, waiting = hashing._pool(), policy().hashing_queue
    over = Event()

    def occupy() -> None:
        with hashing.place():
            over.wait(60)

    crowd = [Thread(target=occupy) for _ in range(pool.size + waiting)]
    try:
        for one in crowd:
            one.start()
        until(lambda: occupancy(pool) == (pool.size, waiting))
        yield
    finally:
        over.set()
        for one in crowd:
            one.join(60)
    assert occupancy(pool) == (0, 0), "every place was given back"


def occupancy(pool: hashing.Pool) -> tuple[int, int]:
    """How many hash, and how many wait."""
    return pool._hashing, len(pool._line)


def until(is_so) -> None:
    for _glance in range(6000):
        if is_so():
            return
        time.sleep(0.005)
    raise AssertionError("it never came to that")

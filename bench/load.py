"""The closed loop: so many callers, each begins its next turn when the last one has ended; and what it cost."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier, Thread
from time import monotonic

_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, kw_only=True)
class Measured:
    turns: int
    seconds: float
    #: CPU of the provider's own processes, and of its database or Redis.
    own_cpu: float
    store_cpu: float
    errors: tuple[str, ...]

    @property
    def per_second(self) -> float:
        return self.turns / self.seconds

    @property
    def own_ms(self) -> float:
        return 1000 * self.own_cpu / max(self.turns, 1)

    @property
    def store_ms(self) -> float:
        return 1000 * self.store_cpu / max(self.turns, 1)


def measure(
    begin: Callable[[int], Callable[[], None]],
    *,
    callers: int,
    seconds: float,
    own: Iterable[int],
    store: Iterable[int],
) -> Measured:
    """Run `begin(number)` for each caller, warm up a little, then count whole turns for `seconds`."""
    own, store = tuple(own), tuple(store)
    turns = [begin(number) for number in range(callers)]
    for turn in turns:
        for _warm in range(3):
            turn()
    counts, errors = [0] * callers, []
    ready = Barrier(callers + 1)
    end = [0.0]

    def call(number: int) -> None:
        ready.wait()
        while monotonic() < end[0]:
            try:
                turns[number]()
            except Exception as error:  # noqa: BLE001 -- whatever it is, the measurement is worth nothing
                errors.append(f"{type(error).__name__}: {error}"[:500])
                return
            counts[number] += 1

    threads = [Thread(target=call, args=(number,), daemon=True) for number in range(callers)]
    for thread in threads:
        thread.start()
    cpu_before = cpu(own), cpu(store)
    began = monotonic()
    end[0] = began + seconds
    ready.wait()
    for thread in threads:
        thread.join()
    took = monotonic() - began
    return Measured(
        turns=sum(counts),
        seconds=took,
        own_cpu=cpu(own) - cpu_before[0],
        store_cpu=cpu(store) - cpu_before[1],
        errors=tuple(errors),
    )


def cpu(roots: Iterable[int]) -> float:
    """Seconds of CPU that these processes and all their descendants have used, those that ended included."""
    parents, used = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        pid = int(stat.parent.name)
        parents[pid] = int(fields[1])
        used[pid] = sum(int(value) for value in fields[11:15]) / _TICK
    wanted = set(roots)
    total = 0.0
    for pid, seconds in used.items():
        ancestor = pid
        while ancestor in parents and ancestor not in wanted:
            ancestor = parents[ancestor]
        if ancestor in wanted:
            total += seconds
    return total

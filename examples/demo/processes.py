"""The demo's programs, side by side: all run, or none."""

import os
import shlex
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Thread

from honcho.manager import Manager

from examples.demo.environment import ROOT


@dataclass(frozen=True)
class Program:
    name: str
    command: tuple[str, ...]
    settings: dict[str, str] = field(default_factory=dict)


def python(module: str, *arguments: str) -> tuple[str, ...]:
    """The command that runs a module with the Python we run on."""
    return (sys.executable, "-m", module, *arguments)


def ask_to_end(pid: int) -> None:
    """Ask the program itself, which ends its children in its own way; honcho would ask them all at once."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)


class Together(Manager):
    """Honcho, made safe for an impatient Ctrl-C, a closed terminal, and Redis being needed to the last."""

    def __init__(
        self,
        programs: list[Program],
        environment: dict[str, str],
        *,
        once_started: Callable[[], None],
    ) -> None:
        super().__init__()
        self._once_started = once_started
        self._stopping = False
        self._redis_asked = False
        for program in programs:
            # `exec`: honcho's shell becomes the program, so that signals and status are the program's own.
            command = f"exec {shlex.join(program.command)}"
            self.add_process(program.name, command, env=environment | program.settings, cwd=str(ROOT))

    def run(self) -> int:
        """Until Ctrl-C, or until one of them ends; its status is ours. Leaves no process behind."""
        signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
        try:
            self.loop()
        finally:
            self.kill()  # whatever went wrong here, for instance a terminal that can no longer be written to
        status = self.returncode or 0
        return status if status >= 0 else 128 - status  # as shells count signals

    def terminate(self) -> None:
        """Ask all of them to end; honcho can only ask those whose number it has read, so wait for them."""
        self._stopping = True
        if super()._all_started():
            super().terminate()

    def _start(self) -> None:
        super()._start()
        Thread(target=self._once_started, daemon=True).start()  # after the forks, which threads disturb

    def _all_started(self) -> bool:
        """Honcho's loop asks this several times a second, so it is the place for what was put off."""
        started: bool = super()._all_started()
        if started and self._stopping:
            super().terminate()
            running = {name for name, state in self._processes.items() if "returncode" not in state}
            if running == {"redis"} and not self._redis_asked:
                self._redis_asked = True
                ask_to_end(self._processes["redis"]["pid"])
        return started

    def _killall(self, force: bool = False) -> None:  # noqa: FBT001, FBT002 -- honcho's signature
        """Redis goes last: a worker that has lost it spends its last seconds looking for it."""
        send = self._procmgr.kill if force else ask_to_end
        for name, state in self._processes.items():
            known, ended = "pid" in state, "returncode" in state
            if known and not ended and (force or name != "redis"):
                send(state["pid"])

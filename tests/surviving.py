"""A pytest plug-in for the runs of `make test`: a process that crashes takes one test with it, and the run goes on.

What pytest-xdist 3.8 does by itself: the test that crashed is run again, by the next process, which it crashes as well;
and a process that is handed a single test waits for ever to hear which one follows.
"""

from contextlib import suppress

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling:
    return Surviving(config, log)


class Surviving(LoadFileScheduling):
    """File by file."""

    def remove_node(self, node: WorkerController) -> str | None:
        """Gives the test that crashed, which has failed with that. What its process had not begun is for others."""
        workload = self.assigned_work.pop(node)
        left = [(file, test) for file, tests in workload.items() for test, is_over in tests.items() if not is_over]
        if not left:
            return None
        file, crashed = left[0]
        workload[file][crashed] = True
        self.workqueue.update({file: tests for file, tests in workload.items() if not all(tests.values())})
        for other in self.assigned_work:
            self._reschedule(other)
        return crashed

    def _assign_work_unit(self, node: WorkerController) -> None:
        """A process that has just crashed takes nothing more. That it has is heard next, and gives the work back."""
        with suppress(OSError):
            super()._assign_work_unit(node)

    def _reschedule(self, node: WorkerController) -> None:
        """A process needs two tests, or to hear that there are no more: it begins none without knowing the next."""
        if node not in self.registered_collections:
            return  # it has just come, and says itself when it is ready
        super()._reschedule(node)
        while not node.shutting_down and self._pending_of(self.assigned_work[node]) < 2:
            super()._reschedule(node)

"""Is the connection still there? Django asks the server, once a request; we look at the socket first.

An idle connection has nothing to read. If it has, the server has hung up or has something to say, and then it is
asked. So a restart of the server is seen as before, and two of six questions of a code flow are saved.
"""

from select import POLLIN, poll

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):  # type: ignore[misc]
    """What `ENGINE` names."""

    def is_usable(self) -> bool:
        """Whether the connection can go on; it is asked only where there is a reason to."""
        if self.connection is None or self.connection.closed:
            return False
        if not self.errors_occurred and not _has_something_to_read(self.connection.fileno()):
            return True
        return bool(super().is_usable())


def _has_something_to_read(descriptor: int) -> bool:
    looking = poll()
    looking.register(descriptor, POLLIN)
    return bool(looking.poll(0))

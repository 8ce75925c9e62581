"""Spans, for whoever collects traces. Unless somebody does (config.tracing calls `use`), they cost nothing.

A span is named after what is done and carries ids and numbers: no address of a page with its parameters, no person.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

Attributes = dict[str, str | int]
#: Begins a span and ends it; what was put into the dictionary meanwhile is noted with it.
Tracer = Callable[[str, Attributes], AbstractContextManager[None]]

_tracers: list[Tracer] = []


def use(tracer: Tracer) -> None:
    """From now on spans go to `tracer` and to no other."""
    _tracers[:] = [tracer]


@contextmanager
def span(name: str, **attributes: str | int) -> Iterator[Attributes]:
    """Something that takes time. What is only known at its end is put into the dictionary."""
    noted: Attributes = dict(attributes)
    if not _tracers:
        yield noted
        return
    with _tracers[0](name, noted):
        yield noted

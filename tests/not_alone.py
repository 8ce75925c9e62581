"""A pytest plug-in for the first run: without what the two others have between them.

A test of `idp` that touches a database is run on SQLite without recovery ("idp alone") and on PostgreSQL with it. A
third time, on SQLite with recovery, would show nothing that these do not; recovery's own tests, the journeys and the
attacks show the two together there.
"""

import pytest

from tests.database_only import touches_a_database


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    alone = config.rootpath / "tests" / "idp"
    left_out = [item for item in items if item.path.is_relative_to(alone) and is_run_on_postgres(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in set(left_out)]


def is_run_on_postgres(item: pytest.Item) -> bool:
    marks = {mark.name for mark in item.iter_markers()}
    return touches_a_database(item) and not marks & {"browser", "interop", "once"}

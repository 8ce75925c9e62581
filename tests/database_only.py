"""A pytest plug-in for the second run: only what can behave differently on another database."""

import pytest

TOUCHING = {"db", "transactional_db", "django_db_reset_sequences", "live_server"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    kept = [item for item in items if touches_a_database(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def touches_a_database(item: pytest.Item) -> bool:
    """By its mark or its fixtures; programs of their own (`processes`) bring a database with them."""
    fixtures = set(getattr(item, "fixturenames", ()))
    return bool(fixtures & TOUCHING) or any(item.iter_markers("django_db")) or any(item.iter_markers("processes"))

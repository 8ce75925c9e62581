"""A pytest plug-in for the runs of `make test`: the files that take longest come first.

Files are handed to the processes one after another, whole. Were a long one the last, everybody else would wait for it.
"""

import pytest

#: Files that take more than half a minute, the longest first, and directories whose files take longer than others do.
LONGEST = (
    "attacks/test_timing.py",
    "attacks/test_bad_input.py",
    "browser/test_ways_back.py",
    "browser/test_the_whole_way.py",
    "browser/test_console.py",
    "interop/test_applications.py",
    "browser/test_beside_the_way.py",
    "faults/test_workers.py",
    "idp/console/test_door.py",
    "attacks/test_enumeration.py",
    "faults/test_mail_servers.py",
    "recovery/test_step_skipping.py",
    "browser/test_account_pages.py",
    "browser/test_telephones.py",
    "faults/test_redis_elsewhere.py",
    "browser/test_second_factors.py",
    "faults/test_redis.py",
    "faults/test_database_away.py",
    "faults/test_soak.py",
    "browser/test_passkeys.py",
    "browser",
    "recovery/test_long_codes.py",
    "attacks/test_roles.py",
    "journeys/test_ways_back.py",
    "faults",
    "interop",
    "recovery",
    "attacks",
)
_RANKS = {name: rank for rank, name in enumerate(LONGEST)}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    tests = config.rootpath / "tests"
    items.sort(key=lambda item: rank(item.path.relative_to(tests).as_posix()))


def rank(name: str) -> int:
    folder, _slash, _file = name.rpartition("/")
    return _RANKS.get(name, _RANKS.get(folder, len(LONGEST)))

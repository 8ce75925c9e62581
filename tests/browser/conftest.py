"""One Regain for all of these tests; a machine that lacks a part says which, and under CI that is a failure."""

import os

import pytest

from tests.processes import Regain, running
from tests.servers import Missing


@pytest.fixture(scope="session")
def regain(tmp_path_factory) -> Regain:
    """A whole Regain, in processes of its own. It is shared: whoever stops a part starts it again."""
    try:
        with running(tmp_path_factory.mktemp("regain")) as whole:
            yield whole
    except Missing as missing:
        lacking(str(missing))


def lacking(what: str) -> None:
    """Skip, or fail where nothing may be skipped."""
    if os.environ.get("CI", "").lower() in {"1", "true", "yes"}:
        pytest.fail(what)
    pytest.skip(what)

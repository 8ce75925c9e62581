"""One Regain for all of these tests; a machine that lacks a part says which, and under CI that is a failure."""

import os

import pytest

from tests.browser.screen import Screen, chromium
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


@pytest.fixture(scope="module")
def browser():
    """Chromium, for one file: while it runs, this thread passes for an asynchronous one."""
    try:
        with chromium() as started:
            yield started
    except Missing as missing:
        lacking(str(missing))


@pytest.fixture
def screen(browser, request) -> Screen:
    """A window of its own; its pictures go into an album named after the test."""
    name = request.node.name.removeprefix("test_")
    opened = Screen(browser, name, scripts=name != "without_scripts")
    yield opened
    opened.close()


def lacking(what: str) -> None:
    """Skip, or fail where nothing may be skipped."""
    if os.environ.get("CI", "").lower() in {"1", "true", "yes"}:
        pytest.fail(what)
    pytest.skip(what)

"""A minute of `make soak`."""

import pytest

from tests.browser.conftest import lacking
from tests.faults.soak import soak
from tests.servers import Missing

pytestmark = [pytest.mark.processes, pytest.mark.once]


def test_while_workers_die_and_redis_restarts_each_code_comes_and_is_one_code(tmp_path):
    try:
        report = soak(tmp_path, requests=200, seconds=12, kill_every=4, redis_restarts=1)
    except Missing as missing:
        lacking(str(missing))
    assert not report.faults, str(report)
    assert report.asked == 200
    assert report.kills >= 2
    assert report.restarts == 1

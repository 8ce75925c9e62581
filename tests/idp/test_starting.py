"""Worker and beat refuse to start where the web process does: with keys that do not open what is there."""

import secrets
import subprocess
from base64 import b64encode
from contextlib import contextmanager

import pytest

from tests.processes import (
    PEOPLE,
    ROOT,
    Regain,
    database,
    environment,
    import_people,
    in_folder,
    paper_metadata,
    provider,
    register,
)
from tests.servers import free_port

pytestmark = pytest.mark.processes
UNFIT = "This provider is not fit to start: "
LACKS = "REGAIN_ROOT_KEYS lacks a key that rows of the kind credential were sealed with"


@pytest.fixture(scope="module")
def settled(tmp_path_factory):
    """A provider that has people, and no program that runs. Redis is not needed to be refused."""
    folder = tmp_path_factory.mktemp("unfit")
    port = free_port()
    with database(folder) as url:
        known = environment(port=port, database=url, redis="redis://127.0.0.1:1/0", mail="smtp://127.0.0.1:1")
        regain = Regain(
            folder=folder,
            issuer=known["REGAIN_ISSUER"],
            application="",
            database_url=url,
            redis=None,
            mail=None,
            environment=known | {"METRICS_DIR": str(folder / "metrics")},
        )
        regain.manage("migrate", "--verbosity", "0")
        import_people(regain, PEOPLE.split()[:1])
        yield regain


@contextmanager
def other_keys(regain, keys):
    """Every program that is started meanwhile has these root keys."""
    known = regain.environment
    regain.environment = known | {"REGAIN_ROOT_KEYS": keys}
    try:
        yield
    finally:
        regain.environment = known


def started(regain, program, *, seconds, **variables):
    """The program of the Procfile: its status and what it printed; None if it still runs after so long."""
    process = subprocess.Popen(
        in_folder(provider()[program], regain.folder),
        env=regain.environment | variables,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        text=True,
    )
    try:
        printed, _nothing = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.terminate()
        printed, _nothing = process.communicate(timeout=60)
        return None, printed
    return process.returncode, printed


@pytest.mark.parametrize("program", ["worker", "beat"])
def test_with_the_right_ones_it_starts(settled, program):
    status, printed = started(settled, program, seconds=20)
    assert "not fit to start" not in printed
    assert status is None, printed


@pytest.mark.parametrize("program", ["worker", "beat"])
def test_keys_of_somebody_else_keep_it_from_starting(settled, program):
    with other_keys(settled, "t9:" + b64encode(secrets.token_bytes(32)).decode()):
        status, printed = started(settled, program, seconds=120)
    assert status == 1, printed
    assert f"{UNFIT}the head of the audit chain is not sealed with any of REGAIN_ROOT_KEYS" in printed


@pytest.mark.parametrize("program", ["worker", "beat"])
def test_a_database_that_is_away_is_waited_for(settled, program, tmp_path):
    nowhere = f"sqlite:////{tmp_path / 'none' / 'regain.sqlite3'}"
    status, printed = started(settled, program, seconds=20, DATABASE_URL=nowhere)
    assert "not fit to start" not in printed
    assert status is None, printed


def test_a_key_that_rows_still_need_keeps_both_from_starting(settled):
    """Somebody put a new key in front, and took the old one away without sealing the rows anew. The last test here."""
    new = "t9:" + b64encode(secrets.token_bytes(32)).decode()
    with other_keys(settled, f"{new},{settled.environment['REGAIN_ROOT_KEYS']}"):
        # The head of the history is sealed anew by the next entry.
        register(settled, paper_metadata())
    with other_keys(settled, new):
        for program in ("worker", "beat"):
            status, printed = started(settled, program, seconds=120)
            assert status == 1, printed
            assert f"{UNFIT}{LACKS}" in printed
            assert "Traceback" not in printed

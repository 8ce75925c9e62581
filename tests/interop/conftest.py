"""One Regain for all of these tests, and each application of others once."""

import os
from contextlib import ExitStack

import pytest

from tests.interop import peers
from tests.interop.peers import Peer, Running
from tests.interop.person import Person
from tests.processes import Regain
from tests.processes import running as whole
from tests.servers import Missing


@pytest.fixture(scope="session")
def regain(tmp_path_factory) -> Regain:
    """A whole Regain, in processes of its own."""
    try:
        # The applications are told of sign-outs on this machine.
        with whole(tmp_path_factory.mktemp("interop"), OUTBOUND_ALLOW="127.0.0.1") as running:
            yield running
    except Missing as missing:
        lacking(str(missing))


@pytest.fixture(scope="session")
def start(regain):
    """Gives a running application, started when it is first asked for."""
    started: dict[str, Running | Missing] = {}
    with ExitStack() as programs:

        def given(peer: Peer) -> Running:
            if peer.name not in started:
                try:
                    started[peer.name] = programs.enter_context(peers.running(peer, regain))
                except Missing as missing:
                    started[peer.name] = missing
            running = started[peer.name]
            if isinstance(running, Missing):
                lacking(str(running))
            return running

        yield given


@pytest.fixture(scope="session")
def who(regain):
    return regain.somebody()


@pytest.fixture
def person(regain, who) -> Person:
    """Always the same one, at a browser that is new."""
    return Person(regain, who)


def lacking(what: str) -> None:
    """Skip, or fail where nothing may be skipped."""
    if os.environ.get("CI", "").lower() in {"1", "true", "yes"}:
        pytest.fail(what)
    pytest.skip(what)

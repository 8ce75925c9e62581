"""A Regain for each file of faults, whose mail server does as it is told."""

import asyncio
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from typing import Any

import pytest

from tests.browser.conftest import lacking
from tests.browser.visitor import Visitor
from tests.processes import Program, Regain, running
from tests.servers import Missing, SmtpSink, wait_until

#: The sweeper looks every five seconds.
SWEPT_WITHIN = 9


class SlowSink(SmtpSink):
    """A mail server that takes its time for letters that are `slow`: before it keeps one, or before it says so."""

    def __init__(self) -> None:
        super().__init__()
        self.before = 0.0
        self.after = 0.0
        self.slow: Callable[[bytes], bool] = lambda _letter: True
        #: How many letters are being taken at this moment.
        self.at_work = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 -- aiosmtpd names it
        slow = self.slow(envelope.original_content)
        self.at_work += 1
        try:
            if slow:
                await self._wait("before")
            answer = await super().handle_DATA(server, session, envelope)
            if slow:
                await self._wait("after")
        finally:
            self.at_work -= 1
        return answer

    async def _wait(self, when: str) -> None:
        """In small pieces, so that a test that is over does not leave anybody waiting."""
        waited = 0.0
        while waited < getattr(self, when):
            await asyncio.sleep(0.05)
            waited += 0.05

    def to(self, address: str) -> list[EmailMessage]:
        return [letter for letter in self.letters if letter["To"] == address]


@pytest.fixture(scope="module")
def regain(tmp_path_factory) -> Iterator[Regain]:
    try:
        with running(tmp_path_factory.mktemp("faults"), mail=SlowSink()) as whole:
            until_ready(whole.programs["worker"])
            yield whole
    except Missing as missing:
        lacking(str(missing))


@pytest.fixture
def mail(regain) -> Iterator[SlowSink]:
    """The mail server, quick again and friendly when the test is over."""
    regain.mail.clear()
    yield regain.mail
    regain.mail.before = regain.mail.after = 0.0
    regain.mail.slow = lambda _letter: True
    regain.mail.refusal = ""


def until_ready(worker: Program) -> None:
    """Until a worker says so: its children are there then."""
    wait_until(lambda: worker.log.read_bytes().count(b" ready.") == worker.starts, "the worker", seconds=30)


def goes_on(visitor: Visitor, code: str) -> bool:
    """The code is good."""
    visitor.open("/recovery/code/")
    visitor.submit(code=code)
    return visitor.name == "recovery-new-password"


def states(regain: Regain, person) -> list[str]:
    return [state for (state,) in of(regain, person, "m.state")]


def attempts(regain: Regain, person) -> int:
    ((number,),) = of(regain, person, "m.attempts")
    return number


def of(regain: Regain, person, what: str) -> list[tuple]:
    """Something of each code for this person."""
    return regain.rows(
        f"SELECT {what} FROM idp_message m JOIN idp_user u ON u.id = m.user_id"
        " WHERE u.preferred_username = %s AND m.queue = 'otp'",
        person.username,
    )

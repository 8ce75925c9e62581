"""PostgreSQL stops and comes back: a static page meanwhile, nothing let through, and what was promised still comes."""

import os
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.browser.conftest import lacking
from tests.browser.visitor import Visitor, ask_for_a_code, code_in, mail_to, sign_in
from tests.faults.conftest import SWEPT_WITHIN, SlowSink, goes_on, states, until_ready
from tests.processes import METRICS_TOKEN, running
from tests.servers import Missing, PostgresServer, wait_until

pytestmark = [pytest.mark.processes, pytest.mark.once]


@pytest.fixture(scope="module")
def postgres():
    try:
        with tempfile.TemporaryDirectory(prefix="regain-postgres-") as name:
            server = PostgresServer(Path(name))
            server.start()
            try:
                yield server
            finally:
                server.stop()
    except Missing as missing:
        lacking(str(missing))


@pytest.fixture(scope="module")
def regain(postgres, tmp_path_factory):
    usual = os.environ.get("REGAIN_TEST_DATABASE_URL")
    os.environ["REGAIN_TEST_DATABASE_URL"] = postgres.url
    try:
        with running(tmp_path_factory.mktemp("database"), mail=SlowSink()) as whole:
            until_ready(whole.programs["worker"])
            yield whole
    except Missing as missing:
        lacking(str(missing))
    finally:
        os.environ.pop("REGAIN_TEST_DATABASE_URL")
        if usual is not None:
            os.environ["REGAIN_TEST_DATABASE_URL"] = usual


@contextmanager
def stopped(postgres):
    postgres.stop()
    try:
        yield
    finally:
        postgres.start()


def test_while_it_is_away_everybody_gets_one_sentence_and_nobody_gets_in(regain, postgres, mail):
    """FT-07."""
    person, stranger = Visitor(regain), Visitor(regain)
    for each in (person, stranger):
        each.open("/sign-in")
    jane = regain.somebody()
    with stopped(postgres):
        answers = []
        for each, name in ((person, jane.username), (stranger, "nobody-of-that-name")):
            each.submit(username=name, password="correct horse battery staple")
            assert each.status == 503
            answers.append(each.page.html)
            assert not [name for name in each.cookies if name.endswith("session")]
        assert answers[0] == answers[1], "known and unknown"
        assert requests.get(f"{regain.issuer}/readyz", timeout=10).status_code == 503
        assert requests.get(f"{regain.issuer}/readyz/delivery", timeout=10).status_code == 503
        assert requests.get(f"{regain.issuer}/healthz", timeout=10).status_code == 200
        shown = requests.get(
            f"{regain.issuer}/metrics", headers={"Authorization": f"Bearer {METRICS_TOKEN}"}, timeout=10
        )
        assert shown.status_code == 200, "that is when somebody wants to see numbers"
    person.open("/sign-in")
    sign_in(person, jane)
    assert person.name == "account"


def test_a_bell_that_rings_while_it_is_away_is_not_the_last(regain, postgres, mail):
    person, visitor = regain.somebody(), Visitor(regain)
    with regain.without("worker"):
        ask_for_a_code(visitor, person)
        with stopped(postgres):
            regain.programs["worker"].start()
            until_ready(regain.programs["worker"])
            wait_until(lambda: b"database away" in regain.logs()["worker.log"], "the worker to find nobody at home")
            regain.programs["worker"].stop()
    letter = mail_to(regain, person, seconds=SWEPT_WITHIN + 10)
    assert goes_on(visitor, code_in(letter))
    assert b"Traceback" not in regain.logs()["worker.log"]


def test_a_letter_sent_while_it_goes_away_is_sent_again_with_the_same_code(regain, postgres, mail):
    """FT-17: the provider has it, and nobody could note that."""
    person, visitor = regain.somebody(), Visitor(regain)
    mail.before = 2
    ask_for_a_code(visitor, person)
    wait_until(lambda: mail.at_work == 1, "the letter to be on the wire")
    with stopped(postgres):
        mail_to(regain, person)
        time.sleep(1)
    mail.before = 0
    assert states(regain, person) == ["sending"]
    # Its lease ended, without half a minute of waiting for it.
    regain.change("UPDATE idp_message SET due_at = created_at WHERE state = %s", "sending")
    wait_until(lambda: states(regain, person) == ["sent"], "the second letter", seconds=SWEPT_WITHIN + 15)
    letters = mail.to(person.email)
    assert len(letters) == 2
    assert len({code_in(each) for each in letters}) == 1
    assert goes_on(visitor, code_in(letters[0]))

"""How many SQL statements it takes: counted, so that nobody adds one unnoticed.

Every statement that reads or writes is counted; BEGIN, COMMIT and savepoints are not. The application's own row
and the signing keys are cached by the process, so one sign-in before has filled the caches, as in any living provider.
"""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.conftest import PASSWORD, make_client
from tests.journeys.test_forgotten_password import authorization_request, redeem
from tests.story import Person

_CONTROL = re.compile(r"^(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE)", re.IGNORECASE)


def statements(captured):
    return [each["sql"] for each in captured if not _CONTROL.match(each["sql"])]


@pytest.fixture(params=[True, False], ids=["the tenant's own application", "with remembered consent"])
def person(request, jane):
    """Somebody at a browser that signed in before, at a provider that has answered this application before."""
    make_client(skip_consent=request.param)
    person = Person()
    person.open(authorization_request())
    person.submit(username="jane", password=PASSWORD)
    if person.page.name == "consent":
        person.submit(decision="allow")
    _where, answer = person.landed
    assert redeem(answer["code"]).status_code == 200
    del person.http.cookies["__Host-regain-session"]
    return person


def test_a_full_sign_in_with_code_exchange_takes_at_most_twelve_statements(person):
    with CaptureQueriesContext(connection) as captured:
        person.open(authorization_request())
        person.submit(username="jane", password=PASSWORD)
        _where, answer = person.landed
        assert redeem(answer["code"]).status_code == 200
    assert len(statements(captured)) <= 12, "\n".join(statements(captured))


def test_an_answer_from_an_existing_session_takes_at_most_eight_statements_with_its_tokens(person):
    person.open("/sign-in")
    person.submit(username="jane", password=PASSWORD)
    with CaptureQueriesContext(connection) as captured:
        person.open(authorization_request())
        _where, answer = person.landed
        assert redeem(answer["code"]).status_code == 200
    assert len(statements(captured)) <= 8, "\n".join(statements(captured))

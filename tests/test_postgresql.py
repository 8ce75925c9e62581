"""The connection is asked whether it stands only where there is a reason to."""

import socket
from contextlib import closing

import pytest
from django.db import connection
from django.db.backends.postgresql import base as django_base

from config.postgresql.base import DatabaseWrapper


class Connection:
    """As much of a psycopg connection as is looked at."""

    closed = False

    def __init__(self, end):
        self._end = end

    def fileno(self):
        return self._end.fileno()


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        yield ours, theirs


@pytest.fixture
def asked(monkeypatch):
    """How often the server was asked; it says no."""
    questions = []

    def is_usable(wrapper):
        questions.append(wrapper)
        return False

    monkeypatch.setattr(django_base.DatabaseWrapper, "is_usable", is_usable)
    return questions


@pytest.fixture
def wrapper(ends):
    made = DatabaseWrapper({"NAME": "x", "ENGINE": "config.postgresql", "OPTIONS": {}})
    made.connection = Connection(ends[0])
    yield made
    made.connection = None


def test_a_quiet_connection_is_not_asked(wrapper, asked):
    assert wrapper.is_usable()
    assert not asked


def test_a_server_that_hung_up_is_seen(wrapper, asked, ends):
    ends[1].close()
    assert not wrapper.is_usable()
    assert len(asked) == 1


def test_a_server_that_has_something_to_say_is_asked(wrapper, asked, ends):
    ends[1].send(b"terminating connection due to administrator command")
    assert not wrapper.is_usable()
    assert len(asked) == 1


def test_after_an_error_it_is_asked(wrapper, asked):
    wrapper.errors_occurred = True
    assert not wrapper.is_usable()
    assert len(asked) == 1


def test_a_closed_connection_is_of_no_use(wrapper, asked):
    wrapper.connection.closed = True
    assert not wrapper.is_usable()
    wrapper.connection = None
    assert not wrapper.is_usable()
    assert not asked


@pytest.mark.django_db(transaction=True)
def test_the_next_request_finds_a_new_connection_when_the_server_ended_the_old_one(client):
    """On PostgreSQL its own process is ended from outside; elsewhere there is nothing to end."""
    path, host = "/authorize", {"host": "id.contoso.example"}
    asked = {"client_id": "nobody", "redirect_uri": "https://a.example/"}
    assert client.get(path, asked, secure=True, headers=host).status_code == 400
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            (pid,) = cursor.fetchone()
        with closing(connection.copy()) as other, other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        # As the start of a request does; the client of the tests keeps connections open.
        connection.health_check_enabled, connection.health_check_done = True, False
        connection.close_if_health_check_failed()
    assert client.get(path, asked, secure=True, headers=host).status_code == 400

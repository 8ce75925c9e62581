"""The log as whoever collects it reads it: one JSON object a line, who, what, when, from where, and no secret.

Written by the handler that processes have, into memory instead of standard error.
"""

import io
import json
import logging
import sys
from datetime import UTC, datetime, timedelta

import pytest
import structlog
from django.test import Client as Http
from django.utils import timezone

from idp import logs
from idp.login import views
from tests.conftest import PASSWORD
from tests.idp.factors.people import with_app
from tests.idp.oidc.conftest import Browser, basic
from tests.story import HOST, Person

#: Which write nowhere.
HARMLESS = {logging.NullHandler}
SECRET = "7f3b-not-for-anybodys-eyes"


class Log:
    """What was written since."""

    def __init__(self, handlers):
        #: Where lines go in earnest; pytest adds places of its own.
        self.places = [getattr(handler, "stream", handler) for handler in handlers]
        self.stream = io.StringIO()

    @property
    def text(self):
        return self.stream.getvalue()

    @property
    def lines(self):
        return [json.loads(line) for line in self.text.splitlines()]

    def only(self, event):
        (line,) = [line for line in self.lines if line["event"] == event]
        return line


@pytest.fixture
def log():
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    # Loggers that have spoken keep the list they began with, and later tests that capture them change that one.
    processors = structlog.get_config()["processors"]
    logs.configure({"level": "INFO"})
    structlog.configure(processors=processors)
    written = Log(root.handlers)
    root.handlers[0].setStream(written.stream)
    yield written
    root.handlers[:] = before
    root.setLevel(level)


# --- What a line says -------------------------------------------------------------------------------------


def test_a_line_says_when_where_who_and_what(log, jane):
    """ASVS 16.2.1, 16.2.2: in UTC."""
    Person().open("/sign-in")
    structlog.get_logger("idp.somewhere").info("something happened", user=str(jane.pk), network="192.0.2.0/24")
    line = log.only("something happened")
    assert (line["level"], line["logger"], line["user"]) == ("info", "idp.somewhere", str(jane.pk))
    written = datetime.fromisoformat(line["timestamp"])
    assert written.utcoffset() == timedelta(0)
    assert abs(written - timezone.now().astimezone(UTC)) < timedelta(minutes=1)


def test_whatever_ends_a_try_at_signing_in_is_a_line_with_what_was_shown(log, jane):
    """ASVS 16.3.1."""
    app = with_app(jane)
    person = Person()
    person.open("/sign-in")
    person.submit(username="jane", password="not this one")
    person.submit(username="jane", password=PASSWORD)
    person.submit(otp=app.wrong())
    person.submit(otp=app.code())
    assert person.page.name == "account"
    failed = log.only("sign-in failed")
    assert (failed["network"], failed["with_factor"]) == ("192.0.2.0/24", False)
    assert failed["request_id"]
    assert log.only("second factor asked for")["user"] == str(jane.pk)
    assert (log.only("second factor failed")["kind"], log.only("second factor right")["kind"]) == ("totp", "totp")
    assert (log.only("signed in")["user"], log.only("signed in")["amr"]) == (str(jane.pk), ["pwd", "otp", "mfa"])
    assert len({log.only(event)["request_id"] for event in ("sign-in failed", "signed in")}) == 2
    assert PASSWORD not in log.text
    assert "not this one" not in log.text


def test_the_reference_on_a_page_is_the_one_in_the_log(log, db):
    page = Person().open("/nowhere")
    assert log.only("refused")["reference"] in page
    assert log.only("refused")["status"] == 404


def test_who_may_not_is_a_line(log, signed_in):
    """ASVS 16.3.2, 16.3.3: a client, a token, a form of another site, a request that is not as registered."""
    signed_in.token(authorization=basic(secret="guessed"), grant_type="authorization_code")
    signed_in.userinfo(SECRET)
    signed_in.http.post("/account/sessions/", {"everywhere": "all"}, secure=True)
    signed_in.authorize(redirect_uri="https://evil.example/")
    warned = [line["event"] for line in log.lines if line["logger"] == "django.request"]
    assert {"Unauthorized: /token", "Unauthorized: /userinfo"} <= set(warned)
    refused = log.only("refused")
    assert (refused["status"], refused["path"]) == (403, "/account/sessions/")
    assert log.only("request refused")["error"] == "invalid_request"
    assert SECRET not in log.text
    assert "guessed" not in log.text


@pytest.fixture
def signed_in(jane, payroll):
    browser = Browser()
    browser.sign_in(jane)
    return browser


# --- What no line says ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["password", "id_token", "code", "otp", "cookie", "email", "phone", "seal"])
def test_a_value_is_masked_by_its_name(log, name):
    """ASVS 16.2.5: whoever logs it."""
    structlog.get_logger("idp").info("said too much", **{name: SECRET})
    assert log.only("said too much")[name] == "[masked]"
    assert SECRET not in log.text


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\u2028", "\x00", "\x1b[2J"])
def test_nobody_begins_a_line_of_their_own(log, ending):
    """ASVS 16.4.1: a line break that somebody sent is two characters."""
    forged = f'x{ending}{{"event": "signed in", "user": "somebody"}}'
    structlog.get_logger("idp").info("request refused", description=forged)
    logging.getLogger("django.request").warning("Bad Request: %s", forged)
    assert len(log.lines) == log.text.count("\n") == 2
    assert ending not in log.text.replace("\n", "")
    assert log.only("request refused")["description"] == forged


def test_everything_goes_to_standard_error(log):
    """ASVS 16.2.3: one handler, at the root; no logger has another."""
    assert log.places == [sys.stderr]
    others = [each for each in logging.Logger.manager.loggerDict.values() if isinstance(each, logging.Logger)]
    with_places = [each.name for each in others if {type(one) for one in each.handlers} - HARMLESS]
    # It speaks only to whoever switches its debugger on.
    assert set(with_places) <= {"pyasn1"}


# --- What nobody foresaw ----------------------------------------------------------------------------------


def test_an_unforeseen_error_is_a_page_without_a_word_of_it_and_a_line_with_the_way_to_it(log, db, monkeypatch):
    """ASVS 16.3.4, 16.5.1, 16.5.4."""

    def fails(*_arguments, **_options):
        typed = SECRET  # a local, as what somebody typed would be
        message = "nobody foresaw this"
        raise RuntimeError(message if typed else "")

    monkeypatch.setattr(views, "render", fails)
    http = Http(HTTP_HOST=HOST, raise_request_exception=False)
    response = http.get("/sign-in", secure=True)
    said = response.content.decode()
    assert response.status_code == 500
    assert "Something went wrong on our side" in said
    for inner in ("nobody foresaw this", "RuntimeError", "Traceback", ".py", SECRET):
        assert inner not in said
    line = log.only("Internal Server Error: /sign-in")
    assert line["level"] == "error"
    assert "RuntimeError: nobody foresaw this" in line["exception"]
    assert SECRET not in log.text, "lines of code, not the values in them"
    monkeypatch.undo()
    assert http.get("/sign-in", secure=True).status_code == 200, "the process goes on"

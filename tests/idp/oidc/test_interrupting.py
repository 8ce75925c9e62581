"""A plug-in wants something of somebody who has just signed in: when it is asked, and what follows."""

from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from idp.accounts import glances, marks
from idp.models import RecoveryAddress, SignIn
from idp.plugins import hooks
from tests.conftest import PASSWORD, make_person
from tests.idp.account.conftest import add_address, add_factor, remove_address
from tests.idp.oidc.conftest import answer
from tests.idp.oidc.test_continue import parked, resume, sign_in_for
from tests.journeys.test_budget import statements
from tests.story import Person


class Curious(hooks.Plugin):
    """Wants something of everybody until it is content."""

    def __init__(self):
        self.content = False
        self.asked = []

    def interrupt(self, user, *, glance, again, now):
        del now
        self.asked.append((user, glance, again))
        return "" if self.content else "/curious/"


@pytest.fixture
def curious(monkeypatch):
    reverse("account")  # so that addresses are known before: a process reads them once
    plugin = Curious()
    monkeypatch.setattr(hooks, "plugins", lambda: (plugin,))
    return plugin


def interruption():
    return SignIn.objects.latest("authenticated_at").interruption


def test_it_is_asked_of_whoever_signed_in_for_this_and_comes_before_consent(browser, jane, payroll, curious):
    payroll.skip_consent = False
    payroll.save()
    _page, waits = parked(browser.authorize())
    assert curious.asked == [], "nobody is signed in"
    sign_in_for(browser, waits, jane)
    assert parked(resume(browser, waits)) == ("/curious/", waits)
    assert interruption() == "held"
    assert parked(resume(browser, waits)) == ("/curious/", waits)
    assert [again for _user, _glance, again in curious.asked] == [False, True]
    curious.content = True
    assert parked(resume(browser, waits)) == ("/consent", waits)
    assert interruption() == "over"
    curious.content = False
    assert parked(resume(browser, waits)) == ("/consent", waits), "once a sign-in"


def test_a_session_from_before_is_not_asked_about_and_pays_nothing(browser, jane, payroll, curious):
    browser.sign_in(jane)
    with CaptureQueriesContext(connection) as captured:
        assert "code" in answer(browser.authorize())
    assert curious.asked == []
    assert not [each for each in statements(captured) if "idp_recoveryaddress" in each]


def test_a_sign_in_that_is_held_is_held_for_everybody(browser, jane, payroll, curious):
    browser.sign_in(jane)
    SignIn.objects.update(interruption="held")
    page, _waits = parked(browser.authorize())
    assert page == "/curious/"
    assert answer(browser.authorize(prompt="none"))["error"] == "interaction_required"
    curious.content = True
    assert "code" in answer(browser.authorize(prompt="none"))
    assert interruption() == "over"


def test_without_an_application_the_page_leads_to_where_somebody_went(jane, curious):
    person = Person()
    person.open("/account/activity/")
    token = person.page.parsed.fields["csrfmiddlewaretoken"][0]
    fields = {"username": "jane", "password": PASSWORD, "csrfmiddlewaretoken": token}
    to = urlsplit(person.post(Person._local(person.page.url), fields)["Location"])
    assert (to.path, parse_qs(to.query)) == ("/curious/", {"to": ["/account/activity/"]})
    assert interruption() == "held"


def test_what_a_glance_tells(jane, payroll, browser, curious):
    now = timezone.now()
    bare = glances.of(jane.pk)
    assert (bare.channels, bare.factors, bare.is_marked) == ({"email"}, frozenset(), False)
    assert bare.confirmed_at == RecoveryAddress.objects.get(user=jane).changed_at
    add_factor(jane, "totp", name="Phone", now=now)
    add_factor(jane, "recovery_codes", name="Paper", now=now)
    phone = add_address(jane, "+33612345678", channel="sms", now=now)
    marks.mark(phone.pk, "bounced", provider="p", now=now)
    full = glances.of(jane.pk)
    assert (full.channels, full.factors, full.is_marked) == ({"email", "sms"}, {"totp"}, True)
    phone.refresh_from_db()
    remove_address(phone, told_until=now, now=now)
    less = glances.of(jane.pk)
    assert (less.channels, less.is_marked) == ({"email"}, False)
    _page, waits = parked(browser.authorize())
    sign_in_for(browser, waits, jane)
    resume(browser, waits)
    assert curious.asked[-1][1] == less, "the same, from the statement that finds the request"


def test_a_glance_at_somebody_with_nothing(db):
    assert glances.of(make_person(addresses=[]).pk).confirmed_at is None

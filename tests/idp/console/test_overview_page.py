"""The first page of the console: its figures, and each warning when, and only when, it is due."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from idp.accounts import proposals
from idp.audit.events import ClientSealInvalid, Origin, SealInvalid
from idp.audit.record import record
from idp.conf import policy
from idp.models import AuditEntry, AuditHead, Message, Proposal, User
from idp.plugins.hooks import WaysBack
from tests.conftest import make_person, open_the_audit
from tests.hosted import LANGUAGES, Page, assert_sound
from tests.idp.console.people import OVERVIEW, appoint, at_a_browser
from tests.idp.console.test_person_page import TellingWays
from tests.idp.factors.people import with_app
from tests.idp.posting import post

WARNINGS = ("few-administrators", "chain-broken", "seals-wrong", "delivery-late", "decisions-wait")


@pytest.fixture(autouse=True)
def _everybody_is_ready(settings, monkeypatch):
    settings.IDP_PLUGINS = [f"{TellingWays.__module__}.TellingWays"]
    monkeypatch.setattr(TellingWays, "back", WaysBack(suffice=True))


@pytest.fixture
def ada(db):
    user = make_person("ada", email="ada@contoso.example")
    appoint(user)
    return user


@pytest.fixture
def admin(jane, ada):
    appoint(jane)
    person = at_a_browser(with_app(jane))
    Message.objects.all().delete()
    return person


def look(admin, language="en"):
    response = admin.http.get(f"{OVERVIEW}?lang={language}", secure=True)
    assert response.status_code == 200
    return Page(response.content.decode())


def warnings(page):
    return [each for each in WARNINGS if page.by_id(each)]


def figure(page, name):
    return " ".join(page.by_id(name)["text"].split())


def everything_is_wrong(ada):
    with transaction.atomic():
        record(SealInvalid(user=ada.pk, table="idp_credential", row=ada.pk), origin=Origin())
    post("otp", minutes_ago=5)
    what = proposals.Change(kind=Proposal.Kind.CLIENT, subject="payroll", change={})
    proposals.propose(what, by=ada, reason="other", policy=policy(), origin=Origin(), now=timezone.now())
    TellingWays.back = WaysBack()
    AuditHead.objects.update(seal="t2:forged")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_sound_in_every_language(admin, ada, language):
    page = look(admin, language)
    assert_sound(page, language=language, name="console-overview")
    assert page.by_id("all-well")
    everything_is_wrong(ada)
    page = look(admin, language)
    assert_sound(page, language=language, name="console-overview")
    assert warnings(page) == list(WARNINGS)
    assert not page.by_id("all-well")


def test_nothing_is_warned_of_when_all_is_well(admin):
    assert warnings(look(admin)) == []


@pytest.mark.parametrize("ready", [0, 1])
def test_fewer_than_two_who_could_get_back_in(admin, jane, ada, monkeypatch, ready):
    able = {jane.pk} if ready else set()
    monkeypatch.setattr(TellingWays, "ways_back", lambda _self, user, *, now: WaysBack(suffice=user in able))  # noqa: ARG005 -- as it is called
    page = look(admin)
    assert warnings(page) == ["few-administrators"]
    assert figure(page, "administrators") == f"Administrators2{ready} could get back in today"


def test_without_a_plug_in_whoever_is_active_counts(admin, ada, settings):
    settings.IDP_PLUGINS = []
    assert warnings(look(admin)) == []
    User.objects.filter(pk=ada.pk).update(status=User.Status.SUSPENDED)
    assert warnings(look(admin)) == ["few-administrators"]


@pytest.mark.parametrize("event", ["account", "client"])
def test_a_wrong_seal_is_told_for_a_week(admin, ada, event):
    found = (
        SealInvalid(user=ada.pk, table="idp_credential", row=ada.pk)
        if event == "account"
        else ClientSealInvalid(client_id="payroll")
    )
    with transaction.atomic():
        record(found, origin=Origin())
    page = look(admin)
    assert warnings(page) == ["seals-wrong"]
    assert "1 alarm about a wrong seal" in page.text
    open_the_audit()
    AuditEntry.objects.update(at=timezone.now() - timedelta(days=8))
    assert warnings(look(admin)) == []


def test_a_head_of_the_history_that_is_not_ours(admin):
    AuditHead.objects.update(seal="t2:forged")
    assert warnings(look(admin)) == ["chain-broken"]


def test_messages_that_nobody_takes(admin):
    post("otp", minutes_ago=5)
    page = look(admin)
    assert warnings(page) == ["delivery-late"]
    assert "no worker takes it" in page.text


def test_only_decisions_that_are_mine_to_make_are_told(admin, ada, jane):
    what = proposals.Change(kind=Proposal.Kind.CLIENT, subject="payroll", change={})
    row = proposals.propose(what, by=jane, reason="other", policy=policy(), origin=Origin(), now=timezone.now())
    Message.objects.all().delete()
    assert warnings(look(admin)) == []
    assert figure(look(admin), "open-decisions") == "Open decisions10 of them agreed to"
    proposals.withdraw(row.pk, by=jane, origin=Origin(), now=timezone.now())
    proposals.propose(what, by=ada, reason="other", policy=policy(), origin=Origin(), now=timezone.now())
    Message.objects.all().delete()
    assert warnings(look(admin)) == ["decisions-wait"]


def test_the_figures_count_what_there_is(admin):
    for number, status in enumerate(User.Status):
        for each in range(number + 1):
            make_person(
                f"{status}-{each}", email=f"{status}-{each}@x.example", password=None, addresses=[], status=status
            )
    page = look(admin)
    assert figure(page, "invited") == "Invited1not here yet"
    assert figure(page, "closed") == "Accounts nobody gets into123 suspended, 4 stopped by their owners"


def test_the_page_takes_no_more_queries_for_many_accounts(admin):
    def queries():
        with CaptureQueriesContext(connection) as context:
            look(admin)
        return len(context)

    few = queries()
    for number in range(30):
        make_person(f"p-{number}", email=f"p-{number}@x.example", password=None, addresses=[])
    assert queries() == few <= 30

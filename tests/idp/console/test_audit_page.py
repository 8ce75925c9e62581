"""The history of everybody: which entries a filter leaves, page by page; and the copy of it, which is an entry too."""

import json
from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from idp.accounts import powers
from idp.accounts.powers import Order
from idp.audit import log
from idp.audit.acts import AuditExported
from idp.audit.client_acts import ClientDisabled
from idp.audit.events import ClientRegistered, LanguageChosen, Origin, SigningKeyRotated
from idp.audit.record import record
from idp.console import audit as audit_page
from idp.console import entries
from idp.models import AuditEntry
from tests.conftest import make_client, make_person, open_the_audit
from tests.hosted import LANGUAGES, Page, assert_sound
from tests.idp.console.people import AUDIT, EXPORT, appoint, at_a_browser
from tests.idp.factors.people import with_app


@pytest.fixture
def admin(jane):
    appoint(jane)
    return at_a_browser(with_app(jane))


@pytest.fixture
def amara(db):
    return make_person("amara", email="okafor@elsewhere.example", name="Amara Okafor")


@pytest.fixture
def ada(db):
    user = make_person("ada", email="ada@contoso.example")
    appoint(user)
    return user


def look(admin, query="", language="en"):
    response = admin.http.get(f"{AUDIT}?lang={language}&{query}", secure=True)
    assert response.status_code == 200
    return Page(response.content.decode())


def names(page):
    """The events on the page, newest first."""
    return [each["text"] for each in page.by_class("ref")]


def happen(*events):
    with transaction.atomic():
        record(*events, origin=Origin(device="Firefox", network="192.0.2.0/24"))


def suspend(user, by):
    order = Order(by=by.pk, reason="mistake", origin=Origin(), now=timezone.now())
    return powers.suspend(user.pk, order, is_ready=lambda _user: True, then=lambda _user: None)


def ago(sequence, **time):
    open_the_audit()
    AuditEntry.objects.filter(sequence__lte=sequence).update(at=timezone.now() - timedelta(**time))


def day(**time):
    return (timezone.localtime() - timedelta(**time)).date().isoformat()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_sound_in_every_language(admin, amara, ada, language):
    make_client("payroll")
    happen(ClientRegistered(client_id="payroll"), SigningKeyRotated(kid="k", state="active"))
    suspend(amara, ada)
    for query in ("", "event=idp.account.suspended", "account=nobody", "event=idp.device.trusted", "by=ada"):
        assert_sound(look(admin, query, language), language=language, name="console-audit")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_of_the_copy_is_sound_in_every_language(admin, language):
    response = admin.http.get(f"{EXPORT}?lang={language}&by=jane", secure=True)
    assert_sound(Page(response.content.decode()), language=language, name="console-audit-export")


def test_an_entry_says_what_to_whom_by_whom_and_why(admin, amara, ada):
    suspend(amara, ada)
    page = look(admin, "event=idp.account.suspended")
    row = " ".join(page.all("tr")[1]["text"].split())
    assert "An administrator suspended your account" in row
    assert "Amara Okafor" in row
    assert row.endswith("Ada DoeSomething was a mistake")
    links = [each.get("href") for each in page.all("a")]
    assert f"/console/people/{amara.pk}/" in links
    assert f"/console/people/{ada.pk}/" in links


def test_nobodys_address_is_on_the_page(admin, amara, ada):
    suspend(amara, ada)
    page = look(admin).html.split("</form>", 1)[1]
    for secret in ("elsewhere.example", "contoso.example", "192.0.2"):
        assert secret not in page


def test_what_has_no_owner_is_said_in_words(admin):
    make_client("payroll")
    happen(ClientRegistered(client_id="payroll"), SigningKeyRotated(kid="k", state="active"))
    text = look(admin).text
    assert "An application was registered: Payroll" in text
    assert "The keys that sign for applications moved on" in text


def test_every_event_can_be_chosen_and_has_words():
    ownerless = (ClientRegistered, SigningKeyRotated, AuditExported, ClientDisabled)
    every = {each.name for each in ownerless} | set(log.acted())
    assert every <= set(entries.names())


# --- Filters ----------------------------------------------------------------------------------------------


def test_by_event(admin, amara, ada):
    suspend(amara, ada)
    assert names(look(admin, "event=idp.account.suspended")) == ["idp.account.suspended"]
    assert names(look(admin, "event=idp.nonsense")) == names(look(admin))


@pytest.mark.parametrize("typed", ["amara", "AMARA", "okafor@elsewhere.example", "{key}"])
def test_by_account(admin, amara, ada, typed):
    suspend(amara, ada)
    found = names(look(admin, f"account={typed.format(key=amara.pk)}"))
    assert found[:2] == ["idp.sessions.ended", "idp.account.suspended"]
    assert len(found) == AuditEntry.objects.filter(user=amara.pk).count()


def test_by_who_did_it(admin, amara, ada, jane):
    suspend(amara, ada)
    assert names(look(admin, "by=ada")) == ["idp.account.suspended"]
    assert names(look(admin, "by=jane")) == []


@pytest.mark.parametrize("query", ["account=nobody", "by=nobody", "account=amara&by=nobody"])
def test_nobody_has_no_entries_and_it_is_said(admin, amara, query):
    page = look(admin, query)
    assert page.by_id("nobody")
    assert names(page) == []


def test_by_day(admin, amara):
    happen(LanguageChosen(user=amara.pk, language="fr"))
    last = AuditEntry.objects.latest("sequence").sequence
    ago(last, days=3)
    happen(LanguageChosen(user=amara.pk, language="en"))
    query = "event=idp.account.language_chosen"
    assert len(names(look(admin, query))) == 2
    assert len(names(look(admin, f"{query}&since={day(days=2)}"))) == 1
    assert len(names(look(admin, f"{query}&until={day(days=2)}"))) == 1
    assert len(names(look(admin, f"{query}&since={day(days=3)}&until={day(days=3)}"))) == 1, "whole days, both ends"
    assert names(look(admin, f"{query}&since={day(days=-2)}")) == []
    assert names(look(admin, f"{query}&until={day(days=5)}")) == []
    assert len(names(look(admin, f"{query}&since=yesterday&until=2026-13-45"))) == 2, "what is no day is not asked for"


def test_page_after_page(admin, amara, monkeypatch):
    monkeypatch.setattr(audit_page, "_SIZE", 3)
    for _each in range(5):
        happen(LanguageChosen(user=amara.pk, language="fr"))
    query = "event=idp.account.language_chosen"
    admin.open(f"{AUDIT}?{query}")
    assert "newest" not in admin.page.parsed.ids
    first = admin.page.response.content.decode()
    happen(LanguageChosen(user=amara.pk, language="en"))
    second = admin.click("older").response.content.decode()
    assert (first.count("ref muted"), second.count("ref muted")) == (3, 2)
    assert "older" not in admin.page.parsed.ids
    assert query in admin.click("newest").url


def test_a_page_takes_as_many_queries_for_many_as_for_few(admin, amara, ada):
    def queries():
        with CaptureQueriesContext(connection) as context:
            look(admin)
        assert not [each for each in context if "OFFSET" in each["sql"] or "COUNT(*)" in each["sql"]]
        return len(context)

    suspend(amara, ada)
    few = queries()
    for _each in range(60):
        happen(LanguageChosen(user=amara.pk, language="fr"))
    assert queries() <= few <= 10


# --- The copy ---------------------------------------------------------------------------------------------


def copy(admin, query="", reason="security"):
    admin.open(f"{EXPORT}?{query}")
    response = admin.submit(reason=reason).response
    assert response.status_code == 200
    assert response["Content-Type"].startswith("application/jsonl")
    return [json.loads(line) for line in b"".join(response.streaming_content).decode().splitlines()]


def test_the_copy_has_every_entry_with_its_hashes_and_its_own(admin, jane, amara, ada, monkeypatch):
    monkeypatch.setattr(audit_page, "_BATCH", 3)
    suspend(amara, ada)
    lines = copy(admin)
    assert [line["sequence"] for line in lines] == list(range(1, AuditEntry.objects.count() + 1))
    for line, following in pairwise(lines):
        assert following["previous_hash"] == line["entry_hash"]
    taken = lines[-1]
    assert (taken["name"], taken["user"]) == ("idp.audit.exported", None)
    assert taken["details"]["by"] == str(jane.pk)
    assert taken["details"]["reason"] == "security"


def test_the_copy_is_what_the_filters_leave(admin, jane, amara, ada):
    suspend(amara, ada)
    lines = copy(admin, f"by=ada&event=idp.account.suspended&since={day(days=1)}&account=amara&until={day()}")
    assert [line["name"] for line in lines] == ["idp.account.suspended"]
    taken = AuditEntry.objects.get(name="idp.audit.exported").details
    assert (taken["about"], taken["account"], taken["actor"]) == (
        "idp.account.suspended",
        str(amara.pk),
        str(ada.pk),
    )
    assert taken["since"].startswith(day(days=1))
    assert copy(admin, "account=nobody") == []


def test_no_address_and_no_name_that_was_typed_stands_in_the_entry_of_the_copy(admin, amara):
    copy(admin, "account=okafor@elsewhere.example")
    assert "okafor" not in json.dumps(AuditEntry.objects.get(name="idp.audit.exported").details)

"""The list of people: found by name or address, page by page, and with nothing on it but what its columns say."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from idp.accounts import sessions
from idp.audit.events import Origin
from idp.conf import policy
from idp.console import people as people_page
from idp.models import User
from tests.conftest import make_person
from tests.hosted import LANGUAGES, Page, assert_sound
from tests.idp.console.people import PEOPLE, appoint, at_a_browser
from tests.idp.factors.people import with_app


@pytest.fixture
def admin(jane):
    appoint(jane)
    return at_a_browser(with_app(jane))


def person(username, **fields):
    return make_person(
        username, **{"email": f"{username}@contoso.example", "password": None, "addresses": [], **fields}
    )


def look(admin, query="", language="en"):
    response = admin.http.get(f"{PEOPLE}?lang={language}&{query}", secure=True)
    assert response.status_code == 200
    return Page(response.content.decode())


def rows(page):
    """The words in each row of the table."""
    cells = [" ".join(each["text"].split()) for each in page.elements if each["tag"] == "td"]
    return [tuple(cells[place : place + 3]) for place in range(0, len(cells), 3)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_sound_in_every_language(admin, language):
    for status in User.Status:
        person(f"p-{status}", status=status)
    person("cold", frozen_at=timezone.now())
    for query in ("", "q=p-", "q=nobody+at+all", *(f"status={status}" for status in User.Status)):
        assert_sound(look(admin, query, language), language=language, name="console-people")


def test_each_person_has_a_row_with_a_link(admin, jane):
    amara = person("amara", name="Amara Okafor", status=User.Status.SUSPENDED)
    with_session = person("ben")
    now = timezone.now() - timedelta(days=400)
    sessions.begin(with_session, amr=["pwd"], origin=Origin(), policy=policy(), now=now)
    page = look(admin)
    assert [row[:2] for row in rows(page)] == [
        ("Amara Okaforamara", "Suspended"),
        ("Ben Doeben", "Active"),
        ("Jane Doejane", "Active"),
    ]
    assert [row[2][:5] for row in rows(page)] == ["Not l", f"{now.day} {now:%B}"[:5], "Today"]
    assert f"{PEOPLE}{amara.pk}/" in [each.get("href") for each in page.all("a")]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=ama", ["amara"]),
        ("q=AMA", ["amara"]),
        ("q=+ama+", ["amara"]),
        ("q=okafor%40", ["amara"]),
        ("q=zzz", []),
        ("status=suspended", ["ben"]),
        ("status=suspended&q=a", []),
        ("status=nonsense", ["amara", "ben", "jane"]),
        ("after=nonsense", ["amara", "ben", "jane"]),
    ],
)
def test_people_are_found(admin, query, found):
    person("amara", email="okafor@elsewhere.example", name="")
    person("ben", status=User.Status.SUSPENDED, name="")
    page = look(admin, query)
    assert [row[0].removeprefix("Jane Doe")[: len(name)] for row, name in zip(rows(page), found, strict=True)] == found
    assert bool(page.by_id("nobody")) == (not found)


def test_page_after_page(admin, jane, monkeypatch):
    monkeypatch.setattr(people_page, "_SIZE", 2)
    for name in ("ada", "ben", "cleo"):
        person(name)
    page = admin.open(f"{PEOPLE}?q=&status=active")
    assert "first" not in page.parsed.ids
    page = admin.click("next")
    assert "Cleo Doe" in page
    assert "Ada Doe" not in page
    assert "next" not in page.parsed.ids
    assert "status=active" in page.url, "the filter goes along"
    assert "Ada Doe" in admin.click("first")


def test_nobodys_address_is_on_the_page_whatever_they_were_found_by(admin):
    person("amara", email="okafor@elsewhere.example", addresses=["okafor@home.example"], phones=("+15555550100",))
    person("zoe", email="okafor.zoe@elsewhere.example")
    for query in ("", "q=a", "q=okafor", "q=okafor&status=active"):
        page = look(admin, query).html.split("</form>", 2)[2]
        for secret in ("elsewhere.example", "home.example", "5550100"):
            assert secret not in page, query


def test_a_page_takes_as_many_queries_for_many_as_for_few(admin):
    def queries():
        with CaptureQueriesContext(
            connection,
        ) as context:
            look(admin, "q=p")
        assert not [each for each in context if "OFFSET" in each["sql"] or "COUNT(*)" in each["sql"]]
        return len(context)

    person("p-0")
    few = queries()
    for number in range(1, 60):
        person(f"p-{number}")
    assert queries() == few <= 10

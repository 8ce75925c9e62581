"""The recovery page: what a plug-in counts, in every language and as charts; and no such page where none does."""

from dataclasses import replace

import pytest
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from idp import coverage
from idp.console import frame
from idp.plugins import hooks
from idp.plugins.hooks import Funnel, Plugin
from tests.hosted import LANGUAGES, Page, assert_sound
from tests.idp.console.people import COUNTING, DELIVERY, RECOVERY, Counting, appoint, at_a_browser
from tests.idp.console.test_delivery_page import table, words
from tests.idp.factors.people import with_app


@pytest.fixture(autouse=True)
def _counting(settings):
    settings.IDP_PLUGINS = COUNTING
    coverage.forget()
    yield
    coverage.forget()


@pytest.fixture
def nobody(monkeypatch):
    """An installation on its first day."""
    monkeypatch.setattr(
        Counting,
        "covers",
        replace(Counting.covers, accounts=0, registered=0, ready=0, administrators=0, administrators_ready=0),
    )
    monkeypatch.setattr(Counting, "funnelled", Funnel(problems={}, fared=()))


@pytest.fixture
def admin(jane):
    appoint(jane)
    return at_a_browser(with_app(jane))


def look(person, language="en"):
    response = person.http.get(f"{RECOVERY}?lang={language}", secure=True)
    assert response.status_code == 200
    return Page(response.content.decode())


def drawings(page):
    return [each for each in page.all("svg") if "chart" in (each.get("class") or "")]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_sound_in_every_language(admin, language):
    assert_sound(look(admin, language), language=language, name="console-recovery")


@pytest.mark.parametrize("language", LANGUAGES)
def test_so_it_is_where_there_is_nobody_yet(admin, nobody, language):
    page = look(admin, language)
    assert_sound(page, language=language, name="console-recovery")
    assert not drawings(page)
    assert not page.all("table")


def test_an_empty_page_says_so(admin, nobody):
    page = look(admin)
    assert "There is no active account yet." in page.text
    assert "Nobody began a recovery in the last 7 days." in page.text
    assert words(page.by_id("ready")) == "Could get back in today–0 of 0 accounts"
    assert words(page.by_id("time")) == "Half are back within–none finished in 7 days"


def test_the_figures_say_what_they_are_made_of(admin):
    page = look(admin)
    assert words(page.by_id("ready")) == "Could get back in today91%375 of 412 accounts"
    assert words(page.by_id("registered")) == "Have one way back or more98%405 of 412 accounts"
    assert words(page.by_id("administrators")) == "Administrators who could2of 3 in all"
    assert words(page.by_id("time")) == "Half are back within3 min95 of 100 within 9 min; 1,306 finished"


def test_only_all_are_a_hundred_per_cent(admin, monkeypatch):
    monkeypatch.setattr(Counting, "covers", replace(Counting.covers, accounts=1000, ready=999))
    assert "99%" in words(look(admin).by_id("ready"))


@pytest.mark.parametrize(("ready", "warned"), [(0, True), (1, True), (2, False), (3, False)])
def test_fewer_than_two_administrators_are_too_few(admin, monkeypatch, ready, warned):
    monkeypatch.setattr(Counting, "covers", replace(Counting.covers, administrators_ready=ready))
    assert (look(admin).by_id("few-administrators") is not None) is warned


def test_each_way_has_its_row(admin):
    assert table(look(admin), "by-way") == [
        ["Could get back in", "375", "91%"],
        ["One way or more", "405", "98%"],
        ["Email", "404", "98%"],
        ["Recovery code", "38", "9%"],
    ]


def test_each_stage_has_its_row_with_where_people_left(admin):
    assert table(look(admin), "by-stage") == [
        ["Started", "1,321", "0", "5", "0", "0", "0"],
        ["Said what is wrong", "1,316", "0", "0", "0", "4", "0"],
        ["Were asked for proof", "1,312", "2", "0", "3", "0", "0"],
        ["Proved one thing", "1,307", "0", "0", "0", "0", "0"],
        ["Proved enough", "1,307", "0", "0", "0", "0", "1"],
        ["Are back", "1,306", "0", "0", "0", "0", "0"],
    ]


def test_each_problem_has_its_row(admin):
    assert table(look(admin), "by-problem") == [
        ["Password forgotten", "1,210", "1,210", "1,206", "1,201", "1,201", "1,200"],
        ["Sign-in paused", "106", "106", "106", "106", "106", "106"],
        ["Not said", "5", "0", "0", "0", "0", "0"],
    ]


def test_every_chart_has_its_words_and_its_table(admin):
    page = look(admin)
    covered, way = drawings(page)
    assert covered["role"] == way["role"] == "img"
    assert covered["aria-label"] == (
        "412 accounts. Could get back in: 375, One way or more: 405, Email: 404, Recovery code: 38."
    )
    assert way["aria-label"].startswith("Started: 1,321, Said what is wrong: 1,316, ")
    for region in page.by_class("scroll"):
        assert (region["tabindex"], region["role"]) == ("0", "region")
        assert page.by_id(region["aria-labelledby"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_coordinates_are_written_alike_in_every_language(admin, language):
    rectangles = [each for each in look(admin, language).all("rect") if each.get("class") != "base"]
    assert rectangles
    assert all(each[name].isdecimal() for each in rectangles for name in ("x", "y", "width", "height") if name in each)


def test_the_page_says_that_those_who_do_not_exist_are_counted(admin):
    assert "Recoveries of accounts that do not exist are counted with all others." in look(admin).text


# --- Where nobody counts ----------------------------------------------------------------------------------


def test_without_such_a_plug_in_there_is_no_such_page(admin, settings):
    settings.IDP_PLUGINS = []
    assert admin.open(RECOVERY).status == 404
    assert RECOVERY not in [entry.url for entry in frame.menu(DELIVERY)]
    settings.IDP_PLUGINS = COUNTING
    assert [entry.url for entry in frame.menu(RECOVERY) if entry.current] == [RECOVERY]


def test_a_plug_in_that_brings_nobody_back_says_nothing(db):
    now = timezone.now()
    assert Plugin().coverage(now) is None
    assert Plugin().funnel(now, now=now) is None


# --- Metrics ----------------------------------------------------------------------------------------------


def samples(settings):
    settings.METRICS_TOKEN = "a token that nobody guesses"
    headers = {"Authorization": f"Bearer {settings.METRICS_TOKEN}"}
    text = Client(HTTP_HOST="10.0.0.7:8000").get("/metrics", headers=headers, secure=True).content.decode()
    return {
        (each.name, tuple(sorted(each.labels.values()))): each.value
        for family in text_string_to_metric_families(text)
        for each in family.samples
        # Tasks are counted by whoever sets them; the rest is the page's.
        if each.name.startswith("regain_recovery_") and each.name != "regain_recovery_tasks_total"
    }


def test_whoever_reads_metrics_is_told_the_same(db, settings):
    told = samples(settings)
    assert [told["regain_recovery_accounts", (state,)] for state in ("all", "registered", "ready")] == [412, 405, 375]
    assert [told["regain_recovery_administrators", (state,)] for state in ("all", "ready")] == [3, 2]
    assert told["regain_recovery_ways", ("recovery-code",)] == 38
    assert told["regain_recovery_journeys", ("finished", "finished", "forgot")] == 1200
    assert told["regain_recovery_seconds", ("0.5",)] == 170
    assert told["regain_recovery_seconds", ("0.95",)] == 540


def test_it_is_counted_once_a_minute(db, settings, monkeypatch):
    asked = []
    monkeypatch.setattr(Counting, "coverage", lambda self, now: asked.append(now) or self.covers)
    for _each in range(3):
        samples(settings)
    assert len(asked) == 1


def test_where_nobody_counts_there_is_nothing_to_read(db, settings):
    settings.IDP_PLUGINS = []
    assert not hooks.tells_coverage()
    assert samples(settings) == {}

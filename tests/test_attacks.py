"""docs/attacks.md is whole and true as far as a program can see: each attempt once, each test that is named there."""

import re

import pytest

from tests.test_asvs import ROOT, functions_of
from tests.test_documents import rows, section

pytestmark = [pytest.mark.once]

PAGE = ROOT / "docs" / "attacks.md"
#: The groups, where they stand, and how many attempts each has.
GROUPS = {
    "AD": ("## Administrators and side doors", 18),
    "DB": ("## The database", 9),
    "SR": ("## Secrets at rest", 7),
    "AP": ("## The administrators' pages as an interface", 4),
}
ROWS = [row for heading, _count in GROUPS.values() for row in rows(section(PAGE, heading))]
#: Those who try all of it, and whose every test is to be found on the page.
TABLES = (
    "tests/attacks/test_attempts_by_administrators.py",
    "tests/attacks/test_attempts_by_shell.py",
    "tests/attacks/test_attempts_by_sql.py",
)
_CITED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


@pytest.mark.parametrize("group", GROUPS)
def test_every_attempt_of_a_group_has_one_row_in_order(group):
    heading, count = GROUPS[group]
    numbers = [row[0] for row in rows(section(PAGE, heading))]
    assert numbers == [f"{group}-{number:02}" for number in range(1, count + 1)]


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_a_row_says_what_is_tried_what_comes_of_it_and_what_shows_it(row):
    _number, tried, becomes, shown = row
    assert tried
    assert becomes
    assert _CITED.sub("", shown).split() == [], "each as `tests/file.py::test_name`"
    assert _CITED.findall(shown)


def test_every_test_that_is_named_exists():
    named = _CITED.findall(PAGE.read_text(encoding="utf-8"))
    missing = [f"{file}::{name}" for file, name in named if name not in functions_of(file)]
    assert not missing


@pytest.mark.parametrize("file", TABLES)
def test_every_attempt_that_is_made_is_on_the_page(file):
    named = {name for cited, name in _CITED.findall(PAGE.read_text(encoding="utf-8")) if cited == file}
    assert named == {name for name in functions_of(file) if name.startswith("test_")}


def test_an_attempt_that_carries_a_number_carries_one_of_the_page():
    numbers = {row[0] for row in ROWS}
    for file in (ROOT / "tests" / "attacks").glob("test_*.py"):
        found = set(re.findall(r"\b(?:AD|DB|SR|AP)-\d\d\b", file.read_text(encoding="utf-8")))
        assert found <= numbers, file.name

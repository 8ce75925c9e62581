"""docs/asvs.md is whole and true as far as a program can see: each requirement once, each test and module there."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.test_documents import rows, section

pytestmark = [pytest.mark.once]

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "asvs.md"
CHAPTERS = {
    "V6": "## V6 Authentication",
    "V7": "## V7 Session management",
    "V9": "## V9 Self-contained tokens",
    "V10": "## V10 OAuth and OIDC",
    "V16": "## V16 Logging and errors",
}

#: How many requirements each section of 5.0.0 has.
SECTIONS = {
    part: count
    for chapter, counts in {
        6: (3, 12, 8, 6, 8, 4, 2, 4),
        7: (3, 4, 2, 5, 3, 2),
        9: (3, 4),
        10: (2, 3, 5, 16, 5, 2, 3),
        16: (1, 5, 4, 3, 4),
    }.items()
    for part, count in ((f"{chapter}.{number}", count) for number, count in enumerate(counts, start=1))
}
#: Those of level 1, and of level 3; every other is of level 2.
FIRST = frozenset(
    """
    6.1.1 6.2.1 6.2.2 6.2.3 6.2.4 6.2.5 6.2.6 6.2.7 6.2.8 6.3.1 6.3.2 6.4.1 6.4.2
    7.2.1 7.2.2 7.2.3 7.2.4 7.4.1 7.4.2 9.1.1 9.1.2 9.1.3 9.2.1 10.4.1 10.4.2 10.4.3 10.4.4 10.4.5
    """.split()  # noqa: SIM905 -- as they are read, line by line
)
THIRD = frozenset(
    """
    6.3.5 6.3.6 6.3.7 6.3.8 6.4.5 6.4.6 6.5.6 6.5.7 6.5.8 6.6.4 6.7.1 6.7.2 7.5.3
    10.2.3 10.3.5 10.4.12 10.4.13 10.4.14 10.4.15 10.4.16 16.5.4
    """.split()  # noqa: SIM905 -- as above
)

_VERDICT = re.compile(r"\*\*(met|partly|not met|not ours)\*\*")
_CITED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
_MODULE = re.compile(r"`((?:idp|recovery|config|examples)(?:\.\w+)+)`")
#: So many words say why; fewer are an excuse.
_FEWEST_WORDS = 5


def table(heading):
    return rows(section(PAGE, heading))


ROWS = [(chapter, row) for chapter, heading in CHAPTERS.items() for row in table(heading)]
NUMBERED = pytest.mark.parametrize("row", [row for _chapter, row in ROWS], ids=[row[0] for _chapter, row in ROWS])


def order(number):
    return [int(part) for part in number.split(".")]


def level(number):
    return 1 if number in FIRST else 3 if number in THIRD else 2


def verdict(shown):
    """What a row says of itself: nothing is that it is met."""
    found = _VERDICT.match(shown)
    return found[1] if found else ""


@cache
def functions_of(file):
    """What a file defines, at the top or in a class."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {function.name for function in functions}


def test_every_requirement_of_levels_1_and_2_has_one_row_and_rows_are_in_order():
    everything = [f"{part}.{number}" for part, count in SECTIONS.items() for number in range(1, count + 1)]
    numbers = [row[0] for _chapter, row in ROWS]
    assert numbers == sorted(set(numbers), key=order)
    assert set(numbers) <= set(everything)
    assert {number for number in everything if level(number) < 3} <= set(numbers)
    assert set(everything) >= FIRST | THIRD
    assert not FIRST & THIRD


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_requirement_stands_in_its_chapter(chapter):
    assert {"V" + row[0].partition(".")[0] for row in table(CHAPTERS[chapter])} == {chapter}


@NUMBERED
def test_a_row_has_its_level_and_a_sentence(row):
    number, its_level, said, _where, shown = row
    assert its_level == str(level(number))
    assert said
    assert (verdict(shown) == "met") <= (its_level == "3"), "only at level 3 is it said"
    assert (its_level == "3") <= bool(verdict(shown)), "at level 3 it is said"


@NUMBERED
def test_a_row_shows_it_or_says_why_not(row):
    shown = row[4]
    words = _CITED.sub("", _VERDICT.sub("", shown)).split()
    if verdict(shown) in ("not met", "not ours"):
        assert len(words) >= _FEWEST_WORDS, shown
    else:
        assert _CITED.search(shown), shown
        assert row[3], "met nowhere?"


@NUMBERED
def test_every_test_that_is_named_exists(row):
    named = _CITED.findall(row[4])
    assert row[4].count("`tests/") == len(named), "each as `tests/file.py::test_name`"
    for file, name in named:
        assert (ROOT / file).is_file(), file
        assert name in functions_of(file), f"{file} has no {name}"


@NUMBERED
def test_every_module_that_is_named_exists(row):
    for module in _MODULE.findall(row[3]):
        path = ROOT.joinpath(*module.split("."))
        assert path.is_dir() or path.with_suffix(".py").is_file(), module


def test_what_is_not_met_is_argued():
    """And nothing is argued that has no row."""
    argued = {}
    for heading in ("## What is not met, and what is met in part", "## What is met in another way"):
        for title in re.findall(r"^\*\*(.+?)\*\*", section(PAGE, heading), re.MULTILINE):
            argued |= dict.fromkeys(numbers_in(title), heading)
    by_number = {row[0]: verdict(row[4]) for _chapter, row in ROWS}
    assert set(argued) <= set(by_number)
    excepted = {number for number, said in by_number.items() if said in ("partly", "not met")}
    assert excepted <= set(argued), "each has its paragraph"


def numbers_in(title):
    """A span, as in "10.4.12 to 10.4.14", names all of it."""
    for first, last in re.findall(r"(\d+\.\d+\.\d+)(?: to (\d+\.\d+\.\d+))?", title):
        *part, start = order(first)
        end = order(last)[-1] if last else start
        yield from (".".join(map(str, [*part, number])) for number in range(start, end + 1))


def test_every_test_that_is_argued_with_exists():
    for file, name in _CITED.findall(PAGE.read_text(encoding="utf-8")):
        assert name in functions_of(file), f"{file} has no {name}"

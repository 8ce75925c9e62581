"""Numbers in, coordinates out: nothing is hidden, nothing sticks out."""

import pytest

from idp.console import charts

NOON = [f"{hour:02}:00" for hour in range(25)]


def drawn(numbers, **fills):
    parts = [{"c1": number, **fills} for number in numbers]
    return charts.columns(parts, NOON[: len(parts)])


def test_a_column_is_as_high_as_its_number_and_the_highest_says_how_high():
    chart = drawn([0, 10, 20, 40])
    assert [each.height for each in chart.rectangles] == [24, 48, 96]
    assert all(each.y + each.height == chart.ground for each in chart.rectangles)
    assert (chart.highest.text, chart.highest.y) == ("40", chart.ground - 96 - 4)


def test_parts_stand_on_one_another():
    chart = charts.columns([{"c1": 30, "c2": 0, "c3": 10}], ["00:00"])
    assert [(each.fill, each.y, each.height) for each in chart.rectangles] == [("c1", 48, 72), ("c3", 24, 24)]


def test_one_failure_among_thousands_can_be_seen():
    chart = charts.columns([{"c1": 100_000, "c3": 1}], ["00:00"])
    assert [each.height for each in chart.rectangles] == [96, 2]


@pytest.mark.parametrize("highest", range(25))
def test_nothing_sticks_out_whichever_hour_was_the_busiest(highest):
    chart = drawn([1000 if place == highest else 1 for place in range(25)], c2=3, c3=2)
    assert all(each.x >= 0 and each.x + each.width <= charts.WIDTH for each in chart.rectangles)
    assert all(each.y > 0 and each.y + each.height <= chart.ground for each in chart.rectangles)
    assert 10 < chart.highest.y < chart.ground
    assert [each.text for each in chart.ticks] == ["00:00", "12:00", "24:00"]
    assert [each.anchor for each in chart.ticks] == ["start", "middle", "end"]
    assert chart.ticks[-1].x <= charts.WIDTH


def test_bars_are_drawn_to_the_longest_of_all_rows():
    rows = [("Codes", "0.1 s / 0.5 s", {"c2": 0.5, "c1": 0.1}), ("Notices", "1.0 s / 2.0 s", {"c2": 2.0, "c1": 1.0})]
    chart = charts.bars(rows)
    lengths = [(each.fill, each.width) for each in chart.rectangles]
    assert lengths == [("base", 240), ("c2", 60), ("c1", 12), ("base", 240), ("c2", 240), ("c1", 120)]
    assert [each.text for each in chart.words] == ["Codes", "Notices"]
    assert [(each.text, each.anchor) for each in chart.numbers] == [("0.1 s / 0.5 s", "end"), ("1.0 s / 2.0 s", "end")]
    assert chart.height == 88


def test_messages_that_took_no_time_at_all_are_drawn_as_that():
    chart = charts.bars([("Codes", "0.0 s / 0.0 s", {"c2": 0.0, "c1": 0.0})])
    assert [each.width for each in chart.rectangles] == [240, 0, 0]


@pytest.mark.parametrize(
    ("used", "of", "wide"), [(0, 10, 0), (1, 100_000, 2), (5, 10, 160), (10, 10, 320), (99, 10, 320)]
)
def test_a_budget_is_never_more_than_full(used, of, wide):
    assert charts.share(used, of=of) == wide

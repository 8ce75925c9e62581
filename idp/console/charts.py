"""Numbers in, coordinates of an SVG out: whole ones, which are written alike in every language.

A drawing is about as wide as the narrowest screen leaves room for, and grows with the page.
"""

from collections.abc import Sequence
from dataclasses import dataclass

#: Of the columns, and of the bars, which stand beside a table.
WIDTH, NARROW = 320, 240
#: What is not nothing can be seen, however small beside the rest.
_LEAST = 2

#: Columns stand on this line, and reach this high at the most.
_GROUND, _HIGHEST = 120, 96
_PITCH, _COLUMN = 12, 9

#: A bar's row: its words, then the bar.
_ROW, _BAR_AT = 44, 24


@dataclass(frozen=True, kw_only=True)
class Rectangle:
    """`fill` is a class of components.css: c1 the brand's colour, c2 quiet, c3 bad."""

    x: int
    y: int
    width: int
    height: int
    fill: str


@dataclass(frozen=True, kw_only=True)
class Words:
    """A text of the drawing, anchored at its start, middle or end."""

    x: int
    y: int
    text: str
    anchor: str = "start"


@dataclass(frozen=True, kw_only=True)
class Columns:
    """A column for each moment, in parts from the ground up; the highest says how high it is."""

    rectangles: tuple[Rectangle, ...]
    highest: Words
    ticks: tuple[Words, ...]
    width: int = WIDTH
    ground: int = _GROUND
    height: int = _GROUND + 20


@dataclass(frozen=True, kw_only=True)
class Bars:
    """A row for each subject: its words, and its parts from the longest to the shortest, one over the other."""

    words: tuple[Words, ...]
    numbers: tuple[Words, ...]
    rectangles: tuple[Rectangle, ...]
    height: int
    width: int = NARROW


def columns(parts: Sequence[dict[str, int]], labels: Sequence[str]) -> Columns:
    """`parts` of each column, by fill; `labels` of the moments, of which first, middle and last are written."""
    totals = [sum(each.values()) for each in parts]
    peak = max(totals)
    left = (WIDTH - _PITCH * len(parts)) // 2
    rectangles = []
    for place, each in enumerate(parts):
        y = _GROUND
        for fill, number in each.items():
            height = _length(number, of=peak, longest=_HIGHEST)
            y -= height
            if height:
                x = left + place * _PITCH + 1
                rectangles.append(Rectangle(x=x, y=y, width=_COLUMN, height=height, fill=fill))
    highest = totals.index(peak)
    top = min(each.y for each in rectangles if each.x == left + highest * _PITCH + 1)
    last = len(parts) - 1
    ticks = [(place, labels[place]) for place in (0, last // 2, last)]
    return Columns(
        rectangles=tuple(rectangles),
        highest=_over(highest, str(peak), left=left, last=last, y=top - 4),
        ticks=tuple(_over(place, text, left=left, last=last, y=_GROUND + 16) for place, text in ticks),
    )


def bars(rows: Sequence[tuple[str, str, dict[str, float]]], *, of: float | None = None) -> Bars:
    """`rows`: the subject, its numbers in words, and its parts by fill, from the longest to the shortest.

    A bar that is full stands for `of`; without it, for the longest of all.
    """
    longest = of or max((length for _name, _said, parts in rows for length in parts.values()), default=0)
    rectangles = []
    for place, (_name, _said, parts) in enumerate(rows):
        y = place * _ROW + _BAR_AT
        rectangles.append(Rectangle(x=0, y=y, width=NARROW, height=14, fill="base"))
        for fill, length in parts.items():
            width = _length(length, of=longest, longest=NARROW)
            rectangles.append(Rectangle(x=0, y=y, width=width, height=14, fill=fill))
    names = [Words(x=0, y=place * _ROW + 16, text=row[0]) for place, row in enumerate(rows)]
    return Bars(
        words=tuple(names),
        numbers=tuple(
            Words(x=NARROW, y=name.y, text=row[1], anchor="end") for name, row in zip(names, rows, strict=True)
        ),
        rectangles=tuple(rectangles),
        height=len(rows) * _ROW,
    )


def share(number: int, *, of: int) -> int:
    """How much of a single bar is full."""
    return _length(min(number, of), of=of, longest=WIDTH)


def _length(number: float, *, of: float, longest: int) -> int:
    return max(_LEAST, round(number * longest / of)) if number else 0


def _over(place: int, text: str, *, left: int, last: int, y: int) -> Words:
    """Words over or under a column, which do not stick out at the sides."""
    x = left + place * _PITCH + 1
    near = 2
    if place < near:
        return Words(x=x, y=y, text=text)
    if place > last - near:
        return Words(x=x + _COLUMN, y=y, text=text, anchor="end")
    return Words(x=x + _COLUMN // 2, y=y, text=text, anchor="middle")

"""A list of people to invite, as a table of commas: what each line asks for, judged before anybody is invited."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from idp.accounts import invitations
from idp.accounts.invitations import Guest, NotInvited, Refusal
from idp.models.user import canonical

#: In one list: each is a letter, and a few statements.
MOST: Final = 200
#: What the first line may name; `email` has to be there.
COLUMNS: Final = ("email", "username", "name")


class Unreadable(Exception):  # noqa: N818 -- it says what happened
    """It is no such table; `why` is one of NO_COLUMNS, STRANGE_COLUMN, EMPTY, TOO_LONG."""

    NO_COLUMNS, STRANGE_COLUMN, EMPTY, TOO_LONG = "no-columns", "strange-column", "empty", "too-long"

    def __init__(self, why: str, named: str = "") -> None:
        super().__init__(why)
        self.why = why
        self.named = named


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of the table, by its number in the file; with why it cannot be invited, if it cannot."""

    number: int
    guest: Guest
    refusal: Refusal | None = None
    #: An earlier line has the same address or user name.
    is_repeated: bool = False

    @property
    def may_be_invited(self) -> bool:
        return self.refusal is None and not self.is_repeated


def read(text: str) -> list[Line]:
    """Every line with somebody in it, judged. Raises Unreadable. A few queries, however many lines."""
    guests = list(_guests(text))
    if not guests:
        raise Unreadable(Unreadable.EMPTY)
    if len(guests) > MOST:
        raise Unreadable(Unreadable.TOO_LONG)
    return _judged(guests)


def _guests(text: str) -> Iterable[tuple[int, Guest]]:
    lines = io.StringIO(text.removeprefix("\ufeff"))
    heading = lines.readline()
    # Spreadsheets write semicolons where commas stand in numbers.
    separator = max(",;\t", key=heading.count)
    names = [name.strip().lower() for name in next(csv.reader([heading], delimiter=separator), [])]
    if "email" not in names:
        raise Unreadable(Unreadable.NO_COLUMNS)
    if strange := [name for name in names if name not in COLUMNS]:
        raise Unreadable(Unreadable.STRANGE_COLUMN, strange[0][:40])
    reader = csv.reader(lines, delimiter=separator)
    for row in reader:
        cells = dict(zip(names, (cell.strip() for cell in row), strict=False))
        if any(cells.values()):
            yield reader.line_num + 1, Guest(**cells)


def _judged(guests: Iterable[tuple[int, Guest]]) -> list[Line]:
    lines = [_fitting(number, guest) for number, guest in guests]
    objections = invitations.objections([line.guest for line in lines if line.refusal is None])
    seen: set[str] = set()
    judged = []
    for line in lines:
        keys = {canonical(line.guest.email), canonical(line.guest.username)}
        judged.append(
            Line(
                number=line.number,
                guest=line.guest,
                refusal=line.refusal or objections.get(line.guest),
                is_repeated=bool(keys & seen),
            )
        )
        seen |= keys
    return judged


def _fitting(number: int, guest: Guest) -> Line:
    try:
        return Line(number=number, guest=invitations.fitting(guest))
    except NotInvited as error:
        return Line(number=number, guest=guest, refusal=error.refusal)

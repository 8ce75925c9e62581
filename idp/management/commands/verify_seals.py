"""`manage.py verify_seals`: look at every sealed row now, instead of waiting for the worker to come by."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from idp.models.batches import in_batches
from idp.seals import checking, tables


class Command(BaseCommand):
    help = (
        "Checks the seal of every credential, recovery address, role, application and all else that is sealed. A wrong "
        "one freezes its account where it could have let somebody in, is recorded and told to every administrator. "
        "Exits with 1 if there was any."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        forged = 0
        for table in tables.every():
            rows = table.rows(timezone.now())
            with tqdm(total=rows.count(), desc=table.name, unit="rows", disable=None, leave=False) as bar:
                for row in in_batches(rows):
                    bar.update()
                    if not table.is_genuine(row):
                        forged += 1
                        checking.found(table, row)
                        with bar.external_write_mode(file=self.stderr):
                            self.stderr.write(
                                f"{table.name} {row.pk}: its seal does not match: something else wrote it"
                            )
        if forged:
            raise CommandError(f"{forged} rows do not carry our seal.")
        self.stdout.write("Every row carries our seal.")

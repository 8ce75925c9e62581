"""`manage.py rotate_root_key`: seal and encrypt everything with the newest root key, so that older ones can go."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from idp import keyring
from idp.seals import renewal, tables


class Command(BaseCommand):
    help = (
        "Seals and encrypts every row anew with the first key of REGAIN_ROOT_KEYS, a hundred at a time, while people "
        "go on signing in. Can be ended at any moment and run again. Says at its end which keys may be taken out."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        if len(settings.ROOT_KEYS) == 1 and not settings.RETIRED_KEYS:
            raise CommandError("REGAIN_ROOT_KEYS has one key. Put a new one in front, restart every process, run this.")
        now = timezone.now()
        if faults := tables.unopened(now):
            raise CommandError(f"Not every row can be opened: {'; '.join(faults)}.")
        before = sum(renewal.left(now).values())
        with tqdm(total=before, unit="rows", disable=None, leave=False) as bar:
            done = 0
            for batch in renewal.renew(now):
                bar.update(batch.rows + batch.forged)
                done += batch.rows
        renewal.renew_head()
        self.stdout.write(f"{done} rows were sealed anew with {keyring.current_key_id()}.")
        if left := {name: rows for name, rows in renewal.left(timezone.now()).items() if rows}:
            counted = ", ".join(f"{rows} of {name}" for name, rows in left.items())
            raise CommandError(f"Left as they are: {counted}. Run this again; if they stay, see verify_seals.")
        self._say_what_may_go()

    def _say_what_may_go(self) -> None:
        """Names keys by their ids only: nothing that seals is printed."""
        moment = timezone.localtime(timezone.now() + renewal.UNDER_WAY)
        self.stdout.write(f"Not before {moment:%Y-%m-%d %H:%M %Z}, when no code that an older key made is under way:")
        needed = tables.needed_retired_keys()
        older = [key_id for key_id, _key in (*settings.ROOT_KEYS[1:], *settings.RETIRED_KEYS)]
        self.stdout.write(f"- leave in REGAIN_ROOT_KEYS: {keyring.current_key_id()}")
        self.stdout.write(f"- put into REGAIN_RETIRED_KEYS, in this order: {', '.join(needed)}")
        if gone := [key_id for key_id in older if key_id not in needed]:
            self.stdout.write(f"- throw away: {', '.join(gone)}")
        self.stdout.write("- restart every process")

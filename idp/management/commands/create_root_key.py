"""`manage.py create_root_key ID`: a root key that is made in the token and never leaves it."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from idp.keystore import where
from idp.keystore.keys import KeysAway

_LONGEST = 16


class Command(BaseCommand):
    help = (
        "Makes a root key in the token that PKCS11_URI leads to, and says what to put into REGAIN_ROOT_KEYS. The "
        "PIN is enough to use the key, and nothing to copy it. Nothing that is there already is touched."
    )
    #: It is run while the key that settings name is not there yet.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("id", help="1 to 16 letters and digits, such as h1; never one that was used before")

    def handle(self, *_args: Any, **options: Any) -> None:
        key_id: str = options["id"]
        if not (key_id.isascii() and key_id.isalnum() and len(key_id) <= _LONGEST):
            raise CommandError("A key id is 1 to 16 letters and digits.")
        others = [other for other, key in (*settings.ROOT_KEYS, *settings.RETIRED_KEYS) if key is not None]
        if key_id in others:
            raise CommandError(f"{key_id} is a key in the environment already. Take another id.")
        if settings.PKCS11_TOKEN is None:
            raise CommandError(
                "PKCS11_URI is not set. It says where the token is: see “Keys in a token” in docs/operate.md."
            )
        try:
            where.create_root_key(key_id, settings.PKCS11_TOKEN)
        except KeysAway as why:
            raise CommandError(f"No key was made: {why}.") from why
        self.stdout.write(f"The root key {key_id} is in the token. Put it in front, and restart every process:")
        older = [f"{other}:…" for other, key in settings.ROOT_KEYS if other != key_id]
        self.stdout.write(f"  REGAIN_ROOT_KEYS={','.join((f'{key_id}:pkcs11', *older))}")
        if older:
            self.stdout.write("Then `manage.py rotate_root_key` seals and encrypts with it what older keys did.")

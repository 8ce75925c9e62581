"""manage.py register_client FILE.json: an application's metadata in, its credentials out."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from idp.oidc import registration


class Command(BaseCommand):
    help = (
        "Register an application (RFC 7591 metadata, see docs/integrate.md). Prints its metadata with client_id and, "
        "this once, client_secret as JSON. Exits 1 with what is wrong if it refuses."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE.json", help="the application's metadata; - reads standard input")

    def handle(self, *args: Any, **options: Any) -> None:
        metadata = self._read(options["file"])
        faults = registration.faults(metadata)
        if faults:
            self._refuse(faults)
        registered = registration.register(metadata, now=timezone.now())
        self.stdout.write(json.dumps(registered.metadata, indent=2, ensure_ascii=False))

    def _read(self, name: str) -> Any:
        try:
            text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
            return json.loads(text)
        except OSError as error:
            self._refuse([f"{name} cannot be read: {error.strerror}."])
        except ValueError as error:
            self._refuse([f"{name} is not JSON: {error}."])

    def _refuse(self, sentences: list[str]) -> None:
        self.stderr.write("\n".join(sentences))
        raise SystemExit(1)

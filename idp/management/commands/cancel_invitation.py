"""manage.py cancel_invitation EMAIL: take an invitation back that nobody has taken up."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from idp.accounts import invitations


class Command(BaseCommand):
    help = "Take an invitation back. Its link is dead, and the address can be invited anew. Exits 1 if there is none."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", metavar="EMAIL")

    def handle(self, *args: Any, **options: Any) -> None:
        found = invitations.at(options["email"])
        if found is None or not invitations.cancel(found.pk, by=None, now=timezone.now()):
            raise CommandError(f"There is no open invitation at {options['email']}.")
        self.stdout.write(f"The invitation at {options['email']} is cancelled.")

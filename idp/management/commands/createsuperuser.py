"""manage.py createsuperuser: refuses."""

from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Refuses: no account here stands above the others."
    requires_system_checks = ()

    def run_from_argv(self, argv: list[str]) -> None:
        """Answer the same whatever options are given, instead of complaining about them."""
        super().run_from_argv(argv[:2])

    def handle(self, *args: Any, **options: Any) -> NoReturn:
        raise CommandError(
            "There are no superusers here: no account can sign in as another, or set its password.\n"
            "To bring people in, use import_users with their verified email addresses. They choose their"
            " first password on the sign-in page: “Can't access your account?”."
        )

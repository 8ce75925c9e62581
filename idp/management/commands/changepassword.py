"""manage.py changepassword: refuses."""

from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Refuses: nobody can set another person's password, whoever they are."
    requires_system_checks = ()

    def run_from_argv(self, argv: list[str]) -> None:
        """Answer the same whatever options are given, instead of complaining about them."""
        super().run_from_argv(argv[:2])

    def handle(self, *args: Any, **options: Any) -> NoReturn:
        raise CommandError(
            "Nobody can set another person's password here, administrators included.\n"
            "Send the person to the sign-in page: “Can't access your account?” lets them back in, in about"
            " three minutes, and only them."
        )

"""manage.py make_break_glass_keys: the two halves of the emergency key, shown once."""

from typing import Any

from django.core.management.base import BaseCommand

from idp.accounts import break_glass


class Command(BaseCommand):
    help = (
        "Make the two halves of the key that break_glass_admin asks for. They are shown once and kept nowhere: give "
        "each to another person, on paper. What the deployment keeps is BREAK_GLASS_VERIFIER; neither follows from it."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        halves = break_glass.make_halves()
        self.stdout.write(f"For the first person:  {halves.first}")
        self.stdout.write(f"For the second person: {halves.second}")
        self.stdout.write(f"For the environment:   BREAK_GLASS_VERIFIER={halves.verifier}")
        self.stdout.write("Nothing was stored. Whoever was to see one half only should not have seen this screen.")

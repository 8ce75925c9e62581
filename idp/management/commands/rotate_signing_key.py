"""manage.py rotate_signing_key: publish the next key; later, use it and retire the one before."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from idp.oidc import keys


class Command(BaseCommand):
    help = (
        "Take the next step in rotating the signing key. Run it once to publish a next key, and once more, when every "
        "relying party has had time to see it, to use it. Says what it did and when to run it again."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        for done in keys.rotate(timezone.now()):
            self._say(done)

    def _say(self, done: keys.Rotation) -> None:
        if done.published:
            self.stdout.write(f"Published the next key {done.published} ({done.alg}).")
        if done.used:
            minutes = int(keys.PUBLISHED_AFTER_USE.total_seconds() // 60)
            self.stdout.write(f"Key {done.used} signs from now on.")
            self.stdout.write(f"Key {done.retired} is retired; it stays published for {minutes} minutes.")
        if done.not_before:
            when = timezone.localtime(done.not_before)
            self.stdout.write(f"Run this again after {when:%Y-%m-%d %H:%M %Z}: the next key can sign from then on.")

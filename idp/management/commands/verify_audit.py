"""`manage.py verify_audit`: prove that nobody altered the history, or wrote a credential past it."""

from itertools import chain as one_after_another
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from idp.accounts import evidence
from idp.audit import chain
from idp.models import AuditHead, Client
from idp.models.batches import in_batches
from idp.oidc import client_seals


class Command(BaseCommand):
    help = (
        "Walks the audit chain from its first entry, checks the sealed head, every credential's and recovery "
        "address's seal, that each version has its entry, and every application's seal. Exits with 1 and the "
        "first bad row if anything was touched."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        broken = (f"audit entry {fault.sequence} {fault.what}" for fault in chain.faults())
        written = (
            f"{found.table} {found.row} of account {found.user}: {found.what}" for found in evidence.discrepancies()
        )
        registered = (
            f"application {client.client_id}: its seal does not match: something else wrote it"
            for client in in_batches(Client.objects.all())
            if not client_seals.is_intact(client)
        )
        first = next(one_after_another(broken, written, registered), None)
        if first is not None:
            raise CommandError(f"Touched: {first}.")
        head = AuditHead.objects.get(pk=1)
        self.stdout.write(
            f"{head.sequence} entries, all in order; every credential is sealed and has its entry, "
            "every application is as it was registered.",
        )

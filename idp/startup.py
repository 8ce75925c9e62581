"""What must hold before anybody is let in: guards in the database, and a sealed audit head.

Whether the keys open what is there is `idp.seals.tables`' question.
"""

from django.db import connections, transaction

from idp import guards, keyring, privileges, writers
from idp.audit import chain
from idp.models import AuditEntry, AuditHead


def after_migration(using: str) -> None:
    """Write triggers, functions and privileges anew (a rebuilt table lost them); begin the audit chain if need be."""
    tables = set(connections[using].introspection.table_names())
    if not {"idp_credential", "idp_recoveryaddress", "idp_audithead"} <= tables:
        return
    with transaction.atomic(using=using):
        guards.install(using)
        writers.install(using)
        privileges.grant(using)
    if not AuditHead.objects.using(using).exists() and not AuditEntry.objects.using(using).exists():
        chain.move_head(AuditHead(pk=1, sequence=0, entry_hash=chain.GENESIS))


def faults(using: str = "default") -> list[str]:
    """What keeps this provider from being ready, in words for an operator. Empty is good. Raises KeysAway."""
    found = [
        f"database {what} {name} is missing or altered (`manage.py migrate` writes it anew)"
        for what, names in (("trigger", guards.missing(using)), ("function", writers.missing(using)))
        for name in names
    ]
    if not found:
        found = privileges.faults(using)
    found = found or keyring.faults()
    if not found and (broken := chain.head_fault()):
        found.append(broken)
    return found

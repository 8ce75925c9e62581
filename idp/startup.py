"""What must hold before anybody is let in: guards in the database, a sealed audit head, keys that open."""

from django.conf import settings
from django.db import connections, transaction
from django.db.models import Q

from idp import guards, privileges, writers
from idp.audit import chain
from idp.models import AuditEntry, AuditHead, Credential, RecoveryAddress


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
    """What keeps this provider from being ready, in words for an operator. Empty is good."""
    found = [
        f"database {what} {name} is missing or altered (`manage.py migrate` writes it anew)"
        for what, names in (("trigger", guards.missing(using)), ("function", writers.missing(using)))
        for name in names
    ]
    if not found:
        found = privileges.faults(using)
    if not found and (broken := chain.head_fault()):
        found.append(broken)
    return found


def unopened() -> list[str]:
    """Whether the root keys open what is there; reads two tables, so it is asked once, at start.

    Letting people in with a key missing would take every seal made with it for a forgery, and freeze its account.
    """
    known = Q()
    for key_id, _key in settings.ROOT_KEYS:
        known |= Q(seal__startswith=f"{key_id}.")
    return [
        f"REGAIN_ROOT_KEYS lacks a key that {table} were sealed with"
        for table, rows in (("credentials", Credential.objects), ("recovery addresses", RecoveryAddress.objects))
        if rows.exclude(known).exists()
    ]

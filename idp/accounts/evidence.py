"""Whether the guarded tables are as we wrote them: every seal holds, every version has its entry in the audit.

The chain shows that no entry was altered; this shows that no credential was written without one, that none was put
back to an older, once genuine version, and that none was deleted; and that nobody has a role that was not given, or was
taken away.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from idp.accounts import sealing
from idp.audit.events import AccountFrozen, CredentialWritten, RoleEnded, RoleGranted
from idp.models import AuditEntry, Credential, RecoveryAddress, Role, User
from idp.models.batches import in_batches


@dataclass(frozen=True, kw_only=True)
class Discrepancy:
    """A guarded row that was not written by us, or not last."""

    table: str
    row: UUID
    user: UUID
    what: str


def discrepancies() -> Iterator[Discrepancy]:
    """Compare every credential and recovery address with its seal and with the audit. Memory stays flat."""
    for credential in in_batches(Credential.objects.all()):
        if not sealing.is_genuine(credential):
            yield _found("credential", credential, "its seal does not match: something else wrote it")
        elif not _is_newest(credential, str(credential.kind)):
            yield _found("credential", credential, "the audit has no such version, or a newer one")
    for address in in_batches(RecoveryAddress.objects.all()):
        if not sealing.is_address_genuine(address):
            yield _found("recovery_address", address, "its seal does not match: something else wrote it")
        elif not _is_newest(address, str(address.channel)):
            yield _found("recovery_address", address, "the audit has no such version, or a newer one")
    yield from _vanished()
    yield from _roles()
    yield from _opened_accounts()


def _roles() -> Iterator[Discrepancy]:
    """Roles that somebody has and the history does not give them: never granted, or ended and put back."""
    for role in in_batches(Role.objects.filter(ended_at=None)):
        told = AuditEntry.objects.filter(
            user=role.user_id, name__in=(RoleGranted.name, RoleEnded.name), details__role=str(role.name)
        )
        newest = told.order_by("-sequence").values_list("name", flat=True).first()
        if newest != RoleGranted.name:
            what = "the audit has not granted it" if newest is None else "the audit has ended it"
            yield Discrepancy(table="role", row=role.pk, user=role.user_id, what=what)


def _opened_accounts() -> Iterator[Discrepancy]:
    """Accounts that a wrong seal froze and that are not frozen: there is no act that ends it."""
    for entry in in_batches(AuditEntry.objects.filter(name=AccountFrozen.name)):
        shut = (User.Status.FROZEN, User.Status.DELETED)
        if entry.user and User.objects.filter(pk=entry.user).exclude(status__in=shut).exists():
            yield Discrepancy(table="account", row=entry.user, user=entry.user, what="the audit has frozen it")


def _vanished() -> Iterator[Discrepancy]:
    """Factors and addresses that were written and are not there: as long as an account lives, their rows stay.

    Whoever owns the database can take a second factor away by deleting its row. It lets nobody in without the password,
    and it does not go unseen.
    """
    living = User.objects.exclude(status=User.Status.DELETED)
    for entry in in_batches(AuditEntry.objects.filter(name=CredentialWritten.name, details__version=1)):
        row = entry.details.get("row")
        if row is None or entry.user is None:
            continue
        kind = entry.details["kind"]
        model, table = _TABLES[kind in Credential.Kind.values]
        if not model.objects.filter(pk=row, user=entry.user).exists() and living.filter(pk=entry.user).exists():
            what = f"the audit has this {kind}, the table has not: something else deleted it"
            yield Discrepancy(table=table, row=UUID(row), user=entry.user, what=what)


_TABLES: dict[bool, tuple[type[Credential | RecoveryAddress], str]] = {
    True: (Credential, "credential"),
    False: (RecoveryAddress, "recovery_address"),
}


def _is_newest(row: Credential | RecoveryAddress, kind: str) -> bool:
    entries = AuditEntry.objects.filter(user=row.user_id, name=CredentialWritten.name, details__kind=kind)
    if kind != Credential.Kind.PASSWORD:
        # Of these an account may have several, each with a history of its own.
        entries = entries.filter(details__row=str(row.pk))
    newest = entries.order_by("-sequence").values_list("details", flat=True).first()
    return newest is not None and (newest["version"], newest["proof"]) == (row.version, str(row.proof))


def _found(table: str, row: Credential | RecoveryAddress, what: str) -> Discrepancy:
    return Discrepancy(table=table, row=row.pk, user=row.user_id, what=what)

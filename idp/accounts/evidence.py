"""Whether the guarded tables are as we wrote them: every seal holds, every version has its entry in the audit.

The chain shows that no entry was altered; this shows that no credential was written without one, that each holds what
was written then, that none was put back to an older, once genuine version, and that none was deleted; that nobody has a
role that was not given, or was taken away; and that no account was opened, done away with or given another's names past
the program.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db.models import OuterRef, Subquery
from django.db.models.fields.json import KT

from idp import keyring
from idp.accounts import sealing
from idp.audit.acts import (
    AccountInvited,
    AccountRemoved,
    AccountSuspended,
    InvitationCancelled,
    RecoveryRequired,
    SuspensionLifted,
)
from idp.audit.events import (
    AccountDeleted,
    AccountFrozen,
    AccountImported,
    AccountReopened,
    AccountStopped,
    CredentialWritten,
    RoleEnded,
    RoleGranted,
    RowsResealed,
)
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
        elif (told := _told_of(credential, str(credential.kind))) is None:
            yield _found("credential", credential, "the audit has no such version, or a newer one")
        elif not _holds_what_was_told(credential, told):
            yield _found("credential", credential, "it does not hold what the audit says: something else sealed it")
    for address in in_batches(RecoveryAddress.objects.all()):
        if not sealing.is_address_genuine(address):
            yield _found("recovery_address", address, "its seal does not match: something else wrote it")
        elif (told := _told_of(address, str(address.channel))) is None:
            yield _found("recovery_address", address, "the audit has no such version, or a newer one")
        elif not _is_the_address_that_was_told(address, told):
            yield _found("recovery_address", address, "it is not what the audit says: something else sealed it")
    yield from _vanished()
    yield from _roles()
    yield from _opened_accounts()
    yield from _shut_accounts()
    yield from _exchanged_accounts()


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
    """Accounts that the history shut last, and that are open."""
    for shut in _SHUT:
        for entry in in_batches(AuditEntry.objects.filter(name=shut.by)):
            if entry.user and _is_last(entry, shut) and _is_open(entry.user, shut):
                what = f"the audit has {shut.said} it"
                yield Discrepancy(table="account", row=entry.user, user=entry.user, what=what)


@dataclass(frozen=True, kw_only=True)
class _Shut:
    """What shuts an account, which entries end that, and what the account is until then."""

    by: str
    said: str
    ends: tuple[str, ...] = ()
    stays: tuple[str, ...]


_Status = User.Status
_CLOSED = (_Status.FROZEN, _Status.DELETED)
_SUSPENDED = (_Status.SUSPENDED, *_CLOSED)
_STOPPED = (_Status.STOPPED, *_SUSPENDED)
_SHUT = (
    # There is no act that ends it.
    _Shut(by=AccountFrozen.name, said="frozen", stays=_CLOSED),
    _Shut(by=AccountSuspended.name, said="suspended", ends=(SuspensionLifted.name,), stays=_SUSPENDED),
    _Shut(by=AccountStopped.name, said="stopped", ends=(AccountReopened.name,), stays=_STOPPED),
    _Shut(by=RecoveryRequired.name, said="stopped", ends=(AccountReopened.name,), stays=_STOPPED),
)


def _is_last(entry: AuditEntry, shut: _Shut) -> bool:
    later = AuditEntry.objects.filter(user=entry.user, sequence__gt=entry.sequence)
    return not later.filter(name__in=(shut.by, *shut.ends)).exists()


def _is_open(user_id: UUID, shut: _Shut) -> bool:
    return User.objects.filter(pk=user_id).exclude(status__in=shut.stays).exists()


def _shut_accounts() -> Iterator[Discrepancy]:
    """Accounts that nobody can sign in to, and that the history has not made so.

    Of one that is deleted the database lets the credentials go, and one that is invited gets a first password.
    """
    for user in in_batches(User.objects.exclude(status=User.Status.ACTIVE)):
        if not AuditEntry.objects.filter(user=user.pk, name__in=_MADE_BY[user.status]).exists():
            what = f"the audit has not made it {user.status}"
            yield Discrepancy(table="account", row=user.pk, user=user.pk, what=what)


_MADE_BY: dict[str, tuple[str, ...]] = {
    _Status.INVITED: (AccountInvited.name,),
    _Status.SUSPENDED: (AccountSuspended.name,),
    _Status.STOPPED: (AccountStopped.name, RecoveryRequired.name),
    _Status.FROZEN: (AccountFrozen.name,),
    _Status.DELETED: (AccountDeleted.name, AccountRemoved.name, InvitationCancelled.name),
}


def _exchanged_accounts() -> Iterator[Discrepancy]:
    """Accounts with another `sub`, or other names, than they were made with: one could be taken for another."""
    made = AuditEntry.objects.filter(user=OuterRef("pk"), name__in=(AccountImported.name, AccountInvited.name))
    told = Subquery(made.annotate(identity=KT("details__identity")).values("identity")[:1])
    for user in in_batches(User.objects.exclude(status=User.Status.DELETED).annotate(told=told)):
        # Those that an earlier version of this program made have none.
        identity = getattr(user, "told", None)
        if identity and identity != sealing.identity(user):
            what = "its sub or its names are not those that the audit has"
            yield Discrepancy(table="account", row=user.pk, user=user.pk, what=what)


def _vanished() -> Iterator[Discrepancy]:
    """What was written and is not there: as long as an account lives its rows stay, and its own row for good.

    Whoever owns the database can take a second factor away by deleting its row. It lets nobody in without the password,
    and it does not go unseen.
    """
    for entry in in_batches(AuditEntry.objects.filter(name=CredentialWritten.name, details__version=1)):
        kind, row = entry.details["kind"], entry.details.get("row")
        if entry.user is None or (row is None and kind != Credential.Kind.PASSWORD):
            continue
        model, table = _TABLES[kind in Credential.Kind.values]
        # Of a password the entry does not name the row: there is one.
        rows = model.objects.filter(pk=row) if row else Credential.objects.filter(kind=kind)
        if not rows.filter(user=entry.user).exists() and not _is_deleted(entry.user):
            what = f"the audit has this {kind}, the table has not: something else deleted it"
            yield Discrepancy(table=table, row=UUID(row) if row else entry.user, user=entry.user, what=what)


def _is_deleted(user_id: UUID) -> bool:
    return User.objects.filter(pk=user_id, status=User.Status.DELETED).exists()


_TABLES: dict[bool, tuple[type[Credential | RecoveryAddress], str]] = {
    True: (Credential, "credential"),
    False: (RecoveryAddress, "recovery_address"),
}


def _told_of(row: Credential | RecoveryAddress, kind: str) -> AuditEntry | None:
    """The entry of this version, if the history has none that is newer."""
    entries = AuditEntry.objects.filter(user=row.user_id, name=CredentialWritten.name, details__kind=kind)
    if kind != Credential.Kind.PASSWORD:
        # Of these an account may have several, each with a history of its own.
        entries = entries.filter(details__row=str(row.pk))
    newest = entries.order_by("-sequence").first()
    if newest is None or (newest.details["version"], newest.details["proof"]) != (row.version, str(row.proof)):
        return None
    return newest


def _holds_what_was_told(credential: Credential, told: AuditEntry) -> bool:
    """Whoever has the keys can seal another content as the version that is there."""
    if told.details.get(_CONTENT) in (None, sealing.content(credential)):
        return True
    # An app's key has another ciphertext once it was encrypted for a new root key.
    resealed = AuditEntry.objects.filter(name=RowsResealed.name, details__table="credential")
    return credential.kind == Credential.Kind.TOTP and resealed.filter(sequence__gt=told.sequence).exists()


def _is_the_address_that_was_told(address: RecoveryAddress, told: AuditEntry) -> bool:
    """What it is found by is in the history; that it leads there and nowhere else is in the row."""
    try:
        leads_there = sealing.is_digest_right(address)
    except keyring.Tampered:
        leads_there = False
    return leads_there and told.details.get(_CONTENT) in (None, sealing.address_content(address))


#: Entries of earlier versions of this program have none.
_CONTENT = "content"


def _found(table: str, row: Credential | RecoveryAddress, what: str) -> Discrepancy:
    return Discrepancy(table=table, row=row.pk, user=row.user_id, what=what)

"""Who may do something for others. A role is a sealed row: one that was written past the program grants nothing."""

import uuid
from datetime import datetime

from django.db.models import QuerySet

from idp import keyring, notices
from idp.accounts import forgeries
from idp.audit.events import Origin, RoleEnded, RoleGranted
from idp.audit.record import record
from idp.models import Role, User
from idp.models.sealed import SealedTable, swap

_SEAL = "role"


def is_administrator(user_id: uuid.UUID) -> bool:
    """Whether this account administers the tenant; one query."""
    roles = Role.objects.filter(user=user_id, name=Role.Name.ADMINISTRATOR, ended_at=None)
    return any(_is_genuine(role) for role in roles)


def administrators() -> set[uuid.UUID]:
    """Every account that administers the tenant, whether or not it may sign in; one query."""
    return {role.user_id for role in _administrators() if _is_genuine(role)}


def grant(
    user_id: uuid.UUID,
    name: Role.Name,
    *,
    by: uuid.UUID | None,
    origin: Origin | None = None,
    now: datetime,
) -> Role:
    """Give the role. Runs in its caller's transaction; who may give it is the caller's to decide."""
    role = Role(user_id=user_id, name=name, granted_at=now, granted_by=by)
    _reseal(role)
    role.save(force_insert=True)
    record(RoleGranted(user=user_id, role=name, by=by), origin=origin)
    return role


def is_last_administrator(user_id: uuid.UUID) -> bool:
    """Whether nobody else who may sign in administers the tenant.

    Holds the roles until its caller's transaction ends: of the last two who leave at once, one stays.
    """
    return _is_last_of(_administrators().select_for_update(), user_id)


def is_the_only_administrator(user_id: uuid.UUID) -> bool:
    """As `is_last_administrator`, for a page: nothing is held, so it may be otherwise a moment later."""
    return _is_last_of(_administrators(), user_id)


def hold_administrators() -> set[uuid.UUID]:
    """The administrators who may sign in today; until the caller's transaction ends none of them goes by another."""
    genuine = {role.user_id for role in _administrators().select_for_update() if _is_genuine(role)}
    active = User.objects.filter(pk__in=genuine, status=User.Status.ACTIVE, frozen_at=None)
    return set(active.values_list("pk", flat=True))


def tell_others(user: User, kind: str, *, reference: uuid.UUID, origin: Origin, now: datetime, **facts: object) -> int:
    """Tell every administrator but `user`, who is one, about them. Returns how many addresses are told."""
    others = administrators() - {user.pk}
    return tell(others, kind, reference=reference, origin=origin, now=now, who=user.label, **facts)


def tell_all(kind: str, *, reference: uuid.UUID, origin: Origin, now: datetime, **facts: object) -> int:
    """Tell every administrator. Returns how many addresses are told."""
    return tell(administrators(), kind, reference=reference, origin=origin, now=now, **facts)


def tell(
    whom: set[uuid.UUID], kind: str, *, reference: uuid.UUID, origin: Origin, now: datetime, **facts: object
) -> int:
    """Tell these administrators, as far as they may sign in. Returns how many addresses are told."""
    active = User.objects.filter(pk__in=whom, status=User.Status.ACTIVE)
    return sum(
        notices.post(kind, each, reference=reference, origin=origin, now=now, **facts).addresses
        for each in active.values_list("pk", flat=True)
    )


def end_all(user_id: uuid.UUID, *, by: uuid.UUID | None, origin: Origin, now: datetime) -> None:
    """Take every role of an account away. Runs in its caller's transaction."""
    for role in Role.objects.filter(user=user_id, ended_at=None):
        Role.objects.filter(pk=role.pk).update(ended_at=now)
        record(RoleEnded(user=user_id, role=role.name, by=by), origin=origin)


def _administrators() -> QuerySet[Role]:
    return Role.objects.filter(name=Role.Name.ADMINISTRATOR, ended_at=None).order_by("pk")


def _is_last_of(roles: QuerySet[Role], user_id: uuid.UUID) -> bool:
    administrators = {role.user_id for role in roles if _is_genuine(role)}
    others = administrators - {user_id}
    is_one = others != administrators
    return is_one and not User.objects.filter(pk__in=others, status=User.Status.ACTIVE).exists()


def _is_genuine(role: Role) -> bool:
    return keyring.is_sealed(_SEAL, role.seal, *_parts(role)) or forgeries.refused(
        "role", role, alarm="role.seal_invalid", user=str(role.user_id)
    )


def _parts(role: Role) -> tuple[keyring.Part, ...]:
    return (role.id.bytes, role.user_id.bytes, str(role.name), role.granted_by.bytes if role.granted_by else None)


def _reseal(role: Role) -> None:
    role.seal = keyring.seal(_SEAL, *_parts(role))


#: For whoever checks every seal, or makes them anew (idp.seals).
SEALED = SealedTable(
    name="role",
    rows=lambda _now: Role.objects.all(),
    is_genuine=_is_genuine,
    stamped=("seal",),
    reseal=swap(_reseal, "seal"),
    freezes=True,
)

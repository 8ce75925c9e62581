"""Who may do something for others. A role is a sealed row: one that was written past the program grants nothing."""

import uuid
from datetime import datetime

import structlog

from idp import keyring
from idp.audit.events import Origin, RoleGranted
from idp.audit.record import record
from idp.models import Role

log = structlog.get_logger(__name__)

_SEAL = "role"


def is_administrator(user_id: uuid.UUID) -> bool:
    """Whether this account administers the tenant; one query."""
    roles = Role.objects.filter(user=user_id, name=Role.Name.ADMINISTRATOR, ended_at=None)
    return any(_is_genuine(role) for role in roles)


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
    role.seal = keyring.seal(_SEAL, *_parts(role))
    role.save(force_insert=True)
    record(RoleGranted(user=user_id, role=name, by=by), origin=origin)
    return role


def _is_genuine(role: Role) -> bool:
    if keyring.is_sealed(_SEAL, role.seal, *_parts(role)):
        return True
    log.error("seal invalid", alarm="role.seal_invalid", user=str(role.user_id), row=str(role.pk))
    return False


def _parts(role: Role) -> tuple[keyring.Part, ...]:
    return (role.id.bytes, role.user_id.bytes, str(role.name), role.granted_by.bytes if role.granted_by else None)

"""Telling every administrator, once for each row, that something other than this program wrote it."""

import uuid

from django.db import IntegrityError, transaction
from django.utils import timezone

from idp import notices
from idp.accounts import roles
from idp.audit.events import Origin
from idp.models import ForgedRow


def tell_once(*, table: str, row: object) -> bool:
    """Tell them, in the caller's transaction, unless they were told of this row before. Whether they were told now."""
    now = timezone.now()
    try:
        with transaction.atomic():
            ForgedRow(table=table, row=str(row), found_at=now).save(force_insert=True)
    except IntegrityError:
        return False
    roles.tell_all(notices.FORGERY_FOUND, reference=uuid.uuid4(), origin=Origin(), now=now, table=table)
    return True


def is_known(*, table: str, row: object) -> bool:
    """Whether they were told of this row."""
    return ForgedRow.objects.filter(table=table, row=str(row)).exists()

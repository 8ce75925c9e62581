"""Messages in the outbox, as old and as far on their way as a test needs them."""

from datetime import timedelta
from uuid import uuid4

from django.utils import timezone

from idp.models import Message


def post(queue, *, minutes_ago=0.0, user=None, **fields):
    """One that waits, promised so long ago and due ever since."""
    then = timezone.now() - timedelta(minutes=minutes_ago)
    return Message.objects.create(
        **{
            "kind": "idp.test",
            "queue": queue,
            "user": user,
            "reference": uuid4(),
            "created_at": then,
            "due_at": then,
            "not_after": then + timedelta(days=1),
            **fields,
        },
    )

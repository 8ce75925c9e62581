"""Notices: who is told, and what the writer says of it."""

import uuid

import pytest
from django.utils import timezone

from idp import notices
from idp.audit.events import Origin
from idp.models import Message
from idp.notices import Told
from tests.conftest import make_person

PHONES = ["+33612345678", "+33612345679"]


@pytest.mark.parametrize(
    ("has", "told", "channels"),
    [
        ({}, Told(email=1), ("email",)),
        ({"phones": PHONES}, Told(email=1, sms=2), ("email", "sms")),
        ({"phones": PHONES[:1], "addresses": []}, Told(sms=1), ("sms",)),
        ({"addresses": []}, Told(), ()),
    ],
)
def test_the_writer_says_how_many_addresses_of_each_channel_are_told(db, has, told, channels):
    jane, now = make_person(**has), timezone.now()
    said = notices.post(notices.PAUSES_ENDED, jane.pk, reference=uuid.uuid4(), origin=Origin(), now=now)
    assert said == told
    assert said.channels == channels
    assert said.addresses == Message.objects.count()

"""Signing keys that `beat` rotates: published in time, used in time, known everywhere without a restart."""

import json
from datetime import timedelta

import pytest
import time_machine
from django.conf import settings as configured
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from idp import tasks
from idp.conf import Policy
from idp.models import AuditEntry, SigningKey
from idp.oidc import keys
from tests.conftest import make_client

MONTH = timedelta(days=30)
HOUR = timedelta(hours=1)


def states(alg="ES256"):
    return {row.state: row.kid for row in SigningKey.objects.filter(alg=alg).exclude(state="retired")}


def published(browser):
    return {key["kid"] for key in json.loads(browser.http.get("/jwks", secure=True).content)["keys"]}


def signer(browser):
    return browser.verified(browser.tokens()["id_token"]).header["kid"]


def test_a_young_key_is_left_alone(db):
    keys.current()
    first = states()
    with time_machine.travel(timezone.now() + MONTH - HOUR):
        tasks.rotate_signing_keys()
    assert states() == first


def test_a_month_goes_by_hour_by_hour(signed_in, jane):
    """What an application sees: every key is published before it signs, and as long as its tokens live."""
    first = signer(signed_in)
    start = timezone.now()
    seen, signed = {}, {}
    with time_machine.travel(start) as clock:
        for hour in range(30 * 24 - 2, 30 * 24 + 5):
            clock.move_to(start + hour * HOUR)
            keys.forget()
            tasks.rotate_signing_keys()
            signed_in.sign_in(jane)
            seen[hour], signed[hour] = published(signed_in), signer(signed_in)
            assert signed[hour] in seen[hour]
    use = next(hour for hour, kid in signed.items() if kid != first)
    second = signed[use]
    assert use in (30 * 24, 30 * 24 + 1)
    assert second in seen[use - 1], "published at least a step before it signs"
    assert first in seen[use], "its last tokens live on"
    assert first in seen[use + 1]
    assert first not in seen[use + 2]
    assert list(states()) == ["active"]
    names = AuditEntry.objects.filter(name="idp.signing_key.rotated").order_by("sequence")
    assert [entry.details["state"] for entry in names] == ["active", "next", "retired", "active"]


def test_what_somebody_began_by_hand_is_finished(db):
    keys.current()
    now = timezone.now()
    following = keys.rotate(now)[0].published
    assert keys.rotate_due(now + timedelta(minutes=14), lifetime=MONTH) == ()
    (done,) = keys.rotate_due(now + timedelta(minutes=16), lifetime=MONTH)
    assert done.used == following
    assert keys.rotate_due(now + timedelta(minutes=17), lifetime=MONTH) == ()


def test_each_algorithm_has_a_month_of_its_own(db):
    now = timezone.now()
    keys.current()
    with time_machine.travel(now + timedelta(days=10)):
        keys.forget()
        keys.in_use("EdDSA")
    (done,) = keys.rotate_due(now + MONTH, lifetime=MONTH)
    assert done.alg == "ES256"
    assert "next" not in states("EdDSA")


def test_the_same_step_taken_twice_is_taken_once(db):
    keys.current()
    due = timezone.now() + MONTH
    assert len(keys.rotate_due(due, lifetime=MONTH)) == 1
    assert keys.rotate_due(due, lifetime=MONTH) == ()
    assert SigningKey.objects.count() == 2


def test_another_process_knows_within_half_a_minute(signed_in, monkeypatch):
    """This process keeps its keys; the rotation happens in the worker."""
    first = signer(signed_in)
    kept = keys._kept
    now = timezone.now()
    following = keys.rotate(now)[0].published
    keys.rotate(now + timedelta(minutes=16))
    keys._kept = kept
    assert signer(signed_in) == first
    assert following not in published(signed_in)
    monkeypatch.setattr(keys, "monotonic", lambda: kept[0] + 0.1)
    assert signer(signed_in) == following
    assert {first, following} <= published(signed_in)


def test_beat_knows_of_it():
    scheduled = [
        each for each in configured.CELERY_BEAT_SCHEDULE.values() if each["task"] == tasks.rotate_signing_keys.name
    ]
    assert [each["schedule"] for each in scheduled] == [3600.0]


def test_a_lifetime_that_caches_could_not_follow_is_refused():
    with pytest.raises(ImproperlyConfigured, match="signing_key_lifetime"):
        Policy(signing_key_lifetime=timedelta(hours=1))


def test_an_application_that_was_registered_long_ago_goes_on(signed_in, jane):
    """The hint of a sign-out may be signed with a key that is no longer published."""
    make_client("other")
    hint = signed_in.tokens()["id_token"]
    now = timezone.now()
    keys.rotate(now)
    keys.rotate(now + HOUR)
    with time_machine.travel(now + timedelta(days=40)):
        keys.forget()
        signed_in.sign_in(jane)
        response = signed_in.http.get("/sign-out", {"id_token_hint": hint}, secure=True)
    assert response["Location"].startswith("/signed-out?client_id=payroll")

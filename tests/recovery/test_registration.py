"""Whether somebody is asked for another way back: a table, and the edges of the numbers."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from recovery.domain.policy import RecoveryPolicy
from recovery.domain.registration import REST, Asked, Doubt, Fault, is_due, missing, skips_left, still_in_doubt
from recovery.domain.ways import EMAIL, PASSKEY, RECOVERY_CODE, SMS, TOTP

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
ALL = (EMAIL, SMS, TOTP, PASSKEY, RECOVERY_CODE)
DAY, MOMENT = timedelta(days=1), timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("has", "wanted", "methods", "asked_for"),
    [
        ((), 1, ALL, (PASSKEY, TOTP, RECOVERY_CODE, SMS, EMAIL)),
        ((EMAIL,), 1, ALL, ()),
        ((EMAIL,), 2, ALL, (PASSKEY, TOTP, RECOVERY_CODE, SMS)),
        ((EMAIL, SMS), 2, ALL, ()),
        ((EMAIL, TOTP), 2, ALL, ()),
        # An app and a passkey are lost with the same phone.
        ((TOTP, PASSKEY), 2, ALL, (RECOVERY_CODE, SMS, EMAIL)),
        ((EMAIL, TOTP, PASSKEY), 3, ALL, (RECOVERY_CODE, SMS)),
        # What is not offered is no way, and not asked for.
        ((EMAIL, SMS), 2, (EMAIL, TOTP), (TOTP,)),
        ((EMAIL,), 2, (EMAIL,), ()),
        ((), 0, ALL, ()),
    ],
)
def test_what_is_asked_for(has, wanted, methods, asked_for):
    assert missing(has, RecoveryPolicy(ways_wanted=wanted, methods=methods)) == asked_for


@pytest.mark.parametrize(
    ("has", "wanted", "asked_for"),
    [
        # A mailbox and a telephone are in other people's hands: an administrator does not get back in by them.
        ((EMAIL, SMS), 2, (PASSKEY, TOTP, RECOVERY_CODE)),
        ((EMAIL,), 2, (PASSKEY, TOTP, RECOVERY_CODE)),
        ((EMAIL, SMS), 1, (PASSKEY, TOTP, RECOVERY_CODE)),
        ((EMAIL, RECOVERY_CODE), 2, ()),
        ((TOTP,), 2, (RECOVERY_CODE, SMS, EMAIL)),
        ((EMAIL, SMS), 0, ()),
    ],
)
def test_an_administrator_is_asked_for_one_in_their_own_hands(has, wanted, asked_for):
    policy = RecoveryPolicy(ways_wanted=wanted, methods=ALL)
    assert missing(has, policy, administrator=True) == asked_for


@pytest.mark.parametrize(
    ("since", "used", "left"),
    [
        (None, 0, 3),
        (NOW, 0, 3),
        (NOW - 13 * DAY, 2, 1),
        (NOW - 14 * DAY + MOMENT, 0, 3),
        (NOW - 14 * DAY, 0, 0),
        (NOW - 14 * DAY, 3, 0),
        (NOW, 3, 0),
        # The policy was tightened meanwhile.
        (NOW, 7, 0),
    ],
)
def test_how_often_it_may_be_put_off(since, used, left):
    assert skips_left(Asked(since=since, skips_used=used), RecoveryPolicy(), now=NOW) == left


def test_an_address_is_due_after_its_time_and_never_where_none_is_set():
    half_a_year = RecoveryPolicy().reconfirm_after
    assert is_due(NOW - half_a_year, RecoveryPolicy(), now=NOW)
    assert not is_due(NOW - half_a_year + MOMENT, RecoveryPolicy(), now=NOW)
    assert not is_due(NOW - 4000 * DAY, RecoveryPolicy(reconfirm_after=timedelta(0)), now=NOW)


def test_what_was_put_off_rests_and_what_is_new_does_not():
    old, new = (Doubt(address=uuid4(), fault=Fault.BOUNCED, since=NOW + days * DAY) for days in (-3, -1))
    assert still_in_doubt((old, new), Asked(), now=NOW) == (old, new)
    assert still_in_doubt((old, new), Asked(put_off_at=NOW - 2 * DAY), now=NOW) == (new,)
    assert still_in_doubt((old, new), Asked(put_off_at=NOW - REST), now=NOW) == (old, new)


@pytest.mark.parametrize(
    "numbers",
    [
        {"ways_wanted": -1},
        {"ways_wanted": 4},
        {"skips": -1},
        {"skips": 11},
        {"skip_within": -DAY},
        {"skip_within": 61 * DAY},
        {"reconfirm_after": 29 * DAY},
        {"reconfirm_after": 731 * DAY},
    ],
)
def test_numbers_out_of_bounds_are_refused(numbers):
    with pytest.raises(ValueError, match=next(iter(numbers))):
        RecoveryPolicy(**numbers)

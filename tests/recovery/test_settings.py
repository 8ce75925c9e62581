"""A recovery policy that contradicts itself, or offers what is not built, is a start-up error."""

from datetime import timedelta

import pytest
from django.core.checks import run_checks

from recovery.domain.policy import OtpPolicy


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ({"proofs_with_second_factor": 0}, "must be 1 or 2"),
        ({"proofs_without_second_factor": 3}, "must be 1 or 2"),
        ({"proofs_of_administrators": 1}, "a way around the other"),
        ({"proofs_to_replace_a_factor": 1}, "a way around the other"),
        ({"methods": ("password",)}, "does not exist"),
        ({"methods": ("carrier pigeon",)}, "does not exist"),
        ({"problems": ("forgot", "boredom")}, "does not exist"),
        ({"methods": ()}, "at least one"),
        ({"no_such_number": 1}, "no_such_number"),
    ],
)
def test_a_policy_out_of_bounds_is_a_start_up_error(settings, policy, said):
    settings.RECOVERY = policy
    assert said in " ".join(str(message) for message in run_checks(tags=["security"]))


def test_the_policy_as_it_comes_is_sound():
    assert not run_checks(tags=["security"])


@pytest.mark.parametrize(
    "numbers",
    [{"digits": 5}, {"digits": 10}, {"lifetime": timedelta(minutes=10, seconds=1)}, {"tries": 11}, {"live": 4}],
    ids=str,
)
def test_no_setting_makes_codes_easier_to_guess_than_this(numbers):
    """ASVS 6.5.4, 6.5.5: six digits at least, ten minutes at most."""
    with pytest.raises(ValueError, match="otp"):
        OtpPolicy(**numbers)

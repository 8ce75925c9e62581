"""A recovery policy that contradicts itself, or offers what is not built, is a start-up error."""

import pytest
from django.core.checks import run_checks


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ({"proofs_required": 2}, "more methods than are offered"),
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

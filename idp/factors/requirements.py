"""Who has to have a second factor, by the tenant's policy."""

from idp.accounts import roles
from idp.conf import Policy, SecondFactor
from idp.models import User


def must_have(user: User, policy: Policy) -> bool:
    """Whether `user` may not go on with a password alone. Asks the database only where it depends on the role."""
    if policy.second_factor == SecondFactor.REQUIRED_FOR_ADMINISTRATORS:
        return roles.is_administrator(user.pk)
    return policy.second_factor == SecondFactor.REQUIRED


def may_add(policy: Policy) -> bool:
    """Whether people are offered to add one."""
    return policy.second_factor != SecondFactor.OFF

"""Setting a password at the end of a recovery, or of an activation."""

from idp.accounts.activation import Activated, activate_account
from idp.accounts.password_change import PasswordChanged, PasswordUnfit, ProofStale, change_password
from idp.accounts.password_rules import PasswordContext
from idp.conf import policy

__all__ = [
    "Activated",
    "PasswordChanged",
    "PasswordUnfit",
    "ProofStale",
    "activate_account",
    "change_password",
    "minimum_length",
    "policy",
]


def minimum_length() -> int:
    """The fewest characters a new password may have under the tenant's policy."""
    return PasswordContext(second_factor_enforced=policy().second_factor_enforced).minimum

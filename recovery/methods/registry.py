"""Which methods exist: read one line."""

from recovery.domain.policy import RecoveryPolicy
from recovery.methods.base import MessageMethod
from recovery.methods.email import EmailCode
from recovery.methods.sms import SmsCode

METHODS: tuple[MessageMethod, ...] = (EmailCode(), SmsCode())


def enabled(policy: RecoveryPolicy) -> list[MessageMethod]:
    """The methods the policy offers, in its order."""
    return [method for name in policy.methods for method in METHODS if method.id == name]


def find(name: str, policy: RecoveryPolicy) -> MessageMethod | None:
    """The offered method of this name."""
    return next((method for method in enabled(policy) if method.id == name), None)

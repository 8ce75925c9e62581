"""Which methods exist: read one line."""

from collections.abc import Iterable

from recovery.domain.policy import RecoveryPolicy
from recovery.methods.base import MessageMethod, Method, sends
from recovery.methods.email import EmailCode
from recovery.methods.known_password import KnownPassword
from recovery.methods.passkey import Passkey
from recovery.methods.recovery_code import RecoveryCode
from recovery.methods.sms import SmsCode
from recovery.methods.totp import AppCode

METHODS: tuple[Method, ...] = (EmailCode(), SmsCode(), AppCode(), Passkey(), RecoveryCode(), KnownPassword())


def named(names: Iterable[str]) -> list[Method]:
    """The methods of these names, in their order; of names that mean nothing, none."""
    return [method for name in names for method in METHODS if method.id == name]


def find(name: str) -> Method | None:
    """The method of this name."""
    return next(iter(named([name])), None)


def messages() -> list[MessageMethod]:
    """The methods that send a code."""
    return [method for method in METHODS if sends(method)]


def enabled(policy: RecoveryPolicy) -> list[Method]:
    """The methods the policy offers, in its order."""
    return named(policy.methods)

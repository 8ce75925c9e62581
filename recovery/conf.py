"""The tenant's recovery policy, built once from `settings.RECOVERY`."""

from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.dispatch import receiver

from idp.plugins import delivery
from recovery.domain.policy import RecoveryPolicy


@lru_cache(maxsize=1)
def policy() -> RecoveryPolicy:
    """The policy. Raises ImproperlyConfigured for an unknown name or a value out of bounds.

    Text messages are offered where there is a gateway for them, unless the tenant says itself what is offered.
    """
    offered = {} if delivery.SMS not in delivery.channels() else {"methods": ("email", "sms")}
    try:
        return RecoveryPolicy(**{**offered, **settings.RECOVERY})
    except (TypeError, ValueError) as error:
        raise ImproperlyConfigured(f"settings.RECOVERY: {error}") from error


@receiver(setting_changed)
def _forget(*, setting: str, **_kwargs: Any) -> None:
    if setting in ("RECOVERY", "SMS_GATEWAYS"):
        policy.cache_clear()

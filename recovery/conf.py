"""The tenant's recovery policy, built once from `settings.RECOVERY`."""

from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.dispatch import receiver

from idp.plugins import delivery, factors
from recovery.domain import ways
from recovery.domain.policy import LOST_FACTOR, PROBLEMS, RecoveryPolicy


@lru_cache(maxsize=1)
def policy() -> RecoveryPolicy:
    """The policy. Raises ImproperlyConfigured for an unknown name or a value out of bounds.

    Text messages are offered where there is a gateway for them, and what people hold where they may have second
    factors, unless the tenant says itself what is offered.
    """
    held = (ways.TOTP, ways.PASSKEY, ways.RECOVERY_CODE) if factors.offered() else ()
    problems = PROBLEMS if held else tuple(problem for problem in PROBLEMS if problem != LOST_FACTOR)
    try:
        return RecoveryPolicy(
            **{"problems": problems, "methods": (*delivery.channels(), *held), **settings.RECOVERY},
        )
    except (TypeError, ValueError) as error:
        raise ImproperlyConfigured(f"settings.RECOVERY: {error}") from error


@receiver(setting_changed)
def _forget(*, setting: str, **_kwargs: Any) -> None:
    if setting in ("RECOVERY", "SMS_GATEWAYS", "IDP"):
        policy.cache_clear()

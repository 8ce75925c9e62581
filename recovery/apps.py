"""The recovery app. Take it out of INSTALLED_APPS and IDP_PLUGINS, and the provider works without it."""

from django.apps import AppConfig


class RecoveryConfig(AppConfig):
    name = "recovery"
    verbose_name = "Account recovery"

    def ready(self) -> None:
        from recovery import checks  # noqa: F401, PLC0415 -- registers; settings exist only now

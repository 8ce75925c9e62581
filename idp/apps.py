"""Starting up: triggers after every migration, checks registered, nothing else at import."""

from typing import Any

from django.apps import AppConfig
from django.core.signals import request_finished
from django.db.models.signals import post_migrate


class IdpConfig(AppConfig):
    name = "idp"
    verbose_name = "Identity provider"

    def ready(self) -> None:
        from idp import checks, invitation_mail, tasks  # noqa: F401, PLC0415 -- they register; models exist only now
        from idp.account import address_mail  # noqa: F401, PLC0415 -- as above
        from idp.oidc import backchannel  # noqa: F401, PLC0415 -- as above
        from idp.seals import telling  # noqa: PLC0415 -- as above

        request_finished.connect(telling.tell)
        post_migrate.connect(self._after_migration, sender=self)

    def _after_migration(self, *, using: str, **_kwargs: Any) -> None:
        from idp import startup  # noqa: PLC0415 -- as above

        startup.after_migration(using)

"""A code of an authenticator app that the account has as a second factor (RFC 6238). Each code once."""

from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from idp.plugins import factors
from idp.plugins.web import Choice
from recovery.domain import ways
from recovery.methods.base import Answer


class AppCode:
    id = ways.TOTP
    guessable = True

    def title(self) -> str:
        return _("authenticator app")

    def choice(self) -> Choice:
        return Choice(
            value=self.id,
            title=_("Use my authenticator app"),
            detail=_("The 6-digit code it shows"),
            icon="shield",
        )

    def fault(self, text: str) -> str:
        return "" if factors.is_app_code(text) else _("Enter the 6 digits that your app shows")

    def place(self) -> AbstractContextManager[None]:
        return nullcontext()

    def judge(self, subject: UUID | None, answer: Answer, *, now: datetime) -> factors.Shown | None:
        return factors.app_code(subject, answer.text, now=now)

"""The password that somebody knows, towards replacing what they lost. It never counts towards replacing itself."""

from contextlib import AbstractContextManager
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from idp.plugins import factors
from idp.plugins.web import Choice
from recovery.domain import ways
from recovery.methods.base import Answer


class KnownPassword:
    id = ways.PASSWORD
    guessable = True

    def title(self) -> str:
        return _("password")

    def choice(self) -> Choice:
        return Choice(
            value=self.id,
            title=_("Use my password"),
            detail=_("The one you sign in with"),
            icon="key",
        )

    def fault(self, text: str) -> str:
        return "" if text else _("Enter your password")

    def place(self) -> AbstractContextManager[None]:
        return factors.place()

    def judge(self, subject: UUID | None, answer: Answer, *, now: datetime) -> factors.Shown | None:
        return factors.password(subject, answer.text, now=now)

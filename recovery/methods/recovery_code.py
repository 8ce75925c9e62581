"""One of the saved recovery codes (NIST SP 800-63B 4.2.1.1): used once, and its owner is told."""

from contextlib import AbstractContextManager
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from idp.plugins import factors
from idp.plugins.web import Choice
from recovery.domain import ways
from recovery.methods.base import Answer


class RecoveryCode:
    id = ways.RECOVERY_CODE
    #: It has 80 bits.
    guessable = False

    def title(self) -> str:
        return _("recovery code")

    def choice(self) -> Choice:
        return Choice(
            value=self.id,
            title=_("Use a recovery code"),
            detail=_("One of the codes you saved"),
            icon="list",
        )

    def fault(self, text: str) -> str:
        return "" if factors.is_recovery_code(text) else _("A recovery code has 16 letters and digits")

    def place(self) -> AbstractContextManager[None]:
        return factors.place()

    def judge(self, subject: UUID | None, answer: Answer, *, now: datetime) -> factors.Shown | None:
        return factors.recovery_code(subject, answer.text, origin=answer.origin, now=now)

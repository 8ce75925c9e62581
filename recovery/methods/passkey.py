"""A passkey or security key of the account. Nobody guesses a signature, so it touches no budget for guesses."""

from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from idp.plugins import factors
from idp.plugins.web import Choice
from recovery.domain import ways
from recovery.methods.base import Answer


class Passkey:
    id = ways.PASSKEY
    guessable = False

    def title(self) -> str:
        return _("passkey")

    def choice(self) -> Choice:
        return Choice(
            value=self.id,
            title=_("Use a passkey or security key"),
            detail=_("Fingerprint, face, PIN or key"),
            icon="finger",
        )

    def fault(self, text: str) -> str:
        return "" if text else _("No passkey was used. Try again, or use another way.")

    def place(self) -> AbstractContextManager[None]:
        return nullcontext()

    def judge(self, subject: UUID | None, answer: Answer, *, now: datetime) -> factors.Shown | None:
        return factors.passkey(subject, answer.text, browser_hash=answer.browser_hash, origin=answer.origin, now=now)

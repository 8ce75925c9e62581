"""A code sent to a verified e-mail address. It proves the address in a recovery; it is never a sign-in factor."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils import timezone
from django.utils.translation import gettext as _

from idp.plugins import delivery, otp
from idp.plugins.delivery import Message
from idp.plugins.hooks import Letter
from idp.plugins.web import Choice
from recovery import codes, in_force


class EmailCode:
    id = "email"
    channel = delivery.EMAIL
    kind = "recovery.email_code"

    def title(self) -> str:
        return _("email")

    def choice(self) -> Choice:
        return Choice(
            value=self.id,
            title=_("Send a code to an email address I gave"),
            detail=_("Then type the full address"),
            icon="mail",
        )

    def fault(self, typed: str) -> str:
        try:
            validate_email(typed)
        except ValidationError:
            return _("Enter an email address, for example name@example.com")
        return ""

    def meant(self, typed: str) -> str:
        return typed

    def words(self, message: Message, *, language: str) -> Letter | None:
        numbers = in_force.policy(timezone.now()).otp
        challenge = codes.asked_by(message)
        if challenge is None:
            return None
        # From the moment a provider was found for it; shown in minutes, this is never later than the real end.
        until = (message.sent_at or timezone.now()) + numbers.lifetime
        return delivery.write(
            "recovery/mail/code",
            language=language,
            code=otp.grouped(
                codes.code(challenge, challenge.journey.subject, message.number, digits=numbers.digits),
            ),
            long=codes.is_long(challenge, message.number),
            reference=codes.reference(challenge, message.number),
            until=timezone.localtime(until),
            asked_at=timezone.localtime(datetime.fromisoformat(message.facts["asked_at"])),
            device=message.facts["device"],
        )

"""A code sent by text message to a registered telephone. One proof among others, and a restricted one.

NIST SP 800-63B 3.1.3.3: numbers are ported and lines are listened to, so a telephone is offered beside something
stronger, never as the only way, and it is never a sign-in factor.
"""

from django.utils import timezone
from django.utils.translation import gettext as _

from idp.plugins import delivery, otp
from idp.plugins.delivery import Message, Number, Unfit
from idp.plugins.hooks import Text
from idp.plugins.web import Choice, issuer_host
from recovery import codes, in_force


class SmsCode:
    id = "sms"
    channel = delivery.SMS
    kind = "recovery.sms_code"

    def title(self) -> str:
        return _("text message")

    def choice(self) -> Choice:
        return Choice(
            value=self.id,
            title=_("Text a code to my phone"),
            detail=_("Then type the full number"),
            icon="phone",
        )

    def fault(self, typed: str) -> str:
        match delivery.number(typed):
            case Number():
                return ""
            case Unfit.COUNTRY:
                return _("We can't send text messages to that country. Use another way.")
            case Unfit.MALFORMED:
                return _("Enter a mobile number with its country code, for example +33 6 12 34 56 78")
            case _:
                return _("That isn't a mobile number. Enter one that receives text messages, or use another way.")

    def meant(self, typed: str) -> str:
        number = delivery.number(typed)
        return number.e164 if isinstance(number, Number) else typed

    def words(self, message: Message, *, language: str) -> Text | None:
        numbers = in_force.policy(timezone.now()).otp
        challenge = codes.asked_by(message)
        if challenge is None:
            return None
        code = codes.code(challenge, challenge.journey.subject, message.number, digits=numbers.digits)
        until = (message.sent_at or timezone.now()) + numbers.lifetime
        return delivery.text(
            "recovery/sms/code",
            language=language,
            # Bound to the host: a telephone offers it on our page and on no other's.
            last_line=f"@{issuer_host()} #{code}",
            code=otp.grouped(code),
            reference=codes.reference(challenge, message.number),
            until=timezone.localtime(until),
        )

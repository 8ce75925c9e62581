"""The message that carries a code to an address its owner adds or tests.

An address that is to be added is not a recovery address yet, so the outbox cannot name it: the claim does, encrypted.
"""

from datetime import datetime

from django.conf import settings
from django.utils import timezone

from idp import handover, notices, otp
from idp.accounts import address_claims, sealing
from idp.channels import Letter, Text
from idp.conf import ADDRESS_CODES
from idp.handover import Parcel
from idp.models import AddressClaim, Message, RecoveryAddress
from idp.plugins.web import issuer_host


def packed(message: Message) -> Parcel | None:
    """The letter or text, and where it goes. None if nobody could use it any more."""
    claim = AddressClaim.objects.select_related("address__user", "user").filter(pk=message.reference).first()
    if claim is None or claim.spent_at or claim.user_id != message.user_id or not claim.user.may_sign_in:
        return None
    to = address_claims.claimed_address(claim)
    if to is None:
        return None
    spoken = dict(settings.LANGUAGES)
    language = claim.user.locale if claim.user.locale in spoken else message.facts["language"]
    words = _words(claim, message, language=language)
    return Parcel(words=words, to=to, digest=sealing.address_digest(claim.channel, to))


def _words(claim: AddressClaim, message: Message, *, language: str) -> Letter | Text:
    code = address_claims.code(claim, message.number)
    said = {
        "purpose": claim.purpose,
        "code": otp.grouped(code),
        "reference": address_claims.reference(claim, message.number),
        # From the moment a provider was found for it; shown in minutes, this is never later than the real end.
        "until": timezone.localtime((message.sent_at or timezone.now()) + ADDRESS_CODES.lifetime),
    }
    if claim.channel == RecoveryAddress.Channel.SMS:
        # Bound to the host: a telephone offers it on our page and on no other's.
        ending = f"@{issuer_host()} #{code}"
        return notices.text("idp/sms/address_code", language=language, last_line=ending, **said)
    return notices.write(
        "idp/mail/address_code",
        language=language,
        asked_at=timezone.localtime(datetime.fromisoformat(message.facts["asked_at"])),
        device=message.facts["device"],
        **said,
    )


handover.pack(address_claims.KIND, packed)

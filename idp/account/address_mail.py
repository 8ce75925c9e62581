"""The message that carries a code to an address its owner adds or tests.

An address that is to be added is not a recovery address yet, so the outbox cannot name it: the claim does, encrypted.
"""

from datetime import datetime

from django.conf import settings
from django.utils import timezone

from idp import handover, notices, otp
from idp.accounts import address_claims, sealing
from idp.conf import ADDRESS_CODES
from idp.handover import Parcel
from idp.models import AddressClaim, Message


def packed(message: Message) -> Parcel | None:
    """The letter, and where it goes. None if nobody could use it any more."""
    claim = AddressClaim.objects.select_related("address__user", "user").filter(pk=message.reference).first()
    if claim is None or claim.spent_at or claim.user_id != message.user_id or not claim.user.may_sign_in:
        return None
    to = address_claims.claimed_address(claim)
    if to is None:
        return None
    spoken = dict(settings.LANGUAGES)
    language = claim.user.locale if claim.user.locale in spoken else message.facts["language"]
    letter = notices.write(
        "idp/mail/address_code",
        language=language,
        purpose=claim.purpose,
        code=otp.grouped(address_claims.code(claim, message.number)),
        reference=address_claims.reference(claim, message.number),
        # From the moment a provider was found for it; shown in minutes, this is never later than the real end.
        until=timezone.localtime((message.sent_at or timezone.now()) + ADDRESS_CODES.lifetime),
        asked_at=timezone.localtime(datetime.fromisoformat(message.facts["asked_at"])),
        device=message.facts["device"],
    )
    return Parcel(words=letter, to=to, digest=sealing.address_digest(claim.channel, to))


handover.pack(address_claims.KIND, packed)

"""The message that carries a code to an address its owner adds or tests.

An address that is to be added is not a recovery address yet, so the outbox cannot name it: the claim does, encrypted.
"""

from datetime import datetime

from django.conf import settings
from django.utils import timezone

from idp import notices, otp
from idp.accounts import address_claims
from idp.channels import Refused, email
from idp.conf import ADDRESS_CODES
from idp.delivery import Carrier, carry
from idp.models import AddressClaim, Message


def hand_over(message: Message) -> None:
    """Write and send it. Raises Away if it may work later, Refused if nobody could use it any more."""
    claim = AddressClaim.objects.select_related("address__user", "user").filter(pk=message.reference).first()
    if claim is None or claim.spent_at or claim.user_id != message.user_id or not claim.user.may_sign_in:
        raise Refused("nobody asks for it any more")
    to = address_claims.claimed_address(claim)
    if to is None:
        raise Refused("not the address it was asked for")
    spoken = dict(settings.LANGUAGES)
    language = claim.user.locale if claim.user.locale in spoken else message.facts["language"]
    letter = notices.write(
        "idp/mail/address_code",
        language=language,
        purpose=claim.purpose,
        code=otp.grouped(address_claims.code(claim, message.number)),
        reference=address_claims.reference(claim, message.number),
        # The provider takes it within seconds of now; shown in minutes, this is never later than the real end.
        until=timezone.localtime(timezone.now() + ADDRESS_CODES.lifetime),
        asked_at=timezone.localtime(datetime.fromisoformat(message.facts["asked_at"])),
        device=message.facts["device"],
    )
    email.send(letter, to=to)


carry(address_claims.KIND, Carrier(hand_over=hand_over))

"""The letter of an invitation.

Its address is no recovery address yet, so the outbox cannot name it: the invitation does.
"""

from django.conf import settings
from django.utils import timezone

from idp import handover, notices
from idp.accounts import invitations, sealing
from idp.handover import Parcel
from idp.models import Message, RecoveryAddress
from idp.plugins import hooks


def packed(message: Message) -> Parcel | None:
    """The letter, and where it goes. None if nobody could use it any more: taken up, taken back, or sent anew."""
    invitation = invitations.of(message.user_id, now=timezone.now()) if message.user_id else None
    path = hooks.activation()
    if invitation is None or not path or (invitation.pk, invitation.generation) != (message.reference, message.number):
        return None
    to = invitations.address(invitation)
    if to is None:
        return None
    spoken = dict(settings.LANGUAGES)
    language = invitation.user.locale if invitation.user.locale in spoken else message.facts["language"]
    words = notices.write(
        "idp/mail/invitation",
        language=language,
        url=invitations.url(invitation, path),
        username=invitation.user.preferred_username,
        until=timezone.localtime(invitation.expires_at),
    )
    return Parcel(words=words, to=to, digest=sealing.address_digest(RecoveryAddress.Channel.EMAIL, to))


handover.pack(invitations.KIND, packed)

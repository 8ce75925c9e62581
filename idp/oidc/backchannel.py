"""Back-channel logout (OpenID Connect Back-Channel Logout 1.0): the logout token, and handing it to an application.

The outbox holds who is to be told (`idp.accounts.logouts`); the token is made when it is sent, so none lies about,
and it is fresh at each attempt.
"""

from datetime import datetime, timedelta
from secrets import token_urlsafe
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from idp import fetch
from idp.accounts import logouts
from idp.channels import Away, Refused
from idp.delivery import Carrier, carry
from idp.models import Grant, Message
from idp.oidc import clients, id_tokens
from idp.oidc.clients import RelyingParty

#: Section 2.4: what happened, and an empty object about it.
_EVENTS = {"http://schemas.openid.net/event/backchannel-logout": {}}
_TYPE = "logout+jwt"
_LIFETIME = timedelta(minutes=2)
_LONGEST_PAUSE = timedelta(minutes=10)
#: Section 2.8 asks for 200; some frameworks can say nothing only with 204.
_TAKEN = (200, 204)
#: Not its last word: busy, or slow.
_LATER = (408, 429)
_SERVER_ERROR = 500


def token(grant: Grant, *, now: datetime) -> str:
    """The logout token of `grant`'s sign-in for its application, naming both as the ID token did (section 2.4)."""
    issued_at = int(now.timestamp())
    claims: dict[str, Any] = {
        "iss": settings.ISSUER,
        "aud": grant.client.client_id,
        "iat": issued_at,
        "exp": issued_at + int(_LIFETIME.total_seconds()),
        "jti": token_urlsafe(16),
        "events": _EVENTS,
        "sub": grant.sub,
    }
    if grant.sign_in_id:
        claims["sid"] = grant.sign_in_id.hex
    return id_tokens.signed(claims, alg=RelyingParty(grant.client).id_token_algorithm, kind=_TYPE)


def hand_over(message: Message) -> None:
    """Post the token. Raises Away if it may work later, Refused if it never will."""
    grant = Grant.objects.select_related("client").filter(pk=UUID(message.facts["grant"])).first()
    client = clients.find(grant.client.client_id) if grant else None
    if grant is None or client is None or not client.record.backchannel_logout_uri:
        raise Refused("nobody to tell any more")
    if grant.sign_in_id != message.reference or grant.user_id != message.user_id:
        raise Refused("not the grant it was written for")
    try:
        status = fetch.post_form(
            client.record.backchannel_logout_uri,
            {"logout_token": token(grant, now=timezone.now())},
        )
    except fetch.Failed as error:
        raise Away(str(error)) from None
    if status in _TAKEN:
        return
    if status in _LATER or status >= _SERVER_ERROR:
        raise Away(f"status {status}")
    raise Refused(f"status {status}")


carry(logouts.KIND, Carrier(hand_over=hand_over, longest_pause=_LONGEST_PAUSE))

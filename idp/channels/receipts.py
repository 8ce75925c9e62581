"""What a provider tells us afterwards of a message it took: receipts, bounces, complaints.

Only once it has shown that it is the provider: by its signature, where it has one and its key is in the provider's
URL; otherwise by RECEIPTS_SECRET, which it was given for this. Where there is neither, nobody is listened to.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from time import time
from typing import Any

from anymail.exceptions import AnymailConfigurationError, AnymailError
from anymail.signals import RejectReason
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key
from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from idp.channels import Forged, Unreadable, sns
from idp.channels.addresses import Api
from idp.channels.gateways import Gateway

DELIVERED, BOUNCED, FAILED, COMPLAINED = "delivered", "bounced", "failed", "complained"
#: What anymail calls them; what it tells besides (opened, clicked, queued …) nobody asked for.
_OF_ANYMAIL = {
    "delivered": DELIVERED,
    "bounced": BOUNCED,
    "rejected": FAILED,
    "failed": FAILED,
    "complained": COMPLAINED,
}
#: Their receipts are read.
_READ = frozenset({"brevo", "mailgun", "postmark", "resend", "sendgrid", "ses"})
#: Where anymail has what reads them; the others are called as the family is.
_READERS = {
    "sendgrid": ("sendgrid", "SendGridTrackingWebhookView"),
    "ses": ("amazon_ses", "AmazonSESTrackingWebhookView"),
}
#: How old a signed receipt may be, in seconds.
_FRESH = 300
_NOT_READ = (AnymailError, AnymailConfigurationError)
#: Kinds of bounces, of Postmark and of Amazon, after which another message may arrive.
_FOR_NOW = re.compile(r"Soft|Transient|Undetermined")
#: What a topic of Amazon says once, when letters are first told of by it.
_GREETING = "Successfully validated SNS topic"
_REFERENCE = re.compile(r"[\x21-\x7e]{1,250}")


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What became of one message, by the name the provider gave it."""

    reference: str
    outcome: str


def named(name: str) -> Api | Gateway | None:
    """The provider of this name, if it is one that would be believed."""
    for each in (*settings.EMAIL_PROVIDERS, *settings.SMS_GATEWAYS):
        if each.name == name and isinstance(each, (Api, Gateway)) and _can_be_known(each):
            return each
    return None


def read(provider: Api | Gateway, request: HttpRequest, *, url: str) -> list[Receipt]:
    """The receipts in `request`, which came to our address `url`. Raises Forged, Unreadable or NotNow."""
    if isinstance(provider, Api):
        return _of_mail(provider, request)
    if provider.family == "twilio":
        return _of_twilio(provider, request, url)
    _check_secret(request)
    return _of_text(_fields(request))


def _can_be_known(provider: Api | Gateway) -> bool:
    if isinstance(provider, Gateway):
        # The others send none, or none that we read.
        readable = provider.family in ("json", "vonage") and bool(settings.RECEIPTS_SECRET)
        return readable or (provider.family == "twilio" and bool(provider.signing_key))
    if provider.family not in _READ:
        return False
    if provider.family == "ses":
        return bool(provider.topic)
    return bool(settings.RECEIPTS_SECRET) or (bool(provider.signing_key) and provider.family in _SIGNED)


# --- Mail -------------------------------------------------------------------------------------------------


def _of_mail(provider: Api, request: HttpRequest) -> list[Receipt]:
    """By anymail's reader for the provider. A signature is enough; without its key it takes the secret."""
    if provider.family == "ses":
        return _of_amazon(provider, request)
    if provider.signing_key and provider.family in _SIGNED:
        _SIGNED[provider.family](provider, request)
    else:
        _check_secret(request)
    return _found(lambda: _reader(provider).parse_events(request))


def _of_amazon(provider: Api, request: HttpRequest) -> list[Receipt]:
    """What the topic was told. Anymail reads that; it does not look at the signature, which `sns` does."""
    told = sns.opened(request.body, topic=provider.topic, now=timezone.now())
    if told is None or told.startswith(_GREETING):
        return []
    return _found(lambda: _reader(provider).esp_to_anymail_events(json.loads(told), {}))


def _found(read: Callable[[], Iterable[Any]]) -> list[Receipt]:
    try:
        found = [Receipt(reference=str(event.message_id), outcome=_outcome(event)) for event in read()]
    except (*_NOT_READ, LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise Unreadable(type(error).__name__) from None
    return [receipt for receipt in found if receipt.outcome and _REFERENCE.fullmatch(receipt.reference)]


def _reader(provider: Api) -> Any:
    usual = (provider.family, f"{provider.family.title()}TrackingWebhookView")
    module, name = _READERS.get(provider.family, usual)
    kind = getattr(import_module(f"anymail.webhooks.{module}"), name)
    # Made without its own checks, which were done above; some of them need packages that we do not have.
    return kind.__new__(kind)


def _outcome(event: Any) -> str:
    """What happened, in our words; empty for what nobody asked for (opened, clicked, queued …)."""
    outcome = _OF_ANYMAIL.get(str(event.event_type), "")
    if outcome not in (BOUNCED, FAILED):
        return outcome
    if event.reject_reason == RejectReason.INVALID:
        return BOUNCED
    is_kind_of = str(event.esp_event.get("Type", "")) + str(event.esp_event.get("bounce", {}).get("bounceType", ""))
    for_good = event.reject_reason in (RejectReason.BOUNCED, None) and not _FOR_NOW.search(is_kind_of)
    return BOUNCED if outcome == BOUNCED and for_good else FAILED


def _signed_by_mailgun(provider: Api, request: HttpRequest) -> None:
    try:
        block = json.loads(request.body)["signature"]
        signed, moment, signature = f"{block['timestamp']}{block['token']}", block["timestamp"], block["signature"]
    except (ValueError, LookupError, TypeError, RecursionError):
        raise Forged("no signature") from None
    mac = hmac.new(provider.signing_key.encode(), signed.encode(errors="replace"), "sha256").hexdigest()
    if not hmac.compare_digest(mac.encode(), str(signature).encode(errors="replace")):
        raise Forged("signature")
    _check_fresh(moment)


def _signed_by_resend(provider: Api, request: HttpRequest) -> None:
    """The scheme of Svix: HMAC-SHA256 over id, time and body."""
    identity, moment = request.headers.get("svix-id", ""), request.headers.get("svix-timestamp", "")
    try:
        key = base64.b64decode(provider.signing_key.removeprefix("whsec_"))
    except ValueError:
        raise Forged("the signing key is not base64") from None
    mac = base64.b64encode(hmac.digest(key, f"{identity}.{moment}.".encode() + request.body, "sha256")).decode()
    given = [each.partition(",")[2] for each in request.headers.get("svix-signature", "").split()]
    if not any(hmac.compare_digest(mac.encode(), each.encode()) for each in given):
        raise Forged("signature")
    _check_fresh(moment)


def _signed_by_sendgrid(provider: Api, request: HttpRequest) -> None:
    """ECDSA over time and body; its key is public, base64 of DER."""
    moment = request.headers.get("X-Twilio-Email-Event-Webhook-Timestamp", "")
    signature = request.headers.get("X-Twilio-Email-Event-Webhook-Signature", "")
    try:
        key = load_der_public_key(base64.b64decode(provider.signing_key))
        if not isinstance(key, EllipticCurvePublicKey):
            raise Forged("the signing key is of another kind")
        key.verify(base64.b64decode(signature), moment.encode() + request.body, ECDSA(SHA256()))
    except (ValueError, InvalidSignature):
        raise Forged("signature") from None
    _check_fresh(moment)


_SIGNED = {"mailgun": _signed_by_mailgun, "resend": _signed_by_resend, "sendgrid": _signed_by_sendgrid}


# --- Text messages ----------------------------------------------------------------------------------------

_ARRIVED = frozenset({"delivered", "delivrd", "read"})
_LOST = frozenset({"failed", "undelivered", "undeliv", "undeliverable", "rejected", "rejectd", "expired", "error"})
#: Twilio's codes for: no such telephone, a landline; and: its owner wants no messages from us.
_NO_TELEPHONE = frozenset({"30005", "30006", "21614", "21211"})
_UNWANTED = frozenset({"21610"})


def _of_twilio(gateway: Gateway, request: HttpRequest, url: str) -> list[Receipt]:
    """Signed with the account's token over the address and all fields in the order of their names."""
    fields = request.POST
    signed = url + "".join(f"{name}{value}" for name in sorted(fields) for value in fields.getlist(name))
    mac = base64.b64encode(hmac.digest(gateway.signing_key.encode(), signed.encode(), "sha1")).decode()
    if not hmac.compare_digest(mac.encode(), request.headers.get("X-Twilio-Signature", "").encode()):
        raise Forged("signature")
    return _of_text(
        {"id": fields.get("MessageSid"), "status": fields.get("MessageStatus"), "code": fields.get("ErrorCode")}
    )


def _of_text(fields: Mapping[str, Any]) -> list[Receipt]:
    """`id` (or `message_id`, or Vonage's `messageId`) and `status`; `code`, or `permanent: true`, if it is for good."""
    reference = str(fields.get("id") or fields.get("message_id") or fields.get("messageId") or "")
    status = str(fields.get("status") or "").lower()
    if not _REFERENCE.fullmatch(reference):
        raise Unreadable("no id")
    code = str(fields.get("code") or "")
    if status in _ARRIVED:
        outcome = DELIVERED
    elif status not in _LOST:
        return []
    elif code in _UNWANTED:
        outcome = COMPLAINED
    else:
        outcome = BOUNCED if code in _NO_TELEPHONE or fields.get("permanent") is True else FAILED
    return [Receipt(reference=reference, outcome=outcome)]


def _fields(request: HttpRequest) -> Mapping[str, Any]:
    if request.content_type != "application/json":
        return request.POST.dict()
    try:
        said = json.loads(request.body)
    except (ValueError, RecursionError):
        raise Unreadable("not JSON") from None
    if not isinstance(said, dict):
        raise Unreadable("not an object")
    return said


# --- Who it is --------------------------------------------------------------------------------------------


def _check_secret(request: HttpRequest) -> None:
    """RECEIPTS_SECRET, as a bearer token or as the password of HTTP Basic, whatever the name before it."""
    kind, _blank, shown = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            shown = base64.b64decode(shown, validate=True).decode().partition(":")[2]
        except ValueError:
            raise Forged("malformed") from None
    elif kind.lower() != "bearer":
        raise Forged("nothing shown")
    expected = settings.RECEIPTS_SECRET
    if not expected or not hmac.compare_digest(_hash(shown), _hash(expected)):
        raise Forged("secret")


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _check_fresh(moment: object) -> None:
    try:
        age = abs(time() - float(str(moment)))
    except ValueError:
        raise Forged("time") from None
    if not age <= _FRESH:
        raise Forged("too old")

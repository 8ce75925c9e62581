"""What Amazon SNS posts: whether it is believed. Amazon SES tells by it what became of a letter.

Whoever has an account with Amazon can have SNS sign something and post it here. So a signature is not enough: the
topic, which is in what was signed, has to be the one that the operator named. The certificate is read from the very
host of the topic's region, and a subscription is confirmed there; no other address that a message names is ever asked.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

import base64
import json
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from urllib.parse import urlencode

import structlog
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.x509 import Certificate, load_pem_x509_certificate

from idp import fetch
from idp.breaker import Breaker
from idp.channels import Forged, NotNow, Unreadable

log = structlog.get_logger(__name__)

_NOTIFICATION, _SUBSCRIPTION, _END = "Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"
#: What is signed of each kind of message, in this order; a subject only if there is one.
_ABOUT_SUBSCRIPTIONS = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_SIGNED = {
    _NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    _SUBSCRIPTION: _ABOUT_SUBSCRIPTIONS,
    _END: _ABOUT_SUBSCRIPTIONS,
}
#: By `SignatureVersion`. The first is what a topic has until its owner chooses the second.
_HASHES = {"1": SHA1, "2": SHA256}
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z")
_CERTIFICATE = re.compile(r"SimpleNotificationService-[0-9a-f]{32}\.pem")
_TOKEN = re.compile(r"[0-9A-Za-z]{1,1000}")
#: SNS repeats the same message for an hour at most.
_FRESH = timedelta(hours=1)
#: How far ahead its clock may be.
_AHEAD = timedelta(minutes=5)

#: Who posts nonsense shall not have us ask Amazon once for each.
_certificates = Breaker(pause=10)


def opened(body: bytes, *, topic: str, now: datetime) -> str | None:
    """What `topic` says in `body`; None if it is about the subscription. Raises Forged, Unreadable or NotNow.

    A subscription to the topic is confirmed: somebody who may administer it has given it our address.
    """
    said = _texts(body)
    kind = said.get("Type", "")
    if kind not in _SIGNED:
        raise Forged("kind")
    if said.get("TopicArn") != topic:
        raise Forged("another topic")
    _check_fresh(said.get("Timestamp", ""), now=now)
    _check_signature(said, topic, now=now)
    if kind == _NOTIFICATION:
        return said["Message"]
    if kind == _SUBSCRIPTION:
        _confirm(topic, said["Token"])
    else:
        log.warning("topic unsubscribed", alarm="receipts", topic=topic)
    return None


def _texts(body: bytes) -> dict[str, str]:
    """The members of the object that are texts; nothing else is signed."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        raise Forged("not JSON") from None
    if not isinstance(said, dict):
        raise Forged("not an object")
    return {name: value for name, value in said.items() if isinstance(value, str)}


def _check_fresh(moment: str, *, now: datetime) -> None:
    if not _MOMENT.fullmatch(moment):
        raise Forged("time")
    try:
        age = now - datetime.fromisoformat(moment)
    except ValueError:
        raise Forged("time") from None
    if not -_AHEAD <= age <= _FRESH:
        raise Forged("too old")


def _check_signature(said: dict[str, str], topic: str, *, now: datetime) -> None:
    hashed_by = _HASHES.get(said.get("SignatureVersion", ""))
    prefix, name = f"https://{_host(topic)}/", said.get("SigningCertURL", "")
    if hashed_by is None or not name.startswith(prefix) or not _CERTIFICATE.fullmatch(name.removeprefix(prefix)):
        raise Forged("certificate or version")
    names = [each for each in _SIGNED[said["Type"]] if each in said or each != "Subject"]
    try:
        signed = "".join(f"{each}\n{said[each]}\n" for each in names).encode()
        signature = base64.b64decode(said["Signature"], validate=True)
    except (LookupError, ValueError):
        raise Forged("not signed") from None
    certificate = _certificate(name)
    key = certificate.public_key()
    if not certificate.not_valid_before_utc <= now.astimezone(UTC) <= certificate.not_valid_after_utc:
        raise Forged("certificate not valid")
    if not isinstance(key, RSAPublicKey):
        raise Forged("the certificate is of another kind")
    try:
        key.verify(signature, signed, PKCS1v15(), hashed_by())
    except InvalidSignature:
        raise Forged("signature") from None


@lru_cache(maxsize=4)
def _certificate(url: str) -> Certificate:
    """The certificate at Amazon's own address. Kept: there is a new one every few months, at another address."""
    if not _certificates.lets_through():
        raise NotNow("certificate not asked for")
    try:
        read = fetch.get_text(url)
    except fetch.Failed as error:
        _certificates.failed()
        raise NotNow(f"certificate: {error}") from None
    _certificates.succeeded()
    try:
        return load_pem_x509_certificate(read.encode())
    except ValueError:
        raise Forged("not a certificate") from None


def _confirm(topic: str, token: str) -> None:
    """Tell the topic that we want to hear it: at its own host, whatever address the message gives for that."""
    if not _TOKEN.fullmatch(token):
        raise Unreadable("token")
    asked = urlencode({"Action": "ConfirmSubscription", "TopicArn": topic, "Token": token, "Version": "2010-03-31"})
    try:
        fetch.get_text(f"https://{_host(topic)}/?{asked}")
    except fetch.Failed as error:
        raise NotNow(f"confirmation: {error}") from None
    log.info("topic confirmed", topic=topic)


def _host(topic: str) -> str:
    """Where SNS is, in the topic's region."""
    _arn, partition, _service, region = topic.split(":")[:4]
    return f"sns.{region}.amazonaws.com{'.cn' if partition == 'aws-cn' else ''}"

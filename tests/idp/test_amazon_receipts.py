"""What Amazon SES tells by SNS: believed of one topic, by its signature, while it is fresh; nothing else is asked."""

import base64
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from django.test import Client as Http

from idp import fetch
from idp.accounts import marks
from idp.breaker import Breaker
from idp.channels import sns
from idp.channels.addresses import Api
from idp.models import AuditEntry, Handover
from tests.conftest import make_person
from tests.idp.test_receipts import took

TOPIC = "arn:aws:sns:eu-west-1:123456789012:receipts"
HOST = "https://sns.eu-west-1.amazonaws.com"
CERTIFICATE = f"{HOST}/SimpleNotificationService-{'0f' * 16}.pem"
MESSAGE = "0102019a-SES-1"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ANOTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
CURVE = ec.generate_private_key(ec.SECP256R1())
DAY = timedelta(days=1)


def certificate(key=KEY, *, begins=-DAY, ends=DAY):
    now = datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now + begins).not_valid_after(now + ends)
    return made.sign(KEY, SHA256()).public_bytes(Encoding.PEM).decode()


class Amazon:
    """What is asked of it, and what it answers."""

    def __init__(self):
        self.asked = []
        self.answers = {CERTIFICATE: certificate()}
        self.away = False

    def get_text(self, url):
        self.asked.append(url)
        if self.away:
            raise fetch.Failed("not reachable")
        if url.startswith(f"{HOST}/?"):
            return "<ConfirmSubscriptionResponse/>"
        if url not in self.answers:
            raise fetch.Failed("status 403")
        return self.answers[url]


@pytest.fixture
def amazon(monkeypatch):
    there = Amazon()
    monkeypatch.setattr(fetch, "get_text", there.get_text)
    monkeypatch.setattr(sns, "_certificates", Breaker(pause=10))
    sns._certificate.cache_clear()
    yield there
    sns._certificate.cache_clear()


@pytest.fixture
def jane(db):
    return make_person()


@pytest.fixture(autouse=True)
def _configured(settings):
    settings.EMAIL_PROVIDERS = (Api(name="ses", family="ses", options={}, topic=TOPIC),)
    settings.RECEIPTS_SECRET = ""


# --- What SNS posts ---------------------------------------------------------------------------------------


def bounce(kind="Permanent", *, named="notificationType"):
    return {
        named: "Bounce",
        "mail": {"messageId": MESSAGE, "destination": ["jane@contoso.example"]},
        "bounce": {
            "bounceType": kind,
            "bounceSubType": "General",
            "bouncedRecipients": [{"emailAddress": "jane@contoso.example", "diagnosticCode": "550 5.1.1"}],
        },
    }


def complaint():
    return {
        "notificationType": "Complaint",
        "mail": {"messageId": MESSAGE, "destination": ["jane@contoso.example"]},
        "complaint": {"complainedRecipients": [{"emailAddress": "jane@contoso.example"}]},
    }


def delivery():
    return {
        "eventType": "Delivery",
        "mail": {"messageId": MESSAGE, "destination": ["jane@contoso.example"]},
        "delivery": {"recipients": ["jane@contoso.example"], "smtpResponse": "250 ok"},
    }


def notification(told=None, **changes):
    """Before it is signed."""
    return {
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": TOPIC,
        "Message": told if isinstance(told, str) else json.dumps(bounce() if told is None else told),
        "Timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.123Z"),
        "SignatureVersion": "2",
        "SigningCertURL": CERTIFICATE,
        "UnsubscribeURL": f"{HOST}/?Action=Unsubscribe",
        **changes,
    }


def subscription(**changes):
    about = {
        "Type": "SubscriptionConfirmation",
        "Token": "2336412f37fb687f5d51e6e2425dacbb",
        "Message": "You have chosen to subscribe to the topic.",
        "SubscribeURL": "https://elsewhere.example/?Action=ConfirmSubscription&Token=other",
    }
    return notification(**{**about, **changes})


def signed(message, *, key=KEY):
    """As SNS does: names and values, a line each, in the order of the names."""
    about = ("Message", "MessageId", "SubscribeURL", "Subject", "Timestamp", "Token", "TopicArn", "Type")
    text = "".join(f"{name}\n{message[name]}\n" for name in about if name in message)
    hashed_by = {"1": SHA1, "2": SHA256}.get(message["SignatureVersion"], SHA256)
    signature = key.sign(text.encode(), PKCS1v15(), hashed_by())
    return {**message, "Signature": base64.b64encode(signature).decode()}


def tell(http, message):
    body = message if isinstance(message, (str, bytes)) else json.dumps(message)
    return http.post("/receipts/ses", body, content_type="text/plain; charset=utf-8", secure=True)


@pytest.fixture
def http():
    return Http(enforce_csrf_checks=True, HTTP_HOST="id.contoso.example")


def faults(user):
    return [(mark.channel, mark.fault) for mark in marks.of(user.pk)]


# --- What is told -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize(
    ("told", "outcome", "expected"),
    [
        (bounce(), "bounced", [("email", "bounced")]),
        (bounce(named="eventType"), "bounced", [("email", "bounced")]),
        (bounce("Transient"), "failed", []),
        (bounce("Undetermined"), "failed", []),
        (complaint(), "complained", [("email", "complained")]),
        (delivery(), "delivered", []),
        ({"eventType": "Send", "mail": {"messageId": MESSAGE, "destination": ["x"]}, "send": {}}, "", []),
        ({"eventType": "Some Day", "mail": {"messageId": MESSAGE, "destination": ["x"]}}, "", []),
        ({"notificationType": "AmazonSnsSubscriptionSucceeded", "message": "You have …"}, "", []),
        ("Successfully validated SNS topic for Amazon SES event publishing.", "", []),
    ],
)
def test_what_is_told_of_a_letter(jane, http, amazon, version, told, outcome, expected):
    took(jane, provider="ses", reference=MESSAGE)
    assert tell(http, signed(notification(told, SignatureVersion=version))).status_code == 204
    assert Handover.objects.get().outcome == outcome
    assert faults(jane) == expected


def test_a_subject_is_signed_too(jane, http, amazon):
    took(jane, provider="ses", reference=MESSAGE)
    assert tell(http, signed(notification(Subject="Amazon SES Email Event Notification"))).status_code == 204
    assert faults(jane) == [("email", "bounced")]
    forged = signed(notification()) | {"Subject": "added"}
    assert tell(http, forged).status_code == 403


def test_told_again_it_is_written_once_and_the_certificate_asked_for_once(jane, http, amazon):
    took(jane, provider="ses", reference=MESSAGE)
    message = signed(notification())
    for _again in range(3):
        assert tell(http, message).status_code == 204
    assert AuditEntry.objects.filter(name="idp.address.marked").count() == 1
    assert amazon.asked == [CERTIFICATE]


def test_a_letter_that_is_not_ours_is_nobodys_business(jane, http, amazon):
    took(jane, provider="ses", reference="another")
    took(jane, provider="postmark", reference=MESSAGE)
    assert tell(http, signed(notification())).status_code == 204
    assert faults(jane) == []


# --- Who is believed --------------------------------------------------------------------------------------

_REGION_OF_ANOTHER = CERTIFICATE.replace("eu-west-1", "us-east-1")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-" + "0f" * 16 + ".pem",
        "https://evil.example/SimpleNotificationService-" + "0f" * 16 + ".pem",
        "https://evil.example/?" + CERTIFICATE,
        "https://evil.example#" + CERTIFICATE,
        "https://sns.eu-west-1.amazonaws.com@evil.example/SimpleNotificationService-" + "0f" * 16 + ".pem",
        "https://sns.eu-west-1.amazonaws.com:8443/SimpleNotificationService-" + "0f" * 16 + ".pem",
        "https://bucket.s3.eu-west-1.amazonaws.com/SimpleNotificationService-" + "0f" * 16 + ".pem",
        CERTIFICATE.replace("https", "http"),
        CERTIFICATE.upper(),
        CERTIFICATE + "?x=y",
        CERTIFICATE + "\n",
        CERTIFICATE.replace("0f0f", "0f/../0f", 1),
        CERTIFICATE.replace("SimpleNotificationService", "Another"),
        _REGION_OF_ANOTHER,
        f"{HOST}/?Action=Publish",
    ],
)
def test_no_certificate_is_asked_for_elsewhere(jane, http, amazon, address):
    took(jane, provider="ses", reference=MESSAGE)
    amazon.answers[address] = certificate()
    assert tell(http, signed(notification(SigningCertURL=address))).status_code == 403
    assert amazon.asked == []
    assert faults(jane) == []


@pytest.mark.parametrize(
    "forge",
    [
        lambda: signed(notification(), key=ANOTHER),
        lambda: signed(notification()) | {"Message": json.dumps(complaint())},
        lambda: signed(notification()) | {"MessageId": "another"},
        lambda: signed(notification()) | {"SignatureVersion": "1"},
        lambda: signed(notification()) | {"Signature": ""},
        lambda: signed(notification()) | {"Signature": "no base64"},
        lambda: signed(notification()) | {"Signature": None},
        lambda: signed(notification()) | {"Message": "\ud800"},
        lambda: {name: value for name, value in signed(notification()).items() if name != "Signature"},
        lambda: {name: value for name, value in signed(notification()).items() if name != "Message"},
    ],
)
def test_a_wrong_signature_changes_nothing(jane, http, amazon, caplog, forge):
    took(jane, provider="ses", reference=MESSAGE)
    assert tell(http, forge()).status_code == 403
    assert faults(jane) == []
    assert Handover.objects.get().outcome == ""
    assert "receipt not believed" in caplog.text


@pytest.mark.parametrize("version", ["0", "3", "", 2, None])
def test_there_are_two_versions_of_signatures(jane, http, amazon, version):
    took(jane, provider="ses", reference=MESSAGE)
    message = signed(notification()) | {"SignatureVersion": version}
    assert tell(http, message).status_code == 403
    assert amazon.asked == []


@pytest.mark.parametrize(
    "topic",
    [
        "arn:aws:sns:eu-west-1:999999999999:receipts",
        "arn:aws:sns:eu-west-1:123456789012:receipts2",
        "arn:aws:sns:us-east-1:123456789012:receipts",
        f"{TOPIC}\nType\nNotification",
        TOPIC.upper(),
        "",
        None,
        [TOPIC],
    ],
)
def test_a_foreign_topic_is_not_listened_to_however_well_it_is_signed(jane, http, amazon, topic):
    """Anybody with an account at Amazon can have SNS sign what they like, for a topic of theirs."""
    took(jane, provider="ses", reference=MESSAGE)
    for message in (notification(TopicArn=topic), subscription(TopicArn=topic)):
        assert tell(http, signed(message)).status_code == 403
    assert amazon.asked == []
    assert faults(jane) == []


@pytest.mark.parametrize(
    "moment",
    ["2026-06-03T12:00:00.000Z", "9999-12-31T23:59:59.999Z", "2026-13-41T99:00:00Z", "yesterday", "", "1780488000"],
)
def test_what_is_old_or_of_no_time_is_not_believed(jane, http, amazon, moment):
    took(jane, provider="ses", reference=MESSAGE)
    assert tell(http, signed(notification(Timestamp=moment))).status_code == 403
    assert amazon.asked == []
    assert faults(jane) == []


@pytest.mark.parametrize(("later", "status"), [(timedelta(minutes=59), 204), (timedelta(minutes=61), 403)])
def test_it_is_repeated_for_an_hour_and_replayed_for_no_longer(jane, http, amazon, later, status):
    took(jane, provider="ses", reference=MESSAGE)
    message = signed(notification())
    with time_machine.travel(datetime.now(UTC) + later, tick=True):
        assert tell(http, message).status_code == status


@pytest.mark.parametrize(
    "answer",
    [
        lambda: certificate(begins=-2 * DAY, ends=-DAY),
        lambda: certificate(begins=DAY, ends=2 * DAY),
        lambda: certificate(CURVE),
        lambda: certificate(ANOTHER),
        lambda: "no certificate",
        lambda: "",
    ],
    ids=["over", "not begun", "another kind", "another key", "none", "empty"],
)
def test_the_certificate_must_be_good(jane, http, amazon, answer):
    took(jane, provider="ses", reference=MESSAGE)
    amazon.answers[CERTIFICATE] = answer()
    assert tell(http, signed(notification())).status_code == 403
    assert faults(jane) == []


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "null", '"x"', "[" * 50_000, "{}", b"\xff\xfe", '{"Type": "Notification"}']
)
def test_nonsense_is_refused_and_asks_nobody(jane, http, amazon, body):
    assert tell(http, body).status_code == 403
    assert amazon.asked == []


@pytest.mark.parametrize(
    "told",
    ["not JSON", "[]", "7", "null", '{"eventType": "Bounce"}', '{"eventType": "Bounce", "bounce": 7}', "[" * 5_000],
)
def test_what_the_topic_says_and_nobody_understands_is_no_error_of_ours(jane, http, amazon, told):
    assert tell(http, signed(notification(told))).status_code in (204, 400)


def test_letters_that_come_in_are_not_for_us(jane, http, amazon):
    told = {"notificationType": "Received", "mail": {"messageId": MESSAGE}}
    assert tell(http, signed(notification(told))).status_code == 400


def test_while_amazon_is_away_it_is_asked_to_tell_again(jane, http, amazon):
    took(jane, provider="ses", reference=MESSAGE)
    amazon.away = True
    for _often in range(20):
        assert tell(http, signed(notification())).status_code == 503
    assert amazon.asked == [CERTIFICATE], "whoever posts nonsense does not have us ask each time"
    assert faults(jane) == []


def test_there_is_no_address_without_a_topic(jane, http, amazon, settings):
    settings.EMAIL_PROVIDERS = (Api(name="ses", family="ses", options={}),)
    settings.RECEIPTS_SECRET = "the secret of receipts, which is long and random"
    assert tell(http, signed(notification())).status_code == 404


# --- Subscriptions ----------------------------------------------------------------------------------------


def test_a_subscription_to_the_topic_is_confirmed_at_amazon_whatever_address_is_given(jane, http, amazon):
    assert tell(http, signed(subscription())).status_code == 204
    asked, confirmed = amazon.asked
    assert asked == CERTIFICATE
    parts = urlsplit(confirmed)
    assert f"{parts.scheme}://{parts.netloc}" == HOST
    assert parse_qs(parts.query) == {
        "Action": ["ConfirmSubscription"],
        "TopicArn": [TOPIC],
        "Token": ["2336412f37fb687f5d51e6e2425dacbb"],
        "Version": ["2010-03-31"],
    }


@pytest.mark.parametrize("token", ["", "a b", "x&Action=Publish", "x" * 1001, "ü"])
def test_a_token_is_letters_and_digits(jane, http, amazon, token):
    assert tell(http, signed(subscription(Token=token))).status_code == 400
    assert amazon.asked == [CERTIFICATE]


def test_a_subscription_that_is_not_signed_is_not_confirmed(jane, http, amazon):
    assert tell(http, signed(subscription(), key=ANOTHER)).status_code == 403
    assert tell(http, signed(subscription()) | {"Token": "another"}).status_code == 403
    assert amazon.asked == [CERTIFICATE]


def test_a_confirmation_that_did_not_get_through_is_asked_for_again(jane, http, amazon):
    tell(http, signed(notification()))
    amazon.away = True
    assert tell(http, signed(subscription())).status_code == 503


def test_the_end_of_a_subscription_rings_an_alarm(jane, http, amazon, caplog):
    assert tell(http, signed(subscription(Type="UnsubscribeConfirmation"))).status_code == 204
    assert "topic unsubscribed" in caplog.text
    assert amazon.asked == [CERTIFICATE]


def test_in_china_amazon_has_another_name(jane, http, amazon, settings):
    topic = "arn:aws-cn:sns:cn-north-1:123456789012:receipts"
    settings.EMAIL_PROVIDERS = (Api(name="ses", family="ses", options={}, topic=topic),)
    there = CERTIFICATE.replace("eu-west-1.amazonaws.com", "cn-north-1.amazonaws.com.cn")
    amazon.answers[there] = certificate()
    assert tell(http, signed(notification(TopicArn=topic, SigningCertURL=there))).status_code == 204
    assert tell(http, signed(notification(TopicArn=topic))).status_code == 403

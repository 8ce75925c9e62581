"""What providers tell afterwards: believed only from the provider, of messages it took, and for nothing but a mark."""

import base64
import hashlib
import hmac
import json
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.test import Client as Http
from django.utils import timezone

from idp.accounts import marks
from idp.channels import addresses, gateways
from idp.keyring import fingerprint
from idp.models import AuditEntry, Handover, RecoveryAddress
from tests.conftest import make_person

SECRET = "the secret of receipts, which is long and random"
SID, TOKEN = "AC" + "a" * 32, "b" * 32
PHONE = "+33612345678"
BEARER = {"Authorization": f"Bearer {SECRET}"}


@pytest.fixture
def jane(db):
    return make_person(phones=[PHONE])


@pytest.fixture(autouse=True)
def _configured(settings):
    settings.RECEIPTS_SECRET = SECRET
    settings.EMAIL_PROVIDERS = addresses.read("smtp://127.0.0.1:1 postmark://key@")
    settings.SMS_GATEWAYS = gateways.read("json://127.0.0.1:1/")


def took(user, *, channel="email", provider="postmark", reference="PM-1"):
    """A message of ours that the provider took."""
    address = RecoveryAddress.objects.get(user=user, channel=channel)
    return Handover.objects.create(
        address=address, provider=provider, reference_hash=fingerprint(reference), handed_at=timezone.now()
    )


def tell(name, body, *, headers=BEARER, content_type="application/json"):
    http = Http(enforce_csrf_checks=True, HTTP_HOST="id.contoso.example")
    if not isinstance(body, (str, bytes)):
        body = json.dumps(body)
    return http.post(f"/receipts/{name}", body, content_type=content_type, headers=headers, secure=True)


def bounce(kind="HardBounce", reference="PM-1"):
    return {"RecordType": "Bounce", "Type": kind, "MessageID": reference, "Email": "jane@contoso.example", "ID": 1}


def faults(user):
    return [(mark.channel, mark.fault) for mark in marks.of(user.pk)]


# --- Who is believed --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer "},
        {"Authorization": f"Bearer {SECRET}x"},
        {"Authorization": f"Bearer {SECRET[:-1]}"},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic " + base64.b64encode(b"regain:wrong").decode()},
        {"Authorization": "Basic " + base64.b64encode(b"\xff\xfe").decode()},
        {"Authorization": f"Digest {SECRET}"},
        {"Authorization": "Bearer \xe9"},
    ],
)
def test_whoever_does_not_show_the_secret_changes_nothing(jane, headers, caplog):
    took(jane)
    assert tell("postmark", bounce(), headers=headers).status_code == 403
    assert faults(jane) == []
    assert "receipt not believed" in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    "headers", [BEARER, {"Authorization": "Basic " + base64.b64encode(f"x:{SECRET}".encode()).decode()}]
)
def test_the_secret_is_shown_as_a_token_or_as_a_password(jane, headers):
    took(jane)
    assert tell("postmark", bounce(), headers=headers).status_code == 204
    assert faults(jane) == [("email", "bounced")]


@pytest.mark.parametrize("name", ["smtp", "sns", "nobody", "postmark-2"])
def test_there_is_no_address_for_who_tells_nothing(jane, name):
    assert tell(name, bounce()).status_code == 404


def test_without_a_secret_there_is_no_address_at_all(jane, settings):
    settings.RECEIPTS_SECRET = ""
    took(jane)
    for name in ("postmark", "json"):
        assert tell(name, bounce()).status_code == 404
        assert tell(name, bounce(), headers={"Authorization": "Bearer "}).status_code == 404


def test_it_is_posted(jane):
    assert Http(HTTP_HOST="id.contoso.example").get("/receipts/postmark", secure=True).status_code == 405


# --- What it does -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (bounce(), [("email", "bounced")]),
        (bounce("BadEmailAddress"), [("email", "bounced")]),
        (bounce("SoftBounce"), []),
        (bounce("Transient"), []),
        (bounce("Blocked"), []),
        (bounce("DnsError"), []),
        (
            {"RecordType": "SpamComplaint", "Type": "SpamComplaint", "MessageID": "PM-1", "ID": 1},
            [("email", "complained")],
        ),
        ({"RecordType": "Delivery", "MessageID": "PM-1", "Recipient": "jane@contoso.example"}, []),
        ({"RecordType": "Open", "MessageID": "PM-1", "Recipient": "jane@contoso.example"}, []),
    ],
)
def test_what_is_told_of_a_letter(jane, body, expected):
    took(jane)
    assert tell("postmark", body).status_code == 204
    assert faults(jane) == expected


def test_a_message_that_is_not_ours_is_nobodys_business(jane):
    """A secret that leaked, or another application's bounces at the same provider: no mark, and no other answer."""
    took(jane)
    answers = {tell("postmark", bounce(reference=reference)).content for reference in ("PM-1", "PM-2")}
    assert answers == {b""}
    took(jane, provider="resend", reference="PM-3")
    assert tell("postmark", bounce(reference="PM-3")).status_code == 204
    assert Handover.objects.get(provider="resend").outcome == ""


def test_told_twice_it_is_written_once(jane):
    took(jane)
    for _again in range(3):
        assert tell("postmark", bounce()).status_code == 204
    assert AuditEntry.objects.filter(name="idp.address.marked").count() == 1


def test_what_comes_late_overtakes_nothing(jane):
    took(jane)
    tell("postmark", bounce())
    tell("postmark", {"RecordType": "Delivery", "MessageID": "PM-1", "Recipient": "jane@contoso.example"})
    assert faults(jane) == [("email", "bounced")]
    assert Handover.objects.get().outcome == "bounced"


def test_a_letter_that_arrived_takes_the_mark_away(jane):
    took(jane)
    tell("postmark", bounce())
    took(jane, reference="PM-2")
    tell("postmark", {"RecordType": "Delivery", "MessageID": "PM-2", "Recipient": "jane@contoso.example"})
    assert faults(jane) == []


@pytest.mark.parametrize(
    "body",
    ["", "{", "[]", "null", '"x"', "[" * 100_000, '{"RecordType": 7}', b"\xff\xfe", '{"MessageID": "\\ud800"}', "{}"],
)
@pytest.mark.parametrize("name", ["postmark", "json"])
def test_nonsense_from_the_provider_is_no_error_of_ours(jane, name, body):
    assert tell(name, body).status_code in (204, 400, 413)
    assert tell(name, body, content_type="text/plain").status_code in (204, 400, 413)


# --- Signatures -------------------------------------------------------------------------------------------


def mailgun_body(key="signing", *, age=0, event="failed", severity="permanent"):
    moment, token = str(int(time.time()) - age), "t" * 50
    mac = hmac.new(key.encode(), f"{moment}{token}".encode(), hashlib.sha256).hexdigest()
    return {
        "signature": {"timestamp": moment, "token": token, "signature": mac},
        "event-data": {
            "event": event,
            "severity": severity,
            "reason": "bounce",
            "id": "e1",
            "timestamp": time.time(),
            "recipient": "jane@contoso.example",
            "message": {"headers": {"message-id": "MG-1@mg"}},
            "delivery-status": {"code": 550},
        },
    }


@pytest.mark.parametrize(
    ("told", "status", "expected"),
    [
        ({}, 204, [("email", "bounced")]),
        ({"severity": "temporary"}, 204, []),
        ({"key": "another key"}, 403, []),
        ({"age": 3600}, 403, []),
        (None, 403, []),
    ],
    ids=["signed", "temporary", "another key", "old", "not signed"],
)
def test_mailgun_signs(jane, settings, told, status, expected):
    body = {"event-data": {}} if told is None else mailgun_body(**told)
    settings.RECEIPTS_SECRET = ""
    settings.EMAIL_PROVIDERS = addresses.read("mailgun://key@?signing_key=signing")
    took(jane, provider="mailgun", reference="<MG-1@mg>")
    assert tell("mailgun", body, headers={}).status_code == status
    assert faults(jane) == expected


@pytest.mark.parametrize(
    ("change", "status"),
    [({}, 204), ({"id": "another"}, 403), ({"at": 0}, 403), ({"body": "{}"}, 403), ({"key": b"another"}, 403)],
    ids=["signed", "another id", "old", "another body", "another key"],
)
def test_resend_signs(jane, settings, change, status):
    settings.RECEIPTS_SECRET = ""
    settings.EMAIL_PROVIDERS = addresses.read(
        "resend://key@?signing_key=whsec_" + base64.b64encode(b"a key").decode().replace("=", "%3D")
    )
    took(jane, provider="resend", reference="RE-1")
    body = json.dumps(
        {
            "type": "email.bounced",
            "created_at": "2026-11-23T14:31:00Z",
            "data": {"email_id": "RE-1", "to": ["jane@contoso.example"], "bounce": {"message": "bounce message"}},
        }
    )
    moment = str(int(time.time()) if "at" not in change else change["at"])
    mac = hmac.digest(change.get("key", b"a key"), f"m1.{moment}.{body}".encode(), "sha256")
    headers = {
        "svix-id": change.get("id", "m1"),
        "svix-timestamp": moment,
        "svix-signature": "v1,AAAA v1," + base64.b64encode(mac).decode(),
    }
    assert tell("resend", change.get("body", body), headers=headers).status_code == status
    assert bool(faults(jane)) == (status == 204)


@pytest.mark.parametrize("forged", [False, True])
def test_sendgrid_signs(jane, settings, forged):
    key = ec.generate_private_key(ec.SECP256R1())
    public = base64.b64encode(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    settings.RECEIPTS_SECRET = ""
    settings.EMAIL_PROVIDERS = addresses.read(f"sendgrid://key@?signing_key={public.replace('+', '%2B')}")
    took(jane, provider="sendgrid", reference="SG-1")
    body = json.dumps(
        [{"event": "bounce", "type": "bounce", "anymail_id": "SG-1", "email": "jane@contoso.example", "timestamp": 1}]
    )
    moment = str(int(time.time()))
    signature = key.sign(moment.encode() + body.encode(), ec.ECDSA(SHA256()))
    headers = {
        "X-Twilio-Email-Event-Webhook-Timestamp": moment,
        "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
    }
    answer = tell("sendgrid", body + " " * forged, headers=headers)
    assert answer.status_code == (403 if forged else 204)
    assert bool(faults(jane)) == (not forged)


# --- Text messages ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "outcome", "expected"),
    [
        ({"id": "J-1", "status": "delivered"}, "delivered", []),
        ({"message_id": "J-1", "status": "DELIVRD"}, "delivered", []),
        ({"messageId": "J-1", "status": "failed"}, "failed", []),
        ({"id": "J-1", "status": "undelivered", "permanent": True}, "bounced", [("sms", "bounced")]),
        ({"id": "J-1", "status": "queued"}, "", []),
        ({"id": "J-2", "status": "delivered"}, "", []),
    ],
)
def test_what_a_generic_gateway_tells(jane, body, outcome, expected):
    took(jane, channel="sms", provider="json", reference="J-1")
    assert tell("json", body).status_code == 204
    assert Handover.objects.get().outcome == outcome
    assert faults(jane) == expected


def twilio(fields, token=TOKEN):
    url = "https://id.contoso.example/receipts/twilio"
    signed = url + "".join(f"{name}{fields[name]}" for name in sorted(fields))
    mac = base64.b64encode(hmac.digest(token.encode(), signed.encode(), "sha1")).decode()
    body = "&".join(f"{name}={value}" for name, value in fields.items())
    return tell("twilio", body, headers={"X-Twilio-Signature": mac}, content_type="application/x-www-form-urlencoded")


@pytest.mark.parametrize(
    ("fields", "outcome", "expected"),
    [
        ({"MessageStatus": "delivered"}, "delivered", []),
        ({"MessageStatus": "sent"}, "", []),
        ({"MessageStatus": "undelivered", "ErrorCode": "30003"}, "failed", []),
        ({"MessageStatus": "undelivered", "ErrorCode": "30005"}, "bounced", [("sms", "bounced")]),
        ({"MessageStatus": "failed", "ErrorCode": "21610"}, "complained", [("sms", "complained")]),
    ],
)
def test_twilio_signs(jane, settings, fields, outcome, expected):
    settings.RECEIPTS_SECRET = ""
    settings.SMS_GATEWAYS = gateways.read(f"twilio://{SID}:{TOKEN}@+15551234567")
    took(jane, channel="sms", provider="twilio", reference="SM1")
    fields = {"MessageSid": "SM1", "AccountSid": SID, **fields}
    assert twilio(fields, token="c" * 32).status_code == 403
    assert Handover.objects.get().outcome == ""
    for _twice in range(2):
        assert twilio(fields).status_code == 204
    assert Handover.objects.get().outcome == outcome
    assert faults(jane) == expected


def test_a_handover_knows_neither_address_nor_words(jane):
    took(jane)
    row = Handover.objects.values().get()
    assert not [value for value in row.values() if "contoso" in str(value) or PHONE in str(value) or value == "PM-1"]

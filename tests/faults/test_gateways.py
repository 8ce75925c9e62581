"""Gateways for text messages that misbehave, over real http: one code, no burst of charges, and silent pages."""

import base64
import re
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from idp import outbox
from idp.accounts import marks
from idp.channels import chain, gateways, segments
from idp.models import Handover, Message
from recovery.domain.journey import Step
from tests.conftest import NEW_PASSWORD, make_person
from tests.faults.providers import SILENCE, service, took
from tests.faults.test_mail_servers import attempt, state, what_is_said
from tests.recovery.walk import challenge_of, walk_to
from tests.servers import free_port
from tests.story import post_office

State = Message.State
PHONE = "+33612345678"
TYPED = "+33 6 12 34 56 78"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch, settings):
    monkeypatch.setattr(chain, "SECONDS_EACH", 0.7)
    monkeypatch.setattr(chain, "SECONDS", 1.5)
    settings.SMS_COUNTRIES = ["FR", "US"]
    # What is looked at here is the way of a text: it is proof enough.
    settings.RECOVERY = {"proofs_without_second_factor": 1}


@pytest.fixture
def jane(db):
    return make_person(phones=[PHONE])


def use(settings, *urls):
    settings.SMS_GATEWAYS = gateways.read(" ".join(urls))


def generic(server, rest=""):
    return f"json://127.0.0.1:{server.port}/texts{rest}"


def asks(identifier="jane", number=TYPED):
    person = walk_to(Step.CODE, identifier=identifier, address=number, method="sms")
    return person, Message.objects.get(reference=challenge_of(person).pk)


def code_in(text):
    return re.search(r"\b\d{4} \d{4}\b", text)[0]


# --- The whole way ----------------------------------------------------------------------------------------


def test_a_person_gets_back_in_by_a_text_message_and_is_told_by_every_channel(jane, settings):
    with service() as server:
        use(settings, generic(server))
        person, message = asks()
        assert person.page.name == "recovery-code"
        assert "Handed to your phone operator" not in person.page
        assert attempt(message) == "sent"
        asked = server.asked[0]
        assert asked.path == "/texts"
        assert asked.headers["Idempotency-Key"] == message.pk.hex == asked.json["id"]
        assert asked.json["to"] == PHONE
        text = asked.json["message"]
        assert segments.size(text).segments == 1
        assert text.splitlines()[-1] == f"@id.contoso.example #{code_in(text).replace(' ', '')}"
        person.open("/recovery/code/")
        assert "Handed to your phone operator" in person.page
        person.submit(code=code_in(text))
        person.submit(new_password=NEW_PASSWORD)
        assert person.page.name == "recovery-done"
        assert "We told you by email and text message" in person.page
        letters = post_office()
        assert [(each.to, "A code sent by text message" in each.body) for each in letters] == [
            (["jane@contoso.example"], True)
        ]
        assert re.fullmatch(
            r"Contoso: your password was changed on \d{4}-\d\d-\d\d \d\d:\d\d\. Not you\? "
            r'Open the sign-in page and choose "Can\'t access your account\?"',
            server.asked[1].json["message"],
        )
        assert server.asked[1].json["to"] == PHONE


@pytest.mark.parametrize(("language", "words"), [("fr", "pour retrouver votre compte"), ("zh-hans", "验证码")])
def test_a_text_speaks_the_persons_language(db, settings, language, words):
    make_person(phones=[PHONE], locale=language)
    with service() as server:
        use(settings, generic(server))
        _person, message = asks()
        assert attempt(message) == "sent"
        assert words in server.texts[0]
        assert segments.size(server.texts[0]).segments == 1


def test_a_number_is_the_same_however_it_is_typed(jane, settings):
    with service() as server:
        use(settings, generic(server))
        for typed in (PHONE, TYPED, "+33 (0)6.12.34.56.78"):
            _person, message = asks(number=typed)
            assert attempt(message) == "sent"
        assert {each.json["to"] for each in server.asked} == {PHONE}
        person = walk_to(Step.ADDRESS, method="sms")
        person.submit(address=TYPED)
        assert person.page.name == "recovery-slow", "three an hour, over all spellings"
        assert "Codes by text message work again" in person.page


@pytest.mark.parametrize(
    "typed", ["jane@contoso.example", "+33 1 42 68 53 00", "+86 138 0013 8000", "+33 8 99 70 00 00", ""]
)
def test_what_is_no_number_of_ours_is_said_before_anything_is_looked_up(jane, settings, typed):
    with service() as server:
        use(settings, generic(server))
        person = walk_to(Step.ADDRESS, method="sms")
        person.submit(address=typed)
        assert person.page.name == "recovery-address"
        assert person.page.parsed.title.startswith("Error:")
        assert not Message.objects.exists()


def test_without_a_gateway_it_is_not_offered(jane, settings):
    assert settings.SMS_GATEWAYS == ()
    assert "Text a code" not in walk_to(Step.METHOD).page


def test_a_text_that_waited_five_minutes_is_not_sent(jane, settings):
    with service() as server, time_machine.travel(timezone.now(), tick=False) as clock:
        use(settings, generic(server))
        _person, message = asks()
        clock.shift(timedelta(minutes=5))
        assert attempt(message) == "nothing to do"
        assert state(message) == State.EXPIRED
        assert server.asked == []


# --- What a gateway may do --------------------------------------------------------------------------------

FAULTS = {
    "500": ({"status": 500}, "delayed"),
    "503": ({"status": 503}, "delayed"),
    "429": ({"status": 429}, "delayed"),
    "401": ({"status": 401}, "delayed"),
    "a redirect": ({"status": 302}, "delayed"),
    "400": ({"status": 400}, "refused"),
    "200 with an error": ({"body": {"error": "no credit"}}, "delayed"),
    "200 with a list of errors": ({"body": {"errors": [{"code": 7}]}}, "delayed"),
    "200 without success": ({"body": {"success": False}}, "delayed"),
    "200 that says failed": ({"body": {"status": "failed"}}, "delayed"),
    "no answer": ({"status": SILENCE}, "delayed"),
    "hangs up": ({"status": None}, "delayed"),
}


@pytest.mark.parametrize(("told", "outcome"), FAULTS.values(), ids=FAULTS)
def test_whatever_a_gateway_does_pages_say_the_same_of_known_and_unknown(jane, settings, told, outcome):
    with service(**told) as server, time_machine.travel(timezone.now(), tick=False) as clock:
        use(settings, generic(server))
        people = [asks(), asks("nobody", "+33 6 98 76 54 32")]
        assert [attempt(message) for _person, message in people] == [outcome, "sent"]
        assert len(server.asked) == 1, "nobody's message is asked for with nothing in it"
        for minutes in (0, 1, 5, 5):
            clock.shift(timedelta(minutes=minutes))
            outbox.ring_forgotten(now=timezone.now())
            seen = [what_is_said(person) for person, _message in people]
            assert seen[0] == seen[1]
            assert 'data-delivery="sent"' in seen[0]


@pytest.mark.parametrize("head", [502, 503, 504, None])
def test_a_gateway_that_is_not_there_delays_everybody(jane, settings, head):
    with service(head=head or 404) as server, time_machine.travel(timezone.now(), tick=False):
        use(settings, generic(server) if head else f"json://127.0.0.1:{free_port()}/")
        people = [asks(), asks("nobody", "+33 6 98 76 54 32")]
        assert [attempt(message) for _person, message in people] == ["delayed", "delayed"]
        seen = [what_is_said(person) for person, _message in people]
        assert seen[0] == seen[1]
        assert 'data-delivery="waiting"' in seen[0]
        assert server.asked == []


def test_a_text_is_tried_again_with_the_same_key_and_the_same_code(jane, settings):
    with service(status=lambda count: 500 if count < 3 else 200) as server:
        use(settings, generic(server))
        with time_machine.travel(timezone.now(), tick=False) as clock:
            _person, message = asks()
            outcomes = []
            for _attempt in range(3):
                outcomes.append(attempt(message))
                clock.shift(timedelta(seconds=60))
        assert outcomes == ["delayed", "delayed", "sent"]
        assert len({code_in(text) for text in server.texts}) == 1
        assert {each.headers["Idempotency-Key"] for each in server.asked} == {message.pk.hex}


def test_a_gateway_that_does_not_answer_is_not_handed_it_for_ever(jane, settings):
    """It may have taken each of them, and charge for it (FT-19)."""
    with service(status=SILENCE) as server:
        use(settings, generic(server))
        with time_machine.travel(timezone.now(), tick=False) as clock:
            _person, message = asks()
            outcomes = []
            for _attempt in range(5):
                outcomes.append(attempt(message))
                clock.shift(timedelta(seconds=50))
        assert outcomes == ["delayed", "delayed", "refused", "nothing to do", "nothing to do"]
        assert len(server.asked) == 3
        assert len({code_in(text) for text in server.texts}) == 1


def test_an_answer_that_never_ends_ends_the_attempt(jane, settings):
    with service(body="x" * 200_000) as server:
        use(settings, generic(server))
        _person, message = asks()
        assert took(lambda: attempt(message)) < 5
        assert state(message) == State.WAITING


@pytest.mark.parametrize("fault", ["500", "429", "401", "200 with an error", "no answer", "hangs up"])
def test_the_next_gateway_takes_it_and_says_the_same_code(jane, settings, fault):
    with service(**FAULTS[fault][0]) as first, service() as second:
        use(settings, generic(first), generic(second))
        person, message = asks()
        assert attempt(message) == "sent"
        assert len(first.asked) == len(second.asked) == 1
        assert {code_in(text) for text in first.texts} == {code_in(text) for text in second.texts}
        person.open("/recovery/code/")
        person.submit(code=code_in(second.texts[0]))
        assert person.page.name == "recovery-new-password"


# --- The dialects -----------------------------------------------------------------------------------------

SID, TOKEN = "AC" + "a" * 32, "b" * 32


def twilio(server):
    return f"twilio://{SID}:{TOKEN}@+15551234567?endpoint=http://127.0.0.1:{server.port}"


def vonage(server):
    return f"vonage://key:secret@15551234567?endpoint=http://127.0.0.1:{server.port}"


def sns(server):
    return f"sns://AKIAABCDEFGHIJKLMNOP/se/cret/us-east-1/?endpoint=http://127.0.0.1:{server.port}"


def one_attempt(settings, url):
    use(settings, url)
    _person, message = asks()
    return attempt(message), message


def test_twilio_is_asked_as_it_wants_to_be(jane, settings):
    with service(status=201, body={"sid": "SM123", "status": "queued"}) as server:
        outcome, message = one_attempt(settings, twilio(server))
        assert outcome == "sent"
        asked = server.asked[0]
        assert asked.path == f"/2010-04-01/Accounts/{SID}/Messages.json"
        assert asked.headers["Authorization"] == "Basic " + base64.b64encode(f"{SID}:{TOKEN}".encode()).decode()
        assert asked.form["To"] == PHONE
        assert asked.form["From"] == "+15551234567"
        assert asked.form["StatusCallback"] == "https://id.contoso.example/receipts/twilio"
        assert asked.form["ValidityPeriod"] == "600"
        assert Handover.objects.get(message=message).provider == "twilio"


@pytest.mark.parametrize(
    ("status", "body", "outcome", "marked"),
    [
        (400, {"code": 21211, "message": "invalid"}, "refused", True),
        (400, {"code": 21614, "message": "not mobile"}, "refused", True),
        (400, {"code": 21610, "message": "unsubscribed"}, "refused", False),
        (400, {"code": 21408, "message": "region"}, "refused", False),
        (401, {"code": 20003}, "delayed", False),
        (429, {"code": 20429}, "delayed", False),
        (500, "oops", "delayed", False),
        (200, {"sid": "SM1", "status": "failed", "error_code": 30008}, "refused", False),
    ],
)
def test_what_twilio_says(jane, settings, status, body, outcome, marked):
    with service(status=status, body=body) as server:
        assert one_attempt(settings, twilio(server))[0] == outcome
        assert bool(marks.of(jane.pk)) == marked


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ({"messages": [{"status": "0", "message-id": "V1"}]}, "sent"),
        ({"messages": [{"status": "1", "error-text": "throttled"}]}, "delayed"),
        ({"messages": [{"status": "9", "error-text": "no credit"}]}, "delayed"),
        ({"messages": [{"status": "6", "error-text": "unroutable"}]}, "refused"),
        ({"messages": []}, "delayed"),
        ("<html>", "delayed"),
        ([1], "delayed"),
    ],
)
def test_what_vonage_says_with_200(jane, settings, body, outcome):
    with service(body=body) as server:
        assert one_attempt(settings, vonage(server))[0] == outcome


def test_vonage_is_told_that_chinese_is_not_in_its_usual_alphabet(db, settings):
    make_person(phones=[PHONE], locale="zh-hans")
    with service(body={"messages": [{"status": "0"}]}) as server:
        assert one_attempt(settings, vonage(server))[0] == "sent"
        assert server.asked[0].form["type"] == "unicode"
        assert server.asked[0].form["to"] == PHONE[1:]


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, "<PublishResponse><MessageId>0aa-1</MessageId></PublishResponse>", "sent"),
        (400, "<ErrorResponse><Error><Code>InvalidParameter</Code></Error></ErrorResponse>", "refused"),
        (400, "<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>", "delayed"),
        (403, "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code></Error></ErrorResponse>", "delayed"),
    ],
)
def test_what_amazon_says(jane, settings, status, body, outcome):
    with service(status=status, body=body) as server:
        assert one_attempt(settings, sns(server))[0] == outcome
        assert server.asked[0].form["PhoneNumber"] == PHONE
        assert server.asked[0].headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIAABCDEFGHIJKLMNOP/")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # among Apprise's hundred services are old ones
def test_any_other_service_of_apprise_sends_to_the_number_and_nowhere_else(jane, settings):
    """A form posted by Apprise itself, to whatever its URL says."""
    with service() as server:
        outcome, _message = one_attempt(settings, f"form://127.0.0.1:{server.port}/send/{{to}}")
        assert outcome == "sent"
        assert server.asked[0].path == f"/send/{PHONE}"
        assert code_in(server.asked[0].form["message"])


def test_a_generic_gateways_names_can_be_changed_as_in_apprise(jane, settings):
    with service() as server:
        outcome, _message = one_attempt(
            settings, generic(server, "?:message=text&:to=phone&:title=&:from=Contoso&+X-Key=k")
        )
        assert outcome == "sent"
        asked = server.asked[0]
        assert asked.json.keys() == {"version", "type", "text", "phone", "id", "from"}
        assert (asked.json["phone"], asked.json["from"], asked.headers["X-Key"]) == (PHONE, "Contoso", "k")


def test_what_gateways_say_is_logged_without_number_and_code(jane, settings, caplog):
    with service(status=500, body={"error": f"{PHONE} 1234 5678"}) as server:
        use(settings, generic(server))
        _person, message = asks()
        caplog.clear()
        attempt(message)
        text = code_in(server.texts[0])
        assert "status 500" in caplog.text
        for secret in (PHONE, PHONE[1:], text, text.replace(" ", ""), "1234 5678"):
            assert secret not in caplog.text


def test_nothing_secret_of_a_gateway_is_in_its_representation(settings):
    use(settings, twilio(type("Server", (), {"port": 1})))
    assert TOKEN not in repr(settings.SMS_GATEWAYS)

"""Mail providers with an interface of their own, over real http: what they answer, and what that means."""

import pytest
import time_machine
from django.utils import timezone

from idp.accounts import marks
from idp.channels import addresses, chain, email
from idp.keyring import fingerprint
from idp.models import Handover
from tests.faults.providers import SILENCE, mail_server, service
from tests.faults.test_mail_servers import asks, attempt, clear, what_is_said
from tests.servers import free_port

TAKEN = {
    "postmark": {"ErrorCode": 0, "MessageID": "PM-1", "Message": "OK", "To": "jane@contoso.example"},
    "resend": {"id": "RE-1"},
    "brevo": {"messageId": "<BR-1@brevo>"},
    "mailgun": {"id": "<MG-1@mg>", "message": "Queued. Thank you."},
    "sendgrid": "",
}
INACTIVE = (
    "You tried to send to recipients that have been marked as inactive. Found inactive addresses: "
    "jane@contoso.example. Inactive recipients are ones that have generated a hard bounce."
)
REFERENCE = {"postmark": "PM-1", "resend": "RE-1", "brevo": "<BR-1@brevo>", "mailgun": "<MG-1@mg>"}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(chain, "SECONDS_EACH", 0.7)
    monkeypatch.setattr(chain, "SECONDS", 1.5)
    yield
    for provider in email._kept.providers:
        if getattr(provider, "_backend", None) is not None and hasattr(provider._backend, "close"):
            provider._backend.close()


def use(settings, family, server, *more):
    path = "/mg.example.org" if family == "mailgun" else ""
    url = f"{family}://key@127.0.0.1:{server.port}{path}?clear_text=allowed"
    settings.EMAIL_PROVIDERS = addresses.read(" ".join([url, *more]))


@pytest.mark.filterwarnings("ignore:django-anymail has dropped official support for SendGrid")
@pytest.mark.parametrize("family", TAKEN)
def test_a_letter_is_taken_in_the_providers_own_words(jane, settings, family):
    with service(status=202 if family == "sendgrid" else 200, body=TAKEN[family]) as server:
        use(settings, family, server)
        _person, message = asks()
        assert attempt(message) == "sent"
        body = server.asked[0].body.decode()
        assert "jane@contoso.example" in body or "jane%40contoso.example" in body
        assert "Auto-Submitted" in body
        handover = Handover.objects.get(message=message)
        assert handover.provider == family
        if family in REFERENCE:
            assert handover.reference_hash == fingerprint(REFERENCE[family])


@pytest.mark.parametrize(
    ("told", "outcome"),
    [
        ({"status": 500}, "delayed"),
        ({"status": 429}, "delayed"),
        ({"status": 401}, "delayed"),
        ({"status": 422, "body": {"ErrorCode": 300, "Message": "Invalid email request"}}, "refused"),
        ({"status": 422, "body": {"ErrorCode": 406, "Message": INACTIVE}}, "refused"),
        ({"status": 200, "body": "<html>"}, "delayed"),
        ({"status": SILENCE}, "delayed"),
        ({"status": None}, "delayed"),
    ],
)
def test_what_a_provider_answers_is_on_no_page(jane, settings, told, outcome, caplog):
    with service(**told) as server, time_machine.travel(timezone.now(), tick=False):
        use(settings, "postmark", server)
        people = [asks(), asks("nobody", "nobody@contoso.example")]
        assert [attempt(message) for _person, message in people] == [outcome, "sent"]
        assert len(server.asked) == 1
        seen = [what_is_said(person) for person, _message in people]
        assert seen[0] == seen[1]
        assert 'data-delivery="sent"' in seen[0]
        assert "jane@contoso.example" not in caplog.text


def test_a_recipient_that_the_provider_will_not_write_to_is_marked(jane, settings):
    body = {"ErrorCode": 406, "Message": INACTIVE}
    with service(status=422, body=body) as server:
        use(settings, "postmark", server)
        _person, message = asks()
        assert attempt(message) == "refused"
        assert [each.fault for each in marks.of(jane.pk)] == ["bounced"]


@pytest.mark.parametrize("head", [503, None])
def test_a_provider_that_is_not_there_delays_everybody(jane, settings, head):
    with service(head=head or 404) as server:
        if head is None:
            server.port = free_port()
        use(settings, "postmark", server)
        people = [asks(), asks("nobody", "nobody@contoso.example")]
        assert [attempt(message) for _person, message in people] == ["delayed", "delayed"]
        assert server.asked == []


@pytest.mark.parametrize("status", [500, 429, 401])
def test_a_mail_server_stands_in_for_it(jane, settings, status):
    with service(status=status) as server, mail_server() as second:
        use(settings, "postmark", server, clear(second))
        _person, message = asks()
        assert attempt(message) == "sent"
        assert len(second.letters) == 1

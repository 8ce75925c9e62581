"""Forgotten password, and back to the application: the main story, over HTTP."""

import base64
import hashlib
import json
from urllib.parse import urlencode

import pytest
from django.core import mail
from django.test import Client as Http

from idp.models import AuditEntry, Credential, Grant, SignIn
from tests.conftest import CALLBACK, CLIENT_SECRET, NEW_PASSWORD, PASSWORD, make_person
from tests.story import HOST, Person, code_in, post_office

VERIFIER = "a verifier of at least forty-three characters, as RFC 7636 asks".replace(" ", "-").replace(",", "")
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


def authorization_request(**changes):
    parameters = {
        "client_id": "payroll",
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "openid profile email",
        "state": "af0ifjsldkj",
        "nonce": "n-0S6_WzA2Mj",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **changes,
    }
    return "/authorize?" + urlencode({name: value for name, value in parameters.items() if value is not None})


def redeem(code):
    credentials = base64.b64encode(f"payroll:{CLIENT_SECRET.replace(' ', '+').replace(',', '%2C')}".encode()).decode()
    return Http().post(
        "/token",
        urlencode(
            {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER},
        ),
        content_type="application/x-www-form-urlencoded",
        headers={"authorization": f"Basic {credentials}", "host": HOST},
        secure=True,
    )


def claims(id_token):
    body = id_token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def recover(person, *, identifier="jane", address="jane@contoso.example", password=NEW_PASSWORD):
    """From the first page of recovery to its last."""
    person.submit(identifier=identifier)
    person.submit(problem="forgot")
    person.submit(method="email")
    person.submit(address=address)
    (message,) = post_office()
    person.submit(code=code_in(message))
    person.submit(new_password=password)
    return message


def test_a_person_forgets_their_password_and_lands_in_the_application(jane, payroll):
    person = Person()

    person.open(authorization_request())
    assert person.page.name == "sign-in"
    assert "Payroll" in person.page.text

    person.submit(username="jane", password="not this one, sadly")
    assert "That username and password don't match" in person.page
    assert person.page.parsed.title.startswith("Error: ")

    person.click("cant-access")
    assert person.page.name == "recovery-identify"
    assert "Payroll" in person.page.text
    person.submit(identifier="jane")
    assert person.page.name == "recovery-problem"
    person.submit(problem="forgot")
    assert person.page.name == "recovery-method"
    person.submit(method="email")
    assert person.page.name == "recovery-address"
    person.submit(address="jane@contoso.example")
    assert person.page.name == "recovery-code"

    (message,) = post_office()
    assert message.to == ["jane@contoso.example"]
    assert code_in(message).replace(" ", "") not in message.subject
    person.submit(code=code_in(message))
    assert person.page.name == "recovery-new-password"
    person.submit(new_password=NEW_PASSWORD)
    assert person.page.name == "recovery-done"
    assert "Continue to Payroll" in person.page

    person.click("continue-to-app")
    assert person.page.name == "sign-in"
    assert not SignIn.objects.exists(), "recovery never signs in"
    person.submit(username="jane", password=NEW_PASSWORD)

    where, answer = person.landed
    assert where == CALLBACK
    assert answer["state"] == "af0ifjsldkj"
    assert answer["iss"] == f"https://{HOST}"
    tokens = redeem(answer["code"])
    assert tokens.status_code == 200, tokens.content
    said = claims(tokens.json()["id_token"])
    assert said["sub"] == jane.sub
    assert said["nonce"] == "n-0S6_WzA2Mj"
    assert said["aud"] == "payroll"


def test_the_old_password_no_longer_opens_the_account(jane, payroll):
    person = Person()
    person.open("/recovery/")
    recover(person)

    stranger = Person(address="198.51.100.7")
    stranger.open("/sign-in")
    stranger.submit(username="jane", password=PASSWORD)
    assert stranger.page.name == "sign-in"
    stranger.submit(username="jane", password=NEW_PASSWORD)
    assert stranger.page.name == "account"


def test_recovery_ends_every_session_and_grant_and_says_so(jane, payroll):
    elsewhere = Person(address="198.51.100.7")
    elsewhere.open(authorization_request(scope="openid offline_access", prompt="consent"))
    elsewhere.submit(username="jane", password=PASSWORD)
    if elsewhere.page.name == "consent":
        elsewhere.submit(decision="allow")
    _where, answer = elsewhere.landed
    tokens = redeem(answer["code"]).json()

    person = Person()
    person.open("/recovery/")
    recover(person)

    assert "We signed out 1 other session" in person.page
    assert not SignIn.objects.filter(ended_at=None).exists()
    assert not Grant.objects.filter(ended_at=None).exists()
    elsewhere.open("/account/")
    assert elsewhere.page.name == "sign-in"
    userinfo = Http().get(
        "/userinfo",
        headers={"authorization": f"Bearer {tokens['access_token']}", "host": HOST},
        secure=True,
    )
    assert userinfo.status_code == 401


def test_every_address_is_told_that_the_password_was_changed(payroll, db):
    make_person(addresses=["jane@contoso.example", "jane@home.example"])
    person = Person()
    person.open("/recovery/")
    recover(person)
    notices = post_office()
    assert sorted(notice.to[0] for notice in notices) == ["jane@contoso.example", "jane@home.example"]
    for notice in notices:
        assert notice.subject == "Your Contoso password was changed"
        assert "Firefox, Linux" in notice.body
        assert notice.extra_headers["Auto-Submitted"] == "auto-generated"


def test_the_account_keeps_an_entry_of_each_step(jane, payroll):
    person = Person()
    person.open("/recovery/")
    recover(person)
    assert list(AuditEntry.objects.order_by("sequence").values_list("name", flat=True))[2:] == [
        "recovery.started",
        "recovery.challenge.issued",
        "recovery.challenge.passed",
        "idp.credential.written",
        "idp.sessions.ended",
        "recovery.completed",
    ]
    assert set(AuditEntry.objects.values_list("user", flat=True)) == {jane.pk}
    credential = Credential.objects.get(user=jane)
    written = AuditEntry.objects.filter(name="idp.credential.written").latest("sequence")
    assert written.details["version"] == credential.version == 2
    assert written.details["earned"] == "recovery"


def test_a_password_that_is_easy_to_guess_is_refused_with_its_reason(jane):
    person = Person()
    person.open("/recovery/")
    person.submit(identifier="jane")
    person.submit(problem="forgot")
    person.submit(method="email")
    person.submit(address="jane@contoso.example")
    (message,) = post_office()
    person.submit(code=code_in(message))
    for refused, reason in [
        ("", "Enter a new password"),
        ("short", "Use at least 15 characters"),
        (PASSWORD, "This was your previous password"),
        ("contoso contoso 1", "company's name"),
    ]:
        person.submit(new_password=refused)
        assert person.page.name == "recovery-new-password"
        assert reason in person.page, person.page.text
    person.submit(new_password=NEW_PASSWORD)
    assert person.page.name == "recovery-done"


@pytest.mark.parametrize(("language", "subject"), [("fr", "Votre code Contoso"), ("zh-hans", "你的 Contoso 验证码")])
def test_the_mail_speaks_the_language_of_the_page(jane, language, subject):
    person = Person()
    person.open(f"/recovery/?lang={language}")
    person.submit(identifier="jane")
    person.submit(problem="forgot")
    person.submit(method="email")
    person.submit(address="jane@contoso.example")
    (message,) = post_office()
    assert message.subject == subject


def test_the_mail_speaks_the_language_of_its_reader_rather(db):
    make_person(locale="fr")
    person = Person()
    person.open("/recovery/")
    person.submit(identifier="jane")
    person.submit(problem="forgot")
    person.submit(method="email")
    person.submit(address="JANE@contoso.example")
    (message,) = post_office()
    assert message.subject == "Votre code Contoso"
    assert message.to == ["jane@contoso.example"], "the stored spelling, not the typed one"
    assert mail.outbox

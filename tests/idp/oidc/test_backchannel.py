"""Back-channel logout: who is told that a sign-in is over, with which token, and until when it is tried."""

import json
from datetime import timedelta
from urllib.parse import parse_qs

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone
from joserfc import jwt
from joserfc.jwk import KeySet

from idp import delivery, fetch, outbox
from idp.accounts import logouts, sessions
from idp.models import Client, Grant, Message
from idp.oidc import backchannel, clients, id_tokens
from tests.conftest import make_client, make_person
from tests.idp.oidc.conftest import ISSUER, Browser
from tests.idp.test_fetch import says, server

THERE = "https://payroll.contoso.example/backchannel"
EVENT = "http://schemas.openid.net/event/backchannel-logout"


@pytest.fixture
def listening(payroll):
    """Payroll wants to be told."""
    payroll.backchannel_logout_uri = THERE
    payroll.save()
    return payroll


@pytest.fixture
def told(signed_in, listening):
    """Jane signed in at payroll, and out again."""
    tokens = signed_in.tokens()
    signed_in.http.get("/sign-out", {"id_token_hint": tokens["id_token"]}, secure=True)
    return tokens


@pytest.fixture
def posted(monkeypatch):
    """What is posted where; `answer` is the status, or the exception, that comes back."""

    class Posted(list):
        answer = 200

        def __call__(self, url, fields):
            self.append((url, fields))
            if isinstance(self.answer, Exception):
                raise self.answer
            return self.answer

    calls = Posted()
    monkeypatch.setattr(fetch, "post_form", calls)
    return calls


def deliver(message=None, *, now=None):
    return delivery.deliver((message or Message.objects.get()).pk, now=now or timezone.now())


# --- Who is told ------------------------------------------------------------------------------------------


def test_signing_out_writes_one_message_with_ids_only(told):
    message = Message.objects.get()
    grant = Grant.objects.get()
    assert (message.kind, message.queue, message.state) == (logouts.KIND, "logout", "waiting")
    assert message.facts == {"grant": str(grant.pk)}
    assert message.address_id is None
    assert message.not_after - message.created_at == timedelta(hours=1)


def test_signing_out_again_tells_nobody_again(told, signed_in):
    sign_in = Grant.objects.get().sign_in_id
    sessions.end(sign_in, by="person", now=timezone.now())
    assert Message.objects.count() == 1


def test_several_grants_of_one_sign_in_are_one_message(signed_in, listening):
    for _ in range(3):
        last = signed_in.tokens()
    signed_in.http.get("/sign-out", {"id_token_hint": last["id_token"]}, secure=True)
    assert Message.objects.count() == 1


def test_each_application_is_told(signed_in, listening):
    make_client("wiki", backchannel_logout_uri="https://wiki.example/bye", skip_consent=True)
    make_client("silent", skip_consent=True)
    for client_id in ("payroll", "wiki", "silent"):
        authorization = "Basic " + _basic(client_id)
        code = signed_in.code(client_id=client_id)
        assert signed_in.redeem(code, authorization=authorization).status_code == 200
    hint = signed_in.tokens()["id_token"]
    response = signed_in.http.get("/sign-out", {"id_token_hint": hint}, secure=True)
    assert response["Location"] == "/signed-out?client_id=payroll&told=2"
    page = signed_in.http.get(response["Location"], secure=True).content.decode()
    assert "We are telling 2 applications to sign you out" in page
    told = {Grant.objects.get(pk=each.facts["grant"]).client.client_id for each in Message.objects.all()}
    assert told == {"payroll", "wiki"}


def _basic(client_id):
    from tests.idp.oidc.conftest import basic

    return basic(client_id).removeprefix("Basic ")


@pytest.mark.parametrize("told", ["0", "-1", "100", "1e3", "<b>", "१"])
def test_the_number_on_the_page_is_a_number(told, browser):
    page = browser.http.get("/signed-out", {"told": told}, secure=True)
    assert page.status_code == 200
    assert b"We are telling" not in page.content


def test_an_application_that_never_got_its_token_is_not_told(signed_in, listening):
    signed_in.code()
    sessions.end_all(Grant.objects.get().user_id, by="recovery", now=timezone.now())
    assert not Message.objects.exists()


def test_an_application_that_was_switched_off_is_not_told(signed_in, listening, jane):
    signed_in.tokens()
    Client.objects.update(disabled_at=timezone.now())
    sessions.end_all(jane.pk, by="recovery", now=timezone.now())
    assert not Message.objects.exists()


def test_when_everything_ends_each_session_is_told_of(jane, listening, payroll):
    for _ in range(2):
        browser = Browser()
        browser.sign_in(jane)
        browser.tokens()
    other = make_person("john", email="john@contoso.example")
    browser.sign_in(other)
    browser.tokens()
    with transaction.atomic():
        ended = sessions.end_all(jane.pk, by="recovery", now=timezone.now())
    assert (ended.sign_ins, ended.applications) == (2, 1)
    assert Message.objects.filter(user=jane).count() == Message.objects.count() == 2
    assert len({message.reference for message in Message.objects.all()}) == 2


def test_a_session_that_ran_out_here_may_go_on_there(signed_in, listening, jane):
    signed_in.tokens()
    with time_machine.travel(timezone.now() + timedelta(days=2)):
        ended = sessions.end_all(jane.pk, by="recovery", now=timezone.now())
        assert (ended.sign_ins, ended.applications) == (0, 1)
    with time_machine.travel(timezone.now() + timedelta(days=40)):
        assert sessions.end_all(jane.pk, by="recovery", now=timezone.now()).applications == 0


def test_signing_out_of_a_session_that_ran_out_tells_the_others(signed_in, listening):
    hint = signed_in.tokens()["id_token"]
    with time_machine.travel(timezone.now() + timedelta(hours=3)):
        response = signed_in.http.get("/sign-out", {"id_token_hint": hint}, secure=True)
    assert response["Location"] == "/signed-out?client_id=payroll&told=1"
    assert Message.objects.count() == 1


def test_a_fresh_password_for_an_application_ends_nothing(signed_in, listening, jane):
    """P-03: `prompt=login` signs in anew and leaves the sign-in before as it was."""
    signed_in.tokens()
    signed_in.sign_in(jane)
    signed_in.authorize(prompt="login")
    assert not Message.objects.exists()


def test_nothing_is_written_if_the_ending_is_undone(signed_in, listening, jane, transactional_db):
    signed_in.tokens()
    with transaction.atomic():
        assert sessions.end_all(jane.pk, by="recovery", now=timezone.now()).applications == 1
        transaction.set_rollback(True)
    assert not Message.objects.exists()


# --- The token --------------------------------------------------------------------------------------------


def test_the_logout_token_says_what_the_specification_asks_and_no_more(told, signed_in, posted):
    assert deliver() == "sent"
    ((url, fields),) = posted
    assert url == THERE
    assert set(fields) == {"logout_token"}
    token = signed_in.verified(fields["logout_token"])
    id_token = signed_in.verified(told["id_token"])
    assert token.header == {"alg": "ES256", "kid": id_token.header["kid"], "typ": "logout+jwt"}
    assert set(token.claims) == {"iss", "aud", "iat", "exp", "jti", "events", "sub", "sid"}
    assert token.claims["events"] == {EVENT: {}}
    assert token.claims["iss"] == ISSUER
    assert token.claims["aud"] == "payroll"
    assert (token.claims["sub"], token.claims["sid"]) == (id_token.claims["sub"], id_token.claims["sid"])
    assert token.claims["exp"] - token.claims["iat"] == 120
    assert abs(token.claims["iat"] - timezone.now().timestamp()) < 10
    assert len(token.claims["jti"]) >= 20


@pytest.mark.parametrize(
    ("columns", "algorithm"),
    [
        ({"id_token_signed_response_alg": "EdDSA"}, "EdDSA"),
        ({"id_token_signed_response_alg": "RS256"}, "RS256"),
        ({"id_token_signed_response_alg": "RS256", "profile": "fapi2"}, "ES256"),
    ],
)
@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_it_is_signed_as_the_applications_id_tokens_are(columns, algorithm, told, listening, posted, signed_in):
    for column, value in columns.items():
        setattr(listening, column, value)
    listening.save()
    assert deliver() == "sent"
    token = posted[0][1]["logout_token"]
    published = KeySet.import_key_set(json.loads(signed_in.http.get("/jwks", secure=True).content))
    assert jwt.decode(token, published, algorithms=[algorithm]).header["alg"] == algorithm


def test_a_pairwise_subject_is_the_one_of_the_id_token(browser, jane, posted):
    make_client(subject_type="pairwise", backchannel_logout_uri=THERE, skip_consent=True)
    browser.sign_in(jane)
    id_token = browser.tokens()["id_token"]
    response = browser.http.get("/sign-out", {"id_token_hint": id_token}, secure=True)
    assert response.status_code == 303
    deliver()
    subject = browser.verified(posted[0][1]["logout_token"]).claims["sub"]
    assert subject == browser.verified(id_token).claims["sub"] != jane.sub


def test_discovery_says_so(browser):
    document = browser.http.get("/.well-known/openid-configuration", secure=True).json()
    assert document["backchannel_logout_supported"] is True
    assert document["backchannel_logout_session_supported"] is True
    assert "frontchannel_logout_supported" not in document
    assert "check_session_iframe" not in document


def test_a_logout_token_is_no_hint(told, posted):
    deliver()
    assert id_tokens.read_hint(posted[0][1]["logout_token"]) is None


def test_each_attempt_has_a_token_of_its_own(told, signed_in, posted):
    posted.answer = 503
    message = Message.objects.get()
    now = timezone.now()
    for turn in range(3):
        deliver(message, now=now + timedelta(minutes=turn))
    jtis = {signed_in.verified(fields["logout_token"]).claims["jti"] for _url, fields in posted}
    assert len(jtis) == 3


# --- What comes of it -------------------------------------------------------------------------------------

OUTCOMES = [
    (200, "sent", "sent"),
    (204, "sent", "sent"),
    (201, "refused", "failed"),
    (301, "refused", "failed"),
    (302, "refused", "failed"),
    (400, "refused", "failed"),
    (401, "refused", "failed"),
    (403, "refused", "failed"),
    (404, "refused", "failed"),
    (405, "refused", "failed"),
    (408, "delayed", "waiting"),
    (429, "delayed", "waiting"),
    (500, "delayed", "waiting"),
    (501, "delayed", "waiting"),
    (503, "delayed", "waiting"),
    (fetch.Failed("too slow"), "delayed", "waiting"),
    (fetch.Failed("certificate"), "delayed", "waiting"),
    (fetch.Failed("address not public"), "delayed", "waiting"),
]


@pytest.mark.parametrize(("answer", "outcome", "state"), OUTCOMES, ids=str)
def test_what_an_answer_means(answer, outcome, state, told, posted):
    posted.answer = answer
    assert deliver() == outcome
    assert Message.objects.get().state == state


def test_once_told_it_is_not_told_again(told, posted):
    assert deliver() == "sent"
    assert deliver() == "nothing to do"
    assert len(posted) == 1


def test_pauses_grow_and_end(told, posted, caplog):
    posted.answer = 503
    start = now = timezone.now()
    pauses = []
    while deliver(now=now) == "delayed":
        due = Message.objects.get().due_at
        pauses.append((due - now).total_seconds())
        now = due
    for pause, doubled in zip(pauses, [*(2**n for n in range(1, 10)), *[600] * 9], strict=False):
        assert doubled * 0.75 <= pause <= doubled * 1.25 + 0.5  # the attempt itself takes its time
    assert max(pauses) > 400
    assert now - start >= timedelta(minutes=45)
    assert len(posted) < 20
    assert outbox.ring_forgotten(now=start + timedelta(hours=1, seconds=5)) == 0
    assert Message.objects.get().state == "expired"


def test_an_application_gone_meanwhile_is_not_asked(told, listening, posted):
    listening.disabled_at = timezone.now()
    listening.save()
    assert deliver() == "refused"
    assert not posted


def test_a_message_pointed_at_another_grant_is_not_sent(told, posted, jane):
    other = Browser()
    other.sign_in(make_person("john", email="john@contoso.example"))
    other.tokens()
    foreign = Grant.objects.exclude(user=jane).get()
    Message.objects.update(facts={"grant": str(foreign.pk)})
    assert deliver() == "refused"
    assert not posted


def test_it_is_really_posted(told, settings, listening):
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    seen = []
    with server(says(b""), seen=seen) as port:
        listening.backchannel_logout_uri = f"http://127.0.0.1:{port}/bye"
        listening.save()
        clients.forget()
        assert deliver() == "sent"
    head, body = seen[0].split(b"\r\n\r\n")
    assert head.startswith(b"POST /bye HTTP/1.1")
    form = parse_qs(body.decode())
    assert list(form) == ["logout_token"]


def test_the_worker_knows_who_carries_it():
    assert delivery._carriers[logouts.KIND].hand_over is backchannel.hand_over

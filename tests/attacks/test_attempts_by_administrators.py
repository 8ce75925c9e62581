"""Every way of getting at somebody's account with an administrator's session, fresh and with its second factor.

What there is no page for is not found; what no form has is refused, and stands in the history; what an administrator
may do takes access away, or leaves it as it was, and stands there too.
"""

import re
from datetime import timedelta
from http import HTTPStatus
from urllib.parse import urlencode
from uuid import UUID

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from idp.accounts import hashers, powers, sessions
from idp.accounts.powers import Order
from idp.audit.events import Origin
from idp.conf import policy
from idp.console.urls import urlpatterns
from idp.console.verbs import Verb
from idp.models import Client, Credential, Proposal, RecoveryAddress, SignIn, SigningKey, User
from recovery.domain.journey import Step
from tests.attacks.aftermath import Scene, emptied, make, signing_in, useless, vain, whose
from tests.attacks.prompt import THEIRS
from tests.conftest import make_client, make_person, tell_of_registration
from tests.idp.console.people import APPLICATIONS, AUDIT, DECISIONS, EXPORT, INVITATIONS, PEOPLE, POLICY, appoint
from tests.idp.factors.people import with_app
from tests.recovery.walk import letter, walk_to
from tests.story import Person

REASON = {"reason": "security"}
ABSENT = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.FORBIDDEN)


@pytest.fixture
def scene(jane):
    """Mallory administers the tenant, with two others, and has just shown a second factor."""
    mallory = make_person("mallory", email="mallory@evil.example", password=THEIRS)
    for name in ("ada", "ben"):
        appoint(make_person(name, email=f"{name}@contoso.example"))
    appoint(mallory)
    app = with_app(mallory)
    browser = signing_in("mallory", THEIRS)
    browser.submit(otp=app.code())
    assert whose(browser) == mallory.pk
    connection.check_constraints()
    return Scene(jane=jane, mallory=mallory, browser=browser, theirs=hashers.hash_password(THEIRS))


def of_hers(scene, below=""):
    return f"{PEOPLE}{scene.jane.pk}/{below}"


def token(scene):
    return scene.browser.open(POLICY).parsed.fields["csrfmiddlewaretoken"][0]


def send(scene, path, **fields):
    """A form, as one of the pages would send it; the answer's status."""
    return scene.browser.post(path, {"csrfmiddlewaretoken": token(scene), **fields}).status_code


def does(verb, **more):
    """What the console can do to her account."""

    def do(scene):
        assert send(scene, of_hers(scene, f"{verb}/"), **REASON, **more) == HTTPStatus.SEE_OTHER

    return do


def no_such_page(*paths, **fields):
    """None of these, asked by any method, is a page; what is sent goes nowhere."""

    def do(scene):
        fills = {"jane": scene.jane.pk, "row": scene.password.pk}
        fills["address"] = RecoveryAddress.objects.get(user=scene.jane).pk
        sent = {"csrfmiddlewaretoken": token(scene), **fields}
        for path in (each.format(**fills) for each in paths):
            answers = [scene.browser.post(path, sent)]
            answers += [
                getattr(scene.browser.http, method)(
                    path, urlencode(sent), "application/x-www-form-urlencoded", secure=True
                )
                for method in ("put", "patch", "delete")
            ]
            assert {answer.status_code for answer in answers} <= {*ABSENT}, path

    return do


def refused_fields(verb, *names):
    """Each of these beside the reason; the form has none of them."""

    def do(scene):
        for name in names:
            sent = {**REASON, name: THEIRS}
            assert send(scene, of_hers(scene, f"{verb}/"), **sent) == HTTPStatus.BAD_REQUEST, name

    return do


# --- What there is no page for ----------------------------------------------------------------------------

_SET = {"password": THEIRS, "new_password": THEIRS, "password1": THEIRS, "password2": THEIRS}
NOWHERE = {
    "AD-01 set her password": no_such_page(
        *("/console/people/{jane}/password/", "/console/people/{jane}/reset/", "/console/people/{jane}/credentials/"),
        *("/console/people/{jane}/credentials/{row}/", "/console/credentials/{row}/", "/console/people/{jane}/"),
        *("/admin/idp/user/{jane}/password/", "/admin/idp/credential/{row}/change/", "/password_reset/"),
        *("/api/users/{jane}/password", "/api/v1/users/{jane}", "/scim/v2/Users/{jane}", "/users/{jane}/credentials"),
        **_SET,
    ),
    "AD-03 change her addresses": no_such_page(
        *("/console/people/{jane}/email/", "/console/people/{jane}/addresses/", "/console/people/{jane}/merge/"),
        *("/console/people/{jane}/addresses/{address}/", "/console/people/{jane}/edit/"),
        email="mallory@evil.example",
        address="mallory@evil.example",
        phone="+15555550100",
    ),
    "AD-04 take her factors, lower what is asked for": no_such_page(
        *("/console/people/{jane}/factors/", "/console/people/{jane}/factors/{row}/", "/console/people/{jane}/mfa/"),
        *("/console/people/{jane}/devices/", "/console/people/{jane}/policy/", POLICY),
        decision="remove",
        second_factor="off",
    ),
    "AD-06 recover for her": no_such_page(
        *("/console/people/{jane}/recover/", "/console/people/{jane}/recovery/", "/console/people/{jane}/code/"),
        *("/console/recovery/", "/console/recovery/{jane}/", "/console/people/{jane}/resend/"),
        send_again="1",
    ),
    "AD-08 where messages go": no_such_page(
        *("/console/delivery/", "/console/delivery/senders/", "/console/settings/", "/console/templates/"),
        email_url="smtp://evil.example",
        bcc="mallory@evil.example",
    ),
    "AD-10 be her": no_such_page(
        *("/console/people/{jane}/impersonate/", "/console/people/{jane}/sign-in/", "/console/people/{jane}/session/"),
        *("/hijack/{jane}/", "/impersonate/{jane}/", "/su/{jane}/"),
    ),
    "AD-14 markup of one's own": no_such_page(
        *("/console/branding/", "/brand.css"), logo="<script>", color="red", css="body{}"
    ),
    "AD-15 keys, limits, the issuer": no_such_page(
        *("/console/keys/", "/console/limits/", "/console/issuer/", "/console/policy/", "/jwks"),
        DEBUG="1",
        code_lifetime="31536000",
    ),
    "AD-16 the history": no_such_page(
        *("/console/audit/", "/console/audit/1/", "/console/audit/delete/", "/console/notices/"), delete="1", since="0"
    ),
}


@pytest.mark.parametrize("name", NOWHERE)
def test_what_there_is_no_page_for_is_not_found(scene, name):
    make(vain(NOWHERE[name]), scene)


# --- What no form has -------------------------------------------------------------------------------------


def other_forms(**fields):
    """On the pages that have more to fill in than a reason."""

    def do(scene):
        shop = make_client("shop", client_name="Shop")
        forms = {
            INVITATIONS: {"email": "kim@contoso.example"},
            f"{APPLICATIONS}register/": {"client_name": "Mine"},
            f"{APPLICATIONS}{shop.client_id}/security/": {"redirect_uris": "https://evil.example/callback"},
            DECISIONS: {"proposal": str(scene.jane.pk), "act": "agree"},
            EXPORT: {"account": "jane"},
        }
        for path, known in forms.items():
            for name, value in fields.items():
                assert send(scene, path, **REASON, **known, **{name: value}) == HTTPStatus.BAD_REQUEST, (path, name)
        assert not Proposal.objects.exists()
        assert Client.objects.count() == 1

    return do


REFUSED = {
    "AD-02 a password with an act": refused_fields(
        Verb.SESSIONS, "password", "new_password", "material", "password_hash", "seal", "version", "proof", "kind"
    ),
    "AD-03 an address with an act": refused_fields(
        Verb.SESSIONS, "email", "email_verified", "phone_number", "address", "recovery_address", "user", "account"
    ),
    "AD-04 a factor with an act": refused_fields(Verb.SUSPEND, "otp", "totp", "mfa", "factor", "trust", "skip"),
    "AD-09 an application that acts for anybody": other_forms(
        grant_password="1",
        skip_consent_for="everybody",
        sub="jane",
        claims_mapper="sub=jane",
        private_key="mine",
    ),
    "AD-13 power for oneself": other_forms(is_superuser="1", groups="administrators", agreed_by="ada", due_at="2000"),
    "AD-16 without telling anybody": refused_fields(Verb.SESSIONS, "silent", "notify", "quiet", "no_audit", "at"),
    "AP-03 columns of the account": refused_fields(
        Verb.SUSPEND, "status", "status_before", "sub", "preferred_username", "frozen_at", "locale", "id", "claims"
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_form_has_is_refused_and_remembered(scene, name):
    make(useless(REFUSED[name], shows="idp.form.refused"), scene)


# --- What an administrator may do -------------------------------------------------------------------------


def lifted(scene):
    does(Verb.SUSPEND)(scene)
    does(Verb.LIFT)(scene)


def required(scene):
    """As the console does it to somebody who would get back in; she has one mailbox, and would not."""
    assert send(scene, of_hers(scene, f"{Verb.RECOVER}/"), **REASON) == HTTPStatus.OK
    order = Order(by=scene.mallory.pk, reason="security", origin=Origin(), now=timezone.now())
    assert isinstance(powers.require_recovery(scene.jane.pk, order, is_ready=lambda _user: True), powers.Done)


def agreed_to_alone(scene):
    """The one who proposes does not agree as well."""
    does(Verb.PROMOTE)(scene)
    (proposal,) = Proposal.objects.all()
    send(scene, DECISIONS, **REASON, proposal=str(proposal.pk), act="agree")
    assert Proposal.objects.get().agreed_by is None


def deleted_and_made_anew(scene):
    """Somebody else with her name or her address would be her to applications that go by those."""
    does(Verb.DELETE)(scene)
    for guest in ({"email": "jane@contoso.example"}, {"email": "mallory@evil.example", "username": "jane"}):
        assert send(scene, INVITATIONS, **REASON, **guest) == HTTPStatus.OK, "the page again, with what is wrong"
    assert not User.objects.filter(status="invited").exists()


def recovered_by_a_mailbox_of_ones_own(scene):
    """What anybody may begin; the letter goes to her."""
    person = walk_to(Step.CODE, address="mallory@evil.example", person=scene.browser)
    person.submit(code="1234 5678")
    assert person.page.name == "recovery-code"


ALLOWED = {
    "AD-18 end her sessions": useless(does(Verb.SESSIONS), shows="idp.sessions.ended_by_administrator"),
    "AD-18 suspend her account": emptied(does(Verb.SUSPEND), shows="idp.account.suspended"),
    "AD-18 … and lift it": useless(lifted, shows="idp.account.suspension_lifted"),
    "AD-18 have her recover it": emptied(required, shows="idp.account.recovery_required"),
    "AD-18 delete it": emptied(does(Verb.DELETE), shows="idp.account.removed"),
    "AD-11 … and make it anew": emptied(deleted_and_made_anew, shows="idp.account.removed"),
    "AD-13 make her an administrator, alone": useless(agreed_to_alone, shows="idp.decision.proposed"),
    "AD-06 recover her account": useless(recovered_by_a_mailbox_of_ones_own, shows="recovery.started"),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_what_an_administrator_may_do_lets_nobody_in(scene, name):
    make(ALLOWED[name], scene)


def invited_to_hers(scene):
    for guest in ({"email": "jane@contoso.example"}, {"email": "m@evil.example", "username": "jane"}):
        assert send(scene, INVITATIONS, **REASON, **guest) == HTTPStatus.OK


def looked_up(scene):
    """Ids of nobody, of somebody else, huge and crooked (AP-02)."""
    nobody = UUID(int=2**128 - 1)
    for path in (f"{PEOPLE}{nobody}/", f"{PEOPLE}-1/", f"{PEOPLE}{'9' * 4000}/", f"{APPLICATIONS}{nobody}/"):
        assert scene.browser.open(path).status == HTTPStatus.NOT_FOUND
    for verb in Verb:
        assert send(scene, f"{PEOPLE}{nobody}/{verb}/", **REASON) == HTTPStatus.NOT_FOUND
    for query in ("after=-1", f"after={'9' * 4000}", "q=%00", "before=-1", "before=x", "account=1%27--", "status=x"):
        for path in (PEOPLE, AUDIT):
            assert scene.browser.open(f"{path}?{query}").status in (HTTPStatus.OK, HTTPStatus.BAD_REQUEST), query


def a_hundred_thousand(scene):
    """More in one go than one form may ask for (AP-02)."""
    lines = "email\n" + "".join(f"m{number}@evil.example\n" for number in range(100_000))
    assert send(scene, f"{INVITATIONS}many/", **REASON, csv=lines, confirm="1") >= HTTPStatus.BAD_REQUEST
    few = "email\n" + "".join(f"m{number}@evil.example\n" for number in range(201))
    assert send(scene, f"{INVITATIONS}many/", **REASON, csv=few, confirm="1") == HTTPStatus.OK
    assert not User.objects.filter(status="invited").exists()


VAIN = {
    "AD-12 invite to an account that there is": invited_to_hers,
    "AP-02 ids of nobody": looked_up,
    "AP-02 a hundred thousand at once": a_hundred_thousand,
}


@pytest.mark.parametrize("name", VAIN)
def test_what_is_not_there_or_is_too_much_does_nothing(scene, name):
    make(vain(VAIN[name]), scene)


# --- What is to be read -----------------------------------------------------------------------------------


def every_page(scene):
    """Each page of the console about her, of the operator's numbers, and the copy of the history."""
    for pattern in urlpatterns:
        yield f"/console/{re.sub(r'<[^>]+>', str(scene.jane.pk), str(pattern.pattern))}"
    yield from (f"{PEOPLE}?q=jane", f"{AUDIT}?account=jane", "/metrics", "/readyz", "/readyz/delivery", "/healthz")


def test_no_page_of_an_administrators_has_a_code_an_address_or_a_key(scene):
    """AD-07, AD-10, AD-12, AD-15: while she is recovering her account, and signed in elsewhere."""
    person = walk_to(Step.CODE)
    code = letter().replace(" ", "")
    hers = signing_in("jane", "correct horse battery staple")
    make_client("shop", client_name="Shop")
    held = {name: hers.http.cookies[f"__Host-regain-{name}"].value for name in ("session", "device")}
    journey = {"journey": person.http.cookies["__Host-regain-recovery"].value}
    rows = (
        *(
            Credential.objects.values_list("material", "seal"),
            RecoveryAddress.objects.values_list("ciphertext", "seal"),
        ),
        *(SignIn.objects.values_list("key_hash", "seal"), SigningKey.objects.values_list("private_ciphertext")),
    )
    secrets = {"code": code, "code in two": f"{code[:4]} {code[4:]}", "address": scene.jane.email, **held, **journey}
    secrets |= {f"column {value[:9]}": value for each in rows for row in each for value in row if value}
    read = {path: scene.browser.http.get(path, secure=True) for path in every_page(scene)}
    answer = scene.browser.post(EXPORT, {"csrfmiddlewaretoken": token(scene), **REASON, "account": "jane"})
    read["the copy"] = answer
    texts = {path: b"".join(each).decode() for path, each in read.items() if each.status_code == HTTPStatus.OK}
    assert len(texts) > len(urlpatterns) / 2
    assert "recovery.challenge.issued" in texts["the copy"]
    assert not [(path, name) for path, text in texts.items() for name, secret in secrets.items() if secret in text]


# --- A session that is not one's own, and what is no session ----------------------------------------------


def test_a_session_that_was_stolen_writes_nothing_once_it_is_not_fresh(scene):
    """AP-04: replayed from another browser, a while later."""
    thief = Person(device="curl/8", address="203.0.113.9")
    for name, cookie in scene.browser.http.cookies.items():
        thief.http.cookies[name] = cookie.value
    sent = {"csrfmiddlewaretoken": token(scene), **REASON}
    with time_machine.travel(timezone.now() + timedelta(minutes=15)):
        for verb in Verb:
            answer = thief.post(of_hers(scene, f"{verb}/"), sent)
            assert answer["Location"].startswith("/sign-in/again?"), verb
    with time_machine.travel(timezone.now() + policy().session_idle + timedelta(minutes=20)):
        answer = thief.post(of_hers(scene, "suspend/"), sent)
        assert answer["Location"].startswith("/sign-in?")
    make(vain(lambda _scene: None), scene)


def test_a_token_is_no_session(scene):
    """AP-01: whoever's it is, no page of the console takes it for somebody who is signed in."""
    from tests.idp.oidc.conftest import Browser, basic

    tell_of_registration(make_client(skip_consent=True))
    tokens = []
    for user in (scene.jane, scene.mallory):
        browser = Browser()
        browser.sign_in(user)
        tokens.append(f"Bearer {browser.redeem(browser.code()).json()['access_token']}")
    own = sessions.find(scene.browser.http.cookies["__Host-regain-session"].value, policy=policy(), now=timezone.now())
    tokens += [basic(), f"Bearer {own.pk}", f"Session {own.key_hash}", "Bearer null", "DPoP x"]
    stranger = Person()
    for path in every_page(scene):
        if not path.startswith("/console/"):
            continue
        for value in tokens:
            for method in ("get", "post", "put", "patch", "delete"):
                answer = getattr(stranger.http, method)(path, headers={"authorization": value}, secure=True)
                turned_away = answer.status_code == HTTPStatus.SEE_OTHER and "/sign-in?" in answer["Location"]
                assert turned_away or answer.status_code in (HTTPStatus.BAD_REQUEST, *ABSENT), (method, path)
    make(vain(lambda _scene: None), scene)

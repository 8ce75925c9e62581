"""Who is let in to the administrators' pages, and what the others see: every address of theirs, by everybody."""

import re
from datetime import timedelta
from urllib.parse import urlencode
from uuid import UUID

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from idp.accounts import invitations, proposals, roles
from idp.audit.events import Origin
from idp.conf import SecondFactor, policy
from idp.console.urls import urlpatterns
from idp.console.verbs import Verb
from idp.models import AuditEntry, Invitation, Proposal, Role, User
from tests.conftest import PASSWORD, make_client, make_person
from tests.hosted import LANGUAGES, Page, assert_sound
from tests.idp.account.conftest import everything, signed_in
from tests.idp.console.people import (
    APPLICATIONS,
    AUDIT,
    COUNTING,
    DECISIONS,
    DELIVERY,
    EXPORT,
    INVITATIONS,
    OVERVIEW,
    PEOPLE,
    POLICY,
    RECOVERY,
    appoint,
    at_a_browser,
)
from tests.idp.factors.people import with_app
from tests.photographs import photograph
from tests.story import HOST, Person

#: Whose page the addresses with somebody in them are.
AMARA = UUID("3f0c6c1e-9a57-4a0e-8d3c-5b1f2e7d9a64")
ADDRESSES = [re.sub(r"<\w+:\w+>", str(AMARA), f"/console/{page.pattern}") for page in urlpatterns]
#: What stands there.
PAGES = {
    OVERVIEW: "console-overview",
    PEOPLE: "console-people",
    f"{PEOPLE}{AMARA}/": "console-person",
    **{f"{PEOPLE}{AMARA}/{verb}/": "console-act" for verb in Verb},
    INVITATIONS: "console-invitations",
    f"{INVITATIONS}many/": "console-invite-many",
    f"{INVITATIONS}{AMARA}/send-again/": "console-act",
    f"{INVITATIONS}{AMARA}/cancel/": "console-act",
    APPLICATIONS: "console-applications",
    f"{APPLICATIONS}register/": "console-application-form",
    f"{APPLICATIONS}{AMARA}/": "console-application",
    f"{APPLICATIONS}{AMARA}/description/": "console-application-form",
    f"{APPLICATIONS}{AMARA}/security/": "console-application-form",
    f"{APPLICATIONS}{AMARA}/secret/": "console-application",
    f"{APPLICATIONS}{AMARA}/state/": "console-application",
    DECISIONS: "console-decisions",
    AUDIT: "console-audit",
    EXPORT: "console-audit-export",
    DELIVERY: "console-delivery",
    RECOVERY: "console-recovery",
    POLICY: "console-policy",
}
#: What can be sent, and a form that would do something.
FORMS = {
    **{f"{PEOPLE}{AMARA}/{verb}/": {"reason": "security"} for verb in Verb},
    INVITATIONS: {"email": "kim@contoso.example", "reason": "security"},
    f"{INVITATIONS}many/": {"csv": "email\nkim@contoso.example", "reason": "security", "confirm": "1"},
    f"{INVITATIONS}{AMARA}/send-again/": {"reason": "security"},
    f"{INVITATIONS}{AMARA}/cancel/": {"reason": "security"},
    f"{APPLICATIONS}register/": {
        "client_name": "Shop",
        "redirect_uris": "https://shop.contoso.example/callback",
        "token_endpoint_auth_method": "client_secret_basic",
        "grant_authorization_code": "1",
        "require_pkce": "1",
        "reason": "security",
    },
    f"{APPLICATIONS}{AMARA}/description/": {"client_name": "Payslips", "reason": "security"},
    f"{APPLICATIONS}{AMARA}/security/": {
        "redirect_uris": "https://shop.contoso.example/callback",
        "grant_authorization_code": "1",
        "require_pkce": "1",
        "reason": "security",
    },
    f"{APPLICATIONS}{AMARA}/secret/": {"version": "", "reason": "security"},
    f"{APPLICATIONS}{AMARA}/state/": {"state": "disabled", "reason": "security"},
    DECISIONS: {"act": "withdraw", "reason": "security"},
    EXPORT: {"reason": "security"},
}
#: Where the pages would be if there were more of them.
NOWHERE = "/console/nowhere/"

every_form = pytest.mark.parametrize("path", FORMS)
every_address = pytest.mark.parametrize("path", ADDRESSES)


@pytest.fixture(autouse=True)
def _every_page_is_there(settings):
    settings.IDP_PLUGINS = COUNTING


@pytest.fixture(autouse=True)
def amara(db):
    """Whom the addresses name: an administrator, so that there is something to do of everything."""
    user = make_person("amara", email="amara@contoso.example", id=AMARA)
    appoint(user)
    return user


@pytest.fixture(autouse=True)
def shop(db):
    """An application with the name that stands in the addresses."""
    return make_client(str(AMARA), client_name="Payslips and more")


@pytest.fixture(autouse=True)
def guest(db):
    """Who is invited, by an invitation with the key that stands in the addresses."""
    user = make_person("guest", email="guest@contoso.example", password=None, addresses=[], status=User.Status.INVITED)
    row = Invitation(id=AMARA, user=user, invited_at=timezone.now(), expires_at=timezone.now() + timedelta(days=3))
    invitations._seal(row)
    row.save()
    return user


def fetch(person, path):
    return person.http.get(path, secure=True)


def without_reference(response):
    """The bytes of a page, but for the number by which its line is found in the log, and the token of this visit."""
    page = re.sub(rb'<span class="ref">[^<]*</span>', b"", response.content)
    return re.sub(rb'name="csrfmiddlewaretoken" value="[^"]*"', b"", page)


@pytest.fixture
def app(jane):
    return with_app(jane)


@pytest.fixture
def role(jane):
    return appoint(jane)


def test_the_table_has_these_pages():
    assert list(PAGES) == ADDRESSES


@every_address
def test_a_stranger_is_led_to_sign_in(path, db):
    answer = fetch(Person(), path)
    assert (answer.status_code, answer["Location"]) == (303, f"/sign-in?{urlencode({'to': path})}")


@every_address
@pytest.mark.parametrize("has_factor", [False, True])
def test_to_somebody_who_is_no_administrator_there_is_no_such_page(path, has_factor, jane):
    person = at_a_browser(with_app(jane)) if has_factor else signed_in()
    answer, nowhere = fetch(person, path), fetch(person, NOWHERE)
    assert answer.status_code == nowhere.status_code == 404
    assert without_reference(answer) == without_reference(nowhere)
    assert answer.headers.keys() == nowhere.headers.keys()


@every_address
def test_nobody_is_asked_again_for_a_page_that_is_not_theirs(path, jane):
    person = signed_in()
    with time_machine.travel(timezone.now() + policy().step_up + timedelta(seconds=1)):
        assert fetch(person, path).status_code == 404


@every_address
def test_an_administrator_without_a_second_factor_is_led_to_add_one(path, role):
    person = signed_in()
    page = person.open(path)
    assert (page.status, page.name) == (403, "console-factor-first")
    assert "These pages are for administrators who sign in with more than a password" in page
    assert person.click("add-factor").name == "factors-add"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("second_factor", [SecondFactor.OFF, SecondFactor.OFFERED])
def test_the_page_that_says_so_is_sound_in_every_language(language, second_factor, role, settings):
    settings.IDP = {**settings.IDP, "second_factor": second_factor}
    response = fetch(signed_in(), f"{DELIVERY}?lang={language}")
    assert_sound(Page(response.content.decode()), language=language, name="console-factor-first")


def test_where_second_factors_are_switched_off_it_is_said_who_can_allow_them(role, settings):
    settings.IDP = {**settings.IDP, "second_factor": SecondFactor.OFF}
    page = signed_in().open(DELIVERY)
    assert page.status == 403
    assert "SECOND_FACTOR" in page
    assert "add-factor" not in page.parsed.ids


def test_a_factor_that_was_added_lets_an_administrator_in_only_once_it_is_shown(jane, role):
    person = signed_in()
    app = with_app(jane)
    page = person.open(DELIVERY)
    assert page.name == "sign-in-again", "signed in by a password alone"
    person.submit(password=PASSWORD)
    page = person.submit(otp=app.code(steps=1))
    assert page.name == "console-delivery"


@every_address
def test_an_administrator_who_has_just_shown_a_second_factor_is_let_in(path, role, app):
    person = at_a_browser(app)
    assert person.open(path).name == PAGES[path]
    assert person.page.url.endswith(path)


@every_address
def test_an_administrator_who_did_so_a_while_ago_is_asked_again(path, role, app):
    person = at_a_browser(app)
    with time_machine.travel(timezone.now() + policy().step_up + timedelta(seconds=1)):
        answer = fetch(person, path)
        assert (answer.status_code, answer["Location"]) == (303, f"/sign-in/again?{urlencode({'to': path})}")
        person.open(path)
        person.submit(password=PASSWORD)
        assert person.page.name == "sign-in-factor"
        assert person.submit(otp=app.code(steps=1)).name == PAGES[path]


@every_address
def test_a_browser_that_is_trusted_with_the_second_step_is_asked_for_it_here(path, role, app):
    person = Person()
    person.open("/sign-in")
    person.submit(username="jane", password=PASSWORD)
    person.submit(otp=app.code(), trust="1")
    person.open("/sign-out")
    person.submit(decision="yes")
    person.open(f"/sign-in?{urlencode({'to': path})}")
    assert person.submit(username="jane", password=PASSWORD).name == "sign-in-again"


@every_address
@pytest.mark.parametrize("status", [each for each in User.Status if each != User.Status.ACTIVE])
def test_an_administrator_who_may_not_sign_in_is_nobody(path, status, jane, role, app):
    person = at_a_browser(app)
    assert person.open(path).status == 200
    User.objects.filter(pk=jane.pk).update(status=status)
    assert person.open(path).name == "sign-in"


@every_address
def test_an_administrator_is_none_any_more_with_the_end_of_the_role(path, jane, role, app):
    person = at_a_browser(app)
    assert person.open(path).status == 200
    roles.end_all(jane.pk, by=None, origin=Origin(), now=timezone.now())
    assert person.open(path).status == 404


@every_address
def test_a_role_that_was_written_past_the_program_opens_nothing(path, jane, app):
    """DB-05: the row is there, the seal is not ours."""
    Role.objects.create(user=jane, name=Role.Name.ADMINISTRATOR, granted_at=timezone.now(), seal="t2:forged")
    person = at_a_browser(app)
    assert person.open(path).status == 404
    assert "console" not in person.open("/account/").parsed.ids


@every_address
def test_a_role_that_was_moved_to_another_account_opens_nothing(path, jane, amara, app):
    """It freezes the account that it was moved to: nobody but who owns the database has put it there."""
    Role.objects.filter(user=amara).update(user=jane)
    assert at_a_browser(app).open(path).name == "sign-in"
    jane.refresh_from_db()
    assert jane.status == User.Status.FROZEN


@pytest.mark.parametrize("path", [path for path in ADDRESSES if path not in FORMS])
def test_there_is_nothing_to_send_to_pages_without_a_form(path, role, app):
    person = at_a_browser(app)
    sent = form(person)
    before = everything()
    assert person.post(path, sent).status_code == 405
    assert everything() == before


@every_address
@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_no_other_method_is_answered(path, method, role, app):
    person = at_a_browser(app)
    before = everything()
    assert getattr(person.http, method)(path, secure=True).status_code in (403, 405)
    assert everything() == before


@every_address
@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_changes_nothing(path, method, role, app):
    person = at_a_browser(app)
    before = everything()
    answer = getattr(person.http, method)(path, secure=True)
    assert answer.status_code in (200, 303)
    assert everything() == before


# --- Forms ------------------------------------------------------------------------------------------------


def form(person, **fields):
    """A form with a token that this browser may send, if it gets any page at all."""
    page = person.open("/console/policy/")
    return {"csrfmiddlewaretoken": page.parsed.fields["csrfmiddlewaretoken"][0], **fields}


def filled(person, path, proposal, **more):
    about = {"proposal": proposal.pk} if path == DECISIONS else {}
    return form(person, **FORMS[path], **about, **more)


@pytest.fixture
def proposal(role, amara):
    """What can be decided."""
    somebody = make_person("somebody", email="somebody@contoso.example")
    what = proposals.Change(kind=Proposal.Kind.ADMINISTRATOR, subject=str(somebody.pk), change={})
    return proposals.propose(
        what, by=amara, reason="new-colleague", policy=policy(), origin=Origin(), now=timezone.now()
    )


@every_form
def test_a_stranger_sends_nothing(path, proposal):
    person = Person()
    token = person.open("/sign-in").parsed.fields["csrfmiddlewaretoken"][0]
    before = everything()
    answer = person.post(path, {"csrfmiddlewaretoken": token, **FORMS[path], "proposal": proposal.pk})
    assert (answer.status_code, answer["Location"]) == (303, f"/sign-in?{urlencode({'to': path})}")
    assert everything() == before


@every_form
def test_somebody_who_is_no_administrator_sends_nothing(path, proposal, jane, role, app):
    person = at_a_browser(app)
    sent = filled(person, path, proposal)
    Role.objects.filter(user=jane).update(ended_at=timezone.now())
    before = everything()
    assert person.post(path, sent).status_code == 404
    assert everything() == before


@every_form
def test_an_administrator_without_a_second_factor_sends_nothing(path, proposal):
    person = signed_in()
    sent = filled(person, path, proposal)
    before = everything()
    assert person.post(path, sent).status_code == 403
    assert everything() == before


@every_form
def test_an_administrator_who_showed_it_a_while_ago_is_asked_again_and_nothing_is_done(path, proposal, app):
    person = at_a_browser(app)
    sent = filled(person, path, proposal)
    with time_machine.travel(timezone.now() + policy().step_up + timedelta(seconds=1)):
        # Being seen is all that a request leaves behind.
        before = photograph(without=("idp_signin",))
        answer = person.post(path, sent)
        assert (answer.status_code, answer["Location"]) == (303, f"/sign-in/again?{urlencode({'to': path})}")
        assert photograph(without=("idp_signin",)) == before


@every_form
def test_no_form_of_another_site_is_taken(path, proposal, app):
    person = at_a_browser(app)
    sent = filled(person, path, proposal)
    before = everything()
    without = {name: value for name, value in sent.items() if name != "csrfmiddlewaretoken"}
    assert person.post(path, without).status_code == 403
    answer = person.http.post(
        path,
        urlencode(sent),
        content_type="application/x-www-form-urlencoded",
        headers={"origin": "https://evil.example"},
        secure=True,
    )
    assert answer.status_code == 403
    assert everything() == before


#: Where it is remembered that somebody tried.
HISTORY = ("idp_auditentry", "idp_audithead")
#: What a form must not carry: columns, roles, credentials, other people, and what only has a name.
UNKNOWN = (
    *("user", "account", "id", "sub", "status", "status_before", "frozen_at", "username", "email", "name", "locale"),
    *("password", "new_password", "otp", "code", "address", "phone", "recovery", "role", "by", "is_superuser"),
    *("kind", "change", "agreed_by", "due_at", "seal", "verb", "next", "to", "x", "Reason", "reason[]"),
)


@every_form
def test_a_field_that_the_form_does_not_have_is_refused_and_remembered(path, proposal, jane, app):
    person = at_a_browser(app)
    sent = filled(person, path, proposal)
    known = {EXPORT: ("account", "by"), INVITATIONS: ("email", "username", "name")}.get(path, ())
    unknown = [name for name in UNKNOWN if name not in known]
    before = photograph(without=HISTORY)
    assert {name for name in unknown if person.post(path, sent | {name: "1"}).status_code != 400} == set()
    assert photograph(without=HISTORY) == before
    told = AuditEntry.objects.filter(name="idp.form.refused", details__by=str(jane.pk))
    assert told.count() == len(unknown)
    assert set(told.values_list("user", flat=True)) == {AMARA if str(AMARA) in path and PEOPLE in path else None}


@every_form
def test_a_field_that_is_sent_twice_is_refused_and_so_is_a_file(path, proposal, app):
    person = at_a_browser(app)
    sent = filled(person, path, proposal)
    before = photograph(without=HISTORY)
    twice = {name: [value, value] for name, value in sent.items() if name != "csrfmiddlewaretoken"}
    assert person.post(path, sent | twice).status_code == 400
    answer = person.http.post(
        path,
        {**sent, "other": SimpleUploadedFile("x.txt", b"x")},
        headers={"origin": f"https://{HOST}"},
        secure=True,
    )
    assert answer.status_code == 400
    assert photograph(without=HISTORY) == before


@every_form
@pytest.mark.parametrize("reason", ["", "because", "SECURITY", "security "])
def test_nothing_is_done_without_one_of_the_reasons(path, reason, proposal, app):
    person = at_a_browser(app)
    sent = filled(person, path, proposal) | {"reason": reason}
    before = everything()
    answer = person.post(path, sent)
    assert answer.status_code == 200
    assert "Choose a reason" in answer.content.decode()
    assert everything() == before


def test_an_administrator_finds_the_way_from_their_account_and_back(role, app):
    person = at_a_browser(app)
    assert person.click("console").name == "console-overview"
    assert person.page.parsed.ids["sign-out"]["tag"] == "button"
    assert "/account/" in person.page.response.content.decode()


def test_nobody_else_is_shown_the_way(jane):
    assert "console" not in signed_in().open("/account/").parsed.ids

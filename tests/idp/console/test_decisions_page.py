"""What takes two administrators, on its page: who sees which button, and what each of them does."""

import uuid

import pytest
from django.utils import timezone

from idp.accounts import proposals
from idp.audit.events import Origin
from idp.conf import policy
from idp.console import matters
from idp.models import Proposal, User
from tests.conftest import make_client, make_person
from tests.hosted import LANGUAGES, Page, assert_sound
from tests.idp.console.people import DECISIONS, appoint, at_a_browser
from tests.idp.factors.people import with_app


@pytest.fixture
def ada(db):
    user = make_person("ada", email="ada@contoso.example")
    appoint(user)
    return user


@pytest.fixture
def admin(jane, ada):
    appoint(jane)
    return at_a_browser(with_app(jane))


@pytest.fixture
def amara(db):
    return make_person("amara", email="amara@contoso.example")


def propose(by, about):
    subject = about if isinstance(about, str) else str(about.pk)
    kind = Proposal.Kind.CLIENT if isinstance(about, str) else Proposal.Kind.ADMINISTRATOR
    return proposals.propose(
        proposals.Change(kind=kind, subject=subject, change={}),
        by=by,
        reason="new-colleague",
        policy=policy(),
        origin=Origin(),
        now=timezone.now(),
    )


def outcome():
    return Proposal.objects.get().outcome


def look(admin, language="en"):
    return Page(admin.http.get(f"{DECISIONS}?lang={language}", secure=True).content.decode())


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_sound_in_every_language(admin, ada, jane, amara, language):
    assert_sound(look(admin, language), language=language, name="console-decisions")
    propose(ada, amara)
    propose(jane, "payroll")
    agreed = propose(jane, make_person("ben", email="ben@contoso.example"))
    proposals.agree(agreed.pk, by=ada, policy=policy(), origin=Origin(), now=timezone.now())
    assert_sound(look(admin, language), language=language, name="console-decisions")


def test_every_kind_has_its_words():
    assert set(matters._KINDS) == set(Proposal.Kind)


def test_the_second_one_agrees_and_it_says_when_it_is_carried_out(admin, ada, jane, amara):
    propose(ada, amara)
    page = admin.open(DECISIONS)
    assert "A new administrator: Amara Doe" in page
    assert "Nobody yet" in page
    assert page.parsed.buttons["act"] == ["agree", "withdraw"]
    page = admin.submit(reason="security", act="agree")
    assert "Agreed to by Jane Doe" in page
    assert "Carried out" in page
    assert page.parsed.buttons["act"] == ["withdraw"]
    row = Proposal.objects.get()
    assert (row.agreed_by, row.outcome) == (jane.pk, "")


def test_who_proposed_it_can_withdraw_it_and_not_agree(admin, jane, amara):
    row = propose(jane, amara)
    page = admin.open(DECISIONS)
    assert page.parsed.buttons["act"] == ["withdraw"]
    assert "Nothing was done" in admin.submit(reason="security", act="agree")
    assert Proposal.objects.get(pk=row.pk).agreed_by is None
    admin.open(DECISIONS)
    assert "It is withdrawn" in admin.submit(reason="security", act="withdraw")
    assert outcome() == Proposal.Outcome.WITHDRAWN


def test_whom_it_is_about_does_not_agree(admin, ada, jane):
    propose(ada, jane)
    assert admin.open(DECISIONS).parsed.buttons["act"] == ["withdraw"]
    assert "Nothing was done" in admin.submit(reason="security", act="agree")


def test_what_is_over_stays_so(admin, ada, amara):
    row = propose(ada, amara)
    admin.open(DECISIONS)
    proposals.withdraw(row.pk, by=ada, origin=Origin(), now=timezone.now())
    assert "Nothing was done" in admin.submit(reason="security", act="agree")
    assert outcome() == Proposal.Outcome.WITHDRAWN


@pytest.mark.parametrize(
    "sent", [{"act": "carry-out"}, {"act": ""}, {"act": "agree", "proposal": "x"}, {"proposal": "", "act": "agree"}]
)
def test_what_no_button_sends_is_refused(admin, ada, amara, sent):
    row = propose(ada, amara)
    token = admin.open(DECISIONS).parsed.fields["csrfmiddlewaretoken"][0]
    answer = admin.post(DECISIONS, {"csrfmiddlewaretoken": token, "proposal": row.pk, "reason": "security", **sent})
    assert answer.status_code == 400
    assert Proposal.objects.get().agreed_by is None


def test_a_proposal_that_there_is_not_is_over(admin, ada, amara):
    propose(ada, amara)
    admin.open(DECISIONS)
    assert "Nothing was done" in admin.submit(reason="security", act="withdraw", proposal=str(uuid.uuid4()))
    assert outcome() == Proposal.Outcome.OPEN


def test_an_application_leads_to_the_page_that_shows_what_is_to_change(admin, ada):
    make_client("payroll")
    propose(ada, "payroll")
    page = admin.open(DECISIONS)
    assert "Another security setting of an application: Payroll" in page
    assert 'href="/console/applications/payroll/"' in page.response.content.decode()


def test_an_account_that_was_deleted_meanwhile_breaks_no_page(admin, ada, amara):
    propose(ada, amara)
    User.objects.filter(pk=amara.pk).update(status=User.Status.DELETED)
    assert "a deleted account" in admin.open(DECISIONS)

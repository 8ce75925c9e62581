"""Somebody's page, and what can be done there: shown as it is, done as it says, and nothing that would be a reset."""

import re
from datetime import timedelta

import pytest
from django.apps import apps
from django.utils import timezone

from idp.accounts import freezes, powers, proposals, roles
from idp.accounts.powers import Order, Refusal
from idp.audit.events import Origin
from idp.conf import policy
from idp.console import acting
from idp.console.verbs import Verb
from idp.models import AuditEntry, Credential, Proposal, Role, User
from idp.plugins.hooks import Plugin, Thing, WayBack, WaysBack
from tests.conftest import make_person
from tests.hosted import LANGUAGES, Page, assert_says_what_to_mend, assert_sound
from tests.idp.account.conftest import signed_in
from tests.idp.console.people import PEOPLE, appoint, at_a_browser
from tests.idp.factors.people import with_app
from tests.story import Person

Status = User.Status


#: Where somebody is there who brings people back.
RECOVERS = [Verb.RECOVER] if apps.is_installed("recovery") else []


class TellingWays(Plugin):
    """A plug-in that brings back whoever a test says, by what it says."""

    back = WaysBack()

    def ways_back(self, user, *, now):
        del user, now
        return self.back


MAIL = WayBack(kind="mailbox", label="email", lost_with=Thing.MAILBOX)
PHONE = WayBack(kind="phone", label="text message", lost_with=Thing.PHONE)
SHEET = WayBack(kind="paper", label="recovery code")


@pytest.fixture
def three(jane):
    """Enough administrators that one may go; Jane is one of them."""
    appoint(jane)
    for name in ("ada", "ben"):
        appoint(make_person(name, email=f"{name}@contoso.example"))


@pytest.fixture
def admin(jane, three):
    return at_a_browser(with_app(jane))


@pytest.fixture
def amara(db):
    return make_person(
        "amara",
        name="Amara Okafor",
        email="okafor@elsewhere.example",
        addresses=["okafor@home.example"],
        phones=("+15555550100",),
    )


def url(user, verb=""):
    return f"{PEOPLE}{user.pk}/{verb}{'/' if verb else ''}"


def look(admin, path, language="en"):
    response = admin.http.get(f"{path}?lang={language}", secure=True)
    assert response.status_code == 200
    return Page(response.content.decode())


def offered(page):
    return [verb for verb in Verb if verb in page.parsed.ids]


# --- The page ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("status", list(Status))
def test_the_page_is_sound_in_every_language(admin, amara, language, status):
    freezes.freeze(
        amara.pk, event=amara.pk, policy=policy(), origin=Origin(), now=timezone.now(), then=lambda _user: None
    )
    User.objects.filter(pk=amara.pk).update(status=status)
    assert_sound(look(admin, url(amara), language), language=language, name="console-person")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("verb", list(Verb))
def test_the_page_of_each_act_is_sound_in_every_language(admin, amara, language, verb):
    assert_sound(look(admin, url(amara, verb), language), language=language, name="console-act")
    admin.open(f"{url(amara, verb)}?lang=en")
    page = Page(admin.submit(reason="").response.content.decode())
    assert_says_what_to_mend(page, field="reason", message="Choose a reason")


def test_of_addresses_codes_and_factors_nothing_is_on_the_page(admin, amara):
    with_app(amara)
    page = look(admin, url(amara)).html
    for secret in ("elsewhere.example", "home.example", "5550100", "My phone", amara.sub):
        assert secret not in page, secret
    for row in Credential.objects.filter(user=amara):
        assert str(row.pk) not in page
        assert row.material not in page


def test_where_others_have_a_reset_stands_why_there_is_none(admin, amara):
    page = admin.open(url(amara))
    assert "Nobody can reset a password on someone's behalf." in page
    forms = re.findall(r"<form[^>]*>", page.response.content.decode())
    assert len(forms) == 1, "signing out; what is done here has pages of its own"
    for verb in Verb:
        fields = [each["name"] for each in look(admin, url(amara, verb)).all("select")]
        assert fields == ["reason"]
        typed = [each for each in look(admin, url(amara, verb)).all("input") if each.get("type") != "hidden"]
        assert not typed, "there is nothing to type"


def test_somebody_who_is_not_there_has_no_page(admin, jane):
    nobody = User()
    assert admin.open(url(nobody)).status == 404
    assert admin.open(url(nobody, "suspend")).status == 404


@pytest.mark.parametrize(
    ("back", "said"),
    [
        (WaysBack(ways=(MAIL, PHONE, SHEET), needed=2, suffice=True), "Able 3 ways back"),
        (WaysBack(ways=(MAIL, PHONE), needed=1, suffice=True), "Able 2 ways back"),
        (WaysBack(ways=(MAIL, PHONE), needed=2, suffice=True), "Fragile 2 ways back"),
        (WaysBack(ways=(MAIL,), needed=1, suffice=True), "Fragile 1 way back"),
        (WaysBack(ways=(MAIL,), needed=2, suffice=False), "Not yet 1 way back"),
        (WaysBack(ways=(MAIL, PHONE), needed=1, suffice=False), "Not yet 2 ways back"),
        (WaysBack(), "Not yet 0 ways back"),
    ],
)
def test_readiness_is_told_in_a_word(admin, amara, settings, monkeypatch, back, said):
    settings.IDP_PLUGINS = [f"{__name__}.TellingWays"]
    monkeypatch.setattr(TellingWays, "back", back)
    page = look(admin, url(amara))
    assert " ".join(page.by_id("readiness")["text"].split()).startswith(said)


def test_without_a_plug_in_that_brings_people_back_no_readiness_is_told(admin, amara, settings):
    settings.IDP_PLUGINS = []
    assert look(admin, url(amara)).by_id("readiness") is None


@pytest.mark.parametrize(
    ("status", "verbs"),
    [
        (Status.INVITED, [Verb.SESSIONS]),
        (Status.ACTIVE, [Verb.SESSIONS, Verb.SUSPEND, *RECOVERS, Verb.PROMOTE, Verb.DELETE]),
        (Status.SUSPENDED, [Verb.SESSIONS, Verb.LIFT, Verb.DELETE]),
        (Status.STOPPED, [Verb.SESSIONS, Verb.SUSPEND, Verb.DELETE]),
        (Status.FROZEN, [Verb.SESSIONS, Verb.DELETE]),
        (Status.DELETED, []),
    ],
)
def test_what_is_offered_is_what_can_be_done(admin, amara, status, verbs):
    User.objects.filter(pk=amara.pk).update(status=status)
    assert offered(admin.open(url(amara))) == verbs


def test_to_an_administrator_the_end_of_the_role_is_offered(admin, amara):
    appoint(amara)
    assert offered(admin.open(url(amara))) == [
        Verb.SESSIONS,
        Verb.SUSPEND,
        *RECOVERS,
        Verb.DEMOTE,
        Verb.DELETE,
    ]


def test_nothing_is_offered_to_do_to_oneself(admin, jane):
    page = admin.open(url(jane))
    assert offered(page) == []
    assert "This is your own account" in page


def test_the_page_says_since_when(admin, amara, jane):
    then = timezone.now() - timedelta(days=3)
    User.objects.filter(pk=amara.pk).update(created_at=then)
    assert f"Active · since {then.day} {then:%B}" in admin.open(url(amara))
    powers.suspend(
        amara.pk,
        Order(by=jane.pk, reason="security", origin=Origin(), now=timezone.now()),
        is_ready=lambda _user: True,
        then=lambda _user: None,
    )
    now = timezone.localtime()
    assert f"Suspended · since {now.day} {now:%B}" in admin.open(url(amara))


# --- Doing it ---------------------------------------------------------------------------------------------


def done(admin, user, verb, reason="they-asked"):
    admin.open(url(user))
    admin.click(verb)
    page = admin.submit(reason=reason)
    assert (page.name, "done" in page.parsed.ids) == ("console-person", True), page.text
    return page


def entry(name):
    return AuditEntry.objects.get(name=name)


def test_suspending_and_lifting(admin, amara, jane):
    hers = signed_in("amara", address="203.0.113.9")
    done(admin, amara, Verb.SUSPEND, "security")
    assert hers.open("/account/").name == "sign-in"
    hers.submit(username="amara", password="correct horse battery staple")
    assert hers.page.name == "sign-in"
    stranger = Person(address="203.0.113.10")
    stranger.open("/sign-in")
    stranger.submit(username="nobody at all", password="correct horse battery staple")
    assert hers.page.text == stranger.page.text, "as if there were no such account"
    assert entry("idp.account.suspended").details["by"] == str(jane.pk)
    done(admin, amara, Verb.LIFT)
    assert signed_in("amara", address="203.0.113.11").page.name == "account"


def test_ending_sessions(admin, amara):
    hers = signed_in("amara", address="203.0.113.9")
    done(admin, amara, Verb.SESSIONS)
    assert hers.open("/account/").name == "sign-in"
    assert signed_in("amara", address="203.0.113.9").page.name == "account"


def test_deleting(admin, amara):
    page = done(admin, amara, Verb.DELETE, "left")
    assert "Okafor" not in page
    assert "a deleted account" in page
    assert "They left" in page, "the reason stands in the history"
    assert User.objects.get(pk=amara.pk).status == Status.DELETED
    assert admin.open(url(amara, Verb.SUSPEND)).status == 404


def test_ending_a_role(admin, amara):
    appoint(amara)
    done(admin, amara, Verb.DEMOTE)
    assert not roles.is_administrator(amara.pk)


def test_the_role_is_proposed_and_not_given(admin, amara, jane):
    page = done(admin, amara, Verb.PROMOTE, "new-colleague")
    assert not Role.objects.filter(user=amara).exists()
    row = Proposal.objects.get()
    assert (row.subject, row.proposed_by, row.reason) == (str(amara.pk), jane.pk, "new-colleague")
    assert Verb.PROMOTE not in page.parsed.ids, "it is proposed"
    assert admin.click("to-decisions").name == "console-decisions"


@pytest.mark.parametrize("who", ["own", "twice", "administrator", "suspended"])
def test_nobody_is_proposed_who_could_not_become_one(admin, amara, jane, who):
    if who == "twice":
        done(admin, amara, Verb.PROMOTE)
    elif who == "administrator":
        appoint(amara)
    elif who == "suspended":
        User.objects.filter(pk=amara.pk).update(status=Status.SUSPENDED)
    before = Proposal.objects.count()
    admin.open(url(jane if who == "own" else amara, Verb.PROMOTE))
    page = admin.submit(reason="other")
    assert page.name == "console-act"
    assert "There is a problem" in page
    assert Proposal.objects.count() == before


def test_of_the_last_two_who_could_get_back_in_none_is_let_go(admin, jane, settings, monkeypatch):
    settings.IDP_PLUGINS = [f"{__name__}.TellingWays"]
    ada = User.objects.get(preferred_username="ada")
    ready = {jane.pk, ada.pk}
    monkeypatch.setattr(
        TellingWays, "ways_back", lambda _self, user, *, now: WaysBack(suffice=user in ready and bool(now))
    )
    for verb in (Verb.SUSPEND, Verb.DELETE, Verb.DEMOTE):
        admin.open(url(ada, verb))
        page = admin.submit(reason="security")
        assert "fewer than two administrators could get back in" in page
    assert User.objects.get(pk=ada.pk).status == Status.ACTIVE
    assert roles.is_administrator(ada.pk)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("refusal", list(Refusal))
def test_every_refusal_has_its_words(admin, amara, monkeypatch, language, refusal):
    monkeypatch.setattr(acting, "_do", lambda *_of: refusal)
    admin.open(f"{url(amara, Verb.SUSPEND)}?lang={language}")
    page = Page(admin.submit(reason="other").response.content.decode())
    assert_sound(page, language=language, name="console-act")
    assert page.by_id("reason-error")["text"].strip()


def test_what_is_proposed_stands_on_their_page(admin, amara):
    ada = User.objects.get(preferred_username="ada")
    what = proposals.Change(kind=Proposal.Kind.ADMINISTRATOR, subject=str(amara.pk), change={})
    proposals.propose(what, by=ada, reason="new-colleague", policy=policy(), origin=Origin(), now=timezone.now())
    page = admin.open(url(amara))
    assert "A new administrator: Amara Okafor" in page
    assert "Proposed by Ada Doe" in page

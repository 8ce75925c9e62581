"""Security info: what the page says of how somebody gets in and back in."""

from datetime import timedelta

import pytest
from django.utils import timezone

from idp.conf import SecondFactor
from idp.models import Factor, RecoveryAddress, User
from idp.plugins import hooks
from idp.plugins.hooks import Plugin, Thing, WayBack, WaysBack
from tests.conftest import make_person
from tests.idp.account.conftest import add_address, add_factor, remove_address, signed_in

PATH = "/account/security/"


@pytest.fixture
def ways(monkeypatch):
    """A plug-in whose ways back are those put into the list."""
    offered = []

    class Ways(Plugin):
        def ways_back(self, user, *, now):
            del user, now
            return WaysBack(ways=tuple(offered))

    monkeypatch.setattr(hooks, "plugins", lambda: (Plugin(), Ways()))
    return offered


MAIL = WayBack(kind="email", label="email", lost_with=Thing.MAILBOX)
TEXT = WayBack(kind="sms", label="text message", lost_with=Thing.PHONE)


def verdict(page):
    return page.parsed.ids["readiness"]["data-verdict"]


def test_the_sentence_follows_the_ways_that_plug_ins_offer(hers, ways):
    page = hers.open(PATH)
    assert verdict(page) == "never"
    assert "If you forgot your password today, you could not get back in." in page
    assert "There is no way back into your account yet." in page
    ways.append(MAIL)
    page = hers.open(PATH)
    assert verdict(page) == "mailbox strands"
    assert "You can recover your account in 1 way." in page
    assert "If you lost your mailbox, you could not." in page
    ways.append(TEXT)
    page = hers.open(PATH)
    assert verdict(page) == "ready"
    assert "You can recover your account in 2 ways." in page


def test_a_second_step_that_is_on_the_phone_is_lost_with_it(hers, jane, ways):
    ways += [MAIL, TEXT]
    now = timezone.now()
    add_factor(jane, "totp", name="My phone", now=now)
    hers = fresh_enough(jane)
    page = hers.open(PATH)
    assert verdict(page) == "phone strands"
    assert "your second step would be lost: add another one" in page
    add_factor(jane, "recovery_codes", name="recovery codes", now=now + timedelta(seconds=1))
    page = hers.open(PATH)
    assert verdict(page) == "ready"
    assert "email, then recovery codes" in page
    assert "text message, then authenticator app or recovery codes" in page


def fresh_enough(user):
    """A browser signed in past the page for second factors, which is not what this is about."""
    from tests.idp.oidc.conftest import SESSION_COOKIE, Browser
    from tests.story import Person

    begun = Browser()
    begun.sign_in(user)
    person = Person()
    person.http.cookies[SESSION_COOKIE] = begun.http.cookies[SESSION_COOKIE].value
    return person


def test_each_address_is_masked_and_says_whether_it_can_be_used(jane):
    now = timezone.now()
    add_address(jane, "new@elsewhere.example", now=now, usable_from=now + timedelta(days=7))
    add_address(jane, "+33612345642", channel="sms", now=now)
    old = add_address(jane, "old.address@elsewhere.example", now=now)
    remove_address(old, told_until=now + timedelta(days=5), now=now)
    gone = add_address(jane, "gone@elsewhere.example", now=now)
    remove_address(gone, told_until=now - timedelta(minutes=1), now=now)
    page = signed_in().open(PATH)
    assert "Email ja•••@contoso.example Confirmed" in page
    assert "Email ne•••@elsewhere.example Usable from " in page
    assert "Email ol•••@elsewhere.example Removed, still told until " in page
    assert "Phone •••• 42 Confirmed" in page
    assert "go•••" not in page.text
    for whole in ("jane@", "new@", "612345", "old.address", "gone@"):
        assert whole not in page.text.replace("jane@contoso.example Sign out", "")


def test_an_address_that_was_written_past_the_program_is_not_shown(hers):
    from tests.conftest import drop_guards

    drop_guards()
    RecoveryAddress.objects.update(seal="t2.made-up")
    page = hers.open(PATH)
    assert "@contoso.example Confirmed" not in page
    assert User.objects.get().status == "frozen"


def test_without_an_address_it_says_what_that_means(db):
    make_person(addresses=[])
    page = signed_in().open(PATH)
    assert "No address is confirmed, so nobody can be sent a code" in page


def test_ways_to_sign_in_are_named_with_their_last_use(jane):
    now = timezone.now()
    add_factor(jane, "totp", name="Jane's <phone>", now=now)
    used = add_factor(jane, "passkey", name="Laptop", now=now)
    Factor.objects.filter(pk=used.pk).update(last_used_at=now)
    page = fresh_enough(jane).open(PATH)
    assert "Authenticator app Jane's <phone> Added " in page
    assert "not used yet" in page
    assert "Passkey Laptop Added " in page
    assert "last used Today " in page
    assert "&lt;phone&gt;" in page.response.content.decode()
    assert "material" not in page.response.content.decode()


def test_the_page_leads_to_the_pages_that_change_each_thing(hers):
    page = hers.open(PATH)
    assert page.href("change-password") == "/account/password/"
    assert page.href("add-address") == "/account/addresses/add/"
    assert page.href("add-factor") == "/account/factors/add/"


def test_nobody_is_led_to_second_factors_where_there_are_none(hers, settings):
    settings.IDP = {**settings.IDP, "second_factor": SecondFactor.OFF}
    assert "add-factor" not in hers.open(PATH).parsed.ids


def test_what_happened_last_and_where_somebody_is_signed_in(hers):
    signed_in(device="Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1")
    page = hers.open(PATH)
    assert "Signed in with your password Today" in page
    assert "Firefox, Linux This device" in page
    assert "Mobile Safari, iOS" in page


def test_it_takes_a_bounded_number_of_statements(hers, django_assert_max_num_queries):
    with django_assert_max_num_queries(11):
        hers.open(PATH)

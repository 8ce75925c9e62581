"""Changing the password while it is known: what it takes, what ends, what goes on."""

import pytest
from django.utils import timezone

from idp.accounts import devices
from idp.conf import policy
from idp.login import attempts
from idp.models import AuditEntry, Credential, Device, Grant, Message, PendingSignIn, SignIn
from tests.conftest import NEW_PASSWORD, PASSWORD, make_client, make_person
from tests.idp.account.conftest import signed_in
from tests.story import Person, post_office

PATH = "/account/password/"
SESSION = "__Host-regain-session"


def change(person, current=PASSWORD, new=NEW_PASSWORD):
    person.open(PATH)
    return person.submit(current_password=current, new_password=new)


def version():
    return Credential.objects.values_list("version", flat=True).get()


def test_the_new_password_works_and_the_old_one_does_not(hers):
    assert change(hers).name == "account-password-changed"
    other = Person()
    other.open("/sign-in")
    assert other.submit(username="jane", password=PASSWORD).name == "sign-in"
    assert other.submit(username="jane", password=NEW_PASSWORD).name == "account"


def test_this_session_goes_on_under_another_key(hers):
    before = hers.http.cookies[SESSION].value
    here = SignIn.objects.get()
    change(hers)
    after = hers.http.cookies[SESSION].value
    assert after not in ("", before)
    assert hers.open("/account/").name == "account"
    thief = Person(address="203.0.113.9")
    thief.http.cookies[SESSION] = before
    assert thief.open("/account/").name == "sign-in"
    assert SignIn.objects.get(ended_at=None).pk == here.pk, "applications know it by the same sid"


def test_it_is_no_longer_good_for_sensitive_acts_than_it_was(hers):
    """Only the password was shown again: how fresh the session is stays what it was."""
    before = SignIn.objects.get().authenticated_at
    change(hers)
    assert SignIn.objects.get().authenticated_at == before


def test_everything_else_ends_and_the_page_says_what(jane):
    hers = signed_in()
    other = signed_in(address="203.0.113.9")
    shop = make_client("shop", backchannel_logout_uri="https://shop.example/logout")
    for sign_in in SignIn.objects.all():
        Grant.objects.create(
            client=shop,
            user=jane,
            sign_in=sign_in,
            scope="openid offline_access",
            sub=jane.sub,
            code_redeemed_at=timezone.now(),
        )
    here = SignIn.objects.earliest("authenticated_at")
    page = change(hers)
    assert "We signed out 1 other session" in page
    assert "We are telling 1 application to sign you out" in page
    assert "We told you at 1 address, in case it wasn't you" in page
    assert other.open("/account/").name == "sign-in"
    assert [grant.sign_in_id for grant in Grant.objects.filter(ended_at=None)] == [here.pk]
    assert Message.objects.filter(kind="idp.backchannel_logout").count() == 1


def test_other_browsers_are_forgotten_and_this_one_is_not(jane):
    hers = signed_in()
    signed_in(address="203.0.113.9")
    assert Device.objects.filter(forgotten_at=None).count() == 2
    change(hers)
    key = hers.http.cookies["__Host-regain-device"].value
    assert [each.pk for each in Device.objects.filter(forgotten_at=None)] == [
        devices.find(jane.pk, key, policy=policy(), now=timezone.now()).pk,
    ]


def test_a_sign_in_that_waits_for_its_second_factor_is_over(hers, jane):
    from idp.login import pending

    now = timezone.now()
    kept = pending.keep(
        jane,
        amr=["pwd"],
        authenticated_at=now,
        continues=None,
        interaction_id="",
        target="",
        expires_at=now + policy().pending_lifetime,
    )
    change(hers)
    assert PendingSignIn.objects.get().finished_at
    assert pending.find(kept.key, now=timezone.now()) is None


def test_every_address_is_told(hers):
    change(hers)
    [letter] = post_office()
    assert letter.to == ["jane@contoso.example"]
    assert "password was changed" in letter.subject
    assert "Proved by – The password before" in letter.body
    entry = AuditEntry.objects.filter(name="idp.credential.written").latest("sequence")
    assert entry.details["earned"] == "current_credential"
    assert entry.details["source"] == str(SignIn.objects.get().pk)


@pytest.mark.parametrize(
    ("current", "new", "said", "field"),
    [
        ("", NEW_PASSWORD, "Enter your current password", "current-password"),
        (PASSWORD, "", "Enter a new password", "new-password"),
        ("not this one", NEW_PASSWORD, "That password isn't right", "current-password"),
        (PASSWORD, "short", "Use at least 15 characters.", "new-password"),
        (PASSWORD, PASSWORD, "This was your previous password.", "new-password"),
        (PASSWORD, "passwordpassword", "Found in lists of stolen passwords.", "new-password"),
        (PASSWORD, "x" * 300, "Use at most 256 characters.", "new-password"),
        (PASSWORD, "jane jane contoso jane 1", "counts as one character", "new-password"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_changes(hers, current, new, said, field):
    key = hers.http.cookies[SESSION].value
    page = change(hers, current, new)
    assert page.name == "account-password"
    assert said in page
    assert page.parsed.title.startswith("Error: ")
    assert page.parsed.ids[field]["aria-invalid"] == "true"
    assert f"{field}-error" in page.parsed.ids[field]["aria-describedby"].split()
    assert f"{field}-error" in page.parsed.ids
    for name in ("current-password", "new-password"):
        assert "value" not in page.parsed.ids[name]
    assert version() == 1
    assert hers.http.cookies[SESSION].value == key


def test_tries_are_counted_with_those_of_sign_in(hers):
    """They are this browser's, wherever in it they are made: strangers do not wait for them, nor it for strangers."""
    for _try in range(10):
        page = change(hers, "wrong")
        assert page.status == 200
    page = change(hers)
    assert page.status == 429
    assert "Sign-in is paused" in page
    assert version() == 1
    hers.open("/sign-in")
    assert "Sign-in is paused" in hers.submit(username="jane", password=PASSWORD)
    stranger = Person()
    stranger.open("/sign-in")
    assert stranger.submit(username="jane", password=PASSWORD).name == "account"


def test_a_wrong_guess_says_when_few_are_left(hers):
    for _try in range(8):
        page = change(hers, "wrong")
    assert "You can try 2 more times before sign-in is paused." in page


def test_a_try_that_names_somebody_else_changes_nothing(hers, jane, monkeypatch):
    """The page tries the name of whoever is signed in; should it ever find another account, no proof comes of it."""
    john = make_person("john", email="john@contoso.example", password="another long password 4")
    somebody = attempts.Right(user=john, device=None, amr=["pwd"], has_factor=False)
    monkeypatch.setattr(attempts, "try_password", lambda *_args, **_more: somebody)
    page = change(hers, "another long password 4")
    assert "That password isn't right" in page
    assert set(Credential.objects.values_list("version", flat=True)) == {1}


def test_two_tabs_change_it_once(hers):
    """The second tab still has a form; its session's key is another one by then."""
    first = Person()
    first.http.cookies = hers.http.cookies
    hers.open(PATH)
    form = {**hers.page.parsed.fields, "current_password": PASSWORD, "new_password": NEW_PASSWORD}
    form["csrfmiddlewaretoken"] = form["csrfmiddlewaretoken"][0]
    assert hers.post(PATH, form)["Location"].startswith("/account/password/changed/")
    again = hers.post(PATH, form | {"new_password": "yet another harbour 9"})
    assert again.status_code == 200
    assert "isn&#x27;t right" in again.content.decode()
    assert version() == 2


def test_numbers_in_the_address_are_numbers_or_nothing(hers):
    page = hers.open("/account/password/changed/?sessions=<b>&applications=999&told=-1")
    assert "<b>" not in page.text
    assert "999" not in page.text
    assert "You were not signed in anywhere else" in page


def test_the_page_has_the_hooks_that_password_managers_know(hers):
    ids = hers.open(PATH).parsed.ids
    assert ids["current-password"]["autocomplete"] == "current-password"
    assert ids["new-password"]["autocomplete"] == "new-password"
    assert ids["new-password"]["passwordrules"] == "minlength: 15;"
    assert "password-rules" in ids["new-password"]["aria-describedby"].split()

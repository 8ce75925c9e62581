"""The owner's pages under attack (SECURITY.md, group H): every address of the URL table, by everybody who may come.

Addresses are read from the table, so that tomorrow's are asked for as much as today's: whatever is not listed here as
open to any session has to ask who is there.
"""

import re
from datetime import timedelta
from http.cookies import SimpleCookie
from urllib.parse import urlencode
from uuid import uuid4

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from idp.accounts import devices
from idp.audit.events import Origin
from idp.conf import policy
from idp.login import consents
from idp.models import AuditEntry, Consent, Device, RecoveryAddress, SignIn, User
from tests.attacks.test_side_doors import ROUTES
from tests.conftest import NEW_PASSWORD, PASSWORD, make_client, make_person
from tests.idp.account.conftest import everything, signed_in
from tests.story import HOST, Person

SESSION = "__Host-regain-session"
#: Of nothing there is.
NOTHING = "3f0c6c1e-9a57-4a0e-8d3c-5b1f2e7d9a64"
ADDRESSES = [re.sub(r"<uuid:\w+>", NOTHING, each) for each in ROUTES if each.startswith("/account/")]

#: Says the same to everybody.
PUBLIC = {"/account/deleted/"}
#: For looking, a session is enough.
OPEN = {
    "/account/",
    "/account/security/",
    "/account/password/changed/",
    "/account/factors/done/",
    "/account/sessions/",
    "/account/applications/",
    "/account/activity/",
    "/account/language/",
    "/account/data/",
}
#: What a session may change without its person being asked again: it takes access away, or gives none.
CHANGES_OF_ANY_SESSION = {"/account/applications/", "/account/language/"}
#: Answers a script, and says 403 where a page would lead away.
FOR_SCRIPTS = {"/account/factors/passkey/options", f"/account/factors/{NOTHING}/options"}
#: Behind an id nobody has: where it leads says nothing.
NOWHERE = "/account/security/"


@pytest.fixture
def hers(jane):
    return signed_in()


@pytest.fixture
def a_while_later():
    """Still signed in, but no longer fresh."""
    with time_machine.travel(timezone.now() + policy().step_up + timedelta(seconds=1)):
        yield


def form(person, **fields):
    """A form with a token that this browser may send."""
    token = Person.open(person, "/account/").parsed.fields["csrfmiddlewaretoken"][0]
    return {"csrfmiddlewaretoken": token, **fields}


def ids(path):
    """Whether the address names one thing."""
    return NOTHING in path


def test_the_table_has_these_pages_and_the_lists_above_name_only_pages_there_are():
    assert len(ADDRESSES) >= 14
    assert set(ADDRESSES) >= PUBLIC | OPEN | CHANGES_OF_ANY_SESSION


# --- Who may look, and who may press ----------------------------------------------------------------------


@pytest.mark.parametrize("path", ADDRESSES)
def test_a_stranger_is_led_to_sign_in_whatever_they_do(path, db):
    person = Person()
    person.open("/sign-in")
    token = person.page.parsed.fields["csrfmiddlewaretoken"][0]
    before = everything()
    answers = [person.http.get(path, secure=True), person.post(path, {"csrfmiddlewaretoken": token})]
    for answer in answers:
        if path in PUBLIC:
            assert answer.status_code in (200, 405)
        elif path in FOR_SCRIPTS:
            assert answer.status_code in (403, 405)
        else:
            assert answer.status_code in (303, 405), path
            if answer.status_code == 303:
                assert answer["Location"] == f"/sign-in?{urlencode({'to': path})}"
    assert everything() == before


@pytest.mark.parametrize("path", ADDRESSES)
def test_a_session_that_is_not_fresh_may_look_at_some_and_is_asked_again_for_the_rest(path, hers, a_while_later):
    answer = hers.http.get(path, secure=True)
    if path in OPEN | PUBLIC:
        assert answer.status_code == 200
    elif path in FOR_SCRIPTS:
        assert answer.status_code == 405
    elif ids(path):
        assert answer["Location"] in (NOWHERE, f"/sign-in/again?{urlencode({'to': path})}")
    else:
        assert answer.status_code in (303, 405), path
        assert answer.status_code == 405 or answer["Location"] == f"/sign-in/again?{urlencode({'to': path})}"


@pytest.mark.parametrize("path", ADDRESSES)
def test_a_session_that_is_not_fresh_changes_nothing_that_matters(path, hers, a_while_later):
    """SE-10: the buttons are asked about as the pages are."""
    pressed = form(
        hers,
        end=str(SignIn.objects.get().pk),
        everywhere="all",
        username="jane",
        current_password=PASSWORD,
        new_password=NEW_PASSWORD,
        address="new@elsewhere.example",
    )
    token = pressed.pop("csrfmiddlewaretoken")
    before = everything()
    # One by one: a form with a field that its page does not have is refused before anybody is asked anything.
    for sent in ({}, *({name: value} for name, value in pressed.items())):
        answer = hers.post(path, {"csrfmiddlewaretoken": token, **sent})
        if answer.status_code == 303 and path not in CHANGES_OF_ANY_SESSION:
            assert answer["Location"] in (NOWHERE, f"/sign-in/again?{urlencode({'to': path})}")
        assert answer.status_code in ((403, 400) if path in FOR_SCRIPTS else (303, 400, 405)), (path, sent)
        assert sent or answer.status_code != 400
    assert everything() == before


@pytest.mark.parametrize("path", ADDRESSES)
def test_a_fresh_session_gets_a_page_or_is_led_within_the_account(path, hers):
    answer = hers.http.get(path, secure=True)
    assert answer.status_code in (200, 303, 405) or (ids(path) and answer.status_code == 404), path
    assert answer.status_code != 303 or answer["Location"].startswith("/account/")


@pytest.mark.parametrize("path", ADDRESSES)
def test_every_page_has_the_way_out(path, hers):
    """ASVS 7.4.4."""
    page = hers.open(path)
    if path not in PUBLIC and page.status == 200 and page.name:
        assert page.parsed.ids["sign-out"]["tag"] == "button", path


@pytest.mark.parametrize("path", ADDRESSES)
@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_changes_nothing(path, method, hers):
    """SE-12: whatever stands in the address."""
    there = SignIn.objects.get().pk
    asked = {
        "end": there,
        "everywhere": "all",
        "forget": Device.objects.get().pk,
        "language": "fr",
        "withdraw": "shop",
        "username": "jane",
        "current_password": PASSWORD,
        "new_password": NEW_PASSWORD,
        "act": "remove",
    }
    before = everything()
    for query in ("", f"?{urlencode(asked)}"):
        answer = getattr(hers.http, method)(path + query, secure=True)
        assert answer.status_code in (200, 303, 405) or (ids(path) and answer.status_code == 404)
        assert SESSION not in answer.cookies
    assert everything() == before


@pytest.mark.parametrize("path", ADDRESSES)
def test_no_form_of_another_site_is_taken(path, hers):
    token = form(hers)["csrfmiddlewaretoken"]
    pressed = {"everywhere": "all", "language": "fr", "username": "jane"}
    before = everything()
    for fields, headers in (
        (pressed, {"origin": f"https://{HOST}"}),
        (pressed | {"csrfmiddlewaretoken": "a" * 64}, {"origin": f"https://{HOST}"}),
        (pressed | {"csrfmiddlewaretoken": token}, {"origin": "https://evil.example"}),
        (pressed | {"csrfmiddlewaretoken": token}, {"origin": "null"}),
        (pressed | {"csrfmiddlewaretoken": token}, {}),
    ):
        answer = hers.http.post(
            path,
            urlencode(fields),
            content_type="application/x-www-form-urlencoded",
            headers=headers,
            secure=True,
        )
        assert answer.status_code in (403, 405), (path, headers)
    assert everything() == before


# --- Somebody else's things -------------------------------------------------------------------------------


@pytest.fixture
def mallory(jane):
    make_person("mallory", email="mallory@evil.example")
    return signed_in("mallory", address="203.0.113.9")


def test_the_ids_of_somebody_elses_things_do_nothing(hers, mallory, jane):
    """Sessions, browsers, consents, addresses: as if they were not there."""
    shop = make_client("shop")
    consents.remember(jane, shop, ["openid"], now=timezone.now(), origin=Origin())
    her_session = SignIn.objects.get(user=jane)
    her_browser = Device.objects.get(user=jane)
    her_address = RecoveryAddress.objects.get(user=jane)
    before = everything()
    for path, fields in (
        ("/account/sessions/", {"end": her_session.pk}),
        ("/account/sessions/", {"forget": her_browser.pk}),
        ("/account/sessions/", {"end": her_browser.pk}),
        ("/account/applications/", {"withdraw": "shop"}),
        (f"/account/addresses/{her_address.pk}/", {"act": "remove"}),
        (f"/account/addresses/{her_address.pk}/", {"act": "name", "name": "mine"}),
        ("/account/delete/", {"username": "jane"}),
    ):
        answer = mallory.post(path, form(mallory, **fields))
        assert answer.status_code in (200, 303)
    assert everything() == before
    nobodys = mallory.post("/account/sessions/", form(mallory, end=uuid4()))
    hers_to_him = mallory.post("/account/sessions/", form(mallory, end=her_session.pk))
    assert (nobodys.status_code, nobodys["Location"]) == (hers_to_him.status_code, hers_to_him["Location"])
    assert Consent.objects.count() == 1


def test_a_form_cannot_say_whose_account_it_is_about(hers, mallory, jane):
    """A form with one more field is refused."""
    john = User.objects.get(preferred_username="mallory")
    told = AuditEntry.objects.filter(user=jane.pk).count()
    for path in ADDRESSES:
        mallory.post(path, form(mallory, user=jane.pk, user_id=jane.pk, sub=jane.sub, language="fr"))
    assert User.objects.get(pk=jane.pk).locale == ""
    assert User.objects.get(pk=john.pk).locale == ""
    assert AuditEntry.objects.filter(user=jane.pk).count() == told


def test_everywhere_is_everywhere_of_ones_own(hers, mallory):
    mallory.post("/account/sessions/", form(mallory, everywhere="all"))
    assert hers.open("/account/").name == "account"


# --- Keys -------------------------------------------------------------------------------------------------


def test_a_session_lives_as_long_as_the_policy_says(hers):
    start = timezone.now()
    with time_machine.travel(start, tick=False) as clock:
        while timezone.now() < start + policy().session_absolute - policy().session_idle:
            clock.shift(policy().session_idle - timedelta(minutes=1))
            assert hers.open("/account/").name == "account", "used before it was idle for too long"
        clock.move_to(start + policy().session_absolute)
        assert hers.open("/account/").name == "sign-in", "over, however busy"


def test_an_idle_session_is_over(hers):
    with time_machine.travel(timezone.now() + policy().session_idle):
        assert hers.open("/account/security/").name == "sign-in"


def test_being_asked_again_makes_the_key_of_before_worth_nothing(hers, a_while_later):
    before = hers.http.cookies[SESSION].value
    hers.open("/account/delete/")
    assert hers.page.name == "sign-in-again"
    assert hers.submit(password=PASSWORD).name == "account-delete"
    assert hers.http.cookies[SESSION].value != before
    thief = Person(address="203.0.113.9")
    thief.http.cookies[SESSION] = before
    assert thief.open("/account/").name == "sign-in"


def test_a_session_planted_before_is_no_way_into_what_came_after(hers, mallory):
    """SE-01: Jane signs in in a browser that holds Mallory's session; his key opens nothing of hers."""
    planted = mallory.http.cookies[SESSION].value
    victim = Person()
    victim.http.cookies[SESSION] = planted
    victim.open("/sign-in?to=/account/security/")
    victim.submit(username="jane", password=PASSWORD)
    assert victim.page.name == "account-security"
    assert "jane@contoso.example" in victim.page
    assert victim.http.cookies[SESSION].value != planted
    assert mallory.open("/account/security/").name == "sign-in", "it ended when she signed in over it"


def test_a_row_moved_to_another_account_or_key_opens_nothing(hers, mallory, jane):
    """The payload is bound: neither another user nor another key makes his session hers."""
    his = SignIn.objects.get(user__preferred_username="mallory")
    SignIn.objects.filter(pk=his.pk).update(user=jane)
    assert mallory.open("/account/").name == "sign-in"
    SignIn.objects.filter(pk=his.pk).update(user=his.user_id)
    assert mallory.open("/account/").name == "account"
    her_hash = SignIn.objects.get(user=jane).key_hash
    SignIn.objects.filter(user=jane).update(key_hash="moved away")
    SignIn.objects.filter(pk=his.pk).update(key_hash=her_hash)
    assert hers.open("/account/").name == "sign-in"


def test_a_session_made_fresh_past_the_program_is_not_believed(hers, a_while_later):
    SignIn.objects.update(authenticated_at=timezone.now(), amr=["pwd", "otp", "mfa"])
    assert hers.open("/account/delete/").name == "sign-in"


def test_trust_given_past_the_program_is_none(hers, jane):
    device = Device.objects.get()
    Device.objects.update(trusted_until=timezone.now() + timedelta(days=30))
    key = hers.http.cookies["__Host-regain-device"].value
    assert devices.find(jane.pk, key, policy=policy(), now=timezone.now()) is None
    Device.objects.update(trusted_until=None)
    with transaction.atomic():
        devices.trust(device, policy=policy(), origin=Origin(), now=timezone.now())
    assert devices.is_trusted(
        devices.find(jane.pk, key, policy=policy(), now=timezone.now()),
        now=timezone.now(),
    )


def test_no_key_stands_in_an_address_on_a_page_or_in_the_copy(hers):
    """SE-09."""
    shown = []
    for path in ADDRESSES:
        answer = hers.http.get(path, secure=True)
        shown += [answer.headers.get("Location", ""), answer.content.decode()]
    copy = hers.post("/account/data/", form(hers))
    shown.append(b"".join(copy.streaming_content).decode())
    keys = [each.value for each in SimpleCookie(hers.http.cookies).values() if "csrf" not in each.key]
    assert len(keys) >= 2
    for key in keys:
        assert not [each for each in shown if key in each]


def test_an_account_that_is_stopped_has_no_pages(hers):
    for status in ("suspended", "frozen", "deleted"):
        User.objects.update(status=status)
        for path in set(ADDRESSES) - PUBLIC:
            answer = hers.http.get(path, secure=True)
            assert answer.status_code in (303, 405)
            assert answer.status_code == 405 or answer["Location"].startswith("/sign-in")

"""Where somebody is signed in: what the page shows, and ending one, others, all."""

from datetime import timedelta

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from idp.accounts import devices
from idp.audit.events import Origin
from idp.conf import policy
from idp.models import AuditEntry, Device, Grant, Message, SignIn
from tests.conftest import PASSWORD, make_client, make_person
from tests.idp.account.conftest import signed_in
from tests.story import Person

PATH = "/account/sessions/"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 "
    "Mobile/15E148 Safari/604.1"
)


@pytest.fixture
def phone(jane, hers):
    """Jane's other session, on her phone."""
    return signed_in(device=IPHONE, address="203.0.113.9")


def press(person, **button):
    person.open(PATH)
    return person.submit(**button)


def session_of(person):
    from idp import keyring

    return SignIn.objects.get(key_hash=keyring.fingerprint(person.http.cookies["__Host-regain-session"].value))


def grant(sign_in, client, **fields):
    now = timezone.now()
    return Grant.objects.create(
        client=client,
        user=sign_in.user,
        sign_in=sign_in,
        sub=sign_in.user.sub,
        **{"scope": "openid", "code_redeemed_at": now, **fields},
    )


# --- What is shown ----------------------------------------------------------------------------------------


def test_each_session_is_shown_for_its_owner_to_recognise(hers, phone):
    here, there = session_of(hers), session_of(phone)
    grant(there, make_client("shop"))
    grant(there, make_client("payroll"))
    grant(there, make_client("never-redeemed"), code_redeemed_at=None)
    grant(here, make_client("over"), ended_at=timezone.now())
    page = hers.open(PATH)
    assert "Firefox, Linux This device 192.0.2.0/24" in page
    assert "Mobile Safari, iOS 203.0.113.0/24" in page
    assert "2 applications" in page
    assert "1 application" not in page.text.replace("2 applications", "")
    assert page.text.index("Firefox, Linux") < page.text.index("Mobile Safari"), "this one first"


def test_sessions_that_open_nothing_any_more_are_not_shown(hers, jane):
    ended, idle, expired = (signed_in(device=IPHONE) for _each in range(3))
    ended.open("/sign-out")
    ended.submit(decision="yes")
    now = timezone.now()
    SignIn.objects.filter(pk=session_of(idle).pk).update(last_seen_at=now - policy().session_idle)
    SignIn.objects.filter(pk=session_of(expired).pk).update(expires_at=now)
    assert "Mobile Safari" not in " ".join(hers.open(PATH).parsed.text).partition("Browsers we know")[0]


def test_nobody_elses_are_shown(hers):
    make_person("john", email="john@contoso.example")
    signed_in("john", device=IPHONE)
    assert "Mobile Safari" not in hers.open(PATH)


# --- Ending -----------------------------------------------------------------------------------------------


def test_ending_one_ends_it_and_what_applications_had_of_it(hers, phone):
    there = session_of(phone)
    shop = make_client("shop", backchannel_logout_uri="https://shop.example/logout")
    of_it, stays = grant(there, shop), grant(session_of(hers), shop)
    page = press(hers, end=there.pk)
    assert "That session is signed out" in page
    assert phone.open("/account/").name == "sign-in"
    assert hers.open("/account/").name == "account"
    assert Grant.objects.get(pk=of_it.pk).ended_at
    assert not Grant.objects.get(pk=stays.pk).ended_at
    assert Message.objects.get(kind="idp.backchannel_logout").reference == there.pk
    entry = AuditEntry.objects.get(name="idp.sign_in.ended")
    assert (entry.user, entry.details) == (there.user_id, {"sign_in": str(there.pk)})


def test_ending_this_one_is_signing_out(hers):
    page = press(hers, end=session_of(hers).pk)
    assert page.name == "signed-out"
    assert hers.http.cookies["__Host-regain-session"].value == ""
    assert hers.open("/account/").name == "sign-in"


def test_everywhere_else(hers, phone):
    away = grant(session_of(phone), make_client("shop"), scope="openid offline_access")
    page = press(hers, everywhere="others")
    assert "signed out everywhere else" in page
    assert phone.open("/account/").name == "sign-in"
    assert hers.open("/account/").name == "account"
    assert Grant.objects.get(pk=away.pk).ended_at, "also what lasts while she is away"
    entry = AuditEntry.objects.get(name="idp.sessions.ended")
    assert entry.details == {"sign_ins": 1, "grants": 1, "reason": "person"}


def test_everywhere_and_here(hers, phone):
    shop = make_client("shop", backchannel_logout_uri="https://shop.example/logout")
    grant(session_of(hers), shop)
    grant(session_of(phone), shop)
    page = press(hers, everywhere="all")
    assert page.name == "signed-out"
    assert page.url.endswith("?told=1"), "one application, told of two sessions"
    assert Message.objects.filter(kind="idp.backchannel_logout").count() == 2
    assert not SignIn.objects.filter(ended_at=None).exists()
    assert hers.open("/account/").name == "sign-in"


def test_ending_twice_is_as_good_as_once(hers, phone):
    there = session_of(phone).pk
    press(hers, end=there)
    assert "signed out, and" not in press(hers, end=there)
    assert AuditEntry.objects.filter(name="idp.sign_in.ended").count() == 1


@pytest.mark.parametrize("button", ["end", "forget", "everywhere"])
@pytest.mark.parametrize("said", ["", "1", "x" * 3000, "all'--", "3f0c6c1e-9a57-4a0e-8d3c-5b1f2e7d9a64"])
def test_nonsense_ends_nothing(hers, phone, button, said):
    page = press(hers, **{button: said})
    assert page.name == "account-sessions"
    assert "Done." not in page
    assert SignIn.objects.filter(ended_at=None).count() == 2
    assert Device.objects.filter(forgotten_at=None).count() == 2


def test_a_word_of_somebody_elses_in_the_address_is_not_repeated(hers):
    assert "Done." not in hers.open(f"{PATH}?done=<b>everything</b>")


# --- Known browsers ---------------------------------------------------------------------------------------


def test_known_browsers_are_shown_with_their_trust(hers, phone, jane):
    there = Device.objects.exclude(label__startswith="Firefox").get()
    with transaction.atomic():
        devices.trust(there, policy=policy(), origin=Origin(), now=timezone.now())
    page = hers.open(PATH)
    below = page.text.partition("Browsers we know")[2]
    assert "Firefox, Linux This browser" in below
    assert "Mobile Safari, iOS No second step until " in below


def test_a_forgotten_browser_is_a_new_one(hers, phone):
    there = Device.objects.exclude(label__startswith="Firefox").get()
    assert "counts as a new one" in press(hers, forget=there.pk)
    assert "Mobile Safari" not in hers.open(PATH).text.partition("Browsers we know")[2]
    entry = AuditEntry.objects.get(name="idp.devices.forgotten")
    assert entry.details == {"devices": 1, "reason": "owner"}
    phone.open("/sign-in")
    phone.submit(username="jane", password=PASSWORD)
    assert AuditEntry.objects.filter(name="idp.device.added").count() == 2, "told of again"


def test_a_browser_whose_trust_was_written_past_the_program_is_not_shown_as_known(hers, phone):
    Device.objects.exclude(label__startswith="Firefox").update(trusted_until=timezone.now() + timedelta(days=900))
    assert "Mobile Safari" not in hers.open(PATH).text.partition("Browsers we know")[2]


def test_a_browser_of_long_ago_is_not_shown(hers):
    Device.objects.update(last_seen_at=timezone.now() - policy().device_lifetime)
    assert "None. The next sign-in from any browser is a new one." in hers.open(PATH)


# --- Who may ----------------------------------------------------------------------------------------------


def test_looking_takes_a_session_and_ending_one_takes_a_fresh_one(hers, phone):
    """ASVS 7.5.2: ended only by somebody who has authenticated again."""
    with time_machine.travel(timezone.now() + policy().step_up):
        assert hers.open(PATH).name == "account-sessions"
        page = hers.submit(end=session_of(phone).pk)
        assert page.name == "sign-in-again"
        assert SignIn.objects.filter(ended_at=None).count() == 2
        page = hers.submit(password=PASSWORD)
        assert page.name == "account-sessions"
        hers.submit(end=session_of(phone).pk)
    assert SignIn.objects.filter(ended_at=None).count() == 1


def test_it_takes_the_same_number_of_statements_however_many_there_are(hers, jane, django_assert_num_queries):
    for _each in range(6):
        signed_in(device=IPHONE)
    with django_assert_num_queries(3):
        hers.open(PATH)


def test_a_stranger_is_led_to_sign_in_and_back(jane):
    person = Person()
    assert person.open(PATH).name == "sign-in"
    assert person.submit(username="jane", password=PASSWORD).name == "account-sessions"

"""What happens between an authorization request and its answer, as far as the protocol decides it."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.utils import timezone

from idp import interactions
from idp.audit.events import Origin
from idp.login import consents
from idp.models import AuditEntry, Client, Consent, Grant, Interaction, SignIn, User
from tests.conftest import make_client, make_person
from tests.idp.oidc.conftest import ISSUER, SESSION_COOKIE, Browser, answer


def parked(response):
    """The page a request was sent on to, and the id of what waits."""
    assert response.status_code == 303
    target = urlsplit(response["Location"])
    assert not target.netloc
    return target.path, parse_qs(target.query)["i"][0]


def resume(browser, interaction_id):
    return browser.http.get("/continue", {"i": interaction_id}, secure=True)


def sign_in_for(browser, interaction_id, user):
    """What the sign-in page does after the right password."""
    sign_in = browser.sign_in(user)
    Interaction.objects.filter(pk=interaction_id).update(sign_in=sign_in, consented_scopes=None)
    return sign_in


def allow(interaction_id, user, scopes):
    """What the consent page does."""
    interaction = Interaction.objects.select_related("client").get(pk=interaction_id)
    consents.remember(user, interaction.client, scopes, now=timezone.now(), origin=Origin())
    assert interactions.consented(interaction, scopes)


@pytest.fixture
def stranger(browser, jane, payroll):
    """A browser nobody is signed in at, and an application that must ask."""
    payroll.skip_consent = False
    payroll.save()
    return browser


def test_the_way_of_a_stranger(stranger, jane):
    page, waiting = parked(stranger.authorize(scope="openid profile email"))
    assert page == "/sign-in"
    assert parked(resume(stranger, waiting)) == ("/sign-in", waiting)
    sign_in = sign_in_for(stranger, waiting, jane)
    assert parked(resume(stranger, waiting)) == ("/consent", waiting)
    allow(waiting, jane, ["openid", "profile", "email"])
    said = answer(resume(stranger, waiting))
    assert set(said) == {"code", "state", "iss"}
    grant = Grant.objects.get()
    assert (grant.scope, grant.nonce, grant.sign_in) == ("openid profile email", "a nonce", sign_in)
    claims = stranger.verified(stranger.redeem(said["code"]).json()["id_token"]).claims
    assert claims["auth_time"] == int(sign_in.authenticated_at.timestamp())


def test_a_request_is_answered_once(signed_in, jane):
    _page, waiting = parked(signed_in.authorize(prompt="login"))
    sign_in_for(signed_in, waiting, jane)
    assert answer(resume(signed_in, waiting))["code"]
    assert_run_out(resume(signed_in, waiting))
    assert Grant.objects.count() == 1


def test_what_waits_is_stored_by_the_names_of_the_protocol(stranger):
    _page, waiting = parked(stranger.authorize(login_hint="jane", prompt="login", max_age="5", display="page"))
    parameters = Interaction.objects.get(pk=waiting).parameters
    assert set(parameters) == {
        *("client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge"),
        *("prompt", "max_age", "login_hint"),
    }


def test_allowed_once_is_not_asked_again(stranger, jane):
    stranger.sign_in(jane)
    _page, waiting = parked(stranger.authorize(scope="openid email"))
    allow(waiting, jane, ["openid", "email"])
    assert answer(resume(stranger, waiting))["code"]
    assert answer(stranger.authorize(scope="openid email"))["code"]
    assert parked(stranger.authorize(scope="openid email profile"))[0] == "/consent"
    assert parked(stranger.authorize(scope="openid email offline_access"))[0] == "/consent"
    assert answer(stranger.authorize(scope="openid"))["code"]


def test_saying_no_is_told_by_redirect(stranger, jane):
    _page, waiting = parked(stranger.authorize())
    interactions.refuse(Interaction.objects.get(pk=waiting), "access_denied")
    said = answer(resume(stranger, waiting))
    assert (said["error"], said["state"], said["iss"]) == ("access_denied", "a state", ISSUER)
    assert_run_out(resume(stranger, waiting))
    assert not Grant.objects.exists()


# --- prompt and max_age -----------------------------------------------------------------------------------------

NONE = [
    # who is there, what is asked, what comes back
    ("nobody", {}, "login_required"),
    ("jane", {}, "consent_required"),
    ("jane", {"scope": "openid"}, ""),
    ("jane who allowed it", {}, ""),
    ("jane who allowed it", {"max_age": "0"}, "login_required"),
    ("jane who allowed it", {"max_age": "10000"}, ""),
    ("jane who allowed it", {"scope": "openid offline_access"}, "consent_required"),
]


@pytest.mark.parametrize(("who", "changes", "error"), NONE)
def test_prompt_none_never_shows_a_page(stranger, jane, payroll, who, changes, error):
    if who != "nobody":
        stranger.sign_in(jane)
    if who == "jane who allowed it":
        consents.remember(jane, payroll, ["openid", "profile", "email"], now=timezone.now(), origin=Origin())
    said = answer(stranger.authorize(prompt="none", **changes))
    assert said.get("error", "") == error
    assert said["state"] == "a state"
    assert ("code" in said) != bool(error)
    assert not Interaction.objects.exists()


@pytest.mark.parametrize("changes", [{"prompt": "login"}, {"prompt": "select_account"}, {"max_age": "0"}])
def test_a_new_sign_in_satisfies_the_request_it_was_for(signed_in, jane, changes):
    before = answer(signed_in.authorize())["code"]
    first = signed_in.verified(signed_in.redeem(before).json()["id_token"]).claims
    with time_machine.travel(timezone.now() + timedelta(seconds=30)):
        page, waiting = parked(signed_in.authorize(**changes))
        assert page == "/sign-in"
        assert parked(resume(signed_in, waiting))[0] == "/sign-in", "an old sign-in will not do"
        sign_in_for(signed_in, waiting, jane)
        code = answer(resume(signed_in, waiting))["code"]
        second = signed_in.verified(signed_in.redeem(code).json()["id_token"]).claims
    assert second["auth_time"] > first["auth_time"]
    assert second["sub"] == first["sub"]


def test_a_sign_in_for_another_request_does_not(signed_in, jane):
    _page, one = parked(signed_in.authorize(prompt="login"))
    _page, other = parked(signed_in.authorize(prompt="login"))
    sign_in_for(signed_in, one, jane)
    assert parked(resume(signed_in, other)) == ("/sign-in", other)
    assert answer(resume(signed_in, one))["code"]


def test_max_age_compares_with_the_sign_in_itself(signed_in, jane):
    with time_machine.travel(timezone.now() + timedelta(seconds=30)):
        first = signed_in.verified(signed_in.tokens(max_age="15000")["id_token"]).claims
        assert parked(signed_in.authorize(max_age="1"))[0] == "/sign-in"
        second = signed_in.verified(signed_in.tokens(max_age="10000")["id_token"]).claims
    assert first["auth_time"] == second["auth_time"]


def test_a_clients_default_max_age_counts_if_the_request_names_none(signed_in, payroll):
    payroll.default_max_age = 10
    payroll.save()
    with time_machine.travel(timezone.now() + timedelta(seconds=30)):
        assert parked(signed_in.authorize())[0] == "/sign-in"
        assert answer(signed_in.authorize(max_age="100"))["code"]


def test_prompt_consent_asks_even_if_it_stands(stranger, jane, payroll):
    consents.remember(jane, payroll, ["openid", "profile", "email"], now=timezone.now(), origin=Origin())
    stranger.sign_in(jane)
    page, waiting = parked(stranger.authorize(prompt="consent"))
    assert page == "/consent"
    assert parked(resume(stranger, waiting))[0] == "/consent"
    allow(waiting, jane, ["openid", "profile", "email"])
    assert answer(resume(stranger, waiting))["code"]


# --- id_token_hint, login_hint, ui_locales ------------------------------------------------------------------------


def test_a_hint_of_the_same_person_is_answered_silently(signed_in):
    hint = signed_in.tokens()["id_token"]
    assert answer(signed_in.authorize(prompt="none", id_token_hint=hint))["code"]
    with time_machine.travel(timezone.now() + timedelta(minutes=59)):
        assert answer(signed_in.authorize(prompt="none", id_token_hint=hint))["code"]


def test_an_expired_hint_is_a_hint(signed_in, jane):
    hint = signed_in.tokens()["id_token"]
    with time_machine.travel(timezone.now() + timedelta(days=20)):
        signed_in.sign_in(jane)
        assert answer(signed_in.authorize(prompt="none", id_token_hint=hint))["code"]


def test_a_hint_of_another_person_asks_for_that_person_once(signed_in, jane):
    john = make_person("john", email="john@contoso.example")
    hint = signed_in.tokens()["id_token"]
    signed_in.sign_in(john)
    assert answer(signed_in.authorize(prompt="none", id_token_hint=hint))["error"] == "login_required"
    page, waiting = parked(signed_in.authorize(id_token_hint=hint))
    assert page == "/sign-in"
    sign_in_for(signed_in, waiting, john)
    assert answer(resume(signed_in, waiting))["error"] == "login_required", "asking John again would not end"


def test_a_hint_for_another_application_is_not_believed(signed_in):
    make_client("other", skip_consent=True)
    hint = signed_in.tokens()["id_token"]
    assert answer(signed_in.authorize(client_id="other", id_token_hint=hint))["error"] == "invalid_request"


LOCALES = [
    ("fr", "fr"),
    ("fr-CA fr", "fr"),
    ("se fr", "fr"),
    ("zh-Hans", "zh-hans"),
    ("zh-CN", "zh-hans"),
    ("EN-gb", "en"),
    ("se", None),
    ("x" * 500, None),
    ("../../etc", None),
]


@pytest.mark.parametrize(("tags", "language"), LOCALES)
def test_the_first_language_we_have_is_spoken(stranger, tags, language):
    response = stranger.authorize(ui_locales=tags)
    cookie = response.cookies.get("__Host-regain-language")
    assert (cookie.value if cookie else None) == language


# --- Bound to the browser, the person and the moment ---------------------------------------------------------------


def test_another_browser_cannot_go_on(stranger, jane, client):
    _page, waiting = parked(stranger.authorize())
    sign_in_for(stranger, waiting, jane)
    thief = Browser()
    thief.http.cookies[SESSION_COOKIE] = stranger.http.cookies[SESSION_COOKIE].value
    assert_run_out(resume(thief, waiting))


@pytest.mark.parametrize("waiting", ["", "nonsense", "x" * 500, "é"])
def test_what_never_waited_has_run_out(stranger, waiting):
    stranger.authorize()
    assert_run_out(resume(stranger, waiting))


def test_an_hour_is_enough(stranger):
    _page, waiting = parked(stranger.authorize())
    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        assert_run_out(resume(stranger, waiting))


def test_an_address_taken_back_meanwhile_is_not_gone_to(signed_in, jane, payroll):
    _page, waiting = parked(signed_in.authorize(prompt="login"))
    sign_in_for(signed_in, waiting, jane)
    payroll.redirect_uris = ["https://payroll.contoso.example/other"]
    payroll.save()
    response = resume(signed_in, waiting)
    assert response.status_code == 400
    assert "Location" not in response


def test_a_client_disabled_meanwhile_gets_nothing(signed_in, jane, payroll):
    _page, waiting = parked(signed_in.authorize(prompt="login"))
    sign_in_for(signed_in, waiting, jane)
    Client.objects.update(disabled_at=timezone.now())
    assert_run_out(resume(signed_in, waiting))


def test_a_sign_in_that_ended_must_happen_again(signed_in, jane):
    _page, waiting = parked(signed_in.authorize(prompt="login"))
    sign_in_for(signed_in, waiting, jane)
    SignIn.objects.update(ended_at=timezone.now())
    assert parked(resume(signed_in, waiting))[0] == "/sign-in"


def test_a_suspended_person_is_not_answered_for(signed_in, jane):
    _page, waiting = parked(signed_in.authorize(prompt="login"))
    sign_in_for(signed_in, waiting, jane)
    User.objects.update(status=User.Status.SUSPENDED)
    assert parked(resume(signed_in, waiting))[0] == "/sign-in"


def test_what_one_person_allowed_another_has_not(stranger, jane):
    """Two tabs: Jane allows, John signs in elsewhere in the same browser, Jane's tab goes on."""
    john = make_person("john", email="john@contoso.example")
    stranger.sign_in(jane)
    _page, waiting = parked(stranger.authorize())
    allow(waiting, jane, ["openid", "profile", "email"])
    stranger.sign_in(john)
    assert parked(resume(stranger, waiting)) == ("/consent", waiting)
    assert not Grant.objects.exists()


# --- Consents --------------------------------------------------------------------------------------------------------


def test_consents_add_up_and_stand_in_the_audit(jane, payroll):
    payroll.skip_consent = False
    for scopes in (["openid", "email"], ["openid", "profile"]):
        consents.remember(jane, payroll, scopes, now=timezone.now(), origin=Origin(device="Firefox"))
    assert Consent.objects.get().scopes == ["email", "openid", "profile"]
    assert consents.needed(payroll, jane, ["openid", "profile", "email"]) == ()
    assert consents.needed(payroll, jane, ["openid", "email", "offline_access"]) == ("offline_access",)
    events = AuditEntry.objects.filter(name="idp.consent.given")
    assert [event.details["scopes"] for event in events.order_by("sequence")] == [
        ["openid", "email"],
        ["openid", "profile"],
    ]


def test_only_what_was_asked_can_be_allowed():
    parameters = {"scope": "openid email"}
    assert consents.allowed(parameters, ["openid", "email", "offline_access"]) == ["openid", "email"]
    assert consents.allowed(parameters, []) == ["openid", "email"]
    assert [item.value for item in consents.on_screen(parameters).required] == ["email"]
    assert [item.value for item in consents.on_screen({"scope": "openid"}).required] == ["openid"]


def assert_run_out(response):
    assert response.status_code == 400
    assert "This sign-in has run out" in response.content.decode()

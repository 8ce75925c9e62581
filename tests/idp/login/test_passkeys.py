"""Signing in with a passkey alone, and showing one again: how people get in, and what is true of it afterwards."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from idp.models import Ceremony, Factor, PendingSignIn, SignIn
from tests.authenticator import EDDSA, ES256, RS256, Authenticator, ask, options
from tests.conftest import PASSWORD, make_person
from tests.idp.factors.people import with_app, with_passkey
from tests.journeys.test_forgotten_password import authorization_request, claims, redeem
from tests.story import Person

REFUSED = "That didn't work with this passkey. Try again, or use another way to sign in"


def sign_in(person, authenticator, *, at="/sign-in", **lies):
    person.open(at)
    return person.submit(passkey=authenticator.get(options(person), **lies))


def in_by_passkey():
    return [row for row in SignIn.objects.filter(ended_at=None) if "otp" not in row.amr]


# --- In ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", [ES256, EDDSA, RS256])
def test_a_passkey_is_the_whole_sign_in(jane, algorithm):
    authenticator = with_passkey(jane, Authenticator(algorithm=algorithm))
    person = Person()
    assert sign_in(person, authenticator).name == "account"
    assert "jane@contoso.example" in person.page
    assert not PendingSignIn.objects.exists()


@pytest.mark.parametrize(("backed_up", "where"), [(False, "hwk"), (True, "swk")])
def test_what_was_shown_is_what_applications_are_told(jane, payroll, backed_up, where):
    authenticator = with_passkey(jane, Authenticator(backed_up=backed_up))
    person = Person()
    before = timezone.now().replace(microsecond=0)
    person.open(authorization_request(acr_values="phr"))
    person.submit(passkey=authenticator.get(options(person)))
    said = claims(redeem(person.landed[1]["code"]).json()["id_token"])
    assert said["amr"] == ["pop", "user", "mfa", where]
    assert said["acr"] == "phr"
    assert said["auth_time"] >= before.timestamp()


def test_a_password_alone_is_not_phishing_resistant(jane, payroll):
    person = Person()
    person.open(authorization_request())
    person.submit(username="jane", password=PASSWORD)
    said = claims(redeem(person.landed[1]["code"]).json()["id_token"])
    assert said["amr"] == ["pwd"]
    assert said["acr"] != "phr"


def test_it_is_not_asked_for_another_factor(jane):
    with_app(jane)
    assert sign_in(Person(), with_passkey(jane)).name == "account"


def test_it_leads_to_where_the_person_was_going(jane, payroll):
    authenticator = with_passkey(jane)
    person = Person()
    sign_in(person, authenticator, at=authorization_request())
    where, said = person.landed
    assert where == "https://payroll.contoso.example/callback"
    assert said["state"] == "af0ifjsldkj"
    assert sign_in(Person(), authenticator, at="/sign-in?to=/account/applications/").name == "applications"


def test_of_several_passkeys_each_works_and_is_noted(jane):
    first, second = with_passkey(jane, name="Laptop"), with_passkey(jane, name="Key")
    now = timezone.now()
    sign_in(Person(), second)
    used = dict(Factor.objects.values_list("name", "last_used_at"))
    assert used["Laptop"] is None
    assert used["Key"] >= now
    assert sign_in(Person(), first).name == "account"


def test_one_authenticator_holds_passkeys_of_two_people(jane):
    john = make_person("john", email="john@contoso.example")
    shared = with_passkey(jane)
    with_passkey(john, shared)
    first, second = shared.held
    person = Person()
    assert "jane@contoso.example" in sign_in(person, shared, passkey=first)
    other = Person()
    assert "john@contoso.example" in sign_in(other, shared, passkey=second)


def test_one_that_never_counts_works_again_and_again(jane):
    authenticator = with_passkey(jane, Authenticator(counts=False))
    for _again in range(3):
        assert sign_in(Person(), authenticator).name == "account"
    assert Factor.objects.get().counter == 0


def test_a_new_browser_is_told_of_and_gets_keys_of_its_own(jane):
    authenticator = with_passkey(jane)
    keys = set()
    for _again in range(2):
        person = Person()
        sign_in(person, authenticator)
        keys |= {person.http.cookies[f"__Host-regain-{name}"].value for name in ("session", "device")}
    assert len(keys) == 4


def test_wrong_passwords_do_not_pause_a_passkey(jane):
    authenticator = with_passkey(jane)
    person = Person()
    person.open("/sign-in")
    for _try in range(12):
        person.submit(username="jane", password="not this one, sadly")
    assert person.page.status == 429
    assert sign_in(person, authenticator).name == "account"


def test_wrong_passkeys_do_not_pause_a_password(jane):
    authenticator = with_passkey(jane)
    person = Person()
    for _try in range(12):
        assert REFUSED in sign_in(person, authenticator, signature=b"x")
    person.open("/sign-in")
    person.submit(username="jane", password=PASSWORD)
    assert person.page.name == "sign-in-factor" or PendingSignIn.objects.exists()


def test_a_passkey_that_keeps_failing_is_paused_in_this_network_and_nowhere_else(jane):
    authenticator, other = with_passkey(jane), with_passkey(jane)
    for _try in range(10):
        sign_in(Person(), authenticator, signature=b"x")
    assert REFUSED in sign_in(Person(), authenticator)
    assert sign_in(Person(address="198.51.100.1"), authenticator).name == "account"
    assert sign_in(Person(), other).name == "account"
    with time_machine.travel(timezone.now() + timedelta(minutes=11), tick=True):
        assert sign_in(Person(), authenticator).name == "account"


def test_a_right_one_forgives_the_wrong_ones_before(jane):
    authenticator = with_passkey(jane)
    for _round in range(3):
        for _try in range(8):
            sign_in(Person(), authenticator, signature=b"x")
        assert sign_in(Person(), authenticator).name == "account"


# --- Options ----------------------------------------------------------------------------------------------


def test_options_name_no_passkey_and_are_bound_to_the_browser(jane):
    with_passkey(jane)
    person = Person()
    person.open("/sign-in")
    asked = options(person)
    assert asked["allowCredentials"] == []
    row = Ceremony.objects.get(purpose="sign-in")
    assert row.user is None
    assert asked["challenge"] not in {row.challenge_hash, row.browser_hash}
    assert len(asked["challenge"]) == 43
    assert options(person)["challenge"] != asked["challenge"]


def test_options_are_asked_for_by_a_form_of_ours_and_by_nothing_else(db):
    person = Person()
    person.open("/sign-in")
    path = "/sign-in/passkey/options"
    assert person.http.get(path, secure=True).status_code == 405
    assert person.post(path, {"purpose": "sign-in"}).status_code == 403
    token = person.page.parsed.fields["csrfmiddlewaretoken"][0]
    stranger = person.http.post(
        path,
        f"purpose=sign-in&csrfmiddlewaretoken={token}",
        content_type="application/x-www-form-urlencoded",
        headers={"origin": "https://evil.example"},
        secure=True,
    )
    assert stranger.status_code == 403
    assert not Ceremony.objects.exists()


@pytest.mark.parametrize("purpose", ["", "register", "factor", "again", "Sign-In", "sign-in\x00x"])
def test_a_stranger_gets_options_for_signing_in_only(jane, purpose):
    person = Person()
    person.open("/sign-in")
    assert ask(person, purpose=purpose).status_code in (400, 404)
    assert not Ceremony.objects.exists()


def test_a_network_gets_so_many_challenges_and_no_more(db, settings):
    from idp.conf import Limit

    settings.IDP = settings.IDP | {"passkey_challenges_per_network": Limit(count=3, per=timedelta(minutes=10))}
    person = Person()
    person.open("/sign-in")
    assert [ask(person).status_code for _time in range(5)] == [200, 200, 200, 429, 429]
    elsewhere = Person(address="198.51.100.1")
    elsewhere.open("/sign-in")
    assert ask(elsewhere).status_code == 200
    assert Ceremony.objects.count() == 4


def test_where_nobody_has_second_factors_passkeys_are_no_way_in(jane, settings):
    authenticator = with_passkey(jane)
    person = Person()
    person.open("/sign-in")
    assert "passkey" in person.page.parsed.ids
    asked = options(person)
    settings.IDP = settings.IDP | {"second_factor": "off"}
    person.open("/sign-in")
    assert "passkey" not in person.page.parsed.ids
    assert ask(person).status_code == 404
    assert authenticator.get(asked)


# --- Once more --------------------------------------------------------------------------------------------


@pytest.fixture
def signed_in(jane):
    """Jane's browser with her two authenticators, a while after she signed in."""
    person, authenticator = Person(), with_passkey(jane)
    sign_in(person, authenticator)
    with time_machine.travel(timezone.now() + timedelta(minutes=20), tick=True):
        yield person, authenticator


def test_a_passkey_shows_again_who_is_signed_in(signed_in):
    person, authenticator = signed_in
    (before,) = in_by_passkey()
    person.open("/sign-in/again?to=/account/applications/")
    assert person.page.name == "sign-in-again"
    asked = options(person, purpose="again")
    assert [each["id"] for each in asked["allowCredentials"]] == [authenticator.held[0].name]
    assert person.submit(passkey=authenticator.get(asked)).name == "applications"
    (after,) = in_by_passkey()
    assert after.pk == before.pk, "the same sign-in for applications"
    assert after.key_hash != before.key_hash
    assert after.authenticated_at > before.authenticated_at
    assert after.amr == ["pop", "user", "mfa", "hwk"]


def test_somebody_elses_passkey_does_not_show_who_is_signed_in(signed_in):
    person, _authenticator = signed_in
    theirs = with_passkey(make_person("john", email="john@contoso.example"))
    person.open("/sign-in/again?to=/account/applications/")
    asked = options(person, purpose="again") | {"allowCredentials": []}
    assert REFUSED in person.submit(passkey=theirs.get(asked))
    assert person.page.name == "sign-in-again"
    assert {row.user.preferred_username for row in in_by_passkey()} == {"jane"}


def test_one_that_was_asked_for_by_name_need_not_name_its_account(signed_in):
    person, authenticator = signed_in
    person.open("/sign-in/again?to=/account/applications/")
    answer = authenticator.get(options(person, purpose="again"), user_handle=None)
    assert person.submit(passkey=answer).name == "applications"


def test_who_has_no_passkey_is_not_offered_one_again(jane):
    person = Person()
    person.open("/sign-in")
    person.submit(username="jane", password=PASSWORD)
    person.open("/sign-in/again?to=/account/")
    assert "passkey" not in person.page.parsed.ids
    assert ask(person, purpose="again").status_code == 404


# --- As a second factor -----------------------------------------------------------------------------------


def password_step(person, *, at="/sign-in"):
    person.open(at)
    return person.submit(username="jane", password=PASSWORD)


def newest():
    return SignIn.objects.filter(ended_at=None).order_by("-authenticated_at").first()


def test_a_passkey_is_asked_for_after_the_password(jane):
    authenticator, person = with_passkey(jane), Person()
    assert password_step(person).name == "sign-in-factor"
    assert "Use your passkey" in person.page
    asked = options(person, purpose="factor")
    assert [each["id"] for each in asked["allowCredentials"]] == [authenticator.held[0].name]
    assert person.submit(passkey=authenticator.get(asked)).name == "account"
    assert newest().amr == ["pwd", "pop", "user", "mfa", "hwk"]


def test_a_passkey_that_does_not_work_leaves_the_other_ways(jane):
    authenticator, app, person = with_passkey(jane), with_app(jane), Person()
    password_step(person)
    for _try in range(12):
        person.submit(passkey=authenticator.get(options(person, purpose="factor"), signature=b"x"))
        assert REFUSED in person.page
        assert person.page.name == "sign-in-factor"
    person.open("/sign-in/factor?way=totp")
    assert person.submit(otp=app.code()).name == "account"


@pytest.mark.parametrize("sent", [{}, {"passkey": "x"}, {"otp": "123456"}])
def test_nothing_is_no_passkey(jane, sent):
    with_passkey(jane)
    person = Person()
    password_step(person)
    assert REFUSED in person.submit(**sent)
    assert not in_by_passkey()


def test_somebody_elses_passkey_is_no_second_factor(jane):
    with_passkey(jane)
    theirs, person = with_passkey(make_person("john", email="john@contoso.example")), Person()
    password_step(person)
    person.submit(passkey=theirs.get(options(person, purpose="factor") | {"allowCredentials": []}))
    assert REFUSED in person.page
    assert not in_by_passkey()


def test_an_answer_for_signing_in_is_none_for_the_second_step_and_the_other_way_round(jane):
    authenticator, person = with_passkey(jane), Person()
    person.open("/sign-in")
    for_signing_in = authenticator.get(options(person))
    password_step(person)
    assert REFUSED in person.submit(passkey=for_signing_in)
    for_the_second_step = authenticator.get(options(person, purpose="factor"))
    person.open("/sign-in")
    assert REFUSED in person.submit(passkey=for_the_second_step)
    assert not in_by_passkey()


def test_without_a_password_nobody_learns_the_names_of_passkeys(jane):
    with_passkey(jane)
    person = Person()
    person.open("/sign-in")
    assert ask(person, purpose="factor").status_code == 404


def test_an_application_that_wants_more_gets_it_within_the_same_sign_in(jane, payroll):
    """Signed in by password and app; `phr` asks for the passkey besides, and for nothing else."""
    authenticator, app, person = with_passkey(jane), with_app(jane), Person()
    password_step(person)
    person.open("/sign-in/factor?way=totp")
    person.submit(otp=app.code())
    before = newest()
    person.open(authorization_request(acr_values="phr"))
    assert person.page.name == "sign-in-factor"
    path = f"/sign-in/passkey/options?i={person.page.url.partition('i=')[2].partition('&')[0]}"
    person.submit(passkey=authenticator.get(options(person, purpose="factor", path=path)))
    said = claims(redeem(person.landed[1]["code"]).json()["id_token"])
    assert said["acr"] == "phr"
    assert said["amr"] == ["pwd", "otp", "mfa", "pop", "user", "hwk"]
    assert said["auth_time"] == int(before.authenticated_at.timestamp())

"""The owner's page for passkeys: making, naming and removing them, over HTTP with an authenticator in software."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from idp.factors.passkey import wire
from idp.models import AuditEntry, Ceremony, Credential, Factor, SignIn
from tests.authenticator import EDDSA, ES256, RS256, UP, Authenticator, Held, Key, ask, encoded, options
from tests.conftest import PASSWORD, make_person
from tests.idp.factors.people import factor_of, with_passkey
from tests.journeys.test_forgotten_password import authorization_request, claims, redeem
from tests.story import Person, post_office

PAGE = "/account/factors/passkey/"
OPTIONS = f"{PAGE}options"


def signed_in(username="jane"):
    person = Person()
    person.open("/sign-in")
    person.submit(username=username, password=PASSWORD)
    return person


@pytest.fixture
def person(jane):
    return signed_in()


def add(person, authenticator, *, name="Laptop", **lies):
    person.open(PAGE)
    return person.submit(passkey=authenticator.create(options(person, path=OPTIONS), **lies), name=name)


# --- Making one -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", [ES256, EDDSA, RS256])
def test_a_passkey_is_made_and_signs_its_owner_in(person, jane, algorithm):
    authenticator = Authenticator(algorithm=algorithm)
    page = person.open(PAGE)
    assert page.name == "factors-passkey"
    assert page.parsed.ids["name"]["value"] == "Firefox, Linux"
    assert add(person, authenticator, name="My laptop").name == "factors-done"
    row = factor_of(jane, "passkey")
    assert row.factor.name == "My laptop"
    assert row.factor.counter == 1
    kept = wire.read_material(row.material)
    assert kept.credential_id == authenticator.held[0].name
    assert kept.transports == ("internal",)
    assert row.handle == wire.handle(kept.credential_id)
    other = Person()
    other.open("/sign-in")
    assert other.submit(passkey=authenticator.get(options(other))).name == "account"


def test_the_authenticator_learns_no_key_of_ours(person, jane):
    person.open(PAGE)
    asked = options(person, path=OPTIONS)
    assert asked["user"]["name"] == "jane@contoso.example"
    assert asked["user"]["displayName"] == "Jane Doe"
    for known in (str(jane.pk), jane.pk.hex, jane.sub, "jane"):
        assert known not in asked["user"]["id"]
    john = make_person("john", email="john@contoso.example")
    other = signed_in(john.preferred_username)
    other.open(PAGE)
    assert options(other, path=OPTIONS)["user"]["id"] != asked["user"]["id"]
    person.open(PAGE)
    assert options(person, path=OPTIONS)["user"]["id"] == asked["user"]["id"], "one entry for one account"


def test_a_device_that_holds_one_already_is_told(person):
    authenticator = Authenticator()
    add(person, authenticator)
    person.open(PAGE)
    asked = options(person, path=OPTIONS)
    assert asked["excludeCredentials"] == [
        {"id": authenticator.held[0].name, "type": "public-key", "transports": ["internal"]},
    ]
    assert add(person, Authenticator()).name == "factors-done"
    assert Credential.objects.filter(kind="passkey").count() == 2


def test_every_address_is_told_and_the_history_has_it(person):
    add(person, Authenticator(), name="My laptop")
    (letter,) = [each for each in post_office() if "added" in each.subject]
    assert letter.to == ["jane@contoso.example"]
    assert "My laptop" in letter.body
    written = AuditEntry.objects.get(name="idp.credential.written", details__kind="passkey")
    assert written.details["earned"] == "step_up"


def test_the_browser_it_was_made_in_goes_on(person, jane):
    """Nobody who has just made one is asked for it at once."""
    add(person, Authenticator(backed_up=True))
    assert person.open(PAGE).name == "factors-passkey"
    (here,) = SignIn.objects.filter(ended_at=None)
    assert here.amr == ["pwd", "pop", "user", "mfa", "swk"]


def test_an_application_that_asks_for_one_gets_it(jane, payroll):
    """Set up on the way: `phr` is essential, and there is no passkey yet."""
    person, authenticator = Person(), Authenticator()
    person.open(authorization_request(claims='{"id_token": {"acr": {"essential": true, "value": "phr"}}}'))
    person.submit(username="jane", password=PASSWORD)
    assert person.page.name == "sign-in-set-up"
    person.submit(way="passkey")
    assert person.page.name == "factors-passkey"
    person.submit(passkey=authenticator.create(options(person, path=OPTIONS)), name="Key")
    said = claims(redeem(person.landed[1]["code"]).json()["id_token"])
    assert said["acr"] == "phr"


@pytest.mark.parametrize(
    "name",
    ["", "   ", "x" * 500, "<b>Key</b>", "two\nlines", "\u202eyek"],
    ids=["none", "blank", "long", "html", "lines", "rtl"],
)
def test_any_name_will_do(person, jane, name):
    assert add(person, Authenticator(), name=name).name == "factors-done"
    kept = factor_of(jane, "passkey").factor.name
    assert 0 < len(kept) <= 60
    assert kept.isprintable()
    assert "<b>" not in person.open(f"/account/factors/{factor_of(jane, 'passkey').pk}/").response.content.decode()


def test_it_is_renamed_and_removed_by_its_owner(person, jane):
    authenticator = Authenticator()
    add(person, authenticator)
    row = factor_of(jane, "passkey")
    page = person.open(f"/account/factors/{row.pk}/")
    assert "Laptop" in page
    person.submit(do="rename", name="Old laptop")
    assert "Old laptop" in person.page
    assert person.submit(do="remove").name == "factors-done"
    other = Person()
    other.open("/sign-in")
    other.submit(passkey=authenticator.get(options(other)))
    assert other.page.name == "sign-in"
    assert not Credential.objects.exclude(material="").filter(kind="passkey").exists()


def test_one_that_was_removed_can_be_made_anew(person, jane):
    authenticator = Authenticator()
    add(person, authenticator)
    person.open(f"/account/factors/{factor_of(jane, 'passkey').pk}/")
    person.submit(do="remove")
    held = authenticator.held.pop()
    assert add(person, authenticator, passkey=Held(Key(), held.user_handle, id=held.id)).name == "factors-done"


# --- Making none ------------------------------------------------------------------------------------------

NOT_SAVED = "That passkey was not saved"


@pytest.mark.parametrize(
    "lies",
    [
        {"origin": "https://evil.example"},
        {"rp_id_hash": bytes(32)},
        {"flags": UP},
        {"type": "webauthn.get"},
        {"challenge": encoded(b"c" * 32)},
        {"id": encoded(b"i" * 32), "raw_id": encoded(b"i" * 32)},
    ],
)
def test_what_is_not_as_it_was_asked_for_is_not_saved(person, lies):
    page = add(person, Authenticator(), name="Typed already", **lies)
    assert NOT_SAVED in page
    assert page.parsed.ids["name"]["value"] == "Typed already"
    assert not Credential.objects.filter(kind="passkey").exists()


@pytest.mark.parametrize("answer", ["", "x", "{}", '{"response": {}}'])
def test_garbage_is_not_saved(person, answer):
    person.open(PAGE)
    assert NOT_SAVED in person.submit(passkey=answer, name="Laptop")


def test_an_answer_is_saved_once(person):
    person.open(PAGE)
    answer = Authenticator().create(options(person, path=OPTIONS))
    assert person.submit(passkey=answer, name="Laptop").name == "factors-done"
    person.open(PAGE)
    assert NOT_SAVED in person.submit(passkey=answer, name="Laptop")
    assert Factor.objects.count() == 1


def test_a_passkey_for_signing_in_is_not_saved_as_a_new_one(person, jane):
    authenticator = Authenticator()
    person.open("/sign-in")
    for_signing_in = options(person)
    person.open(PAGE)
    asked = options(person, path=OPTIONS) | {"challenge": for_signing_in["challenge"]}
    assert NOT_SAVED in person.submit(passkey=authenticator.create(asked), name="Laptop")


def test_somebody_elses_challenge_makes_no_passkey_here(person):
    make_person("john", email="john@contoso.example")
    other = signed_in("john")
    other.open(PAGE)
    person.open(PAGE)
    assert NOT_SAVED in person.submit(passkey=Authenticator().create(options(other, path=OPTIONS)), name="Laptop")


def test_there_are_as_many_as_there_can_be(person, jane):
    for number in range(9):
        with_passkey(jane, name=f"Key {number}")
    authenticator = with_passkey(jane, name="Key 9")
    person.open("/sign-in")
    person.submit(passkey=authenticator.get(options(person)))
    assert "You have as many passkeys as there can be. Remove one first" in add(person, Authenticator())
    assert Credential.objects.filter(kind="passkey").count() == 10


# --- Who may ----------------------------------------------------------------------------------------------


def test_a_stranger_gets_neither_page_nor_options(jane):
    person = Person()
    person.open("/sign-in")
    assert ask(person, path=OPTIONS).status_code == 403
    assert person.open(PAGE).name == "sign-in"
    assert not Ceremony.objects.exists()


def test_who_signed_in_a_while_ago_is_asked_again(person):
    person.open(PAGE)
    asked = options(person, path=OPTIONS)
    with time_machine.travel(timezone.now() + timedelta(minutes=11), tick=True):
        assert ask(person, path=OPTIONS).status_code == 403
        person.submit(passkey=Authenticator().create(asked), name="Laptop")
        assert person.page.name == "sign-in-again"
    assert not Credential.objects.filter(kind="passkey").exists()


def test_where_nobody_has_second_factors_there_is_none_to_add(person, settings):
    person.open(PAGE)
    asked = options(person, path=OPTIONS)
    settings.IDP = settings.IDP | {"second_factor": "off"}
    assert ask(person, path=OPTIONS).status_code == 403
    assert person.submit(passkey=Authenticator().create(asked), name="Laptop").status == 403
    assert person.open("/.well-known/passkey-endpoints").response.json() == {}
    assert not Credential.objects.filter(kind="passkey").exists()


def test_password_managers_are_told_where_passkeys_are_made(client, db):
    answer = client.get("/.well-known/passkey-endpoints", secure=True, headers={"host": "id.contoso.example"})
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {
        "enroll": "https://id.contoso.example/account/factors/passkey/",
        "manage": "https://id.contoso.example/account/security/",
    }
    assert not answer.cookies

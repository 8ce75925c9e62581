"""An administrator asks that somebody recovers their account: they do, by themselves, and nobody else ends it."""

from django.utils import timezone

from idp.accounts import powers
from idp.accounts.powers import Order
from idp.audit.events import Origin
from idp.models import User
from tests.conftest import NEW_PASSWORD, PASSWORD, make_person
from tests.idp.console.people import appoint
from tests.journeys.test_ways_back import at_methods, by_email
from tests.story import Person, post_office


def test_its_owner_comes_back_with_a_new_password(jane):
    for name in ("ada", "ben"):
        appoint(make_person(name, email=f"{name}@contoso.example"))
    ada = User.objects.get(preferred_username="ada")
    order = Order(by=ada.pk, reason="security", origin=Origin(), now=timezone.now())
    assert not isinstance(powers.require_recovery(jane.pk, order, is_ready=lambda _user: True), powers.Refusal)
    (letter,) = [each for each in post_office() if each.to == ["jane@contoso.example"]]
    assert "choose “Can't access your account?”" in letter.body
    person = Person()
    person.open("/sign-in")
    person.submit(username="jane", password=PASSWORD)
    assert person.page.name == "sign-in", "the password opens nothing any more"
    person = at_methods()
    by_email(person)
    person.submit(new_password=NEW_PASSWORD)
    assert person.page.name == "recovery-done"
    person.click("continue-to-app")
    person.submit(username="jane", password=NEW_PASSWORD)
    assert person.page.name == "account"

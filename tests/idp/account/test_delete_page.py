"""Deleting one's account: what the page asks, and that nothing opens it afterwards."""

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from idp.accounts import roles
from idp.conf import policy
from idp.models import Message, Role, SignIn, User
from tests.conftest import PASSWORD
from tests.idp.account.conftest import signed_in
from tests.story import Person

PATH = "/account/delete/"


def delete(person, typed="jane"):
    person.open(PATH)
    return person.submit(username=typed)


@pytest.mark.parametrize("typed", ["jane", " JANE ", "Jane"])
def test_the_user_name_typed_out_deletes_the_account(hers, typed):
    page = delete(hers, typed)
    assert page.name == "account-deleted"
    assert User.objects.get().status == "deleted"
    assert hers.http.cookies["__Host-regain-session"].value == ""
    assert hers.open("/account/").name == "sign-in"


@pytest.mark.parametrize("typed", ["", "john", "jane@contoso.example", "x" * 5000, "DELETE"])
def test_anything_else_deletes_nothing_and_says_what_to_type(hers, typed):
    page = delete(hers, typed)
    assert page.name == "account-delete"
    assert page.parsed.title.startswith("Error: ")
    assert page.parsed.ids["confirm-username"]["aria-invalid"] == "true"
    assert User.objects.get().status == "active"


def test_it_takes_somebody_fresh_for_the_page_and_for_the_press(hers):
    hers.open(PATH)
    with time_machine.travel(timezone.now() + policy().step_up):
        assert hers.submit(username="jane").name == "sign-in-again"
        assert User.objects.get().status == "active"
        assert hers.open(PATH).name == "sign-in-again"
        assert hers.submit(password=PASSWORD).name == "account-delete"
        assert hers.submit(username="jane").name == "account-deleted"


def test_the_only_administrator_is_told_why_not(hers, jane):
    with transaction.atomic():
        roles.grant(jane.pk, Role.Name.ADMINISTRATOR, by=None, now=timezone.now())
    page = hers.open(PATH)
    assert "You are the only administrator of Contoso" in page
    assert "delete-account" not in page.parsed.ids
    form = {"csrfmiddlewaretoken": page.parsed.fields["csrfmiddlewaretoken"][0], "username": "jane"}
    assert hers.post(PATH, form).status_code == 200
    assert User.objects.get().status == "active"


def test_every_session_ends(hers):
    other = signed_in(address="203.0.113.9")
    delete(hers)
    assert other.open("/account/").name == "sign-in"
    assert not SignIn.objects.filter(ended_at=None).exists()


def test_afterwards_the_name_is_nobodys(hers):
    """The same page, word for word, as for a name that nobody ever had."""
    delete(hers)
    pages = []
    for username in ("jane", "nina"):
        person = Person(address="203.0.113.9")
        person.open("/sign-in")
        page = person.submit(username=username, password=PASSWORD)
        pages.append(page.text.replace(username, "…"))
        assert page.name == "sign-in"
    assert pages[0] == pages[1]
    assert not SignIn.objects.filter(ended_at=None).exists()


def test_the_page_that_says_so_says_it_to_everybody(db):
    page = Person().open("/account/deleted/")
    assert page.name == "account-deleted"
    assert not Message.objects.exists()

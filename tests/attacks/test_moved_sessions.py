"""A sign-in whose row was edited by SQL: it is nobody's any more (DB-03)."""

from datetime import timedelta

import pytest
from django.utils import timezone

from idp.models import SignIn, User
from tests.conftest import make_person
from tests.idp.account.conftest import signed_in


@pytest.fixture
def hers(jane):
    make_person("victim", email="victim@contoso.example")
    return signed_in()


def test_a_sign_in_moved_to_somebody_else_is_nobodys(hers):
    victim = User.objects.get(preferred_username="victim")
    SignIn.objects.update(user=victim)
    assert hers.http.get("/account/", secure=True).status_code == 303


@pytest.mark.parametrize("column", ["expires_at", "authenticated_at"])
def test_a_sign_in_that_was_made_to_last_is_over(hers, column):
    SignIn.objects.update(**{column: timezone.now() + timedelta(days=300)})
    assert hers.http.get("/account/", secure=True).status_code == 303


def test_a_stronger_method_written_into_it_ends_it(hers):
    SignIn.objects.update(amr=["pwd", "otp", "mfa"])
    assert hers.http.get("/account/", secure=True).status_code == 303


def test_left_alone_it_goes_on(hers):
    assert hers.http.get("/account/", secure=True).status_code == 200

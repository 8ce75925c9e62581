"""Administrators, as the tests of their pages need them."""

from django.db import transaction
from django.utils import timezone

from idp.accounts import roles
from idp.models import Role
from tests.idp.login.test_factor import sign_in_with
from tests.story import Person

DELIVERY = "/console/delivery/"


def appoint(user):
    """Make somebody an administrator."""
    with transaction.atomic():
        return roles.grant(user.pk, Role.Name.ADMINISTRATOR, by=None, now=timezone.now())


def at_a_browser(app):
    """Jane, who has just signed in with her password and what her app showed."""
    person = Person()
    sign_in_with(person, app)
    assert person.page.name == "account", person.page.text[:300]
    return person

"""Every address of the table × who asks × how they ask (AP-01): nothing fails, and what only reads changes nothing.

The addresses are those of the URL table, so one that is added tomorrow is asked as well.
"""

import re
from http import HTTPStatus

import pytest
import time_machine
from django.urls import get_resolver
from django.urls.resolvers import URLResolver
from django.utils import timezone

from idp.conf import policy
from idp.models import Credential, RecoveryAddress, Role, User
from tests.conftest import make_person
from tests.idp.account.conftest import signed_in
from tests.idp.console.people import DELIVERY, appoint, at_a_browser
from tests.idp.factors.people import with_app
from tests.story import Person

SAFE = ("GET", "HEAD", "OPTIONS")
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
_FILLED = {
    "uuid": "00000000-0000-4000-8000-000000000000",
    "int": "1",
    "slug": "nothing",
    "str": "nothing",
    "path": "nothing",
}
#: Fields that would say something about an account, if anybody listened.
SMUGGLED = {
    **dict.fromkeys(("is_superuser", "is_staff", "email_verified", "version", "role", "roles"), "1"),
    **dict.fromkeys(("status", "sub", "seal", "proof", "material", "kind", "preferred_username"), "active"),
    **dict.fromkeys(("email", "user", "user_id", "groups", "frozen_at"), "theirs@evil.example"),
}
PROTECTED = (User, Credential, RecoveryAddress, Role)


def addresses(resolver, prefix=""):
    for pattern in resolver.url_patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern, path)
        else:
            yield "/" + re.sub(r"<(?:(\w+):)?\w+>", lambda found: _FILLED[found[1] or "str"], path)


ADDRESSES = sorted(set(addresses(get_resolver())))
#: Who asks, and what the console says to them: the proof that they are who the test says.
ROLES = {
    "a stranger": HTTPStatus.SEE_OTHER,
    "a person": HTTPStatus.NOT_FOUND,
    "an administrator": HTTPStatus.OK,
    "an administrator of some time ago": HTTPStatus.SEE_OTHER,
}


@pytest.fixture(params=ROLES)
def asking(request, jane):
    """A browser, and the moment at which it asks."""
    appoint(make_person("amara", email="amara@contoso.example"))
    now = timezone.now()
    if request.param == "a stranger":
        person = Person()
    elif request.param == "a person":
        person = signed_in()
    else:
        app = with_app(jane)
        appoint(jane)
        person = at_a_browser(app)
    found = (person, now + policy().step_up * 2 if request.param.endswith("ago") else now)
    assert ask(found, "GET", DELIVERY).status_code == ROLES[request.param]
    return found


def protected():
    return {model.__name__: sorted(map(repr, model.objects.values_list())) for model in PROTECTED}


def ask(asking, method, path, fields=None):
    person, now = asking
    with time_machine.travel(now):
        if method == "POST":
            return person.http.post(path, fields, secure=True)
        return person.http.generic(method, path, secure=True)


def test_reading_fails_nowhere_and_changes_nobody(asking):
    before = protected()
    for path in ADDRESSES:
        for method in SAFE:
            status = ask(asking, method, path).status_code
            # Without Redis, mail or a provider some say that they cannot; none falls over.
            assert status < HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.SERVICE_UNAVAILABLE, (method, path)
    assert protected() == before


def test_writing_without_a_form_fails_nowhere_and_changes_nobody(asking):
    before = protected()
    for path in ADDRESSES:
        for method in UNSAFE:
            status = ask(asking, method, path, SMUGGLED).status_code
            assert status < HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.SERVICE_UNAVAILABLE, (method, path)
            if method != "POST":
                assert status >= HTTPStatus.MULTIPLE_CHOICES, (method, path, status)
    assert protected() == before

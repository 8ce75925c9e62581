"""People with SQL access, and those they are after."""

import pytest

from idp import guards
from idp.accounts import hashers
from tests.attacks.prompt import THEIRS
from tests.conftest import drop_guards, make_person


@pytest.fixture
def mallory(transactional_db):
    return make_person("mallory", email="mallory@evil.example", password=THEIRS)


@pytest.fixture
def theirs():
    """The hash of a password that the attacker knows."""
    return hashers.hash_password(THEIRS)


@pytest.fixture
def unguarded(transactional_db):
    """The triggers are gone: whoever owns the database can do that."""
    drop_guards()
    yield
    guards.install()

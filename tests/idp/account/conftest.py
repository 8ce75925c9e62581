"""Somebody at their own pages."""

import pytest
from django.db import connection

from idp.accounts import credentials
from idp.accounts.proofs import PROOF_LIFETIME, Earned, Proof
from tests.conftest import PASSWORD
from tests.story import Person


def signed_in(username="jane", **where):
    """That person at a browser of theirs, just signed in."""
    person = Person(**where)
    person.open("/sign-in")
    person.submit(username=username, password=PASSWORD)
    assert person.page.name == "account", person.page.text[:300]
    return person


def add_factor(user, kind, *, name, now):
    """A second factor as its owner's own page would write it; its material opens nothing."""
    proof = Proof(
        user=user.pk,
        kind=kind,
        replaces=0,
        earned=Earned.STEP_UP,
        source=user.pk,
        expires_at=now + PROOF_LIFETIME,
    )
    return credentials.write_factor(proof, "material", name=name, now=now)


def add_address(user, address, *, now, channel="email", usable_from=None):
    proof = Proof(
        user=user.pk,
        kind=channel,
        replaces=0,
        earned=Earned.STEP_UP,
        source=user.pk,
        expires_at=now + PROOF_LIFETIME,
    )
    return credentials.write_address(proof, address, channel=channel, usable_from=usable_from, now=now)


def remove_address(row, *, told_until, now):
    proof = Proof(
        user=row.user_id,
        kind=row.channel,
        replaces=row.version,
        earned=Earned.STEP_UP,
        source=row.pk,
        expires_at=now + PROOF_LIFETIME,
        row=row.pk,
    )
    credentials.remove_address(proof, told_until=told_until, now=now)


def everything():
    """Every row of every table, for "nothing changed"."""
    with connection.cursor() as cursor:
        tables = sorted(name for name in connection.introspection.table_names(cursor) if name.startswith("idp_"))
        found = {}
        for table in tables:
            cursor.execute(f"SELECT * FROM {table}")
            found[table] = sorted(map(repr, cursor.fetchall()))
        return found


@pytest.fixture
def hers(jane):
    """Jane, just signed in."""
    return signed_in()

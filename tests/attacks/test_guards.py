"""The triggers under the credentials: one that was lost or altered is noticed before anybody is let in."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection, transaction

from idp import guards, startup
from tests.attacks.prompt import sql
from tests.conftest import drop_guards
from tests.story import Person

_ANEW = "DROP TRIGGER idp_credential_rows ON idp_credential"
_ALWAYS = "ALTER TABLE idp_credential ENABLE ALWAYS TRIGGER idp_credential_rows"


def anew(when, *, table="idp_credential"):
    """The statement that writes the trigger of rows in other words."""
    return f"CREATE TRIGGER idp_credential_rows {when} EXECUTE FUNCTION idp_credential_guard()".replace("@", table)


ALTERED = {
    "sqlite": {
        "dropped": ["DROP TRIGGER idp_credential_update"],
        "written anew, harmless": [
            "DROP TRIGGER idp_credential_update",
            "CREATE TRIGGER idp_credential_update BEFORE UPDATE ON idp_credential WHEN 0 BEGIN SELECT 1; END",
        ],
        "on another table": [
            "DROP TRIGGER idp_credential_delete",
            "CREATE TRIGGER idp_credential_delete BEFORE DELETE ON idp_counter WHEN 0 BEGIN SELECT 1; END",
        ],
        "of addresses": ["DROP TRIGGER idp_recoveryaddress_insert"],
    },
    "postgresql": {
        "dropped": ["DROP TRIGGER idp_credential_rows ON idp_credential"],
        "disabled": ["ALTER TABLE idp_credential DISABLE TRIGGER idp_credential_rows"],
        "all disabled": ["ALTER TABLE idp_credential DISABLE TRIGGER USER"],
        "not for replicas": ["ALTER TABLE idp_credential ENABLE TRIGGER idp_credential_rows"],
        "for replicas only": ["ALTER TABLE idp_credential ENABLE REPLICA TRIGGER idp_credential_whole"],
        "its function replaced": [
            (
                "CREATE OR REPLACE FUNCTION idp_credential_guard() RETURNS trigger LANGUAGE plpgsql "
                "AS 'BEGIN RETURN NEW; END'"
            ),
        ],
        "for fewer events": [_ANEW, anew("BEFORE INSERT ON @ FOR EACH ROW"), _ALWAYS],
        "under a condition": [
            _ANEW,
            anew("BEFORE INSERT OR UPDATE OR DELETE ON @ FOR EACH ROW WHEN (false)"),
            _ALWAYS,
        ],
        "of one column": [_ANEW, anew("BEFORE INSERT OR DELETE OR UPDATE OF kind ON @ FOR EACH ROW"), _ALWAYS],
        "of addresses": ["DROP TRIGGER idp_recoveryaddress_whole ON idp_recoveryaddress"],
        "on another table": [
            _ANEW,
            anew("BEFORE INSERT OR UPDATE OR DELETE ON @ FOR EACH ROW", table="idp_recoveryaddress"),
            _ALWAYS.replace("TABLE idp_credential", "TABLE idp_recoveryaddress"),
        ],
    },
}


@pytest.mark.parametrize("how", ALTERED[connection.vendor])
def test_a_trigger_that_was_tampered_with_is_missed(transactional_db, how):
    assert guards.missing() == []
    with transaction.atomic():
        for statement in ALTERED[connection.vendor][how]:
            sql(statement)
        assert len(guards.missing()) >= 1
        assert startup.faults()
        response = Person().http.get("/readyz", secure=True)
        assert response.status_code == 503
        transaction.set_rollback(True)
    assert guards.missing() == []


def test_the_server_does_not_start_without_its_guards(transactional_db):
    """As it is started in production: the program itself, with this database."""
    project = Path(__file__).resolve().parents[2]
    settings = connection.settings_dict
    address = (
        f"sqlite:///{settings['NAME']}"
        if connection.vendor == "sqlite"
        else "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**settings)
    )

    def start():
        return subprocess.run(
            [sys.executable, "-c", "import config.wsgi"],
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "REGAIN_TEST_DATABASE_URL": address},
            cwd=project,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert start().returncode == 0
    drop_guards()
    try:
        refused = start()
    finally:
        guards.install()
    assert refused.returncode != 0
    assert "manage.py migrate" in refused.stderr
    assert "idp_credential" in refused.stderr
